import { fourSizes } from "../../../../core/shape.js";
import type { Value } from "../../../../graph/graph.js";
import type { BlockedRule, LayoutTable } from "../layout-table.js";
import type { BlockedTensor } from "../writer.js";

/** [N, C/b, H·W·b]. */
const byBlocks = ({ name, shape: [n, channels, height, width] }: BlockedTensor, { write, block }: LayoutTable) =>
  write.reshape(name, [n, channels / block, height * width * block]);

/** Concatenates channels block by block. */
const concat: BlockedRule = (node, table) => {
  const [y] = node.outputs as [Value];
  if (node.attributes.axis !== 1 || !node.inputs.some((x) => table.isBlocked(x))) return false;
  if (!node.inputs.every((x) => table.canBlock(x) && !table.isPadded(x))) return false;
  const parts = node.inputs.map((x) => byBlocks(table.blocked(x), table));
  const shape = fourSizes(y.shape);
  table.setBlocked(y, { name: table.write.reshape(table.write.emit("Concat", parts, { axis: 1 }), shape), shape });
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
  table.setBlocked(y, { name: write.reshape(name, shape), shape });
  return true;
};

/** A barrier accepts the signal, and returns the value, in whatever layout they are. */
const barrier: BlockedRule = (node, table) => {
  const [x, signal] = node.inputs as [Value, Value];
  const [y] = node.outputs as [Value];
  const wait = (name: string) => {
    const given = table.isBlocked(signal) ? table.blocked(signal).name : table.lowering.plain(signal);
    return table.rules.get("Barrier")!(node, [name, given], table.write)[0]!;
  };
  if (table.isBlocked(x)) {
    const maps = table.blocked(x);
    table.setBlocked(y, { ...maps, name: wait(maps.name) });
  } else table.lowering.define(y, wait(table.lowering.plain(x)));
  return true;
};

/** Concatenating and slicing channels, and barriers. */
export const movementRules = new Map<string, BlockedRule>([
  ["Concat", concat],
  ["Slice", slice],
  ["Barrier", barrier],
]);
