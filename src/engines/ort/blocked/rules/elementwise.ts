import { fourSizes, sameShape } from "../../../../core/shape.js";
import { sizeOf } from "../../../../core/tensor.js";
import type { LoweredValue } from "../../../../formats/onnx/ir.js";
import { ruleOf } from "../../../../formats/onnx/writer.js";
import { isOp, type Node, type Value } from "../../../../graph/graph.js";
import { ops } from "../../../../ops/elementwise.js";
import { operators } from "../../../../ops/index.js";
import { ops as reductions } from "../../../../ops/reduce.js";
import { asMaps } from "../../maps.js";
import { keptFromZero } from "../../rules/relu-grad.js";
import type { LayoutTable } from "../layout-table.js";
import { type BlockedRule, type Layouts, type Plan, reasons, rule } from "../rule.js";
import type { BlockedTensor } from "../writer.js";
import { addPhases } from "./conv.js";

const isNumber = (value: Value) => sizeOf(value.shape as readonly number[]) === 1;
const alike = (a: Value, b: Value) => sameShape(a.shape, b.shape);

const elementwiseOps = [...operators.values()].filter((op) => op.elementwise);

/** Whether a node keeps the padding of the last block zero. Scalars are not padded. */
const keepsZero = ({ op, attributes, inputs }: Node): boolean =>
  op.absorbsZero || (op.keepsZero?.(attributes) === true && !inputs.some(isNumber));

/** Emits a node by the plain rule, on arrays in the same layout. */
function write(node: Node, inputs: readonly LoweredValue[], table: LayoutTable): LoweredValue {
  return ruleOf(table.rules, node.op)(node, inputs, table.write)[0]!;
}

/**
 * Elementwise operators work in any layout: in NCHWc if a full-size operand is, in a weight layout if one is (the optimizer's arithmetic).
 * Scalars fit any layout; `broadcast` handles smaller operands.
 */
const elementwise = rule("elementwise", elementwiseOps, (node, _attributes, layouts) => {
  const [y] = node.outputs as [Value];
  const full = node.inputs.filter((x) => alike(x, y));
  const others = node.inputs.filter((x) => !alike(x, y));
  const packed = full.map((x) => layouts.packed(x)).find((p) => p !== undefined);
  if (packed && y.shape.length === 4) {
    const { from, shape } = packed.layout;
    // A weight whose padding is not zero would learn there.
    if (!others.every(isNumber)) return "a weight and an array of another shape";
    if (!sameShape(from, shape) && !keepsZero(node)) return reasons.padded;
    return (table) => {
      const arrays = node.inputs.map((x) => (alike(x, y) ? table.weight(x, packed.layout.kind) : table.plain(x)));
      table.setPacked(y, packed.layout, write(node, arrays, table));
    };
  }
  if (!full.some((x) => layouts.isBlocked(x)) || !full.every((x) => layouts.canBlock(x))) return reasons.plain;
  if (layouts.isPadded(y) && !keepsZero(node)) return reasons.padded;
  if (others.every(isNumber))
    return (table) => {
      if (!fused(node, table)) sameOrder(node, y, table);
    };
  if (layouts.isPadded(y)) return reasons.padded;
  return (node.inputs.length === 2 && broadcast(node, y, layouts)) || "its operands broadcast in another way";
});

function sameOrder(node: Node, y: Value, table: LayoutTable): void {
  const inputs = node.inputs.map((x) => (alike(x, y) ? table.blocked(x) : undefined));
  const arrays = inputs.map((maps, i) => maps ?? table.plain(node.inputs[i]!));
  table.setBlocked(y, asMaps(write(node, arrays, table)));
}

/** Fuses additions and ReLUs into the producer's epilogue, and defers products for a reduction that follows. */
function fused(node: Node, table: LayoutTable): boolean {
  const [a, b] = node.inputs as [Value, Value?];
  const [y] = node.outputs as [Value];
  if (isOp(node, ops.relu)) {
    if (!table.deferred(a)?.activates) return false;
    table.setBlocked(y, table.takeDeferred(a)!.emit({ activation: "Relu" }));
    return true;
  }
  if (!b || !alike(a, b)) return false;
  if (isOp(node, ops.mul) && table.readers(y).every(sumsPositions)) {
    const product = [table.blocked(a), table.blocked(b)] as const;
    const emit = () => asMaps(write(node, product, table));
    table.defer(y, { activates: false, product, emit: ({ sum }) => added(emit(), sum, table) });
    return true;
  }
  if (!isOp(node, ops.add) || a === b) return false;
  const [p, q] = [table.deferred(a), table.deferred(b)];
  if (p?.phases && q?.phases) {
    const phases = addPhases(p.phases, q.phases);
    if (!phases) return false;
    table.takeDeferred(a);
    table.takeDeferred(b);
    table.defer(y, { activates: false, phases, emit: ({ sum }) => phases.join(phases.parts, sum) });
    return true;
  }
  const host = p && !p.phases && !p.product ? a : q && !q.phases && !q.product ? b : undefined;
  if (!host) return false;
  const deferred = table.takeDeferred(host)!;
  const sum = table.blocked(host === a ? b : a);
  table.defer(y, {
    activates: deferred.activates,
    emit: (epilogue) =>
      epilogue.sum === undefined
        ? deferred.emit({ ...epilogue, sum })
        : deferred.emit({ ...epilogue, sum: table.write.emit("Add", [sum, epilogue.sum]) }),
  });
  return true;
}

const added = (maps: BlockedTensor, sum: LoweredValue | undefined, table: LayoutTable): BlockedTensor =>
  sum === undefined ? maps : asMaps(table.write.emit("Add", [maps, sum]));

/** Whether a node sums or averages over positions. */
function sumsPositions(node: Node | null): boolean {
  if (!isOp(node, reductions.reduceSum) && !isOp(node, reductions.reduceMean)) return false;
  const { axes } = node.attributes;
  return (axes.length === 2 || (axes.length === 3 && axes.includes(0))) && axes.includes(2) && axes.includes(3);
}

/**
 * x, in NCHWc, with an operand that is broadcast to it:
 * - [N|1,C,1,1] is the same in NCHWc; scales and offsets are depthwise 1×1 convolutions over the channels of all images
 *   (a third of the time of Mul or Add, whose inner loop would be one block long). So are divisors whose reciprocals cannot overflow;
 * - [N|1,1,H,W] is first repeated over the lanes of a block;
 * - [N,C,H,1] and [N,C,1,W] are converted to NCHWc.
 */
function broadcast(node: Node, y: Value, layouts: Layouts): Plan | undefined {
  const [a, b] = node.inputs as [Value, Value];
  const x = alike(a, y) ? a : b;
  const small = x === a ? b : a;
  const rank = 4 - small.shape.length;
  const shape = [...Array<number>(Math.max(0, rank)).fill(1), ...(small.shape as readonly number[])];
  const [n, channels, height, width] = fourSizes(y.shape);
  const { block } = layouts;
  const is = (...dims: readonly number[]) => dims.every((d, i) => d === shape[i]);
  const blocks = channels / block;
  /** Emits the node on views of both operands. */
  const binary = (
    table: LayoutTable,
    view: readonly number[],
    other: () => LoweredValue,
    otherView: readonly number[],
  ): void => {
    const { write: w } = table;
    const maps = table.blocked(x);
    const little = other();
    const [big, small] = [w.reshape(maps, view), w.reshape(little, otherView)];
    const result = write(node, x === a ? [big, small] : [small, big], table);
    table.setBlocked(y, asMaps(w.reshape(result, maps.shape)));
  };
  for (const images of [n, 1]) {
    if (is(images, channels, 1, 1))
      return (table) => {
        const { nchwc } = table;
        const maps = table.blocked(x);
        const affine = affineOf(node, small, x === a, images * channels, table);
        if (!affine) {
          const view = [images, blocks, 1, block];
          binary(table, [n, blocks, height * width, block], () => table.plain(small), view);
          return;
        }
        const viewed = nchwc.viewAs(maps, [n / images, images * channels, height, width]);
        const result = nchwc.affine(viewed, affine.factor, affine.bias === undefined ? {} : { bias: affine.bias });
        table.setBlocked(y, nchwc.viewAs(result, maps.shape));
      };
    if (is(images, 1, height, width))
      return (table) => {
        const lanes = inLanes(small, [images, 1, height, width], table);
        const length = height * width * block;
        binary(table, [n, blocks, length], () => lanes, [images, 1, length]);
      };
  }
  if (!layouts.canBlock(small)) return undefined;
  if (is(n, channels, height, 1)) {
    const rows = n * blocks * height;
    return (table) => binary(table, [rows, width, block], () => table.blocked(small), [rows, 1, block]);
  }
  if (is(n, channels, 1, width)) {
    const view = [n * blocks, height, width * block];
    return (table) => binary(table, view, () => table.blocked(small), [n * blocks, 1, width * block]);
  }
  return undefined;
}

/** op(x, value) as factor · x + bias per channel; undefined if it is not affine. */
function affineOf(node: Node, value: Value, xFirst: boolean, channels: number, table: LayoutTable) {
  const { nchwc, write: w } = table;
  const small = table.plain(value);
  const flat = () => w.reshape(small, [channels]);
  const factor = (values: LoweredValue) => w.reshape(values, [channels, 1, 1, 1]);
  if (isOp(node, ops.mul)) return { factor: factor(small), bias: undefined };
  if (isOp(node, ops.add)) return { factor: nchwc.ones(channels), bias: flat() };
  if (isOp(node, ops.sub) && xFirst) return { factor: nchwc.ones(channels), bias: w.emit("Neg", [flat()]) };
  if (isOp(node, ops.sub)) return { factor: nchwc.filled(-1, [channels, 1, 1, 1]), bias: flat() };
  if (isOp(node, ops.div) && xFirst && keptFromZero(value))
    return { factor: factor(w.emit("Reciprocal", [small])), bias: undefined };
  return undefined;
}

/** Repeats one channel over the lanes of a block: a convolution with a block of ones. */
export function inLanes(value: Value, shape: BlockedTensor["shape"], table: LayoutTable): LoweredValue {
  const { nchwc, block, write } = table;
  return table.memo(`lanes ${value.id}`, () => {
    const plain = table.plain(value);
    const maps = asMaps(value.shape.length === shape.length ? plain : write.reshape(plain, shape));
    return nchwc.conv(maps, nchwc.filled(1, [block, 1, 1, 1]), {});
  });
}

/** [N,C,1,1] expanded to [N,C,H,W], if a reader is in NCHWc. */
const expand = rule("elementwise", [ops.expand], (node, _attributes, layouts) => {
  const [x] = node.inputs;
  const [y] = node.outputs as [Value];
  if (y.shape.includes("N") || y.shape.length !== 4 || x.shape.length !== 4) return noGate;
  const [n, channels, height, width] = fourSizes(y.shape);
  if (height * width === 1 || ![n, channels, 1, 1].every((d, i) => d === x.shape[i])) return noGate;
  if (channels % layouts.block !== 0) return reasons.padded;
  if (!hasBlockedReader(y, layouts)) return "its readers are plain";
  return (table) => {
    const { write: w, block } = table;
    const planes = (n * channels) / block;
    const small = w.reshape(table.plain(x), [planes, 1, block]);
    const full = w.emit("Expand", [small, w.ints([planes, height * width, block])]);
    table.setBlocked(y, asMaps(w.reshape(full, [n, channels, height, width])));
  };
});
const noGate = "it does not repeat one number per channel";

/** Whether a reader of this value has another operand in NCHWc. */
const hasBlockedReader = (value: Value, layouts: Layouts): boolean =>
  layouts.readers(value).some((node) => node?.inputs.some((x) => x !== value && layouts.isBlocked(x)));

/** Elementwise operators, with full-size or broadcast operands. */
export const elementwiseRules: readonly BlockedRule[] = [elementwise, expand];
