import { sameShape } from "../../../core/shape.js";
import type { Lowering, NodeEmitter, StateLayout } from "../../../formats/onnx/lower.js";
import type { Rules } from "../../../formats/onnx/writer.js";
import type { Cell, Value } from "../../../graph/graph.js";
import { type BlockedTarget, blockedLayerOf, partsOf } from "./conv-layer.js";
import { fromLayout, type Layout, layoutOf, toLayout } from "./layout.js";
import { type BlockedRule, LayoutTable } from "./layout-table.js";
import { convRules } from "./rules/conv.js";
import { convWeightGradRules } from "./rules/conv-weight-grad.js";
import { elementwiseRules } from "./rules/elementwise.js";
import { movementRules } from "./rules/movement.js";
import { normRules } from "./rules/norm.js";
import { planeRules } from "./rules/planes.js";
import { poolRules } from "./rules/pool.js";
import { reduceRules } from "./rules/reduce.js";
import { winogradRules } from "./rules/winograd.js";

/** The rules by family. An operator may have several; the first that returns true wins. */
const ruleSets: readonly ReadonlyMap<string, BlockedRule>[] = [
  winogradRules,
  convRules,
  convWeightGradRules,
  planeRules,
  normRules,
  elementwiseRules,
  reduceRules,
  poolRules,
  movementRules,
];

/**
 * Emits ONNX Runtime's blocked operators (domain `com.microsoft.nchwc`), which take changing weights and reach the processor's peak.
 * A node is emitted blocked where a rule exists and its inputs are blocked already; convolutions convert their input. Everything else
 * falls back to the plain rules, with conversions in between; so do the operators in `overrides`.
 *
 * Weights and their optimizer slots stay packed from step to step.
 */
export function blockedEmitter(
  target: BlockedTarget,
  rules: Rules,
  overrides: ReadonlySet<string>,
): (lowering: Lowering) => NodeEmitter {
  return (lowering) => {
    const table = new LayoutTable(lowering, target, rules);
    const layouts = stateLayouts(lowering, target);
    return {
      emit: (node) => !overrides.has(node.op.name) && ruleSets.some((rules) => rules.get(node.op.name)?.(node, table)),
      plain: (value) => table.plain(value),
      stateLayout: (cell) => {
        const layout = layouts.get(cell);
        return layout && conversions(layout);
      },
      defineState: (value, name) => {
        if (value.source.kind === "state") table.setPacked(value, layouts.get(value.source.cell)!, name);
      },
      inLayoutOf: (value, cell) => table.weight(value, layouts.get(cell)!.kind),
    };
  };
}

const conversions = (layout: Layout): StateLayout => ({
  shape: layout.shape,
  fromPlain: (plain) => toLayout(plain, layout),
  toPlain: (packed) => fromLayout(packed, layout),
});

/** The layout of every updated cell that is a convolution's weight, or is updated together with one. */
function stateLayouts({ graph, program }: Lowering, target: BlockedTarget): Map<Cell, Layout> {
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
    const layer = v.node?.op.name === "ConvWeightGrad" ? blockedLayerOf(v.node, target) : undefined;
    if (layer) return layoutOf(layer.layout, v.shape as readonly number[], target.block);
  }
  return undefined;
}
