import type { Shape } from "../core/shape.js";
import type { Tensor } from "../core/tensor.js";
import type { Node, Value } from "./graph.js";

/** Element types of values. Engines choose the width of `float`: the reference engine float64, ONNX Runtime float32. */
export type ValueDType = "float" | "int" | "bool";

export interface ValueType {
  readonly dtype: ValueDType;
  readonly shape: Shape;
}

/** What an operator's definition computes with: every dtype as float64 (a bool as 0 or 1). */
export type Dense = Tensor<"float64">;

/** Attributes are plain data, so that graphs print, compare and export. */
export type Attribute = number | boolean | string | readonly Attribute[] | { readonly [name: string]: Attribute };
export type Attributes = { readonly [name: string]: Attribute };

/**
 * What passes and lowerings may rely on, whatever the operator. Declared where the operator is defined; `test/ops/traits.test.ts` holds
 * each against the definition. An operator that says nothing has none.
 */
export interface Traits<A extends Attributes = Attributes> {
  /** Each element of the result depends on the elements at its place alone, of inputs that are broadcast to the result's shape. */
  readonly elementwise?: boolean;
  /** Whether the result is zero where all inputs are. */
  keepsZero?(attributes: A): boolean;
  /** The result is zero where any input is, as in a product. */
  readonly absorbsZero?: boolean;
  /** Every element of the result is an element of an input; which one does not depend on their values. */
  readonly moves?: boolean;
  /**
   * Where some inputs and all outputs hold one image per index of their first axis: whether an image's output may depend on other images.
   * `holds` says which inputs do. Without this, it may.
   */
  mixesImages?(holds: readonly boolean[], inputs: readonly ValueType[], attributes: A): boolean;
}

/** The inputs of an operator: `readonly [x: Value, weight: Value, bias?: Value]`. */
export type Inputs = readonly (Value | undefined)[];
/** Something for each input. */
export type Each<I extends Inputs, T> = { readonly [K in keyof I]: T };

/**
 * Everything about one operator, in one place.
 * `name` is that of the ONNX operator with the same meaning, if there is one.
 */
export interface Op<A extends Attributes = Attributes, I extends Inputs = readonly Value[]> extends Traits<A> {
  readonly name: string;
  /** Types of the outputs. @throws ShapeError if the inputs do not fit. */
  infer(inputs: Each<I, ValueType>, attributes: A): ValueType[];
  /** The definition, in float64: clarity over speed. */
  run(inputs: Each<I, Dense>, attributes: A): Dense[];
  /** The gradient of every input, given `dy`, the gradient of output 0; `null` where there is none. The caller sums over broadcast axes. */
  grad(dy: Value, node: Node<A, I>): (Value | null)[];
  /** Multiply-accumulates, given the types of inputs and outputs. */
  macs(inputs: Each<I, ValueType>, outputs: readonly ValueType[], attributes: A): number;
}
