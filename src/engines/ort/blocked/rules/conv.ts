import { fourSizes } from "../../../../core/shape.js";
import { turnedPads } from "../../../../ops/conv.js";
import { type BlockedLayer, layerOf } from "../conv-layer.js";
import type { BlockedRule, Forms, Phases } from "../forms.js";
import { layoutOf, roundUp } from "../layout.js";
import type { Epilogue, Geometry, Maps } from "../writer.js";

/** y: 1.2 to 2 times the speed of the plain operator, which would have to pack a changing weight in each run. */
const conv: BlockedRule = (node, forms) => {
  const layer = layerOf(node, forms);
  const [x, w, bias] = node.inputs;
  if (!layer || (layer.kind !== "stem" && !forms.canBeMaps(x!))) return false;
  // In training, a frozen layer on a plain input: ONNX Runtime packs its constant weight and chooses blocks itself.
  if (forms.isConstant(w!) && !forms.isMaps(x!) && forms.lowering.graph.updates.length > 0) return false;
  const { strides, dilations, group } = layer;
  const { maps: source, pads } =
    layer.kind === "stem"
      ? { maps: { name: forms.lowering.plain(x!), shape: fourSizes(x!.shape) }, pads: layer.pads }
      : padWide(forms.maps(x!), layer.pads, layer, forms);
  const weight = forms.weight(w!, layer.kind);
  const b = bias && forms.vector(bias);
  const geometry = { strides, dilations, pads, group: layer.kind === "depthwise" ? source.shape[1] : group };
  forms.setPending(node.outputs[0]!, {
    activates: true,
    emit: (epilogue) => forms.to.conv(source, weight, weightShape(layer, forms), geometry, { ...epilogue, bias: b }),
  });
  return true;
};

/**
 * What a convolution reads, and the padding that is left to it. Outputs whose windows reach over the left or right border are computed one
 * by one; where a kernel is wide these are many, and writing zeros beside the maps before is faster. (7×7 on maps of 14×14: four
 * fifths of the time, that of the copy included. For 3×3 it makes no difference.)
 */
function padWide(maps: Maps, pads: Pads, { kind, kernel }: BlockedLayer, forms: Forms) {
  if (kind !== "filters" || kernel[1] < 5) return { maps, pads };
  const [top, left, bottom, right] = pads;
  return { maps: forms.pad(maps, [0, left, 0, right]), pads: [top, 0, bottom, 0] as const };
}

type Pads = readonly [top: number, left: number, bottom: number, right: number];
type WeightShape = readonly [number, number, number, number];

/** The weight's shape with its channels in whole blocks. */
function weightShape({ kind, filters, perGroup, kernel }: BlockedLayer, { block }: Forms): WeightShape {
  return fourSizes(layoutOf(kind, [filters, perGroup, ...kernel], block).shape);
}

/**
 * dx. With stride 1 a convolution of dy with the weight whose taps are turned around and whose channels change places, which for
 * blocks is a gathering of rows (a Transpose of the whole weight takes ten times as long). With larger strides the rows and
 * columns of dx fall into stride × stride classes, each a convolution with some of the taps.
 */
const inputGrad: BlockedRule = (node, forms) => {
  const layer = layerOf(node, forms);
  const [dy, w] = node.inputs;
  if (!layer || layer.kind === "stem" || !forms.canBeMaps(dy!)) return false;
  const result = node.outputs[0]!;
  const { strides, dilations, kernel } = layer;
  const taps = kernel[0] * kernel[1];
  if (strides[0] === 1 && strides[1] === 1) {
    const turned = turnedPads(layer);
    if (turned.some((p) => p < 0)) return false;
    const { maps: from, pads } = padWide(forms.maps(dy!), turned, layer, forms);
    const order = Array.from({ length: taps }, (_, t) => taps - 1 - t);
    const weight = turnedWeight(forms.weight(w!, layer.kind), order, layer, forms);
    const emit = gradConv(from, weight, kernel, { pads, dilations }, layer, forms);
    forms.setPending(result, { activates: true, emit });
    return true;
  }
  const parts = phasesOf(layer);
  if (!parts) return false;
  const from = forms.maps(dy!);
  const packed = forms.weight(w!, layer.kind);
  const shape = [layer.n, roundUp(layer.channels, forms.block), layer.height, layer.width] as const;
  const phases: Phases = {
    strides,
    join: (all, sum) => joinPhases(all, strides, shape, sum, forms),
    parts: parts.map(
      (part) =>
        part &&
        ((sum) => {
          const weight = turnedWeight(packed, part.taps, layer, forms);
          return gradConv(from, weight, part.kernel, { pads: part.pads }, layer, forms)({ sum });
        }),
    ),
  };
  forms.setPending(result, { activates: false, phases, emit: ({ sum }) => phases.join(phases.parts, sum) });
  return true;
};

/** The weight of the convolution that computes dx, with the given taps in the given order. */
function turnedWeight(weight: string, order: readonly number[], layer: BlockedLayer, forms: Forms): string {
  const { kind, kernel, filters, perGroup, group } = layer;
  const { block, to } = forms;
  const taps = kernel[0] * kernel[1];
  const identity = order.length === taps && order.every((t, i) => t === i);
  const rows: number[] = [];
  if (kind === "depthwise") {
    if (identity) return weight;
    for (let c = 0; c < roundUp(filters, block) / block; c++) for (const t of order) rows.push(c * taps + t);
    return to.gatherRows(weight, block, rows, `turn_depthwise_${filters}_${taps}_${order.join("_")}`);
  }
  const inBlocks = roundUp(perGroup, block) / block;
  const outBlocks = roundUp(filters / group, block) / block;
  for (let g = 0; g < group; g++)
    for (let c = 0; c < inBlocks; c++)
      for (let o = 0; o < outBlocks; o++)
        for (const t of order) rows.push(((g * outBlocks + o) * inBlocks + c) * taps + t);
  const inPlace = identity && (inBlocks === 1 || outBlocks === 1) && group === 1;
  const key = `turn_${group}_${outBlocks}_${inBlocks}_${taps}_${order.join("_")}`;
  const gathered = inPlace ? weight : to.gatherRows(weight, block * block, rows, key);
  return to.transposeBlocks(gathered, rows.length);
}

/** The convolution of dy that yields dx or a phase of it. */
function gradConv(
  from: Maps,
  weight: string,
  kernel: readonly [number, number],
  geometry: Geometry,
  { kind, channels, filters, group }: BlockedLayer,
  { to, block }: Forms,
): (epilogue: Epilogue) => Maps {
  const all = roundUp(channels, block);
  const shape: WeightShape =
    kind === "depthwise"
      ? [all, 1, ...kernel]
      : [all, group === 1 ? roundUp(filters, block) : filters / group, ...kernel];
  const named = to.write.reshape(weight, shape);
  return (epilogue) =>
    to.conv(from, named, shape, { ...geometry, group: kind === "depthwise" ? all : group }, epilogue);
}

/** The convolution of dy that yields one class of rows and columns of dx. */
interface Phase {
  readonly taps: readonly number[];
  readonly kernel: readonly [number, number];
  readonly pads: readonly [number, number, number, number];
}

/**
 * For every class of rows and columns of dx, modulo the strides, the taps that reach it; undefined for a class that none reaches.
 * Row s·q + a gets Σ over taps ky ≡ a + p (mod s) of w[ky] · dy[q + d], d = (a + p − ky) / s.
 */
function phasesOf(layer: BlockedLayer): (Phase | undefined)[] | undefined {
  const { strides, pads, dilations, kernel, height, width, oh, ow } = layer;
  if (dilations[0] !== 1 || dilations[1] !== 1) return undefined;
  const rows = axisPhases(strides[0], pads[0], kernel[0], height, oh);
  const columns = axisPhases(strides[1], pads[1], kernel[1], width, ow);
  if (!rows || !columns) return undefined;
  return rows.flatMap((row) =>
    columns.map((column) => {
      if (row.taps.length === 0 || column.taps.length === 0) return undefined;
      return {
        taps: row.taps.flatMap((ky) => column.taps.map((kx) => ky * kernel[1] + kx)),
        kernel: [row.taps.length, column.taps.length],
        pads: [row.before, column.before, row.after, column.after],
      } satisfies Phase;
    }),
  );
}

/**
 * The same along one axis: for each remainder, its taps in the order in which they meet dy, and how far they reach over the first and
 * last of dy. Undefined if one does not reach to an end: padding would be negative.
 */
function axisPhases(stride: number, pad: number, taps: number, size: number, outputs: number) {
  const count = Math.ceil(size / stride);
  const phases = Array.from({ length: stride }, (_, a) => {
    // In the order in which dy is read, from the smallest d on: from the largest tap on.
    const own = Array.from({ length: taps }, (_, t) => taps - 1 - t).filter((t) => (a + pad - t) % stride === 0);
    const [first, last] = [own[0] ?? 0, own.at(-1) ?? 0].map((t) => (a + pad - t) / stride) as [number, number];
    return { taps: own, before: -first, after: count - 1 + last - (outputs - 1) };
  });
  return phases.every(({ taps: own, before, after }) => own.length === 0 || (before >= 0 && after >= 0))
    ? phases
    : undefined;
}

/** Interleaves the parts to maps of the given shape, and adds `sum`. */
function joinPhases(
  parts: Phases["parts"],
  [sy, sx]: Phases["strides"],
  shape: Maps["shape"],
  sum: string | undefined,
  forms: Forms,
): Maps {
  const { to, write, block } = forms;
  const [n, channels, height, width] = shape;
  const [rows, columns] = [Math.ceil(height / sy), Math.ceil(width / sx)];
  const planes = (n * channels) / block;
  const zero = () =>
    forms.memo(`zeros_${n}_${channels}_${rows}_${columns}`, () =>
      write.emit("Expand", [write.number(0), write.ints([planes * rows, columns, block])]),
    );
  const lines = Array.from({ length: sy }, (_, a) => {
    const line = Array.from({ length: sx }, (_, b) => {
      const part = parts[a * sx + b]?.();
      return part ? to.view(part.name, part.shape, [planes * rows, columns, block]) : zero();
    });
    const joined = sx > 1 ? write.emit("Concat", line, { axis: 2 }) : line[0]!;
    return write.reshape(joined, [planes * rows, 1, columns * sx * block]);
  });
  const joined = sy > 1 ? write.emit("Concat", lines, { axis: 1 }) : lines[0]!;
  const whole = [planes, rows * sy, columns * sx, block];
  const name = forms.crop(write.reshape(joined, whole), whole, [planes, height, width, block]);
  const maps = { name: write.reshape(name, shape), shape };
  return sum === undefined ? maps : { name: write.emit("Add", [maps.name, sum]), shape };
}

/** Two sets of phases, added part by part; undefined if their strides differ. */
export function addPhases(a: Phases, b: Phases): Phases | undefined {
  if (a.strides.some((s, i) => s !== b.strides[i])) return undefined;
  return {
    ...a,
    parts: a.parts.map((part, i) => {
      const other = b.parts[i];
      return part && other ? (sum?: string) => part(other(sum).name) : (part ?? other);
    }),
  };
}

/** Convolutions and their gradients with respect to the input. */
export const convRules = new Map<string, BlockedRule>([
  ["Conv", conv],
  ["ConvInputGrad", inputGrad],
]);
