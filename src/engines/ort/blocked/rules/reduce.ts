import { fourSizes, staticShape } from "../../../../core/shape.js";
import type { LoweredValue } from "../../../../formats/onnx/ir.js";
import type { Value } from "../../../../graph/graph.js";
import { ops } from "../../../../ops/reduce.js";
import { asMaps, type Maps } from "../../maps.js";
import { overImages, sumOver } from "../../rules/sums.js";
import { exactMaximum } from "../../rules/training.js";
import { layoutOf, roundUp } from "../layout.js";
import type { LayoutTable } from "../layout-table.js";
import { emitPlain, reasons, rule } from "../rule.js";

type Kind = "ReduceSum" | "ReduceMean" | "ReduceMax";

export const isAxes = (axes: readonly number[], ...expected: readonly number[]) =>
  axes.length === expected.length && expected.every((axis) => axes.includes(axis));

/** Sums, means and maxima, by axes. */
export const reduce = rule("reduce", [ops.reduceSum, ops.reduceMean, ops.reduceMax], (node, context) => {
  const [x] = node.inputs;
  const [y] = node.outputs;
  const { axes, keepdims } = node.attributes;
  const kind = node.op.name as Kind;
  const packed = context.packed(x);
  // A sum over everything does not depend on the layout; padding is zero.
  if (packed && kind === "ReduceSum" && axes.length === x.shape.length)
    return (table) => table.define(y, emitPlain(node, [packed.array], table));
  // Over the kernel of a weight: a 1×1 weight remains.
  if (packed && keepdims && isAxes(axes, 2, 3))
    return (table) => {
      const { kind: layoutKind, split, perm } = packed.layout;
      const inMemory = perm.map((axis) => split[axis]!);
      const array = table.write.reshape(packed.array, inMemory);
      const sums = table.write.reduce(kind, array, [perm.indexOf(split.length - 1)], true);
      const layout = layoutOf(layoutKind, y.shape, table.block);
      table.setPacked(y, layout, table.write.reshape(sums, layout.shape));
    };
  if (!context.isBlocked(x)) return reasons.plain;
  // Padded channels are zero and do not affect the others.
  const define = (table: LayoutTable, array: LoweredValue) =>
    table.define(y, table.nchwc.view(array, staticShape(y.shape)));
  if (isAxes(axes, 2, 3)) return (table) => define(table, exact(overPositions, kind, x, table));
  if (isAxes(axes, 0, 2, 3) && kind !== "ReduceMax")
    return (table) => {
      const perImage = table.write.reshape(overPositions(kind, x, table), fourSizes(x.shape).slice(0, 2));
      define(table, sumOver(kind, perImage, overImages, table.write));
    };
  if (context.isPadded(x)) return reasons.padded;
  if (isAxes(axes, 1)) return (table) => define(table, exact(overChannels, kind, x, table));
  if (!keepdims || (!isAxes(axes, 2) && !isAxes(axes, 3))) return "over other axes";
  return (table) => table.setBlocked(y, exact(alongAxis(isAxes(axes, 2) ? 2 : 3), kind, x, table));
});

/** Reduces the maps of x, or others in their place. */
type Reduction = (kind: Kind, x: Value, table: LayoutTable, maps?: Maps) => LoweredValue;

/** A maximum with NaN, which ONNX Runtime's kernels drop; sums and means as they are. */
function exact(reduceTo: Reduction, kind: Kind, x: Value, table: LayoutTable): LoweredValue {
  const array = reduceTo(kind, x, table);
  if (kind !== "ReduceMax") return array;
  const of = (from: LoweredValue) => reduceTo(kind, x, table, asMaps(from));
  return exactMaximum({ array, mean: reduceTo("ReduceMean", x, table), from: table.blocked(x), of }, table.write);
}

/** An array times a number, as a vector: scalars broadcast slowly over arrays whose last axis is 1. */
function scaled(array: LoweredValue, factor: number, { write }: LayoutTable): LoweredValue {
  if (factor === 1) return array;
  const product = write.emit("Mul", [write.reshape(array, [-1]), write.number(factor)]);
  return write.reshape(product, array.shape as readonly number[]);
}

/** [N,C,1,1]: by pooling, one multithreaded pass (a reduction over positions takes 20 times as long). */
function overPositions(kind: Kind, x: Value, table: LayoutTable, given?: Maps): LoweredValue {
  const { nchwc, write, block } = table;
  const [n, channels, height, width] = fourSizes(x.shape);
  const area = height * width;
  const product = kind === "ReduceMax" ? undefined : table.deferred(x)?.product;
  if (product) table.takeDeferred(x);
  const pooled = (maps: Maps) => (kind === "ReduceMax" ? nchwc.globalPool("GlobalMaxPool", maps) : nchwc.means(maps));
  const reduced = product
    ? scaled(nchwc.dot(...product), kind === "ReduceSum" ? 1 : 1 / area, table)
    : scaled(pooled(given ?? table.blocked(x)), kind === "ReduceSum" ? area : 1, table);
  return table.crop(write.reshape(reduced, [n, roundUp(channels, block), 1, 1]), [n, channels, 1, 1]);
}

/** Along columns (axis 2) or rows (axis 3): pooling over all of them, in at most half the time of a reduction. */
const alongAxis =
  (axis: 2 | 3): Reduction =>
  (kind, x, table, maps = table.blocked(x)) => {
    const [, , height, width] = maps.shape;
    const kernel = axis === 3 ? ([1, width] as const) : ([height, 1] as const);
    const pooled = table.nchwc.pool(kind === "ReduceMax" ? "MaxPool" : "AveragePool", maps, kernel, {});
    return scaled(pooled, kind === "ReduceSum" ? maps.shape[axis] : 1, table);
  };

/** [N,1,H,W]. Sums over lanes are a product with a vector; maxima are taken over blocks, then over lanes. */
function overChannels(kind: Kind, x: Value, table: LayoutTable, maps = table.blocked(x)): LoweredValue {
  const { write, block } = table;
  const [n, channels, height, width] = maps.shape;
  const [blocks, area] = [channels / block, height * width];
  if (kind === "ReduceMax") {
    const lanes = blocks === 1 ? maps : write.reduce(kind, write.reshape(maps, [n, blocks, area * block]), [1], true);
    return write.reshape(write.reduce(kind, write.reshape(lanes, [n * area, block]), [1], true), [n, 1, height, width]);
  }
  const sums = channelSums(maps, maps.shape, kind === "ReduceMean" ? 1 / channels : 1, table);
  return write.reshape(sums, [n, 1, height, width]);
}

/** [N,1,H·W]: sums over the channels of an array in NCHWc, times a factor. */
export function channelSums(
  array: LoweredValue,
  [n, channels, height, width]: Maps["shape"],
  factor: number,
  { write, block }: LayoutTable,
): LoweredValue {
  const [blocks, area] = [channels / block, height * width];
  const rows = write.reshape(array, [n * blocks * area, block]);
  const perBlock = write.reshape(write.emit("MatMul", [rows, write.filled(factor, [block, 1])]), [n, blocks, area]);
  return blocks === 1 ? perBlock : write.reduce("ReduceSum", perBlock, [1], true);
}
