import { fourSizes } from "../../../../core/shape.js";
import type { LoweredValue } from "../../../../formats/onnx/ir.js";
import type { Value } from "../../../../graph/graph.js";
import type { BlockedRule, LayoutTable } from "../layout-table.js";
import { asMaps, type BlockedTensor } from "../writer.js";

/** [N, C/b, H·W·b]. */
const byBlocks = (maps: BlockedTensor, { write, block }: LayoutTable) => {
  const [n, channels, height, width] = maps.shape;
  return write.reshape(maps, [n, channels / block, height * width * block]);
};

/** Concatenates channels block by block. */
const concat: BlockedRule = (node, table) => {
  const [y] = node.outputs as [Value];
  if (node.attributes.axis !== 1 || !node.inputs.some((x) => table.isBlocked(x))) return false;
  if (!node.inputs.every((x) => table.canBlock(x) && !table.isPadded(x))) return false;
  const parts = node.inputs.map((x) => byBlocks(table.blocked(x), table));
  const shape = fourSizes(y.shape);
  table.setBlocked(y, asMaps(table.write.reshape(table.write.emit("Concat", parts, { axis: 1 }), shape)));
  return true;
};

/** Slices channels block by block. */
const slice: BlockedRule = (node, table) => {
  const [x] = node.inputs as [Value];
  const [y] = node.outputs as [Value];
  const { axis, start, end } = node.attributes as { axis: number; start: number; end: number };
  const { block, write } = table;
  if (axis !== 1 || !table.isBlocked(x) || [start, end, x.shape[1] as number].some((c) => c % block !== 0))
    return false;
  const range = [write.ints([start / block]), write.ints([end / block]), write.ints([1])];
  const name = write.emit("Slice", [byBlocks(table.blocked(x), table), ...range]);
  const shape = fourSizes(y.shape);
  table.setBlocked(y, asMaps(write.reshape(name, shape)));
  return true;
};

/** A barrier accepts the signal, and returns the value, in whatever layout they are. */
const barrier: BlockedRule = (node, table) => {
  const [x, signal] = node.inputs as [Value, Value];
  const [y] = node.outputs as [Value];
  const wait = (array: LoweredValue) => {
    const given = table.isBlocked(signal) ? table.blocked(signal) : table.plain(signal);
    return table.rules.get("Barrier")!(node, [array, given], table.write)[0]!;
  };
  if (table.isBlocked(x)) table.setBlocked(y, asMaps(wait(table.blocked(x))));
  else table.define(y, wait(table.plain(x)));
  return true;
};

/** Concatenating and slicing channels, and barriers. */
export const movementRules = new Map<string, BlockedRule>([
  ["Concat", concat],
  ["Slice", slice],
  ["Barrier", barrier],
]);
