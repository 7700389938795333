import { fourSizes, sameShape, staticShape } from "../../../../core/shape.js";
import { sizeOf } from "../../../../core/tensor.js";
import type { LoweredValue } from "../../../../formats/onnx/ir.js";
import { isOp, type Node, type Value } from "../../../../graph/graph.js";
import { ops } from "../../../../ops/elementwise.js";
import { operators } from "../../../../ops/index.js";
import { ops as reductions } from "../../../../ops/reduce.js";
import { asMaps, type Maps } from "../../maps.js";
import { keptFromZero } from "../../rules/relu-grad.js";
import type { Deferred, LayoutTable } from "../layout-table.js";
import { type BlockedRule, emitPlain, type MatchContext, type Plan, reasons, rule } from "../rule.js";
import { addPhases, deferPhases } from "./conv.js";

const isNumber = ({ shape }: Value) => sizeOf(staticShape(shape)) === 1;
const alike = (a: Value, b: Value) => sameShape(a.shape, b.shape);

const elementwiseOps = [...operators.values()].filter((op) => op.elementwise);

/** Whether a node keeps the padding of the last block zero. Scalars are not padded. */
const keepsZero = ({ op, attributes, inputs }: Node): boolean =>
  op.absorbsZero || (op.keepsZero?.(attributes) === true && !inputs.some(isNumber));

/**
 * Elementwise operators work in any layout: in NCHWc if a full-size operand is, in a weight layout if one is (the optimizer's arithmetic).
 * Scalars fit any layout; `broadcast` handles smaller operands.
 */
const elementwise = rule("elementwise", elementwiseOps, (node, context) => {
  const { inputs } = node;
  const [y] = node.outputs;
  const full = inputs.filter((x) => alike(x, y));
  const others = inputs.filter((x) => !alike(x, y));
  const packed = full.map((x) => context.packed(x)).find((p) => p !== undefined);
  if (packed && y.shape.length === 4) {
    const { kind, from, shape } = packed.layout;
    // A weight whose padding is not zero would learn there.
    if (!others.every(isNumber)) return "a weight and an array of another shape";
    if (!sameShape(from, shape) && !keepsZero(node)) return reasons.padded;
    return (table) => {
      const arrays = inputs.map((x) => (alike(x, y) ? table.weight(x, kind) : table.plain(x)));
      table.setPacked(y, packed.layout, emitPlain(node, arrays, table));
    };
  }
  if (!full.some((x) => context.isBlocked(x)) || !full.every((x) => context.canBlock(x))) return reasons.plain;
  if (context.isPadded(y) && !keepsZero(node)) return reasons.padded;
  if (others.every(isNumber))
    return (table) => {
      if (fused(node, table)) return;
      const maps = inputs.map((x) => (alike(x, y) ? table.blocked(x) : undefined));
      const arrays = inputs.map((x, i) => maps[i] ?? table.plain(x));
      table.setBlocked(y, emitPlain(node, arrays, table));
    };
  if (context.isPadded(y)) return reasons.padded;
  return (inputs.length === 2 && broadcast(node, y, context)) || "its operands broadcast in another way";
});

/** Fuses additions and ReLUs into the producer's epilogue, and defers products for a reduction that follows. */
function fused(node: Node, table: LayoutTable): boolean {
  const [a, b] = node.inputs as [Value, Value?];
  const [y] = node.outputs;
  if (isOp(node, ops.relu)) {
    if (!table.deferred(a)?.activates) return false;
    table.setBlocked(y, table.takeDeferred(a)!.emit({ activation: "Relu" }));
    return true;
  }
  if (!b || !alike(a, b)) return false;
  if (isOp(node, ops.mul) && table.readers(y).every(sumsPositions)) {
    const product = [table.blocked(a), table.blocked(b)] as const;
    table.defer(y, { activates: false, product, emit: ({ sum }) => table.plus(emitPlain(node, product, table), sum) });
    return true;
  }
  if (!isOp(node, ops.add) || a === b) return false;
  const [p, q] = [table.deferred(a), table.deferred(b)];
  if (p?.phases && q?.phases) {
    const phases = addPhases(p.phases, q.phases);
    if (!phases) return false;
    table.takeDeferred(a);
    table.takeDeferred(b);
    deferPhases(table, y, phases);
    return true;
  }
  const canAdd = (deferred: Deferred | undefined) => deferred && !deferred.phases && !deferred.product;
  const hosts = [...(canAdd(p) ? [a] : []), ...(canAdd(q) ? [b] : [])];
  // The gradient of a maximum adds few numbers to what it is given.
  const host = hosts.find((value) => !table.deferred(value)!.activates) ?? hosts[0];
  if (!host && isActivated(y, table)) {
    // The operator adds in place if nothing else reads the array.
    const [x, sum] = table.readers(a).length === 1 ? [b, a] : [a, b];
    const emit: Deferred["emit"] = ({ activation }) => {
      const maps = table.blocked(x);
      return table.nchwc.affine(maps, table.nchwc.ones(maps.shape[1]), { sum: table.blocked(sum), activation });
    };
    table.defer(y, { activates: true, emit });
    return true;
  }
  if (!host) return false;
  const { activates, emit } = table.takeDeferred(host)!;
  const other = table.blocked(host === a ? b : a);
  table.defer(y, { activates, emit: ({ sum, ...epilogue }) => emit({ ...epilogue, sum: table.plus(other, sum) }) });
  return true;
}

/** Whether a ReLU alone reads a value. */
const isActivated = (value: Value, table: LayoutTable): boolean => {
  const readers = table.readers(value);
  return readers.length === 1 && isOp(readers[0], ops.relu);
};

/** Whether a node sums or averages over positions. */
function sumsPositions(node: Node | undefined): boolean {
  if (!isOp(node, reductions.reduceSum) && !isOp(node, reductions.reduceMean)) return false;
  const axes = new Set(node.attributes.axes);
  return axes.has(2) && axes.has(3) && (axes.size === 2 || (axes.size === 3 && axes.has(0)));
}

/**
 * x, in NCHWc, with an operand that is broadcast to it:
 * - [N|1,C,1,1] is the same in NCHWc; scales and offsets are depthwise 1×1 convolutions over the channels of all images
 *   (a third of the time of Mul or Add, whose inner loop would be one block long). So are divisors whose reciprocals cannot overflow;
 * - [N|1,1,H,W] is first repeated over the lanes of a block;
 * - [N,C,H,1] and [N,C,1,W] are converted to NCHWc.
 */
function broadcast(node: Node, y: Value, context: MatchContext): Plan | undefined {
  const [a, b] = node.inputs as [Value, Value];
  const [x, small] = alike(a, y) ? [a, b] : [b, a];
  const shape = fourSizes([...Array<number>(4 - small.shape.length).fill(1), ...small.shape]);
  const [n, channels, height, width] = fourSizes(y.shape);
  const { block } = context;
  const [images, blocks, area] = [shape[0], channels / block, height * width];
  const is = (...dims: readonly number[]) => sameShape(dims, shape);
  /** Emits the node on views of both operands. */
  const onViews = (table: LayoutTable, view: readonly number[], other: () => LoweredValue, of: readonly number[]) => {
    const maps = table.blocked(x);
    const little = other();
    const [big, small] = [table.write.reshape(maps, view), table.write.reshape(little, of)];
    const result = emitPlain(node, x === a ? [big, small] : [small, big], table);
    table.setBlocked(y, table.write.reshape(result, maps.shape));
  };
  if (is(images, channels, 1, 1))
    return (table) => {
      const maps = table.blocked(x);
      const affine = affineOf(node, small, x === a, images * channels, table);
      if (affine) {
        const { factor, bias } = affine;
        const view = (array: LoweredValue) => table.nchwc.view(array, [n / images, images * channels, height, width]);
        const emit: Deferred["emit"] = ({ sum, activation }) => {
          const epilogue = { bias, sum: sum && view(sum), activation };
          return table.nchwc.view(table.nchwc.affine(view(maps), factor, epilogue), maps.shape);
        };
        table.defer(y, { activates: true, emit });
      } else onViews(table, [n, blocks, area, block], () => table.plain(small), [images, blocks, 1, block]);
    };
  if (is(images, 1, height, width))
    return (table) => {
      const lanes = inLanes(small, shape, table);
      onViews(table, [n, blocks, area * block], () => lanes, [images, 1, area * block]);
    };
  if (!context.canBlock(small)) return undefined;
  const planes = n * blocks;
  if (is(n, channels, height, 1)) {
    const rows = planes * height;
    return (table) => onViews(table, [rows, width, block], () => table.blocked(small), [rows, 1, block]);
  }
  if (is(n, channels, 1, width)) {
    const row = width * block;
    return (table) => onViews(table, [planes, height, row], () => table.blocked(small), [planes, 1, row]);
  }
  return undefined;
}

/** op(x, value) as factor · x + bias per channel; undefined if it is not affine. */
function affineOf(node: Node, value: Value, xFirst: boolean, channels: number, table: LayoutTable) {
  const { nchwc, write } = table;
  const small = table.plain(value);
  const bias = () => write.reshape(small, [channels]);
  const factor = (values: LoweredValue) => write.reshape(values, [channels, 1, 1, 1]);
  if (isOp(node, ops.mul)) return { factor: factor(small) };
  if (isOp(node, ops.add)) return { factor: nchwc.ones(channels), bias: bias() };
  if (isOp(node, ops.sub) && xFirst) return { factor: nchwc.ones(channels), bias: write.emit("Neg", [bias()]) };
  if (isOp(node, ops.sub)) return { factor: write.filled(-1, [channels, 1, 1, 1]), bias: bias() };
  if (isOp(node, ops.div) && xFirst && keptFromZero(value))
    return { factor: factor(write.emit("Reciprocal", [small])) };
  return undefined;
}

/** Repeats one channel over the lanes of a block: a convolution with a block of ones. */
export function inLanes(value: Value, shape: Maps["shape"], table: LayoutTable): Maps {
  const { nchwc, block, write } = table;
  return write.memo(`lanes ${value.id}`, () => {
    const plain = table.plain(value);
    const maps = value.shape.length === 4 ? asMaps(plain) : write.reshape(plain, shape);
    return nchwc.conv(maps, nchwc.ones(block), {});
  });
}

/** [N,C,1,1] expanded to [N,C,H,W], if a reader is in NCHWc. */
const expand = rule("elementwise", [ops.expand], ({ inputs: [x], outputs: [y] }, context) => {
  if (y.shape.includes("N") || y.shape.length !== 4) return noGate;
  const [n, channels, height, width] = fourSizes(y.shape);
  if (height * width === 1 || !sameShape([n, channels, 1, 1], x.shape)) return noGate;
  if (channels % context.block !== 0) return reasons.padded;
  if (!hasBlockedReader(y, context)) return "its readers are plain";
  return (table) => {
    const { write, block } = table;
    const planes = (n * channels) / block;
    const small = write.reshape(table.plain(x), [planes, 1, block]);
    const full = write.emit("Expand", [small, write.ints([planes, height * width, block])]);
    table.setBlocked(y, write.reshape(full, [n, channels, height, width]));
  };
});
const noGate = "it does not repeat one number per channel";

/** Whether a reader of this value has another operand in NCHWc. */
const hasBlockedReader = (value: Value, context: MatchContext): boolean =>
  context.readers(value).some((node) => node?.inputs.some((x) => x !== value && context.isBlocked(x)));

/** Elementwise operators, with full-size or broadcast operands. */
export const elementwiseRules: readonly BlockedRule[] = [elementwise, expand];
