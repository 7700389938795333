import type { Value } from "../../src/graph/graph.js";
import { globalAveragePool } from "../../src/nn/index.js";
import { type ConvAttributes, convOp, windowCount } from "../../src/ops/conv.js";
import * as o from "../../src/ops/index.js";
import { apply } from "../../src/ops/operands.js";
import type { Draw } from "./draw.js";
import type { Builder } from "./network.js";

/** A layer writes itself behind a map [N,C,H,W]; where it does not fit it returns the map as it is. */
type Layer = (x: Value, draw: Draw, net: Builder) => Value;

const sizesOf = (x: Value) => x.shape as [number, number, number, number];

const activations: readonly ((x: Value, draw: Draw) => Value)[] = [
  o.relu,
  o.relu,
  o.relu,
  (x, draw) => o.leakyRelu(x, draw.pick([0.01, 0.2])),
  o.sigmoid,
  o.hardSigmoid,
  o.gelu,
  o.silu,
  o.hardSwish,
  o.relu6,
  o.tanh,
  o.softplus,
];
const activation: Layer = (x, draw, net) =>
  draw.chance(0.1)
    ? o.prelu(x, net.vector(draw.chance(0.5) ? 1 : sizesOf(x)[1], draw))
    : draw.pick(activations)(x, draw);

interface Geometry extends ConvAttributes {
  readonly filters: number;
  readonly kernel: readonly [number, number];
}

/** Any geometry of a convolution; `same` keeps the size of the map. */
function drawGeometry(x: Value, draw: Draw, { same = false, filters }: { same?: boolean; filters?: number }): Geometry {
  const channels = sizesOf(x)[1];
  const two = <T>(share: number, choose: () => T): [T, T] => {
    const first = choose();
    return [first, draw.chance(share) ? choose() : first];
  };
  const kernel = two(0.3, () => draw.pick(same ? [1, 3, 3, 5, 7] : [1, 1, 2, 3, 3, 3, 5, 7]));
  const dilations = two(0.3, () => (draw.chance(0.7) ? 1 : draw.between(2, 3)));
  const strides = same || draw.chance(0.5) ? ([1, 1] as const) : two(0.3, () => draw.between(1, 3));
  const half = kernel.map((k, i) => (dilations[i]! * (k - 1)) / 2) as [number, number];
  const style = same ? "same" : draw.pick(["same", "none", "any"] as const);
  const side = () => draw.between(0, 3);
  const pads =
    style === "none"
      ? ([0, 0, 0, 0] as const)
      : style === "any"
        ? ([side(), side(), side(), side()] as const)
        : ([...half.map(Math.floor), ...half.map(Math.ceil)] as unknown as ConvAttributes["pads"]);
  const divisors = Array.from({ length: channels }, (_, i) => i + 1).filter((d) => channels % d === 0);
  const group = draw.chance(0.5) ? 1 : draw.chance(0.5) ? channels : draw.pick(divisors);
  const wanted = filters ?? draw.channels();
  return {
    kernel,
    strides,
    dilations,
    pads,
    group: wanted % group ? 1 : group,
    filters: wanted,
  };
}

const attributesOf = ({ strides, pads, dilations, group }: Geometry): ConvAttributes => ({
  strides,
  pads,
  dilations,
  group,
});

/** A convolution of the first geometry drawn that fits the map and what may be computed; none after some tries. */
function convolution(x: Value, draw: Draw, net: Builder, fixed: { same?: boolean; filters?: number } = {}): Value {
  const [n, channels, height, width] = sizesOf(x);
  for (let tries = 0; tries < 12; tries++) {
    const g = drawGeometry(x, draw, fixed);
    const oh = windowCount(height, g.kernel[0], g.strides[0], g.pads[0] + g.pads[2], g.dilations[0]);
    const ow = windowCount(width, g.kernel[1], g.strides[1], g.pads[1] + g.pads[3], g.dilations[1]);
    const macs = n * oh * ow * g.filters * (channels / g.group) * g.kernel[0] * g.kernel[1];
    if (oh < 1 || ow < 1 || !net.allows(macs, n * g.filters * oh * ow)) continue;
    const weight = net.weight([g.filters, channels / g.group, ...g.kernel], draw);
    const inputs = draw.chance(0.5) ? [x, weight] : [x, weight, net.vector(g.filters, draw)];
    return apply(convOp, inputs, attributesOf(g));
  }
  return fixed.filters === undefined || fixed.filters === channels ? x : pointwise(x, fixed.filters, draw, net);
}

/** A 1×1 convolution. */
const pointwise = (x: Value, filters: number, draw: Draw, net: Builder): Value =>
  o.conv(x, net.weight([filters, sizesOf(x)[1], 1, 1], draw));

/** The transposed convolution, as decoders use it. */
const transposedConvolution: Layer = (x, draw, net) => {
  const [n, channels, height, width] = sizesOf(x);
  const groups = draw.pick([1, 2, 4, channels].filter((g) => channels % g === 0));
  const filters = groups * draw.between(1, Math.ceil(12 / groups));
  const [k, stride, dilation] = [draw.between(1, 4), draw.between(1, 3), draw.pick([1, 1, 2])];
  const padding = draw.between(0, 2);
  const outputPadding = draw.between(0, Math.max(stride, dilation) - 1);
  const size = [height, width].map((s) => (s - 1) * stride + dilation * (k - 1) + 1 - 2 * padding + outputPadding);
  const macs = (n * height * width * channels * filters * k * k) / groups;
  if (size.some((s) => s < 1 + outputPadding) || !net.allows(macs, n * filters * size[0]! * size[1]!)) return x;
  const weight = net.weight([channels, filters / groups, k, k], draw);
  const bias = draw.chance(0.5) ? net.vector(filters, draw) : undefined;
  return o.convTranspose(x, weight, bias, { stride, padding, dilation, groups, outputPadding });
};

/** Convolution, batch norm, rectifier: the parts of all networks. */
const block: Layer = (x, draw, net) => o.relu(net.batchNorm(convolution(x, draw, net), draw));

/** A branch that keeps the shape of the map. */
const branch: Layer = (x, draw, net) => {
  const inner = net.batchNorm(convolution(x, draw, net, { same: true }), draw);
  return net.batchNorm(
    convolution(activation(inner, draw, net), draw, net, { same: true, filters: sizesOf(x)[1] }),
    draw,
  );
};

const residual: Layer = (x, draw, net) => {
  const y = o.add(branch(x, draw, net), x);
  return draw.chance(0.7) ? o.relu(y) : y;
};

/** One value read three times. */
const thrice: Layer = (x, draw, net) => o.add(o.add(x, branch(x, draw, net)), o.mul(x, o.sigmoid(x)));

/** Adds an earlier map of the same shape, if there is one, through no, one or two operators. */
const skip: Layer = (x, draw, net) => {
  const earlier = net.values.filter((v) => v !== x && String(v.shape) === String(x.shape));
  if (!earlier.length) return o.add(x, x);
  const other = draw.pick(earlier);
  return draw.pick([o.add, o.add, o.mul, o.sub, o.maximum, o.minimum])(x, draw.chance(0.5) ? other : o.tanh(other));
};

const maxPool: Layer = (x, draw) => {
  const kernel = [draw.between(1, 3), draw.between(1, 3)] as const;
  const padding = draw.chance(0.5) ? kernel.map((k) => Math.floor(k / 2)) : [0, 0];
  const dilation = draw.pick([1, 1, 1, 2]);
  // Windows of the dilated kernel fit even without the padding, so that none holds padding only.
  const fits = kernel.every(
    (k, i) => dilation * (k - 1) + 1 <= sizesOf(x)[2 + i]! + (dilation === 1 ? 2 * padding[i]! : 0),
  );
  if (!fits) return x;
  return o.maxPool(x, {
    ceilMode: draw.chance(0.4),
    dilation,
    kernelSize: kernel,
    stride: [draw.between(1, 3), draw.between(1, 3)],
    padding: [padding[0]!, padding[1]!],
  });
};

const averagePool: Layer = (x, draw) => {
  const kernel = [draw.between(1, 3), draw.between(1, 3)] as const;
  const padding = draw.chance(0.5) ? kernel.map((k) => Math.floor(k / 2)) : [0, 0];
  if (kernel.some((k, i) => k > sizesOf(x)[2 + i]! + 2 * padding[i]!)) return x;
  const stride = [draw.between(1, 3), draw.between(1, 3)] as const;
  return o.averagePool(x, {
    kernelSize: kernel,
    stride,
    padding: [padding[0]!, padding[1]!],
    countPadding: draw.chance(0.5),
  });
};

const resample: Layer = (x, draw, net) => {
  const [n, c, height, width] = sizesOf(x);
  const size = [draw.between(1, Math.min(17, 2 * height)), draw.between(1, Math.min(17, 2 * width))] as const;
  if (!net.allows(0, n * c * Math.max(size[0] * size[1], 2 * height * width))) return x;
  return draw.pick([
    () => o.adaptiveAveragePool(x, size),
    () => o.resize(x, size, { mode: "nearest" }),
    () => o.resize(x, size, { mode: "bilinear", alignCorners: draw.chance(0.5) }),
    () => o.resize(x, [height, 2 * width], { mode: draw.pick(["nearest", "bilinear"] as const) }),
    () => o.replicatePad(x, draw.between(0, 2)),
  ])();
};

const gateFunction = (x: Value, draw: Draw): Value => draw.pick([o.sigmoid, o.sigmoid, o.hardSigmoid])(x);

/** x · σ(MLP(pooled x)), a number for each channel. */
const channelGate: Layer = (x, draw, net) => {
  const [n, c] = sizesOf(x);
  const hidden = draw.between(1, 16);
  const [w1, w2, b] = [net.weight([hidden, c], draw), net.weight([c, hidden], draw), net.vector(c, draw)];
  const mlp = (pooled: Value) =>
    o.add(o.matMul(o.relu(o.matMul(pooled, w1, { transB: true })), w2, { transB: true }), b);
  const flat = { keepdims: false };
  const logits = draw.pick([
    () => mlp(globalAveragePool(x)),
    () => mlp(o.reduceMax(x, [2, 3], flat)),
    () => o.add(mlp(globalAveragePool(x)), mlp(o.reduceMax(x, [2, 3], flat))),
    () => mlp(o.reduceLogSumExp(x, [2, 3], flat)),
  ])();
  return o.mul(x, o.reshape(gateFunction(logits, draw), [n, c, 1, 1]));
};

/** x · σ(conv of the channels' mean and maximum), a number for each position. */
const spatialGate: Layer = (x, draw, net) => {
  const k = draw.pick([1, 3, 7]);
  const maps = o.concat([o.reduceMean(x, [1]), o.reduceMax(x, [1])], 1);
  return o.mul(
    x,
    gateFunction(o.conv(maps, net.weight([1, 2, k, k], draw), undefined, { padding: (k - 1) / 2 }), draw),
  );
};

/** x · σ(1×1 conv of the mean over rows or columns): gates [N,C,H,1] or [N,C,1,W]. */
const stripGate: Layer = (x, draw, net) => {
  const strip = o.reduceMean(x, [draw.pick([2, 3])]);
  return o.mul(x, gateFunction(pointwise(strip, sizesOf(x)[1], draw, net), draw));
};

/** A convolution along the pooled channels: a gate from neighbors. */
const neighborGate: Layer = (x, draw, net) => {
  const [n, c] = sizesOf(x);
  const row = o.reshape(o.reduceMean(x, [2, 3]), [n, 1, 1, c]);
  const logits = o.conv(row, net.weight([1, 1, 1, 3], draw), undefined, { padding: [0, 1] });
  return o.mul(x, o.sigmoid(o.reshape(logits, [n, c, 1, 1])));
};

/** Parts of the channels go separate ways and meet again; perhaps shuffled. */
const split: Layer = (x, draw, net) => {
  const [n, c, h, w] = sizesOf(x);
  if (c < 2) return x;
  const at = draw.between(1, c - 1);
  const changed = activation(convolution(o.slice(x, 1, 0, at), draw, net, { same: true, filters: at }), draw, net);
  const parts = draw.chance(0.5) ? [changed, o.slice(x, 1, at)] : [o.slice(x, 1, at), changed, o.slice(x, 1, 0, 1)];
  const y = o.concat(parts, 1);
  const all = sizesOf(y)[1];
  if (all % 2 || draw.chance(0.5)) return y;
  return o.reshape(o.transpose(o.reshape(y, [n, 2, all / 2, h, w]), [0, 2, 1, 3, 4]), [n, all, h, w]);
};

/** Attention over positions, or over channels. */
const attention: Layer = (x, draw, net) => {
  const [n, c, h, w] = sizesOf(x);
  const [positions, d] = [h * w, draw.between(1, 8)];
  if (!net.allows(2 * n * positions * positions * Math.max(c, d), n * positions * positions)) return x;
  const flat = (v: Value) => o.reshape(v, [n, sizesOf(v)[1], positions]);
  const values = flat(draw.chance(0.5) ? pointwise(x, c, draw, net) : x);
  const scale = net.vector(1, draw);
  const mixed = draw.pick([
    () => {
      const [q, k] = [flat(pointwise(x, d, draw, net)), flat(pointwise(x, d, draw, net))];
      const weights = o.softmax(o.mul(o.matMul(q, k, { transA: true }), 1 / Math.sqrt(d)), -1);
      return o.matMul(values, weights, { transB: true });
    },
    () => o.matMul(o.softmax(o.mul(o.matMul(values, values, { transB: true }), 1 / positions), -1), values),
    () => o.mul(values, o.softmax(flat(pointwise(x, 1, draw, net)), 2)),
  ])();
  return o.add(o.mul(o.reshape(mixed, [n, c, h, w]), scale), x);
};

/** The map turned, convolved and turned back, so that the layer mixes other axes. */
const turned: Layer = (x, draw, net) => {
  const perm = draw.pick([
    [0, 2, 1, 3],
    [0, 3, 2, 1],
    [0, 1, 3, 2],
    [0, 2, 3, 1],
  ]);
  const inner = o.transpose(x, perm);
  const y = convolution(inner, draw, net, { same: true, filters: sizesOf(inner)[1] });
  return o.transpose(
    y,
    perm.map((_, i) => perm.indexOf(i)),
  );
};

/** Layer norm of the channels at each position. */
const layerNorm: Layer = (x, draw, net) => {
  const [, c] = sizesOf(x);
  const last = o.transpose(x, [0, 2, 3, 1]);
  const centered = o.sub(last, o.reduceMean(last, [3]));
  const deviation = o.sqrt(o.add(o.reduceMean(o.square(centered), [3]), 1e-3));
  const y = o.add(o.mul(o.div(centered, deviation), net.vector(c, draw)), net.vector(c, draw));
  return o.transpose(y, [0, 3, 1, 2]);
};

const groupNorm: Layer = (x, draw, net) => {
  const [, c] = sizesOf(x);
  const groups = draw.pick([1, 2, 4, 8].filter((g) => c % g === 0));
  return o.groupNorm(x, groups, net.vector(c, draw), net.vector(c, draw), 1e-3);
};

/** Channels become pixels, or pixels channels. */
const pixelShuffle: Layer = (x, draw) => {
  const [, c, h, w] = sizesOf(x);
  const factor = draw.between(2, 3);
  if (c % factor ** 2 === 0) return o.pixelShuffle(x, factor);
  return h % factor || w % factor ? x : o.pixelUnshuffle(x, factor);
};

/** Operators that the layers above do not have, with arguments where they are smooth. */
const arithmetic: Layer = (x, draw) =>
  draw.pick([
    () => o.softmax(x, 1),
    () => o.logSoftmax(x, draw.pick([1, 3])),
    () => o.div(x, o.add(o.abs(x), 1)),
    () => o.exp(o.mul(0.5, o.tanh(x))),
    () => o.log(o.add(o.square(x), 1)),
    () => o.sqrt(o.add(o.square(x), 0.5)),
    () => o.where(o.greater(x, 0.1), o.mul(x, 2), o.neg(x)),
    () => o.mul(o.reciprocal(o.add(1.5, o.sigmoid(x))), x),
    () => o.sub(o.reduceMax(x, [draw.pick([1, 2, 3])]), x),
    () => o.add(x, o.mul(0.2, o.reduceSum(x, [draw.pick([1, 2, 3])]))),
    () => o.pad(x, { axis: draw.between(1, 3), before: draw.between(0, 2), after: 1 }),
    () => o.clip(x, -0.7, 0.9),
    () => o.pow(o.add(o.abs(x), 0.5), draw.pick([-1.5, 0.5, 1.5])),
    () => o.pow(o.tanh(x), draw.between(1, 3)),
  ])();

/** Maxima of two numbers, so with ties: all must choose the first, which shows in the gradients of the parameters that hold the numbers. */
const ties: Layer = (x, draw, net) => {
  const sizes = x.shape.slice(1) as number[];
  const chosen = o.where(o.greater(x, 0), net.filled(sizes, draw, 0.5), net.filled(sizes, draw, -0.5));
  const most = draw.chance(0.5)
    ? o.reduceMax(chosen, draw.pick([[1], [2], [3], [2, 3]]))
    : o.maxPool(chosen, { kernelSize: 3, stride: 1, padding: 1 });
  return o.add(x, most);
};

/** Elements, or whole channels, left out at random. */
const dropout: Layer = (x, draw, net) => {
  if (!net.graph.training) return x;
  const [n, c] = sizesOf(x);
  const mask = net.graph.random(draw.chance(0.5) ? [n, c, 1, 1] : sizesOf(x));
  return o.mul(x, o.mul(o.cast(o.greater(mask, 0.3)), 1 / 0.7));
};

/** 3×3 convolutions of whole blocks, which Winograd's algorithm is for; others are drawn too seldom. */
export const wholeBlocks: Layer = (x, draw, net) => {
  const [n, , height, width] = sizesOf(x);
  const [filters, more] = [draw.pick([16, 16, 32]), draw.pick([16, 16, 32])];
  if (!net.allows(9 * n * height * width * filters * more, n * height * width * Math.max(filters, more))) return x;
  const conv = (from: Value) => {
    const weight = net.weight([more, sizesOf(from)[1], 3, 3], draw);
    return o.conv(from, weight, draw.chance(0.5) ? net.vector(more, draw) : undefined, { padding: 1 });
  };
  const y = o.relu(net.batchNorm(conv(pointwise(x, filters, draw, net)), draw));
  return draw.chance(0.5) ? y : o.add(y, conv(y));
};

/** x and a learned array of its own shape or less: of positions, rows, channels, with fewer axes than x or with axes of one element. */
const broadcast: Layer = (x, draw, net) => {
  const [, c, h, w] = sizesOf(x);
  const shape = draw.pick([[h, w], [1, h, w], [1, 1, h, w], [w], [h, 1], [c, 1, 1], [1, c, 1, 1], [c, h, w], [1]]);
  return draw.pick([o.add, o.add, o.mul, o.sub])(x, net.weight(shape, draw));
};

/** Every kind of layer, and how often it is drawn. */
export const layers: readonly (readonly [name: string, share: number, layer: Layer])[] = [
  ["conv", 4, (x, draw, net) => convolution(x, draw, net)],
  ["block", 5, block],
  ["batch norm", 1, (x, draw, net) => net.batchNorm(x, draw)],
  ["activation", 2, activation],
  ["residual", 4, residual],
  ["thrice", 1, thrice],
  ["skip", 2, skip],
  ["max pool", 2, maxPool],
  ["ties", 1, ties],
  ["average pool", 2, averagePool],
  ["resample", 2, resample],
  ["transposed conv", 1, transposedConvolution],
  ["channel gate", 2, channelGate],
  ["spatial gate", 2, spatialGate],
  ["strip gate", 1, stripGate],
  ["neighbor gate", 1, neighborGate],
  ["split", 2, split],
  ["attention", 2, attention],
  ["turned", 1, turned],
  ["layer norm", 1, layerNorm],
  ["group norm", 1, groupNorm],
  ["pixel shuffle", 1, pixelShuffle],
  ["arithmetic", 3, arithmetic],
  ["broadcast", 2, broadcast],
  ["dropout", 1, dropout],
];
