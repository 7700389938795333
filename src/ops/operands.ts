import { FoveaError, OptionError } from "../core/errors.js";
import { shown } from "../core/schema.js";
import { sizeOf } from "../core/tensor.js";
import { type Cell, type Graph, Value } from "../graph/graph.js";
import type { Attributes, Dense, Inputs, Op, ValueType } from "../graph/op.js";

/** An operand: a value, a parameter (read from state), or a number (a constant). */
export type Operand = Value | Cell | number;

/** The graph of the first operand that is a value. */
function graphOf(op: string, operands: readonly Operand[]): Graph {
  for (const operand of operands) if (operand instanceof Value) return operand.graph;
  throw new OptionError(`${op}: at least one operand must be a value of a graph`);
}

/** @throws OptionError, which names `owner`, if the operand is none. */
export function toValue(graph: Graph, operand: Operand, owner = "an operator"): Value {
  requireOperand(owner, operand);
  if (operand instanceof Value) return operand;
  return typeof operand === "number" ? graph.scalar(operand) : graph.state(operand);
}

/** @throws OptionError for anything else. */
function requireOperand(op: string, operand: unknown): void {
  if (operand instanceof Value || (typeof operand === "number" && !Number.isNaN(operand))) return;
  const { shape, dtype } = (operand ?? {}) as Partial<Cell>;
  if (!Array.isArray(shape) || typeof dtype !== "string")
    throw new OptionError(`${op}: an operand must be a value, a parameter or a number, got ${shown(operand)}`);
}

/** Applies an operator to operands and returns all outputs. */
export function applyAll<A extends Attributes, I extends Inputs>(
  op: Op<A, I>,
  operands: readonly Operand[],
  attributes: A,
): readonly Value[] {
  for (const operand of operands) requireOperand(op.name, operand);
  const graph = graphOf(op.name, operands);
  return graph.apply(
    op,
    operands.map((operand) => toValue(graph, operand, op.name)),
    attributes,
  );
}

/** Applies an operator with one output. */
export function apply<A extends Attributes, I extends Inputs>(
  op: Op<A, I>,
  operands: readonly Operand[],
  attributes: A,
): Value {
  return applyAll(op, operands, attributes)[0]!;
}

/** Cost of operators without multiply-accumulates. */
export const noMacs = (): number => 0;

/** {@link Traits.mixesImages} of operators that work on each image of their first input: all others must be the same for all images. */
export const exceptFirst = (holds: readonly boolean[]): boolean => holds.slice(1).some(Boolean);

/** {@link Traits.mixesImages} of broadcasting: the first axis of an operand of lower rank is not that of the result. */
export function misaligned(holds: readonly boolean[], inputs: readonly ValueType[]): boolean {
  const rank = Math.max(...inputs.map(({ shape }) => shape.length));
  return inputs.some(({ shape }, i) => holds[i] && shape.length < rank);
}

/** Gradient rule of operators that occur only in backward passes. */
export function onceOnly(name: string): () => never {
  return () => {
    throw new FoveaError(`${name}: second derivatives are not defined`);
  };
}

/** A new array, of zeros unless data are given, for an operator's definition. */
export function dense(shape: readonly number[], data: Float64Array = new Float64Array(sizeOf(shape))): Dense {
  return { dtype: "float64", shape, data };
}
