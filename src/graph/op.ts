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
 * Everything about one operator, in one place.
 * `name` is that of the ONNX operator with the same meaning, if there is one.
 */
export interface Op<A extends Attributes = Attributes> {
  readonly name: string;
  /** Types of the outputs. @throws ShapeError if the inputs do not fit. */
  infer(inputs: readonly ValueType[], attributes: A): ValueType[];
  /** The definition, in float64: clarity over speed. */
  run(inputs: readonly Dense[], attributes: A): Dense[];
  /** The gradient of every input, given `dy`, the gradient of output 0; `null` where there is none. The caller sums over broadcast axes. */
  grad(dy: Value, node: Node<A>): (Value | null)[];
  /** Multiply-accumulates, given the types of inputs and outputs. */
  macs(inputs: readonly ValueType[], outputs: readonly ValueType[], attributes: A): number;
}
