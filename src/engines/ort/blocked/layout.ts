import { type Shape, staticShape, stridesOf } from "../../../core/shape.js";
import { sizeOf, type Tensor, zeros } from "../../../core/tensor.js";

/**
 * Memory layouts other than row-major, named as in ONNX Runtime, with b channels to a block:
 * - `NCHWc`: activations [N,C,H,W] as [N, C/b, H, W, b of C];
 * - `OIHWBiBo`: the weight [O,C,kh,kw] of a dense convolution as [O/b, C/b, kh, kw, b of C, b of O];
 * - `OIHWBo`: the same with only the outputs blocked, [O/b, C, kh, kw, b of O], for inputs with fewer channels than a block and for
 *   depthwise convolutions (C = 1);
 * - `HWIO`: the same without blocks, [kh, kw, C, O], for Winograd's algorithm.
 * A last block that the channels do not fill is padded with zeros.
 */
export type LayoutKind = "NCHWc" | WeightLayout;
export type WeightLayout = "OIHWBiBo" | "OIHWBo" | "HWIO";

/** The layout of the arrays of one shape. */
export interface Layout {
  readonly kind: LayoutKind;
  /** The shape of the plain array. */
  readonly from: readonly number[];
  /** The same with channels rounded up to whole blocks: the shape that blocked operators see. */
  readonly shape: readonly number[];
  /** The axes of `shape`, a blocked axis split into two: number of blocks, size of a block. */
  readonly split: readonly number[];
  /** The axis of `split` that is i-th in memory. */
  readonly perm: readonly number[];
}

/** The smallest multiple of `block` that is at least n. */
export const roundUp = (n: number, block: number): number => Math.ceil(n / block) * block;

/** Which of the first two axes are blocked, and the order in memory of the axes after splitting. */
const arrangements: Record<LayoutKind, { readonly blocked: readonly [boolean, boolean]; readonly perm: number[] }> = {
  NCHWc: { blocked: [false, true], perm: [0, 1, 3, 2] },
  OIHWBiBo: { blocked: [true, true], perm: [0, 2, 4, 3, 1] },
  OIHWBo: { blocked: [true, false], perm: [0, 2, 3, 1] },
  HWIO: { blocked: [false, false], perm: [2, 1, 0] },
};

/**
 * The layout of plain arrays of a shape, with `block` channels to a block.
 *
 * @throws ShapeError if the batch is symbolic.
 * @example
 * layoutOf("NCHWc", [2, 20, 8, 8], 16).shape; // [2, 32, 8, 8]
 */
export function layoutOf(kind: LayoutKind, plain: Shape, block: number): Layout {
  const from = staticShape(plain);
  const { blocked, perm } = arrangements[kind];
  const channels = from.slice(0, 2).map((n, axis) => (blocked[axis] ? roundUp(n, block) : n));
  const split = channels.flatMap((n, axis) => (blocked[axis] ? [n / block, block] : [n]));
  const rest = from.slice(2);
  return { kind, from, shape: [...channels, ...rest], split: [...split, sizeOf(rest)], perm };
}

/** Calls `visit(index in memory, index in the plain array)` for every element of the plain array. */
function forEachElement({ kind, from, split, perm }: Layout, visit: (packed: number, plain: number) => void): void {
  const { blocked } = arrangements[kind];
  const inMemory = stridesOf(perm.map((axis) => split[axis]!));
  const steps = split.map((_, axis) => inMemory[perm.indexOf(axis)]!);
  let axis = 0;
  const [outer, inner, area] = [from[0]!, from[1]!, sizeOf(from.slice(2))].map((size, i) => {
    const [step, within = 0] = steps.slice(axis);
    const block = blocked[i] ? split[axis + 1]! : 1;
    axis += blocked[i] ? 2 : 1;
    return Array.from({ length: size }, (_, k) => Math.floor(k / block) * step! + (k % block) * within);
  }) as [number[], number[], number[]];
  let plain = 0;
  for (const a of outer) for (const b of inner) for (const c of area) visit(a + b + c, plain++);
}

/** Reorders a plain array into a layout. */
export function toLayout(tensor: Tensor, layout: Layout): Tensor<"float32"> {
  const packed = zeros("float32", layout.shape);
  const { data } = tensor;
  forEachElement(layout, (to, from) => {
    packed.data[to] = data[from] as number;
  });
  return packed;
}

/** Reorders an array back into a plain one. */
export function fromLayout(packed: Tensor, layout: Layout): Tensor {
  const tensor = zeros("float32", layout.from);
  forEachElement(layout, (from, to) => {
    tensor.data[to] = packed.data[from] as number;
  });
  return tensor;
}
