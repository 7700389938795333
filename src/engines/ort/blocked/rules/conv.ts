import { sizeOf } from "../../../../core/tensor.js";
import type { LoweredValue } from "../../../../formats/onnx/ir.js";
import type { Value } from "../../../../graph/graph.js";
import { convInputGradOp, convOp, flippedPads } from "../../../../ops/conv.js";
import { asMaps, type Maps } from "../../maps.js";
import { type BlockedLayer, layerRule } from "../blocked-layer.js";
import { roundUp } from "../layout.js";
import type { LayoutTable, Phases } from "../layout-table.js";
import type { BlockedRule } from "../rule.js";
import type { Epilogue, Geometry, Pads } from "../writer.js";

/** y: 1.2 to 2 times as fast as the plain operator, which would repack a changing weight in every run. */
const conv = layerRule("conv", convOp, ({ inputs: [x, w, bias], outputs: [y] }, layer, context) => {
  // In training, a frozen layer with a plain input: ONNX Runtime packs the constant weight and blocks it by itself.
  if (context.isConstant(w) && !context.isBlocked(x) && context.graph.updates.length > 0)
    return "its weight is frozen and its input plain";
  return (table) => {
    const { strides, dilations } = layer;
    const { source, pads } =
      layer.kind === "stem"
        ? { source: asMaps(table.plain(x)), pads: layer.pads }
        : padWide(table.blocked(x), layer.pads, layer, table);
    const weight = table.weight(w, layer.layout);
    const b = bias && table.vector(bias);
    const group = layer.kind === "depthwise" ? source.shape[1] : layer.group;
    table.defer(y, {
      activates: true,
      emit: (epilogue) =>
        table.nchwc.conv(source, weight, { strides, dilations, pads, group }, { ...epilogue, bias: b }),
    });
  };
});

/**
 * Pads the left and right in advance for wide kernels; returns the padding left to the convolution. The operator computes outputs at the
 * left and right border one by one, and wide kernels have many. (7×7 on 14×14: 0.8 of the time, copy included. 3×3: no difference.)
 */
function padWide(x: Maps, pads: Pads, { kind, kernel }: BlockedLayer, { nchwc }: LayoutTable) {
  if (kind !== "dense" || kernel[1] < 5) return { source: x, pads };
  const [top, left, bottom, right] = pads;
  return { source: nchwc.pad(x, [0, left, 0, right]), pads: [top, 0, bottom, 0] as const };
}

/**
 * dx. With stride 1: a convolution of dy with the flipped kernel, input and output channels swapped, which in blocks is a Gather of rows
 * (a Transpose of the whole weight takes ten times as long). With larger strides: stride × stride phases of rows and columns, each
 * a convolution with part of the kernel.
 */
const inputGrad = layerRule("conv", convInputGradOp, ({ inputs: [dy, w], outputs: [dx] }, layer) => {
  if (layer.kind === "stem") return "its input has fewer channels than a block";
  const { strides, dilations, kernel } = layer;
  if (strides[0] === 1 && strides[1] === 1) {
    const flipped = flippedPads(layer);
    if (flipped.some((p) => p < 0)) return "its padding is wider than its kernel";
    return (table) => {
      const { source, pads } = padWide(table.blocked(dy), flipped, layer, table);
      const elements = [...Array(kernel[0] * kernel[1]).keys()].reverse();
      const part = gradConv(source, table.weight(w, layer.layout), { elements, kernel, pads, dilations }, layer, table);
      table.defer(dx, { activates: true, emit: part });
    };
  }
  const parts = phasesOf(layer);
  if (!parts) return "it has a stride and is dilated, or padded beyond its windows";
  return (table) => {
    const source = table.blocked(dy);
    const weight = table.weight(w, layer.layout);
    const shape = [layer.n, roundUp(layer.channels, table.block), layer.height, layer.width] as const;
    deferPhases(table, dx, {
      strides,
      parts: parts.map((part) => part && ((sum) => gradConv(source, weight, part, layer, table)({ sum }))),
      join: (all, sum) => joinPhases(all, strides, shape, sum, table),
    });
  };
});

/** Defers a result that comes in phases. */
export const deferPhases = (table: LayoutTable, value: Value, phases: Phases): void =>
  table.defer(value, { activates: false, phases, emit: ({ sum }) => phases.join(phases.parts, sum) });

/** A convolution of dy with some elements of the kernel. */
interface Part extends Geometry {
  /** Indices of kernel elements, in the order in which they meet dy. */
  readonly elements: readonly number[];
  readonly kernel: readonly [number, number];
}

/** The convolution of dy that yields dx, or a phase of it. */
function gradConv(
  dy: Maps,
  weight: LoweredValue,
  { elements, kernel, ...geometry }: Part,
  layer: BlockedLayer,
  table: LayoutTable,
): (epilogue: Epilogue) => Maps {
  const { nchwc, block } = table;
  const isDepthwise = layer.kind === "depthwise";
  const channels = roundUp(layer.channels, block);
  const perGroup = isDepthwise ? 1 : layer.group === 1 ? roundUp(layer.filters, block) : layer.filters / layer.group;
  const kernels = nchwc.write.reshape(reorderedWeight(weight, elements, layer, table), [channels, perGroup, ...kernel]);
  const group = isDepthwise ? channels : layer.group;
  return (epilogue) => nchwc.conv(dy, kernels, { ...geometry, group }, epilogue);
}

/** The weight with input and output channels swapped, and with the given kernel elements in the given order. */
function reorderedWeight(
  weight: LoweredValue,
  elements: readonly number[],
  { kind, kernel, filters, perGroup, group }: BlockedLayer,
  { block, nchwc }: LayoutTable,
): LoweredValue {
  const area = kernel[0] * kernel[1];
  const keepsOrder = elements.length === area && elements.every((k, i) => k === i);
  const blocksOf = (channels: number) => roundUp(channels, block) / block;
  if (kind === "depthwise") {
    const at = (c: number, k: number) => c * area + elements[k]!;
    return keepsOrder ? weight : nchwc.gatherRows(weight, block, [blocksOf(filters), elements.length], at);
  }
  const [inBlocks, outBlocks] = [blocksOf(perGroup), blocksOf(filters / group)];
  const sizes = [group, inBlocks, outBlocks, elements.length];
  const at = (g: number, c: number, o: number, k: number) => ((g * outBlocks + o) * inBlocks + c) * area + elements[k]!;
  const isInOrder = keepsOrder && (inBlocks === 1 || outBlocks === 1) && group === 1;
  const gathered = isInOrder ? weight : nchwc.gatherRows(weight, block * block, sizes, at);
  return nchwc.transposeBlocks(gathered, sizeOf(sizes));
}

/**
 * The phases of dx, by row and column modulo the strides: the kernel elements that reach each; undefined for a phase that none reaches.
 * Row s·q + a gets Σ over ky ≡ a + p (mod s) of w[ky] · dy[q + d], d = (a + p − ky) / s.
 */
function phasesOf(layer: BlockedLayer): (Part | undefined)[] | undefined {
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
        kernel: [row.elements.length, column.elements.length] as const,
        pads: [row.before, column.before, row.after, column.after] as const,
      };
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
    const all = [...Array(kernel).keys()].reverse();
    const elements = all.filter((k) => (a + pad - k) % stride === 0);
    const offset = (k = 0) => (a + pad - k) / stride;
    return { elements, before: -offset(elements[0]), after: count - 1 + offset(elements.at(-1)) - (outputs - 1) };
  });
  return phases.every(({ elements, before, after }) => elements.length === 0 || (before >= 0 && after >= 0))
    ? phases
    : undefined;
}

/** Interleaves the parts into an array of the given shape, and adds `sum`. */
function joinPhases(
  parts: Phases["parts"],
  [sy, sx]: Phases["strides"],
  shape: Maps["shape"],
  sum: LoweredValue | undefined,
  table: LayoutTable,
): LoweredValue {
  const { nchwc, write, block } = table;
  const [n, channels, height, width] = shape;
  const [rows, columns] = [Math.ceil(height / sy), Math.ceil(width / sx)];
  const planes = (n * channels) / block;
  const phase = [planes * rows, columns, block];
  const zero = () => write.memo(`zeros ${phase}`, () => write.emit("Expand", [write.number(0), write.ints(phase)]));
  const lines = Array.from({ length: sy }, (_, a) => {
    const line = Array.from({ length: sx }, (_, b) => {
      const part = parts[a * sx + b]?.();
      return part ? nchwc.view(part, phase) : zero();
    });
    return write.reshape(write.concat(line, 2), [planes * rows, 1, columns * sx * block]);
  });
  const whole = write.reshape(write.concat(lines, 1), [planes, rows * sy, columns * sx, block]);
  const maps = write.reshape(table.crop(whole, [planes, height, width, block]), shape);
  return sum === undefined ? maps : write.emit("Add", [maps, sum]);
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
