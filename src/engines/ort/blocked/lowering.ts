import { sameShape } from "../../../core/shape.js";
import type { LoweredValue } from "../../../formats/onnx/ir.js";
import type { Rules } from "../../../formats/onnx/writer.js";
import { type Cell, type Graph, isOp, type Node, type Value } from "../../../graph/graph.js";
import type { Op } from "../../../graph/op.js";
import { convWeightGradOp } from "../../../ops/conv.js";
import { partsOf } from "../conv-layer.js";
import type { Target } from "../targets/target.js";
import { type BlockedTarget, blockedLayerOf } from "./blocked-layer.js";
import { type Layout, layoutOf } from "./layout.js";
import { LayoutTable } from "./layout-table.js";
import type { BlockedRule } from "./rule.js";

/** By which rule a node was emitted, and why not by the rules before it. */
export interface Decision {
  /** The family of the blocked rule, such as `conv`; or `plain`. */
  readonly rule: string;
  /** "winograd: its input is plain" */
  readonly reasons: readonly string[];
}

/**
 * Lowers a graph to ONNX Runtime's blocked operators (domain `com.microsoft.nchwc`), which take changing weights and reach the processor's
 * peak. A node is emitted blocked where a rule exists and its inputs are blocked already; convolutions convert their input. Everything
 * else falls back to the plain rules, with conversions in between.
 *
 * Weights and their optimizer slots stay packed from step to step.
 */
export class BlockedLowering extends LayoutTable {
  readonly stateLayouts: ReadonlyMap<Cell, Layout>;
  readonly decisions = new Map<Node, Decision>();
  readonly #rulesFor = new Map<Op, BlockedRule[]>();

  constructor(graph: Graph, rules: Rules, blocks: NonNullable<Target["blocks"]>) {
    super(graph, rules, blocks);
    this.stateLayouts = layoutsOfCells(this);
    for (const rule of blocks.rules)
      for (const op of rule.ops) this.#rulesFor.set(op, [...(this.#rulesFor.get(op) ?? []), rule]);
  }

  override emit(node: Node): void {
    const reasons: string[] = [];
    for (const rule of this.#rulesFor.get(node.op) ?? []) {
      const plan = rule.match(node, this);
      if (typeof plan === "function") {
        this.decisions.set(node, { rule: rule.name, reasons });
        plan(this);
        return;
      }
      reasons.push(`${rule.name}: ${plan}`);
    }
    this.decisions.set(node, { rule: "plain", reasons });
    super.emit(node);
  }

  protected override stateShape(cell: Cell): readonly number[] {
    return this.stateLayouts.get(cell)?.shape ?? cell.shape;
  }

  protected override defineState(value: Value, cell: Cell, before: LoweredValue): void {
    const layout = this.stateLayouts.get(cell);
    if (layout) this.setPacked(value, layout, before);
    else super.defineState(value, cell, before);
  }

  protected override newState(value: Value, cell: Cell): LoweredValue {
    const layout = this.stateLayouts.get(cell);
    return layout ? this.weight(value, layout.kind) : super.newState(value, cell);
  }
}

/** The layout of every updated cell that is a convolution's weight, or is updated together with one. */
function layoutsOfCells(table: LayoutTable): Map<Cell, Layout> {
  const layouts = new Map<Cell, Layout>();
  for (const node of table.program.nodes) {
    const layer = blockedLayerOf(node, table);
    const weight = partsOf(node)?.weight;
    if (typeof layer === "string" || weight?.source.kind !== "state" || !table.isUpdated(weight.source.cell)) continue;
    layouts.set(weight.source.cell, layoutOf(layer.layout, weight.shape, table.block));
  }
  for (const { cell, value } of table.graph.updates) {
    const layout = layouts.has(cell) ? undefined : layoutAmong(value, layouts, table);
    if (layout) layouts.set(cell, layout);
  }
  return layouts;
}

/** The layout of a weight that a value is computed from, elementwise, together with other arrays of its shape. */
function layoutAmong(value: Value, layouts: ReadonlyMap<Cell, Layout>, target: BlockedTarget): Layout | undefined {
  if (value.shape.length !== 4) return undefined;
  // A set that grows while it is read: a worklist that visits every value once.
  const worklist = new Set([value]);
  for (const v of worklist) {
    const layout = v.source.kind === "state" ? layouts.get(v.source.cell) : undefined;
    if (layout) return layout;
    if (v.node?.op.elementwise)
      for (const input of v.node.inputs) if (sameShape(input.shape, value.shape)) worklist.add(input);
    // Without weight decay only its gradient leads to the weight.
    const layer = isOp(v.node, convWeightGradOp) ? blockedLayerOf(v.node, target) : "no layer";
    if (typeof layer !== "string") return layoutOf(layer.layout, v.shape, target.block);
  }
  return undefined;
}
