import type { Node } from "../../../graph/graph.js";
import type { Attributes, Inputs, Op } from "../../../graph/op.js";
import type { LayoutTable } from "./layout-table.js";

/** What a rule may ask before it decides: nothing that emits. */
export type Layouts = Pick<
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
  | "deferred"
  | "readers"
>;

/** Emits a node and enters its results in the table. */
export type Plan = (table: LayoutTable) => void;

/** A way to emit nodes of some operators. */
export interface BlockedRule {
  /** Its family, such as `conv`. */
  readonly name: string;
  readonly ops: readonly Op[];
  /** How it emits a node; or a phrase, why it does not. */
  match(node: Node, layouts: Layouts): Plan | string;
}

/**
 * A rule for operators with attributes of a kind. `match` looks and decides; only the plan that it returns emits.
 *
 * @example
 * rule("pool", [maxPoolOp], ({ inputs: [x] }, { dilations }, layouts) =>
 *   layouts.isBlocked(x) ? (table) => { … } : "the input is plain");
 */
export const rule = <A extends Attributes, I extends Inputs>(
  name: string,
  ops: readonly Op<A, I>[],
  match: (node: Node<A, I>, attributes: A, layouts: Layouts) => Plan | string,
): BlockedRule => ({
  name,
  ops: ops as unknown as readonly Op[],
  match: (node, layouts) => {
    const own = node as unknown as Node<A, I>;
    return match(own, own.attributes, layouts);
  },
});

/** Reasons that many rules have. */
export const reasons = {
  plain: "its input is plain",
  padded: "a block is padded",
} as const;
