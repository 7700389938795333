import { fourSizes } from "../../../../core/shape.js";
import type { LoweredValue } from "../../../../formats/onnx/ir.js";
import type { Value } from "../../../../graph/graph.js";
import { ops } from "../../../../ops/movement.js";
import type { LayoutTable } from "../layout-table.js";
import { type BlockedRule, emitPlain, reasons, rule } from "../rule.js";

/** A value as [N, C/b, H·W·b]. */
function byBlocks(value: Value, table: LayoutTable): LoweredValue {
  const maps = table.blocked(value);
  const [n, channels, height, width] = maps.shape;
  return table.write.reshape(maps, [n, channels / table.block, height * width * table.block]);
}

/** Concatenates channels block by block. */
const concat = rule("movement", [ops.concat], ({ inputs, outputs: [y], attributes: { axis } }, context) => {
  if (axis !== 1) return "it does not concatenate channels";
  if (!inputs.some((x) => context.isBlocked(x))) return reasons.plain;
  if (!inputs.every((x) => context.canBlock(x) && !context.isPadded(x))) return reasons.padded;
  return (table) => {
    const parts = inputs.map((x) => byBlocks(x, table));
    const joined = table.write.emit("Concat", parts, { axis: 1 });
    table.setBlocked(y, table.write.reshape(joined, fourSizes(y.shape)));
  };
});

/** Slices channels block by block. */
const slice = rule("movement", [ops.slice], ({ inputs: [x], outputs: [y], attributes }, context) => {
  const { axis, start, end } = attributes;
  const { block } = context;
  if (axis !== 1) return "it does not slice channels";
  if (!context.isBlocked(x)) return reasons.plain;
  if ([start, end, x.shape[1] as number].some((c) => c % block !== 0)) return "it cuts a block";
  return (table) => {
    const part = table.write.slice(byBlocks(x, table), [start / block], [end / block], [1]);
    table.setBlocked(y, table.write.reshape(part, fourSizes(y.shape)));
  };
});

/** A barrier accepts the signal, and returns the value, in whatever layout they are. */
const barrier = rule("movement", [ops.barrier], (node) => (table) => {
  const asItIs = (value: Value) => (table.isBlocked(value) ? table.blocked(value) : table.plain(value));
  const isBlocked = table.isBlocked(node.inputs[0]);
  const given = node.inputs.map(asItIs);
  const result = emitPlain(node, given, table);
  if (isBlocked) table.setBlocked(node.outputs[0], result);
  else table.define(node.outputs[0], result);
});

/** Concatenating and slicing channels, and barriers. */
export const movementRules: readonly BlockedRule[] = [concat, slice, barrier];
