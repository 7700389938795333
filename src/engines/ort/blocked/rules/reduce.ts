import { fourSizes } from "../../../../core/shape.js";
import { tensor } from "../../../../core/tensor.js";
import { attributesOf } from "../../../../formats/onnx/writer.js";
import type { Value } from "../../../../graph/graph.js";
import { type Reduction, sumOver } from "../../rules/sums.js";
import { anyNotFinite, exactMaximum, largestFloat, mayHoldNaN, nanMask } from "../../rules/training.js";
import type { BlockedRule, Forms } from "../forms.js";
import { layoutOf } from "../layout.js";
import type { Maps } from "../writer.js";
import { inLanes } from "./elementwise.js";

const isAxes = (axes: readonly number[], ...expected: readonly number[]) =>
  axes.length === expected.length && expected.every((axis) => axes.includes(axis));

/** Sums, means and maxima, by the axes that they go over. */
const reduce: BlockedRule = (node, forms) => {
  const [x] = node.inputs as [Value];
  const [y] = node.outputs as [Value];
  const { axes, keepdims } = attributesOf<Reduction>(node);
  const kind = node.op.name as "ReduceSum" | "ReduceMean" | "ReduceMax";
  const packed = forms.packed(x);
  // A sum over everything does not ask for the order; what fills up the blocks is zero.
  if (packed && kind === "ReduceSum" && axes.length === x.shape.length) {
    forms.lowering.define(y, forms.rules.get(kind)!(node, [packed.name], forms.write)[0]!);
    return true;
  }
  const { write, to, block } = forms;
  // Over the taps of a weight: what is left is a weight of one tap.
  if (packed && keepdims && isAxes(axes, 2, 3)) {
    const { split, perm } = packed.layout;
    const inMemory = perm.map((axis) => split[axis]!);
    const sums = write.reduce(kind, write.reshape(packed.name, inMemory), [perm.indexOf(split.length - 1)], true);
    const layout = layoutOf(packed.layout.kind, y.shape as readonly number[], block);
    forms.setPacked(y, layout, write.reshape(sums, layout.shape));
    return true;
  }
  if (!forms.isMaps(x)) return false;
  const shape = fourSizes(x.shape);
  const [n, channels, height, width] = shape;
  const define = (name: string, from: readonly number[]) => {
    forms.lowering.define(y, to.view(name, from, y.shape as readonly number[]));
    return true;
  };
  // Padded channels are zeros, which no mean or maximum of another channel sees.
  if (isAxes(axes, 2, 3))
    return define(
      exact(kind, (k) => overPositions(k, x, forms), forms),
      [n, channels, 1, 1],
    );
  if (isAxes(axes, 0, 2, 3) && kind !== "ReduceMax") {
    const perImage = write.reshape(overPositions(kind, x, forms), [n, channels]);
    return define(sumOver(kind, perImage, [n, channels], { axes: [0], keepdims: false }, write), [channels]);
  }
  if (forms.isPadded(x)) return false;
  if (isAxes(axes, 1))
    return define(
      exact(kind, (k) => overChannels(k, forms.maps(x), forms), forms),
      [n, 1, height, width],
    );
  if (!keepdims || axes.length !== 1) return false;
  // Along rows or columns: pooling over whole ones, in half the time of a reduction or less.
  if (axes[0] !== 2 && axes[0] !== 3) return false;
  const kernel = axes[0] === 3 ? ([1, width] as const) : ([height, 1] as const);
  const pool = (k: Kind) => to.pool(k === "ReduceMax" ? "MaxPool" : "AveragePool", forms.maps(x), kernel, {}).name;
  const factor = kind === "ReduceSum" ? shape[axes[0]] : 1;
  const pooled = axes[0] === 3 ? ([n, channels, height, 1] as const) : ([n, channels, 1, width] as const);
  forms.setMaps(y, { name: scaled(exact(kind, pool, forms), factor, pooled, forms), shape: pooled });
  return true;
};

type Kind = "ReduceSum" | "ReduceMean" | "ReduceMax";

/** A maximum with what ONNX Runtime's kernels miss; sums and means as they are. */
function exact(kind: Kind, reduceTo: (kind: Kind) => string, { write }: Forms): string {
  const name = reduceTo(kind);
  return kind === "ReduceMax" ? exactMaximum(name, reduceTo("ReduceMean"), write) : name;
}

/** An array of this shape times a number, as a vector: a number is broadcast slowly over an array whose last axis is 1. */
function scaled(name: string, factor: number, shape: readonly number[], { write }: Forms): string {
  if (factor === 1) return name;
  return write.reshape(write.emit("Mul", [write.reshape(name, [-1]), write.number(factor)]), shape);
}

/** [N,C,1,1]: pooling, which passes over the maps once and by all threads (a reduction of the lanes' axis takes 20 times as long). */
function overPositions(kind: "ReduceSum" | "ReduceMean" | "ReduceMax", x: Value, forms: Forms): string {
  const { to, write } = forms;
  const shape = x.shape as readonly number[];
  const area = shape[2]! * shape[3]!;
  const product = kind === "ReduceMax" ? undefined : forms.pending(x)?.product;
  if (product) forms.takePending(x);
  const maps = product ? product[0] : forms.maps(x);
  const [n, channels] = maps.shape;
  const name = product
    ? to.dot(product[0], product[1])
    : kind === "ReduceMax"
      ? to.globalPool("GlobalMaxPool", maps)
      : to.means(maps);
  // Pooling gives means, products give sums.
  const scale = product ? (kind === "ReduceSum" ? 1 : 1 / area) : kind === "ReduceSum" ? area : 1;
  const whole = [n, channels, 1, 1];
  return forms.crop(write.reshape(scaled(name, scale, whole, forms), whole), whole, [n, shape[1]!, 1, 1]);
}

/** [N,1,H,W]. Sums of lanes are a product with ones; maxima are taken block by block, then over the lanes. */
function overChannels(kind: "ReduceSum" | "ReduceMean" | "ReduceMax", maps: Maps, forms: Forms): string {
  const { to, write, block } = forms;
  const [n, channels, height, width] = maps.shape;
  const [blocks, area] = [channels / block, height * width];
  if (kind === "ReduceMax") {
    const lanes =
      blocks === 1 ? maps.name : write.reduce(kind, write.reshape(maps.name, [n, blocks, area * block]), [1], true);
    return write.reshape(write.reduce(kind, write.reshape(lanes, [n * area, block]), [1], true), [n, 1, height, width]);
  }
  const weight = to.filled(kind === "ReduceMean" ? 1 / channels : 1, [block, 1]);
  const sums = write.emit("MatMul", [write.reshape(maps.name, [n * blocks * area, block]), weight]);
  const perBlock = write.reshape(sums, [n, blocks, area]);
  const total = blocks === 1 ? perBlock : write.reduce("ReduceSum", perBlock, [1], true);
  return write.reshape(total, [n, 1, height, width]);
}

/**
 * All of dy goes to the first of the largest elements: few numbers, which are added to whatever else reaches x (so a result that
 * is waited for). Where is found by one pass that leaves 1 at the maxima and 0 elsewhere: its product with the indices is the
 * index, unless a maximum occurs twice. That is looked up, and only then are the indices compared.
 */
const maxGrad: BlockedRule = (node, forms) => {
  const [dy, x, y] = node.inputs as [Value, Value, Value];
  const { axes } = attributesOf<Reduction>(node);
  if (!forms.isMaps(x) || forms.isPadded(x)) return false;
  const { write, block, lowering } = forms;
  const shape = fourSizes(x.shape);
  const [n, channels, height, width] = shape;
  const [area, planes] = [height * width, (n * channels) / block];
  const addAt = (view: readonly number[], indices: string, indexShape: readonly number[], sum: string | undefined) => {
    const data =
      sum === undefined ? write.emit("Expand", [write.number(0), write.ints(view)]) : write.reshape(sum, view);
    // Where the largest is −∞ all are, and differences from it NaN: the first is the first position.
    const isPlace = write.emit("GreaterOrEqual", [indices, write.number(0)]);
    const known = write.emit("Where", [isPlace, indices, write.number(0)]);
    const places = write.reshape(write.emit("Cast", [known], { to: 7 }), indexShape);
    const numbers = write.reshape(lowering.plain(dy), indexShape);
    const result = write.emit("ScatterElements", [data, places, numbers], { axis: 1, reduction: "add" });
    return { name: write.reshape(result, shape), shape };
  };
  if (isAxes(axes, 2, 3)) {
    const first = firstPosition(forms.maps(x), lowering.plain(y), forms);
    const emit = ({ sum }: { readonly sum?: string | undefined }) =>
      addAt([planes, area, block], first, [planes, 1, block], sum);
    forms.setPending(node.outputs[0]!, { activates: false, emit });
    return true;
  }
  if (isAxes(axes, 1)) {
    const maps = forms.maps(x);
    const mask = channelMask(maps, y, forms);
    const emit = ({ sum }: { readonly sum?: string | undefined }) => {
      const view = [n, channels / block, area * block];
      const gradient = write.reshape(inLanes(dy, [n, 1, height, width], forms), [n, 1, area * block]);
      const plus = (name: string) => (sum === undefined ? name : write.emit("Add", [name, write.reshape(sum, view)]));
      const finite = () =>
        write.branch(
          uniqueChannels(mask, shape, forms),
          view,
          () => plus(write.emit("Mul", [mask, gradient])),
          () => plus(write.emit("Mul", [firstChannels(mask, shape, forms), gradient])),
        );
      // A product would spread what is not finite in dy over all channels.
      const selected = () => {
        const all = write.emit("Max", [mask, write.reshape(nanMask(maps.name, write), view)]);
        const first = write.emit("Cast", [firstChannels(all, shape, forms)], { to: 9 });
        return plus(write.emit("Where", [first, gradient, write.number(0)]));
      };
      const name = write.branch(anyNotFinite([lowering.plain(y), lowering.plain(dy)], write), view, selected, finite);
      return { name: write.reshape(name, shape), shape };
    };
    forms.setPending(node.outputs[0]!, { activates: false, emit });
    return true;
  }
  return false;
};

/** 1 where an array reaches 0 and 0 where it is below. */
const atMaximum = { hardSigmoid: [3e38, 1] } as const;

/** [N·C]: the index of the first position of every map that holds its largest element. */
function firstPosition(maps: Maps, largest: string, forms: Forms): string {
  const { to, write, block } = forms;
  const [n, channels, height, width] = maps.shape;
  const [area, planes, all] = [height * width, (n * channels) / block, n * channels];
  // Subtracted in place of +∞ it leaves +∞ above 0, where ∞ − ∞ would be NaN.
  const finite = write.emit("Min", [write.reshape(largest, [all]), write.number(largestFloat)]);
  const bias = write.emit("Neg", [finite]);
  const images = to.viewMaps(maps, [1, all, height, width]);
  const mask = to.viewMaps(to.affine(images, to.ones(all), { bias, activation: atMaximum }), [
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
  const firstOf = (ones: string) => {
    const scores = write.emit("Mul", [ones, left()]);
    const best = to.globalPool("GlobalMaxPool", { name: write.reshape(scores, mask.shape), shape: mask.shape });
    return write.emit("Sub", [write.number(area), write.reshape(best, [all])]);
  };
  const withNaN = () => {
    const view = [planes, area, block];
    const x = write.reshape(maps.name, view);
    const isLargest = write.emit("Equal", [x, write.reshape(largest, [planes, 1, block])]);
    const either = write.emit("Or", [isLargest, write.emit("IsNaN", [x])]);
    return firstOf(write.reshape(write.emit("Cast", [either], { to: 1 }), [planes, area * block]));
  };
  const share = write.emit("ReduceMax", [to.globalPool("GlobalAveragePool", mask)], { keepdims: 0 });
  const only = () => {
    const indices = ramp("positions", (s) => s);
    return write.reshape(to.conv(mask, indices, [block, 1, height, width], { group: block }).name, [all]);
  };
  const withoutNaN = () =>
    write.branch(write.emit("Less", [share, write.number(1.5 / area)]), [all], only, () =>
      firstOf(write.reshape(mask.name, [planes, area * block])),
    );
  return write.branch(mayHoldNaN(largest, write), [all], withNaN, withoutNaN);
}

/** [N, C/b, H·W·b]: 1 where a channel holds the largest element of its position. */
function channelMask(maps: Maps, largest: Value, forms: Forms): string {
  const { write, block } = forms;
  const [n, channels, height, width] = maps.shape;
  const area = height * width;
  const lanes = inLanes(largest, [n, 1, height, width], forms);
  const isLargest = write.emit("Equal", [
    write.reshape(maps.name, [n, channels / block, area * block]),
    write.reshape(lanes, [n, 1, area * block]),
  ]);
  return write.emit("Cast", [isLargest], { to: 1 });
}

/** Whether no position has its largest element twice. */
function uniqueChannels(mask: string, [n, channels, height, width]: Maps["shape"], forms: Forms): string {
  const { to, write, block } = forms;
  const winners = write.emit("MatMul", [
    write.reshape(mask, [(n * channels * height * width) / block, block]),
    to.filled(1, [block, 1]),
  ]);
  const perPosition = write.reshape(winners, [n, channels / block, height * width]);
  const most = write.emit(
    "ReduceMax",
    [channels === block ? perPosition : write.reduce("ReduceSum", perPosition, [1], true)],
    { keepdims: 0 },
  );
  return write.emit("Less", [most, write.number(1.5)]);
}

/** The mask without all but the first 1 of every position. */
function firstChannels(mask: string, [n, channels, height, width]: Maps["shape"], forms: Forms): string {
  const { write, block } = forms;
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
export const reduceRules = new Map<string, BlockedRule>([
  ["ReduceSum", reduce],
  ["ReduceMean", reduce],
  ["ReduceMax", reduce],
  ["ReduceMaxGrad", maxGrad],
]);
