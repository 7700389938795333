import { sameShape } from "../../../core/shape.js";
import type { LoweredValue } from "../../../formats/onnx/ir.js";
import type { Rules } from "../../../formats/onnx/writer.js";
import { type Cell, type Graph, isOp, type Node, type Program, type Value } from "../../../graph/graph.js";
import type { Op } from "../../../graph/op.js";
import { convWeightGradOp } from "../../../ops/conv.js";
import { partsOf } from "../conv-layer.js";
import type { Target } from "../targets/target.js";
import { type BlockedTarget, blockedLayerOf } from "./conv-layer.js";
import { type Layout, layoutOf } from "./layout.js";
import { LayoutTable } from "./layout-table.js";
import type { BlockedRule } from "./rule.js";

/** By which rule a node was emitted, and why not by the rules before it. */
export interface Decision {
  /** The family of the blocked rule; undefined for the plain rule. */
  readonly rule: string | undefined;
  readonly reasons: readonly string[];
}

/**
 * Lowers a graph to ONNX Runtime's blocked operators (domain `com.microsoft.nchwc`), which take changing weights and reach the processor's
 * peak. A node is emitted blocked where a rule exists and its inputs are blocked already; convolutions convert their input. Everything
 * else falls back to the plain rules, with conversions in between; so do the operators in `overrides`.
 *
 * Weights and their optimizer slots stay packed from step to step.
 */
export class BlockedLowering extends LayoutTable {
  readonly layouts: ReadonlyMap<Cell, Layout>;
  readonly decisions = new Map<Node, Decision>();
  readonly #rulesFor = new Map<Op, BlockedRule[]>();

  constructor(
    graph: Graph,
    rules: Rules,
    blocks: NonNullable<Target["blocks"]>,
    private readonly overrides: ReadonlySet<Op>,
  ) {
    super(graph, rules, blocks);
    this.layouts = stateLayouts(graph, this.program, blocks);
    for (const rule of blocks.rules)
      for (const op of rule.ops) this.#rulesFor.set(op, [...(this.#rulesFor.get(op) ?? []), rule]);
  }

  override emit(node: Node): void {
    const reasons: string[] = [];
    for (const rule of this.overrides.has(node.op) ? [] : (this.#rulesFor.get(node.op) ?? [])) {
      const plan = rule.match(node, this);
      if (typeof plan === "function") {
        this.decisions.set(node, { rule: rule.name, reasons });
        plan(this);
        return;
      }
      reasons.push(plan);
    }
    this.decisions.set(node, { rule: undefined, reasons });
    super.emit(node);
  }

  protected override stateShape(cell: Cell): readonly number[] {
    return this.layouts.get(cell)?.shape ?? cell.shape;
  }

  protected override defineState(value: Value, cell: Cell, before: LoweredValue): void {
    const layout = this.layouts.get(cell);
    if (layout) this.setPacked(value, layout, before);
    else super.defineState(value, cell, before);
  }

  protected override newState(value: Value, cell: Cell): LoweredValue {
    const layout = this.layouts.get(cell);
    return layout ? this.weight(value, layout.kind) : super.newState(value, cell);
  }
}

/** The layout of every updated cell that is a convolution's weight, or is updated together with one. */
function stateLayouts(graph: Graph, program: Program, target: BlockedTarget): Map<Cell, Layout> {
  const layouts = new Map<Cell, Layout>();
  const updated = new Set(graph.updates.map(({ cell }) => cell));
  for (const node of program.nodes) {
    const layer = blockedLayerOf(node, target);
    const weight = partsOf(node)?.weight;
    if (!layer || weight?.source.kind !== "state" || !updated.has(weight.source.cell)) continue;
    layouts.set(weight.source.cell, layoutOf(layer.layout, weight.shape as readonly number[], target.block));
  }
  const slots = new Map(
    graph.updates.flatMap(({ cell, value }) => {
      const layout = layouts.has(cell) ? undefined : layoutAmong(value, layouts, target);
      return layout ? [[cell, layout] as const] : [];
    }),
  );
  return new Map([...layouts, ...slots]);
}

/** The layout of a weight that a value is computed from, elementwise, together with other arrays of its shape. */
function layoutAmong(value: Value, layouts: ReadonlyMap<Cell, Layout>, target: BlockedTarget): Layout | undefined {
  if (value.shape.length !== 4) return undefined;
  const alike = (v: Value) => sameShape(v.shape, value.shape);
  const seen = new Set<Value>();
  const worklist = [value];
  for (let v = worklist.pop(); v; v = worklist.pop()) {
    if (seen.has(v)) continue;
    seen.add(v);
    const layout = v.source.kind === "state" ? layouts.get(v.source.cell) : undefined;
    if (layout) return layout;
    if (v.node?.op.elementwise) worklist.push(...v.node.inputs.filter(alike));
    // Without weight decay only its gradient leads to the weight.
    const layer = isOp(v.node, convWeightGradOp) ? blockedLayerOf(v.node, target) : undefined;
    if (layer) return layoutOf(layer.layout, v.shape as readonly number[], target.block);
  }
  return undefined;
}
