import { sameShape } from "../../../core/shape.js";
import type { Dialect, Lowering, StateForm } from "../../../formats/onnx/lower.js";
import type { Rules } from "../../../formats/onnx/writer.js";
import type { Cell, Value } from "../../../graph/graph.js";
import { type BlockedTarget, layerOf, partsOf } from "./conv-layer.js";
import { type BlockedRule, Forms } from "./forms.js";
import { type Layout, layoutOf, pack, unpack } from "./layout.js";
import { convRules } from "./rules/conv.js";
import { convWeightGradRules } from "./rules/conv-weight-grad.js";
import { elementwiseRules } from "./rules/elementwise.js";
import { movementRules } from "./rules/movement.js";
import { normRules } from "./rules/norm.js";
import { planeRules } from "./rules/planes.js";
import { poolRules } from "./rules/pool.js";
import { reduceRules } from "./rules/reduce.js";
import { winogradRules } from "./rules/winograd.js";

/** The rules of each family. An operator may have several: the first that can write a node does. */
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
 * Lowering to ONNX Runtime's blocked operators (domain `com.microsoft.nchwc`), which take changing weights and reach the
 * processor's peak. A node is written in blocks where there is a rule for it and what it reads is there already; convolutions
 * bring their input there. Everything else goes by the plain rules, with conversions between; so do the operators in `own`.
 *
 * Weights, and the optimizer's slots for them, stay packed from step to step.
 */
export function blockedDialect(
  target: BlockedTarget,
  rules: Rules,
  own: ReadonlySet<string>,
): (lowering: Lowering) => Dialect {
  return (lowering) => {
    const forms = new Forms(lowering, target, rules);
    const layouts = stateLayouts(lowering, target);
    return {
      lower: (node) => !own.has(node.op.name) && ruleSets.some((rules) => rules.get(node.op.name)?.(node, forms)),
      plain: (value) => forms.plain(value),
      stateForm: (cell) => {
        const layout = layouts.get(cell);
        return layout && formOf(layout);
      },
      adopt: (value, name) => {
        if (value.source.kind === "state") forms.setPacked(value, layouts.get(value.source.cell)!, name);
      },
      inForm: (value, cell) => forms.weight(value, layouts.get(cell)!.kind),
    };
  };
}

const formOf = (layout: Layout): StateForm => ({
  shape: layout.shape,
  pack: (plain) => pack(plain, layout),
  unpack: (packed) => unpack(packed, layout),
});

/** The layout of every cell that changes and is a convolution's weight, or is updated together with one. */
function stateLayouts({ graph, program }: Lowering, target: BlockedTarget): Map<Cell, Layout> {
  const layouts = new Map<Cell, Layout>();
  const changing = new Set(graph.updates.map(({ cell }) => cell));
  for (const node of program.nodes) {
    const layer = layerOf(node, target);
    const weight = partsOf(node)?.weight;
    if (!layer || weight?.source.kind !== "state" || !changing.has(weight.source.cell)) continue;
    layouts.set(weight.source.cell, layoutOf(layer.kind, weight.shape as readonly number[], target.block));
  }
  const relatives = new Map(
    graph.updates.flatMap(({ cell, value }) => {
      const layout = layouts.has(cell) ? undefined : layoutAmong(value, layouts, target);
      return layout ? [[cell, layout] as const] : [];
    }),
  );
  return new Map([...layouts, ...relatives]);
}

/** The layout of a weight from which, with other arrays of its shape, a value is computed element by element. */
function layoutAmong(target: Value, layouts: ReadonlyMap<Cell, Layout>, made: BlockedTarget): Layout | undefined {
  if (target.shape.length !== 4) return undefined;
  const alike = (v: Value) => sameShape(v.shape, target.shape);
  const seen = new Set<Value>();
  const pending = [target];
  for (let value = pending.pop(); value; value = pending.pop()) {
    if (seen.has(value)) continue;
    seen.add(value);
    const layout = value.source.kind === "state" ? layouts.get(value.source.cell) : undefined;
    if (layout) return layout;
    if (value.node && elementwiseRules.has(value.node.op.name)) pending.push(...value.node.inputs.filter(alike));
    // Without weight decay nothing but its gradient leads to the weight.
    const layer = value.node?.op.name === "ConvWeightGrad" ? layerOf(value.node, made) : undefined;
    if (layer) return layoutOf(layer.kind, value.shape as readonly number[], made.block);
  }
  return undefined;
}
