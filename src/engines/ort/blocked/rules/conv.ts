import type { LoweredValue } from "../../../../formats/onnx/ir.js";
import { convInputGradOp, convOp, flippedPads } from "../../../../ops/conv.js";
import { asMaps } from "../../maps.js";
import { type BlockedLayer, blockedLayerOf, noBlocks } from "../conv-layer.js";
import { roundUp } from "../layout.js";
import type { LayoutTable, Phases } from "../layout-table.js";
import { type BlockedRule, reasons, rule } from "../rule.js";
import type { BlockedTensor, Epilogue, Geometry } from "../writer.js";

/** y: 1.2 to 2 times as fast as the plain operator, which would repack a changing weight in every run. */
const conv = rule("conv", [convOp], (node, _attributes, layouts) => {
  const layer = blockedLayerOf(node, layouts);
  const [x, w, bias] = node.inputs;
  if (!layer) return noBlocks(node);
  if (layer.kind !== "stem" && !layouts.canBlock(x)) return reasons.plain;
  // In training, a frozen layer with a plain input: ONNX Runtime packs the constant weight and blocks it by itself.
  if (layouts.isConstant(w) && !layouts.isBlocked(x) && layouts.graph.updates.length > 0)
    return "its weight is frozen and its input plain";
  return (table) => {
    const { strides, dilations, group } = layer;
    const { x: source, pads } =
      layer.kind === "stem"
        ? { x: asMaps(table.plain(x)), pads: layer.pads }
        : padWide(table.blocked(x), layer.pads, layer, table);
    const weight = table.weight(w, layer.layout);
    const b = bias && table.vector(bias);
    const geometry = { strides, dilations, pads, group: layer.kind === "depthwise" ? source.shape[1] : group };
    table.defer(node.outputs[0]!, {
      activates: true,
      emit: (epilogue) => table.nchwc.conv(source, weight, geometry, { ...epilogue, bias: b }),
    });
  };
});

/**
 * Pads the left and right in advance for wide kernels; returns the padding left to the convolution. The operator computes outputs at the
 * left and right border one by one, and wide kernels have many. (7×7 on 14×14: 0.8 of the time, copy included. 3×3: no difference.)
 */
function padWide(x: BlockedTensor, pads: Pads, { kind, kernel }: BlockedLayer, table: LayoutTable) {
  if (kind !== "dense" || kernel[1] < 5) return { x, pads };
  const [top, left, bottom, right] = pads;
  return { x: table.pad(x, [0, left, 0, right]), pads: [top, 0, bottom, 0] as const };
}

type Pads = readonly [top: number, left: number, bottom: number, right: number];

/**
 * dx. With stride 1: a convolution of dy with the flipped kernel, input and output channels swapped, which in blocks is a Gather of rows
 * (a Transpose of the whole weight takes ten times as long). With larger strides: stride × stride phases of rows and columns, each
 * a convolution with part of the kernel.
 */
const inputGrad = rule("conv", [convInputGradOp], (node, _attributes, layouts) => {
  const layer = blockedLayerOf(node, layouts);
  const [dy, w] = node.inputs;
  if (!layer) return noBlocks(node);
  if (layer.kind === "stem") return "its input has fewer channels than a block";
  if (!layouts.canBlock(dy)) return "the gradient is plain";
  const result = node.outputs[0]!;
  const { strides, dilations, kernel } = layer;
  const area = kernel[0] * kernel[1];
  if (strides[0] === 1 && strides[1] === 1) {
    const flipped = flippedPads(layer);
    if (flipped.some((p) => p < 0)) return "its padding is wider than its kernel";
    return (table) => {
      const { x: from, pads } = padWide(table.blocked(dy), flipped, layer, table);
      const order = Array.from({ length: area }, (_, k) => area - 1 - k);
      const weight = reorderedWeight(table.weight(w, layer.layout), order, layer, table);
      const emit = gradConv(from, weight, kernel, { pads, dilations }, layer, table);
      table.defer(result, { activates: true, emit });
    };
  }
  const parts = phasesOf(layer);
  if (!parts) return "it has a stride and is dilated, or padded beyond its windows";
  return (table) => {
    const from = table.blocked(dy);
    const packed = table.weight(w, layer.layout);
    const shape = [layer.n, roundUp(layer.channels, table.block), layer.height, layer.width] as const;
    const phases: Phases = {
      strides,
      join: (all, sum) => joinPhases(all, strides, shape, sum, table),
      parts: parts.map(
        (part) =>
          part &&
          ((sum) => {
            const weight = reorderedWeight(packed, part.elements, layer, table);
            return gradConv(from, weight, part.kernel, { pads: part.pads }, layer, table)({ sum });
          }),
      ),
    };
    table.defer(result, { activates: false, phases, emit: ({ sum }) => phases.join(phases.parts, sum) });
  };
});

/** The weight of the convolution that computes dx, with the given kernel elements in the given order. */
function reorderedWeight(
  weight: LoweredValue,
  order: readonly number[],
  layer: BlockedLayer,
  table: LayoutTable,
): LoweredValue {
  const { kind, kernel, filters, perGroup, group } = layer;
  const { block, nchwc } = table;
  const area = kernel[0] * kernel[1];
  const identity = order.length === area && order.every((k, i) => k === i);
  const rows: number[] = [];
  if (kind === "depthwise") {
    if (identity) return weight;
    for (let c = 0; c < roundUp(filters, block) / block; c++) for (const k of order) rows.push(c * area + k);
    return nchwc.gatherRows(weight, block, rows, `reorder_depthwise_${filters}_${area}_${order.join("_")}`);
  }
  const inBlocks = roundUp(perGroup, block) / block;
  const outBlocks = roundUp(filters / group, block) / block;
  for (let g = 0; g < group; g++)
    for (let c = 0; c < inBlocks; c++)
      for (let o = 0; o < outBlocks; o++)
        for (const k of order) rows.push(((g * outBlocks + o) * inBlocks + c) * area + k);
  const inPlace = identity && (inBlocks === 1 || outBlocks === 1) && group === 1;
  const key = `reorder_${group}_${outBlocks}_${inBlocks}_${area}_${order.join("_")}`;
  const gathered = inPlace ? weight : nchwc.gatherRows(weight, block * block, rows, key);
  return nchwc.transposeBlocks(gathered, rows.length);
}

/** The convolution of dy that yields dx, or a phase of it. */
function gradConv(
  from: BlockedTensor,
  weight: LoweredValue,
  kernel: readonly [number, number],
  geometry: Geometry,
  { kind, channels, filters, group }: BlockedLayer,
  { nchwc, block }: LayoutTable,
): (epilogue: Epilogue) => BlockedTensor {
  const all = roundUp(channels, block);
  const shape =
    kind === "depthwise"
      ? [all, 1, ...kernel]
      : [all, group === 1 ? roundUp(filters, block) : filters / group, ...kernel];
  const reshaped = nchwc.write.reshape(weight, shape);
  return (epilogue) => nchwc.conv(from, reshaped, { ...geometry, group: kind === "depthwise" ? all : group }, epilogue);
}

/** The convolution of dy that yields one phase of dx. */
interface Phase {
  /** Indices of kernel elements. */
  readonly elements: readonly number[];
  readonly kernel: readonly [number, number];
  readonly pads: readonly [number, number, number, number];
}

/**
 * The phases of dx, by row and column modulo the strides: the kernel elements that reach each; undefined for a phase that none reaches.
 * Row s·q + a gets Σ over ky ≡ a + p (mod s) of w[ky] · dy[q + d], d = (a + p − ky) / s.
 */
function phasesOf(layer: BlockedLayer): (Phase | undefined)[] | undefined {
  const { strides, pads, dilations, kernel, height, width, oh, ow } = layer;
  if (dilations[0] !== 1 || dilations[1] !== 1) return undefined;
  const rows = axisPhases(strides[0], pads[0], kernel[0], height, oh);
  const columns = axisPhases(strides[1], pads[1], kernel[1], width, ow);
  if (!rows || !columns) return undefined;
  return rows.flatMap((row) =>
    columns.map((column) => {
      if (row.elements.length === 0 || column.elements.length === 0) return undefined;
      return {
        elements: row.elements.flatMap((ky) => column.elements.map((kx) => ky * kernel[1] + kx)),
        kernel: [row.elements.length, column.elements.length],
        pads: [row.before, column.before, row.after, column.after],
      } satisfies Phase;
    }),
  );
}

/**
 * The same along one axis: for each remainder, its kernel elements in the order in which they meet dy, and the padding of dy before and
 * after. Undefined if a padding would be negative.
 */
function axisPhases(stride: number, pad: number, kernel: number, size: number, outputs: number) {
  const count = Math.ceil(size / stride);
  const phases = Array.from({ length: stride }, (_, a) => {
    // In the order in which dy is read: ascending d, descending k.
    const elements = Array.from({ length: kernel }, (_, i) => kernel - 1 - i).filter(
      (k) => (a + pad - k) % stride === 0,
    );
    const [first, last] = [elements[0] ?? 0, elements.at(-1) ?? 0].map((k) => (a + pad - k) / stride) as [
      number,
      number,
    ];
    return { elements, before: -first, after: count - 1 + last - (outputs - 1) };
  });
  return phases.every(({ elements, before, after }) => elements.length === 0 || (before >= 0 && after >= 0))
    ? phases
    : undefined;
}

/** Interleaves the parts into an array of the given shape, and adds `sum`. */
function joinPhases(
  parts: Phases["parts"],
  [sy, sx]: Phases["strides"],
  shape: BlockedTensor["shape"],
  sum: LoweredValue | undefined,
  table: LayoutTable,
): BlockedTensor {
  const { nchwc, write, block } = table;
  const [n, channels, height, width] = shape;
  const [rows, columns] = [Math.ceil(height / sy), Math.ceil(width / sx)];
  const planes = (n * channels) / block;
  const zero = () =>
    table.memo(`zeros_${n}_${channels}_${rows}_${columns}`, () =>
      write.emit("Expand", [write.number(0), write.ints([planes * rows, columns, block])]),
    );
  const lines = Array.from({ length: sy }, (_, a) => {
    const line = Array.from({ length: sx }, (_, b) => {
      const part = parts[a * sx + b]?.();
      return part ? nchwc.view(part, [planes * rows, columns, block]) : zero();
    });
    const joined = sx > 1 ? write.emit("Concat", line, { axis: 2 }) : line[0]!;
    return write.reshape(joined, [planes * rows, 1, columns * sx * block]);
  });
  const joined = sy > 1 ? write.emit("Concat", lines, { axis: 1 }) : lines[0]!;
  const whole = [planes, rows * sy, columns * sx, block];
  const cropped = table.crop(write.reshape(joined, whole), [planes, height, width, block]);
  const maps = asMaps(write.reshape(cropped, shape));
  return sum === undefined ? maps : asMaps(write.emit("Add", [maps, sum]));
}

/** Adds two sets of phases, part by part; undefined if their strides differ. */
export function addPhases(a: Phases, b: Phases): Phases | undefined {
  if (a.strides.some((s, i) => s !== b.strides[i])) return undefined;
  return {
    ...a,
    parts: a.parts.map((part, i) => {
      const other = b.parts[i];
      return part && other ? (sum?: LoweredValue) => part(other(sum)) : (part ?? other);
    }),
  };
}

/** Convolutions and the gradients of their inputs. */
export const convRules: readonly BlockedRule[] = [conv, inputGrad];
