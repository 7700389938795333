import type { LoweredValue } from "../../../formats/onnx/ir.js";
import { findRule } from "../../../formats/onnx/writer.js";
import type { Node, Value } from "../../../graph/graph.js";
import type { Attributes, Inputs, Op } from "../../../graph/op.js";
import type { LayoutTable } from "./layout-table.js";

/** What a rule may ask before it decides: nothing that emits. */
export type MatchContext = Pick<
  LayoutTable,
  | "block"
  | "winograd"
  | "graph"
  | "isBlocked"
  | "canBlock"
  | "isPadded"
  | "isConstant"
  | "isPlanes"
  | "packed"
  | "readers"
>;

/** Emits a node and enters its results in the table. */
export type Plan = (table: LayoutTable) => void;

/** A way to emit nodes of some operators. */
export interface BlockedRule<A extends Attributes = Attributes, I extends Inputs = readonly Value[]> {
  /** Its family, such as `conv`. */
  readonly name: string;
  readonly ops: readonly Op<A, I>[];
  /** How it emits a node; or a phrase, why it does not. */
  match(node: Node<A, I>, context: MatchContext): Plan | string;
}

/**
 * A rule for operators with attributes of a kind. `match` looks and decides; only the plan that it returns emits.
 *
 * @example
 * rule("pool", [maxPoolOp], ({ inputs: [x], attributes: { dilations } }, context) =>
 *   context.isBlocked(x) ? (table) => { … } : "its input is plain");
 */
export const rule = <A extends Attributes, I extends Inputs>(
  name: string,
  ops: readonly Op<A, I>[],
  match: BlockedRule<A, I>["match"],
): BlockedRule => ({ name, ops, match }) as unknown as BlockedRule;

/** Reasons that many rules have. */
export const reasons = {
  plain: "its input is plain",
  padded: "a block is padded",
} as const;

/** Emits a node by its plain rule, on arrays in another layout in which it means the same. */
export const emitPlain = (
  node: Pick<Node, "op" | "outputs">,
  inputs: readonly LoweredValue[],
  { rules, write }: LayoutTable,
): LoweredValue => findRule(rules, node.op)(node as Node, inputs, write)[0]!;
