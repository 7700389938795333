import { fourSizes } from "../../../../core/shape.js";
import { tensor } from "../../../../core/tensor.js";
import type { LoweredValue } from "../../../../formats/onnx/ir.js";
import type { Node, Value } from "../../../../graph/graph.js";
import { ops, reduceMaxGrad } from "../../../../ops/reduce.js";
import { asMaps } from "../../maps.js";
import { sumOver } from "../../rules/sums.js";
import { anyNotFinite, exactMaximum, largestFloat, mayHoldNaN, nanMask } from "../../rules/training.js";
import { layoutOf } from "../layout.js";
import type { Deferred, LayoutTable } from "../layout-table.js";
import { type BlockedRule, reasons, rule } from "../rule.js";
import type { BlockedTensor } from "../writer.js";
import { inLanes } from "./elementwise.js";

const isAxes = (axes: readonly number[], ...expected: readonly number[]) =>
  axes.length === expected.length && expected.every((axis) => axes.includes(axis));

/** Sums, means and maxima, by axes. */
const reduce = rule("reduce", [ops.reduceSum, ops.reduceMean, ops.reduceMax], (node, { axes, keepdims }, layouts) => {
  const [x] = node.inputs;
  const [y] = node.outputs as [Value];
  const kind = node.op.name as Kind;
  const packed = layouts.packed(x);
  // A sum over everything does not depend on the layout; padding is zero.
  if (packed && kind === "ReduceSum" && axes.length === x.shape.length)
    return (table) =>
      table.define(y, sumOver(kind, packed.array, packed.layout.shape, { axes, keepdims }, table.write));
  // Over the kernel of a weight: a 1×1 weight remains.
  if (packed && keepdims && isAxes(axes, 2, 3))
    return (table) => {
      const { write, block } = table;
      const { split, perm } = packed.layout;
      const inMemory = perm.map((axis) => split[axis]!);
      const sums = write.reduce(kind, write.reshape(packed.array, inMemory), [perm.indexOf(split.length - 1)], true);
      const layout = layoutOf(packed.layout.kind, y.shape as readonly number[], block);
      table.setPacked(y, layout, write.reshape(sums, layout.shape));
    };
  if (!layouts.isBlocked(x)) return reasons.plain;
  const shape = fourSizes(x.shape);
  const [n, channels, height, width] = shape;
  const define = (array: LoweredValue, table: LayoutTable) =>
    table.define(y, table.nchwc.view(array, y.shape as readonly number[]));
  // Padded channels are zero and do not affect the others.
  if (isAxes(axes, 2, 3))
    return (table) => {
      const over = (k: Kind, maps?: BlockedTensor) => overPositions(k, x, table, maps);
      define(exact(kind, x, [n, channels, 1, 1], over, table), table);
    };
  if (isAxes(axes, 0, 2, 3) && kind !== "ReduceMax")
    return (table) => {
      const perImage = table.write.reshape(overPositions(kind, x, table), [n, channels]);
      const sum = sumOver(kind, perImage, [n, channels], { axes: [0], keepdims: false }, table.write);
      define(sum, table);
    };
  if (layouts.isPadded(x)) return reasons.padded;
  if (isAxes(axes, 1))
    return (table) => {
      const over = (k: Kind, maps = table.blocked(x)) => overChannels(k, maps, table);
      define(exact(kind, x, [n, 1, height, width], over, table), table);
    };
  // Along rows or columns: pooling over all of them, in at most half the time of a reduction.
  const [axis] = axes;
  if (!keepdims || axes.length !== 1 || (axis !== 2 && axis !== 3)) return "over other axes";
  return (table) => {
    const kernel = axis === 3 ? ([1, width] as const) : ([height, 1] as const);
    const pool = (k: Kind, maps = table.blocked(x)) =>
      table.nchwc.pool(k === "ReduceMax" ? "MaxPool" : "AveragePool", maps, kernel, {});
    const factor = kind === "ReduceSum" ? shape[axis] : 1;
    const pooled = axis === 3 ? ([n, channels, height, 1] as const) : ([n, channels, 1, width] as const);
    table.setBlocked(y, asMaps(scaled(exact(kind, x, pooled, pool, table), factor, pooled, table)));
  };
});

type Kind = "ReduceSum" | "ReduceMean" | "ReduceMax";

/** A maximum with NaN, which ONNX Runtime's kernels drop; sums and means as they are. `maps` are in the place of those of x. */
function exact(
  kind: Kind,
  x: Value,
  shape: readonly number[],
  reduceTo: (kind: Kind, maps?: BlockedTensor) => LoweredValue,
  table: LayoutTable,
): LoweredValue {
  const array = reduceTo(kind);
  if (kind !== "ReduceMax") return array;
  const maps = table.blocked(x);
  const of = (from: LoweredValue) => reduceTo(kind, asMaps(from));
  return exactMaximum({ array, shape, mean: reduceTo("ReduceMean"), from: maps, of }, table.write);
}

/** An array times a scalar, as a vector: scalars broadcast slowly over arrays whose last axis is 1. */
function scaled(array: LoweredValue, factor: number, shape: readonly number[], { write }: LayoutTable): LoweredValue {
  if (factor === 1) return array;
  return write.reshape(write.emit("Mul", [write.reshape(array, [-1]), write.number(factor)]), shape);
}

/** [N,C,1,1]: by pooling, one multithreaded pass (a reduction over positions takes 20 times as long). */
function overPositions(kind: Kind, x: Value, table: LayoutTable, given?: BlockedTensor): LoweredValue {
  const { nchwc, write } = table;
  const shape = x.shape as readonly number[];
  const area = shape[2]! * shape[3]!;
  const product = kind === "ReduceMax" ? undefined : table.deferred(x)?.product;
  if (product) table.takeDeferred(x);
  const maps = given ?? (product ? product[0] : table.blocked(x));
  const [n, channels] = maps.shape;
  const reduced = product
    ? nchwc.dot(product[0], product[1])
    : kind === "ReduceMax"
      ? nchwc.globalPool("GlobalMaxPool", maps)
      : nchwc.means(maps);
  // Pooling gives means, products give sums.
  const scale = product ? (kind === "ReduceSum" ? 1 : 1 / area) : kind === "ReduceSum" ? area : 1;
  const whole = [n, channels, 1, 1];
  return table.crop(write.reshape(scaled(reduced, scale, whole, table), whole), [n, shape[1]!, 1, 1]);
}

/** [N,1,H,W]. Sums over lanes are a product with ones; maxima are taken over blocks, then over lanes. */
function overChannels(kind: Kind, maps: BlockedTensor, table: LayoutTable): LoweredValue {
  const { nchwc, write, block } = table;
  const [n, channels, height, width] = maps.shape;
  const [blocks, area] = [channels / block, height * width];
  if (kind === "ReduceMax") {
    const lanes = blocks === 1 ? maps : write.reduce(kind, write.reshape(maps, [n, blocks, area * block]), [1], true);
    return write.reshape(write.reduce(kind, write.reshape(lanes, [n * area, block]), [1], true), [n, 1, height, width]);
  }
  const weight = nchwc.filled(kind === "ReduceMean" ? 1 / channels : 1, [block, 1]);
  const sums = write.emit("MatMul", [write.reshape(maps, [n * blocks * area, block]), weight]);
  const perBlock = write.reshape(sums, [n, blocks, area]);
  const total = blocks === 1 ? perBlock : write.reduce("ReduceSum", perBlock, [1], true);
  return write.reshape(total, [n, 1, height, width]);
}

/**
 * dy goes to the first of the largest elements: few numbers, to be added to the other gradients of x, so the result is deferred. One
 * pass leaves 1 at the maxima and 0 elsewhere; its dot product with the indices is the index, unless a maximum occurs twice. That is
 * checked, and only then are the indices compared.
 */
const maxGrad = rule("reduce", [reduceMaxGrad], (node, { axes }, layouts) => {
  const [, x] = node.inputs;
  if (!layouts.isBlocked(x)) return reasons.plain;
  if (layouts.isPadded(x)) return reasons.padded;
  if (isAxes(axes, 2, 3)) return (table) => maxGradOverPositions(node, table);
  if (isAxes(axes, 1)) return (table) => maxGradOverChannels(node, table);
  return "over other axes";
});

function maxGradOverPositions(node: Node, table: LayoutTable): void {
  const [dy, x, y] = node.inputs;
  const { write, block } = table;
  const shape = fourSizes(x.shape);
  const [n, channels, height, width] = shape;
  const [area, planes] = [height * width, (n * channels) / block];
  const [view, indexShape] = [
    [planes, area, block],
    [planes, 1, block],
  ];
  const indices = firstPosition(table.blocked(x), table.plain(y), table);
  const emit: Deferred["emit"] = ({ sum }) => {
    const data =
      sum === undefined ? write.emit("Expand", [write.number(0), write.ints(view)]) : write.reshape(sum, view);
    // Where the largest is −∞ all are, and differences from it NaN: the first is the first position.
    const isPlace = write.emit("GreaterOrEqual", [indices, write.number(0)]);
    const known = write.emit("Where", [isPlace, indices, write.number(0)]);
    const places = write.reshape(write.emit("Cast", [known], { to: 7 }), indexShape);
    const numbers = write.reshape(table.plain(dy), indexShape);
    const result = write.emit("ScatterElements", [data, places, numbers], { axis: 1, reduction: "add" });
    return asMaps(write.reshape(result, shape));
  };
  table.defer(node.outputs[0]!, { activates: false, emit });
}

function maxGradOverChannels(node: Node, table: LayoutTable): void {
  const [dy, x, y] = node.inputs;
  const { write, block } = table;
  const shape = fourSizes(x.shape);
  const [n, channels, height, width] = shape;
  const area = height * width;
  const maps = table.blocked(x);
  const mask = channelMask(maps, y, table);
  const emit: Deferred["emit"] = ({ sum }) => {
    const view = [n, channels / block, area * block];
    const gradient = write.reshape(inLanes(dy, [n, 1, height, width], table), [n, 1, area * block]);
    const plus = (array: LoweredValue) =>
      sum === undefined ? array : write.emit("Add", [array, write.reshape(sum, view)]);
    const finite = () =>
      write.branch(
        uniqueChannels(mask, shape, table),
        view,
        () => plus(write.emit("Mul", [mask, gradient])),
        () => plus(write.emit("Mul", [firstChannels(mask, shape, table), gradient])),
      );
    // A product would spread what is not finite in dy over all channels.
    const selected = () => {
      const all = write.emit("Max", [mask, write.reshape(nanMask(maps, write), view)]);
      const first = write.emit("Cast", [firstChannels(all, shape, table)], { to: 9 });
      return plus(write.emit("Where", [first, gradient, write.number(0)]));
    };
    const result = write.branch(anyNotFinite([table.plain(y), table.plain(dy)], write), view, selected, finite);
    return asMaps(write.reshape(result, shape));
  };
  table.defer(node.outputs[0]!, { activates: false, emit });
}

/** 1 where an array is ≥ 0, else 0. */
const atMaximum = { hardSigmoid: [3e38, 1] } as const;

/** [N·C]: the index of the first maximum of every map. */
function firstPosition(maps: BlockedTensor, largest: LoweredValue, table: LayoutTable): LoweredValue {
  const { nchwc, write, block } = table;
  const [n, channels, height, width] = maps.shape;
  const [area, planes, all] = [height * width, (n * channels) / block, n * channels];
  // Clamped, because ∞ − ∞ would be NaN.
  const finite = write.emit("Min", [write.reshape(largest, [all]), write.number(largestFloat)]);
  const bias = write.emit("Neg", [finite]);
  const images = nchwc.viewAs(maps, [1, all, height, width]);
  const mask = nchwc.viewAs(nchwc.affine(images, nchwc.ones(all), { bias, activation: atMaximum }), [
    planes,
    block,
    height,
    width,
  ]);
  const ramp = (name: string, at: (s: number) => number) =>
    write.once(`${name}_${height}_${width}`, () =>
      tensor(
        "float32",
        [block, 1, height, width],
        Float32Array.from({ length: area * block }, (_, i) => at(Math.floor(i / block))),
      ),
    );
  const left = () =>
    write.reshape(
      ramp("positions_left", (s) => area - s),
      [1, area * block],
    );
  /** The first 1 of a mask, [N·C/b, H·W·b]. */
  const firstOf = (ones: LoweredValue) => {
    const scores = write.emit("Mul", [ones, left()]);
    const best = nchwc.globalPool("GlobalMaxPool", asMaps(write.reshape(scores, mask.shape)));
    return write.emit("Sub", [write.number(area), write.reshape(best, [all])]);
  };
  const withNaN = () => {
    const view = [planes, area, block];
    const x = write.reshape(maps, view);
    const isLargest = write.emit("Equal", [x, write.reshape(largest, [planes, 1, block])]);
    const either = write.emit("Or", [isLargest, write.emit("IsNaN", [x])]);
    return firstOf(write.reshape(write.emit("Cast", [either], { to: 1 }), [planes, area * block]));
  };
  const share = write.emit("ReduceMax", [nchwc.globalPool("GlobalAveragePool", mask)], { keepdims: 0 });
  const only = () => {
    const indices = ramp("positions", (s) => s);
    return write.reshape(nchwc.conv(mask, indices, { group: block }), [all]);
  };
  const withoutNaN = () =>
    write.branch(write.emit("Less", [share, write.number(1.5 / area)]), [all], only, () =>
      firstOf(write.reshape(mask, [planes, area * block])),
    );
  return write.branch(mayHoldNaN(largest, write), [all], withNaN, withoutNaN);
}

/** [N, C/b, H·W·b]: 1 where a channel holds the maximum of its position, else 0. */
function channelMask(maps: BlockedTensor, largest: Value, table: LayoutTable): LoweredValue {
  const { write, block } = table;
  const [n, channels, height, width] = maps.shape;
  const area = height * width;
  const lanes = inLanes(largest, [n, 1, height, width], table);
  const isLargest = write.emit("Equal", [
    write.reshape(maps, [n, channels / block, area * block]),
    write.reshape(lanes, [n, 1, area * block]),
  ]);
  return write.emit("Cast", [isLargest], { to: 1 });
}

/** Whether no position has its maximum twice. */
function uniqueChannels(
  mask: LoweredValue,
  [n, channels, height, width]: BlockedTensor["shape"],
  table: LayoutTable,
): LoweredValue {
  const { nchwc, write, block } = table;
  const winners = write.emit("MatMul", [
    write.reshape(mask, [(n * channels * height * width) / block, block]),
    nchwc.filled(1, [block, 1]),
  ]);
  const perPosition = write.reshape(winners, [n, channels / block, height * width]);
  const most = write.emit(
    "ReduceMax",
    [channels === block ? perPosition : write.reduce("ReduceSum", perPosition, [1], true)],
    { keepdims: 0 },
  );
  return write.emit("Less", [most, write.number(1.5)]);
}

/** The mask, with only the first 1 of every position. */
function firstChannels(
  mask: LoweredValue,
  [n, channels, height, width]: BlockedTensor["shape"],
  table: LayoutTable,
): LoweredValue {
  const { write, block } = table;
  const [area, blocks] = [height * width, channels / block];
  const left = write.once(`channels_left_${channels}`, () =>
    tensor(
      "float32",
      [1, blocks, 1, block],
      Float32Array.from({ length: channels }, (_, c) => channels - c),
    ),
  );
  const scores = write.emit("Mul", [write.reshape(mask, [n, blocks, area, block]), left]);
  const best = write.reduce("ReduceMax", scores, [1, 3], true);
  const first = write.emit("Cast", [write.emit("Equal", [scores, best])], { to: 1 });
  return write.reshape(first, [n, blocks, area * block]);
}

/** Sums, means and maxima, and the gradient of maxima. */
export const reduceRules: readonly BlockedRule[] = [reduce, maxGrad];
