import { fourSizes } from "../../../../core/shape.js";
import type { LoweredValue } from "../../../../formats/onnx/ir.js";
import { ruleOf } from "../../../../formats/onnx/writer.js";
import type { Value } from "../../../../graph/graph.js";
import { ops } from "../../../../ops/movement.js";
import { asMaps } from "../../maps.js";
import type { LayoutTable } from "../layout-table.js";
import { type BlockedRule, reasons, rule } from "../rule.js";
import type { BlockedTensor } from "../writer.js";

/** [N, C/b, H·W·b]. */
const byBlocks = (maps: BlockedTensor, { write, block }: LayoutTable) => {
  const [n, channels, height, width] = maps.shape;
  return write.reshape(maps, [n, channels / block, height * width * block]);
};

/** Concatenates channels block by block. */
const concat = rule("movement", [ops.concat], (node, { axis }, layouts) => {
  const [y] = node.outputs as [Value];
  if (axis !== 1) return "it does not concatenate channels";
  if (!node.inputs.some((x) => layouts.isBlocked(x))) return reasons.plain;
  if (!node.inputs.every((x) => layouts.canBlock(x) && !layouts.isPadded(x))) return reasons.padded;
  return (table) => {
    const parts = node.inputs.map((x) => byBlocks(table.blocked(x), table));
    const shape = fourSizes(y.shape);
    table.setBlocked(y, asMaps(table.write.reshape(table.write.emit("Concat", parts, { axis: 1 }), shape)));
  };
});

/** Slices channels block by block. */
const slice = rule("movement", [ops.slice], (node, { axis, start, end }, layouts) => {
  const [x] = node.inputs;
  const [y] = node.outputs as [Value];
  const { block } = layouts;
  if (axis !== 1) return "it does not slice channels";
  if (!layouts.isBlocked(x)) return reasons.plain;
  if ([start, end, x.shape[1] as number].some((c) => c % block !== 0)) return "it cuts a block";
  return (table) => {
    const { write } = table;
    const range = [write.ints([start / block]), write.ints([end / block]), write.ints([1])];
    const name = write.emit("Slice", [byBlocks(table.blocked(x), table), ...range]);
    const shape = fourSizes(y.shape);
    table.setBlocked(y, asMaps(write.reshape(name, shape)));
  };
});

/** A barrier accepts the signal, and returns the value, in whatever layout they are. */
const barrierRule = rule("movement", [ops.barrier], (node) => (table) => {
  const [x, signal] = node.inputs;
  const [y] = node.outputs as [Value];
  const wait = (array: LoweredValue) => {
    const given = table.isBlocked(signal) ? table.blocked(signal) : table.plain(signal);
    return ruleOf(table.rules, ops.barrier)(node, [array, given], table.write)[0]!;
  };
  if (table.isBlocked(x)) table.setBlocked(y, asMaps(wait(table.blocked(x))));
  else table.define(y, wait(table.plain(x)));
});

/** Concatenating and slicing channels, and barriers. */
export const movementRules: readonly BlockedRule[] = [concat, slice, barrierRule];
