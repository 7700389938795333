import { fourSizes, sameShape } from "../../../../core/shape.js";
import { sizeOf } from "../../../../core/tensor.js";
import type { Node, Value } from "../../../../graph/graph.js";
import { keptFromZero } from "../../rules/training.js";
import type { BlockedRule, Forms } from "../forms.js";
import type { Maps } from "../writer.js";
import { addPhases } from "./conv.js";

/** Operators on every element, by whether they keep zero at zero: what fills up the last block must stay zero. */
const unary: Readonly<Record<string, boolean>> = {
  Relu: true,
  LeakyRelu: true,
  Neg: true,
  Abs: true,
  Sign: true,
  Sqrt: true,
  Tanh: true,
  Erf: true,
  Sigmoid: false,
  HardSigmoid: false,
  Softplus: false,
  Exp: false,
  Log: false,
  Reciprocal: false,
  Clip: false,
};
/** The same for operators on several values of one shape; a number as operand keeps zero at zero in products only. */
const nary: Readonly<Record<string, boolean>> = {
  Add: true,
  Sub: true,
  Mul: true,
  Max: true,
  Min: true,
  ReluGrad: true,
  Div: false,
  Greater: false,
  Equal: false,
  Where: false,
};

const isNumber = (value: Value) => sizeOf(value.shape as readonly number[]) === 1;
const alike = (a: Value, b: Value) => sameShape(a.shape, b.shape);

/** Whether a node leaves zero where all arrays that it reads are zero; a number among its operands does in products only. */
function keepsZero(node: Node): boolean {
  const keeps = unary[node.op.name] ?? nary[node.op.name] ?? false;
  return keeps && (node.op.name === "Mul" || !node.inputs.some(isNumber));
}

/** Writes the node by the plain rule, on arrays that all lie in the same order. */
function write(node: Node, inputs: readonly string[], forms: Forms): string {
  return forms.rules.get(node.op.name)!(node, inputs, forms.write)[0]!;
}

/**
 * Elementwise operators work on any order of elements. In blocks if an operand of full size is, in a weight's layout if one is
 * (the optimizer's arithmetic); numbers fit everywhere, smaller operands are broadcast by `broadcast`.
 */
const elementwise: BlockedRule = (node, forms) => {
  const [y] = node.outputs as [Value];
  const full = node.inputs.filter((x) => alike(x, y));
  const others = node.inputs.filter((x) => !alike(x, y));
  const packed = full.map((x) => forms.packed(x)).find((p) => p !== undefined);
  if (packed && y.shape.length === 4) {
    const { from, shape } = packed.layout;
    // A weight that is not zero where it fills up blocks would learn there.
    if (!others.every(isNumber) || (!sameShape(from, shape) && !keepsZero(node))) return false;
    const names = node.inputs.map((x) => (alike(x, y) ? forms.weight(x, packed.layout.kind) : forms.lowering.plain(x)));
    forms.setPacked(y, packed.layout, write(node, names, forms));
    return true;
  }
  if (!full.some((x) => forms.isMaps(x)) || !full.every((x) => forms.canBeMaps(x))) return false;
  if (forms.isPadded(y) && !keepsZero(node)) return false;
  if (others.every(isNumber)) return fused(node, forms) || sameOrder(node, y, forms);
  return !forms.isPadded(y) && node.inputs.length === 2 && broadcast(node, y, forms);
};

function sameOrder(node: Node, y: Value, forms: Forms): boolean {
  const inputs = node.inputs.map((x) => (alike(x, y) ? forms.maps(x) : undefined));
  const names = inputs.map((maps, i) => maps?.name ?? forms.lowering.plain(node.inputs[i]!));
  forms.setMaps(y, { name: write(node, names, forms), shape: inputs.find((maps) => maps)!.shape });
  return true;
}

/** What the operator before can do while it stores its result (additions, ReLUs), or the one after instead (products). */
function fused(node: Node, forms: Forms): boolean {
  const [a, b] = node.inputs as [Value, Value?];
  const [y] = node.outputs as [Value];
  if (node.op.name === "Relu") {
    if (!forms.pending(a)?.activates) return false;
    forms.setMaps(y, forms.takePending(a)!.emit({ activation: "Relu" }));
    return true;
  }
  if (!b || !alike(a, b)) return false;
  if (node.op.name === "Mul" && forms.readers(y).every(sumsPositions)) {
    const product = [forms.maps(a), forms.maps(b)] as const;
    const emit = () => ({ name: write(node, [product[0].name, product[1].name], forms), shape: product[0].shape });
    forms.setPending(y, { activates: false, product, emit: ({ sum }) => added(emit(), sum, forms) });
    return true;
  }
  if (node.op.name !== "Add" || a === b) return false;
  const [p, q] = [forms.pending(a), forms.pending(b)];
  if (p?.phases && q?.phases) {
    const phases = addPhases(p.phases, q.phases);
    if (!phases) return false;
    forms.takePending(a);
    forms.takePending(b);
    forms.setPending(y, { activates: false, phases, emit: ({ sum }) => phases.join(phases.parts, sum) });
    return true;
  }
  const host = p && !p.phases && !p.product ? a : q && !q.phases && !q.product ? b : undefined;
  if (!host) return false;
  const pending = forms.takePending(host)!;
  const sum = forms.maps(host === a ? b : a).name;
  forms.setPending(y, {
    activates: pending.activates,
    emit: (epilogue) =>
      epilogue.sum === undefined
        ? pending.emit({ ...epilogue, sum })
        : pending.emit({ ...epilogue, sum: forms.write.emit("Add", [sum, epilogue.sum]) }),
  });
  return true;
}

const added = (maps: Maps, sum: string | undefined, forms: Forms): Maps =>
  sum === undefined ? maps : { name: forms.write.emit("Add", [maps.name, sum]), shape: maps.shape };

/** Whether a node sums (or averages) over the positions of a map. */
function sumsPositions(node: Node | null): boolean {
  if (node?.op.name !== "ReduceSum" && node?.op.name !== "ReduceMean") return false;
  const axes = node.attributes.axes as readonly number[];
  return (axes.length === 2 || (axes.length === 3 && axes.includes(0))) && axes.includes(2) && axes.includes(3);
}

/**
 * x, in blocks, with an operand that is broadcast to it:
 * - [N|1,C,1,1] lies in memory as the plain array does; factors and offsets are depthwise 1×1 convolutions of all images' channels
 *   (a third of the time of Mul or Add, whose inner loop would be one block long). So are divisors whose reciprocals do not overflow;
 * - [N|1,1,H,W] is repeated to the lanes of one block first;
 * - [N,C,H,1] and [N,C,1,W] are maps themselves.
 */
function broadcast(node: Node, y: Value, forms: Forms): boolean {
  const [a, b] = node.inputs as [Value, Value];
  const x = alike(a, y) ? a : b;
  const small = x === a ? b : a;
  const rank = 4 - small.shape.length;
  const shape = [...Array<number>(Math.max(0, rank)).fill(1), ...(small.shape as readonly number[])];
  const [n, channels, height, width] = fourSizes(y.shape);
  const { block, to, write: w } = forms;
  const is = (...dims: readonly number[]) => dims.every((d, i) => d === shape[i]);
  const blocks = channels / block;
  const binary = (maps: Maps, view: readonly number[], other: string, otherView: readonly number[]) => {
    const big = w.reshape(maps.name, view);
    const little = w.reshape(other, otherView);
    const name = write(node, x === a ? [big, little] : [little, big], forms);
    forms.setMaps(y, { name: w.reshape(name, maps.shape), shape: maps.shape });
    return true;
  };
  for (const images of [n, 1]) {
    if (is(images, channels, 1, 1)) {
      const maps = forms.maps(x);
      const affine = affineOf(node.op.name, small, x === a, images * channels, forms);
      if (!affine)
        return binary(maps, [n, blocks, height * width, block], forms.lowering.plain(small), [
          images,
          blocks,
          1,
          block,
        ]);
      const viewed = to.viewMaps(maps, [n / images, images * channels, height, width]);
      const result = to.affine(viewed, affine.factor, affine.bias === undefined ? {} : { bias: affine.bias });
      forms.setMaps(y, to.viewMaps(result, maps.shape));
      return true;
    }
    if (is(images, 1, height, width)) {
      const lanes = inLanes(small, [images, 1, height, width], forms);
      return binary(forms.maps(x), [n, blocks, height * width * block], lanes, [images, 1, height * width * block]);
    }
  }
  if (is(n, channels, height, 1) && forms.canBeMaps(small))
    return binary(forms.maps(x), [n * blocks * height, width, block], forms.maps(small).name, [
      n * blocks * height,
      1,
      block,
    ]);
  if (is(n, channels, 1, width) && forms.canBeMaps(small))
    return binary(forms.maps(x), [n * blocks, height, width * block], forms.maps(small).name, [
      n * blocks,
      1,
      width * block,
    ]);
  return false;
}

/** op(x, small) as factor · x + bias, for a value for each channel; undefined where it is not. */
function affineOf(op: string, value: Value, xFirst: boolean, channels: number, forms: Forms) {
  const { to, write: w } = forms;
  const small = forms.lowering.plain(value);
  const flat = () => w.reshape(small, [channels]);
  const factor = (name: string) => w.reshape(name, [channels, 1, 1, 1]);
  if (op === "Mul") return { factor: factor(small), bias: undefined };
  if (op === "Add") return { factor: to.ones(channels), bias: flat() };
  if (op === "Sub" && xFirst) return { factor: to.ones(channels), bias: w.emit("Neg", [flat()]) };
  if (op === "Sub") return { factor: to.filled(-1, [channels, 1, 1, 1]), bias: flat() };
  if (op === "Div" && xFirst && keptFromZero(value))
    return { factor: factor(w.emit("Reciprocal", [small])), bias: undefined };
  return undefined;
}

/** One map, repeated to every lane of a block: a convolution of one channel with a block of ones. */
export function inLanes(value: Value, shape: Maps["shape"], forms: Forms): string {
  const { to, block, write } = forms;
  return forms.memo(`lanes ${value.id}`, () => {
    const plain = forms.lowering.plain(value);
    const name = value.shape.length === shape.length ? plain : write.reshape(plain, shape);
    return to.conv({ name, shape }, to.filled(1, [block, 1, 1, 1]), [block, 1, 1, 1], {}).name;
  });
}

/** One number for each channel, repeated to full maps, if what reads them is in blocks. */
const expand: BlockedRule = (node, forms) => {
  const [x] = node.inputs as [Value];
  const [y] = node.outputs as [Value];
  if (!y.shape.every((d) => typeof d === "number") || y.shape.length !== 4 || x.shape.length !== 4) return false;
  const [n, channels, height, width] = fourSizes(y.shape);
  if (height * width === 1 || channels % forms.block !== 0) return false;
  if (![n, channels, 1, 1].every((d, i) => d === x.shape[i])) return false;
  if (!readByMaps(y, forms)) return false;
  const { write: w, block } = forms;
  const planes = (n * channels) / block;
  const small = w.reshape(forms.lowering.plain(x), [planes, 1, block]);
  const full = w.emit("Expand", [small, w.ints([planes, height * width, block])]);
  const shape = [n, channels, height, width] as const;
  forms.setMaps(y, { name: w.reshape(full, shape), shape });
  return true;
};

/** Whether a node that reads this value has another operand in blocks. */
function readByMaps(value: Value, forms: Forms): boolean {
  return forms.readers(value).some((node) => node?.inputs.some((x) => x !== value && forms.isMaps(x)));
}

/** Operators on every element, with operands of full size or broadcast. */
export const elementwiseRules = new Map<string, BlockedRule>([
  ...[...Object.keys(unary), ...Object.keys(nary)].map((name) => [name, elementwise] as const),
  ["Expand", expand],
]);
