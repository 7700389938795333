import { fourSizes } from "../../../../core/shape.js";
import type { LoweredValue } from "../../../../formats/onnx/ir.js";
import type { Value } from "../../../../graph/graph.js";
import { reduceMaxGrad } from "../../../../ops/reduce.js";
import { asMaps, type Maps } from "../../maps.js";
import { anyNotFinite, largestFloat, mayHoldNaN } from "../../rules/training.js";
import type { Deferred, LayoutTable } from "../layout-table.js";
import { reasons, rule } from "../rule.js";
import { inLanes } from "./elementwise.js";
import { channelSums, isAxes } from "./reduce.js";

/**
 * dy goes to the first of the largest elements: few numbers, to be added to the other gradients of x, so the result is deferred. One
 * pass leaves 1 at the maxima and 0 elsewhere; its dot product with the indices is the index, unless a maximum occurs twice. That is
 * checked, and only then are the indices compared.
 */
export const maxGrad = rule("reduce", [reduceMaxGrad], ({ inputs, outputs: [dx], attributes: { axes } }, context) => {
  const [, x] = inputs;
  if (!context.isBlocked(x)) return reasons.plain;
  if (context.isPadded(x)) return reasons.padded;
  const gradient = isAxes(axes, 2, 3) ? overPositions : isAxes(axes, 1) ? overChannels : undefined;
  if (!gradient) return "over other axes";
  return (table) => table.defer(dx, { activates: false, emit: gradient(...inputs, table) });
});

/** The gradient of a maximum over positions, to which it adds another array. */
function overPositions(dy: Value, x: Value, y: Value, table: LayoutTable): Deferred["emit"] {
  const { write, block } = table;
  const shape = fourSizes(x.shape);
  const [n, channels, height, width] = shape;
  const planes = (n * channels) / block;
  const view = [planes, height * width, block];
  const indices = firstPosition(table.blocked(x), table.plain(y), table);
  return ({ sum }) => {
    const data =
      sum === undefined ? write.emit("Expand", [write.number(0), write.ints(view)]) : write.reshape(sum, view);
    // Where the largest is −∞ all are, and differences from it NaN: the first is the first position.
    const isPlace = write.emit("GreaterOrEqual", [indices, write.number(0)]);
    const known = write.emit("Where", [isPlace, indices, write.number(0)]);
    const places = write.reshape(write.cast(known, "int64"), [planes, 1, block]);
    const numbers = write.reshape(table.plain(dy), [planes, 1, block]);
    const result = write.emit("ScatterElements", [data, places, numbers], { axis: 1, reduction: "add" });
    return write.reshape(result, shape);
  };
}

/** The gradient of a maximum over channels, to which it adds another array. */
function overChannels(dy: Value, x: Value, y: Value, table: LayoutTable): Deferred["emit"] {
  const { nchwc, write, block } = table;
  const shape = fourSizes(x.shape);
  const [n, channels, height, width] = shape;
  const length = height * width * block;
  const view = [n, channels / block, length];
  const lanes = (value: Value) => write.reshape(inLanes(value, [n, 1, height, width], table), [n, 1, length]);
  const maps = table.blocked(x);
  // Not by comparing: a cast of so many booleans runs on one thread.
  const negative = asMaps(write.reshape(write.emit("Neg", [table.plain(y)]), [n, 1, height, width]));
  const everywhere = nchwc.conv(negative, nchwc.ones(channels), {});
  const marks = nchwc.affine(maps, nchwc.ones(channels), { sum: everywhere, activation: atMaximum });
  const mask = write.reshape(marks, view);
  return ({ sum }) => {
    const gradient = lanes(dy);
    const plus = (array: LoweredValue) => table.plus(array, sum && write.reshape(sum, view));
    const finite = () =>
      write.branch(
        isUnique(mask, shape, table),
        () => plus(write.emit("Mul", [mask, gradient])),
        () => plus(write.emit("Mul", [firstChannels(mask, shape, table), gradient])),
      );
    // A product would spread what is not finite in dy over all channels.
    const selected = () => {
      const isLargest = write.emit("Equal", [write.reshape(maps, view), lanes(y)]);
      const isMissing = write.emit("IsNaN", [write.reshape(maps, view)]);
      const all = write.cast(write.emit("Or", [isLargest, isMissing]), "float32");
      const first = write.cast(firstChannels(all, shape, table), "bool");
      return plus(write.emit("Where", [first, gradient, write.number(0)]));
    };
    const result = write.branch(anyNotFinite(table.plain(y), table.plain(dy), write), selected, finite);
    return write.reshape(result, shape);
  };
}

/** 1 where an array is ≥ 0, else 0. */
const atMaximum = { hardSigmoid: [3e38, 1] } as const;

/** [N·C]: the index of the first maximum of every map. */
function firstPosition(maps: Maps, largest: LoweredValue, table: LayoutTable): LoweredValue {
  const { nchwc, write, block } = table;
  const [n, channels, height, width] = maps.shape;
  const [area, all] = [height * width, n * channels];
  const planes = all / block;
  // Clamped, because ∞ − ∞ would be NaN.
  const finite = write.emit("Min", [write.reshape(largest, [all]), write.number(largestFloat)]);
  const bias = write.emit("Neg", [finite]);
  const images = nchwc.view(maps, [1, all, height, width]);
  const ones = nchwc.affine(images, nchwc.ones(all), { bias, activation: atMaximum });
  const mask = nchwc.view(ones, [planes, block, height, width]);
  /** In OIHWBo, which is [positions, b] in memory. */
  const perPosition = (name: string, at: (position: number) => number) =>
    write.table(`${name}_${height}_${width}`, "float32", [block, 1, height, width], (lane, _c, row, column) =>
      at(Math.floor(((lane! * height + row!) * width + column!) / block)),
    );
  /** The first 1 of a mask, [N·C/b, H·W·b]. */
  const firstOf = (marks: LoweredValue) => {
    const left = perPosition("positions_left", (position) => area - position);
    const scores = write.emit("Mul", [marks, write.reshape(left, [1, area * block])]);
    const best = nchwc.globalPool("GlobalMaxPool", write.reshape(scores, mask.shape));
    return write.emit("Sub", [write.number(area), write.reshape(best, [all])]);
  };
  const withNaN = () => {
    const x = write.reshape(maps, [planes, area, block]);
    const isLargest = write.emit("Equal", [x, write.reshape(largest, [planes, 1, block])]);
    const either = write.emit("Or", [isLargest, write.emit("IsNaN", [x])]);
    return firstOf(write.reshape(write.cast(either, "float32"), [planes, area * block]));
  };
  const share = write.emit("ReduceMax", [nchwc.globalPool("GlobalAveragePool", mask)], { keepdims: 0 });
  const only = () => {
    const indices = perPosition("positions", (position) => position);
    return write.reshape(nchwc.conv(mask, indices, { group: block }), [all]);
  };
  const first = () => firstOf(write.reshape(mask, [planes, area * block]));
  const withoutNaN = () => write.branch(write.emit("Less", [share, write.number(1.5 / area)]), only, first);
  return write.branch(mayHoldNaN(largest, write), withNaN, withoutNaN);
}

/** Whether no position has its maximum twice. */
function isUnique(mask: LoweredValue, shape: Maps["shape"], table: LayoutTable): LoweredValue {
  const { write } = table;
  const most = write.emit("ReduceMax", [channelSums(mask, shape, 1, table)], { keepdims: 0 });
  return write.emit("Less", [most, write.number(1.5)]);
}

/** The mask, with only the first 1 of every position. */
function firstChannels(
  mask: LoweredValue,
  [n, channels, height, width]: Maps["shape"],
  { write, block }: LayoutTable,
): LoweredValue {
  const [area, blocks] = [height * width, channels / block];
  const shape = [1, blocks, 1, block];
  const at = (_n: number, c: number, _position: number, lane: number) => channels - c * block - lane;
  const left = write.table(`channels_left_${channels}`, "float32", shape, at);
  const scores = write.emit("Mul", [write.reshape(mask, [n, blocks, area, block]), left]);
  const best = write.reduce("ReduceMax", scores, [1, 3], true);
  const first = write.cast(write.emit("Equal", [scores, best]), "float32");
  return write.reshape(first, [n, blocks, area * block]);
}
