import type { LoweredValue } from "../../../formats/onnx/ir.js";
import type { OnnxWriter } from "../../../formats/onnx/writer.js";
import type { WinogradTile } from "../tuning.js";

type Matrix = readonly (readonly number[])[];

/** The transforms of Winograd's F(m×m,3×3), y = Aᵀ[(G w Gᵀ) ⊙ (Bᵀ x B)]A, with p = m + 2. */
interface WinogradTransforms {
  /** Bᵀ, [p,p]: applied to the pixels of a tile, from one before its outputs to one after. */
  readonly input: Matrix;
  /** G, [p,3]: applied to the kernel. */
  readonly weight: Matrix;
  /** Aᵀ, [m,p]: applied to the sums. */
  readonly output: Matrix;
}

const { SQRT1_2: small, SQRT2: large } = Math;

/**
 * By m (Lavin and Gray, arXiv:1509.09308). Interpolation points: 0, ±1, ∞ for F(2×2); 0, ±√½, ±√2, ∞ for F(4×4), which round half as much as
 * their 0, ±1, ±2, ∞, at worst a quarter (docs/lab/winograd.md).
 */
const transforms = {
  2: {
    input: [
      [1, 0, -1, 0],
      [0, 1, 1, 0],
      [0, -1, 1, 0],
      [0, 1, 0, -1],
    ],
    weight: [
      [1, 0, 0],
      [1 / 2, 1 / 2, 1 / 2],
      [1 / 2, -1 / 2, 1 / 2],
      [0, 0, 1],
    ],
    output: [
      [1, 1, 1, 0],
      [0, 1, -1, -1],
    ],
  },
  4: {
    input: [
      [1, 0, -5 / 2, 0, 1, 0],
      [0, -large, -2, small, 1, 0],
      [0, large, -2, -small, 1, 0],
      [0, -small, -1 / 2, large, 1, 0],
      [0, small, -1 / 2, -large, 1, 0],
      [0, 1, 0, -5 / 2, 0, 1],
    ],
    weight: [
      [1, 0, 0],
      [-2 / 3, -large / 3, -1 / 3],
      [-2 / 3, large / 3, -1 / 3],
      [1 / 6, large / 6, 1 / 3],
      [1 / 6, -large / 6, 1 / 3],
      [0, 0, 1],
    ],
    output: [
      [1, 1, 1, 1, 1, 0],
      [0, small, -small, large, -large, 0],
      [0, 1 / 2, 1 / 2, 2, 2, 0],
      [0, small / 2, -small / 2, 2 * large, -2 * large, 1],
    ],
  },
} as const satisfies Readonly<Record<WinogradTile, WinogradTransforms>>;

/** What is transformed to points: the input of a convolution, or the gradient of its output. */
export type Points = "input" | "gradient";

/** The weight of a pixel in a point of the i-th tile, along one axis. An input tile starts one pixel before its outputs. */
const fromPixel = {
  input: (m: WinogradTile, point: number, i: number, pixel: number) =>
    transforms[m].input[point]![pixel + 1 - m * i] ?? 0,
  gradient: (m: WinogradTile, point: number, i: number, pixel: number) =>
    Math.floor(pixel / m) === i ? transforms[m].output[pixel % m]![point]! : 0,
};

/**
 * [p · tiles, pixels]: the transform of all tiles along one axis, including their overlap and the border. For a gradient; transposed, the
 * inverse transform of the output.
 */
export function alongAxis(m: WinogradTile, as: Points, pixels: number, write: OnnxWriter): LoweredValue {
  const tiles = Math.ceil(pixels / m);
  const at = (row: number, pixel: number) => fromPixel[as](m, Math.floor(row / tiles), row % tiles, pixel);
  return write.table(`winograd_${m}_${as}_${pixels}`, "float32", [(m + 2) * tiles, pixels], at);
}

/** The weight of an element of the kernel in a point. */
function ofElement(m: WinogradTile, point: number, element: number): number {
  const [{ weight }, points] = [transforms[m], m + 2];
  return weight[Math.floor(point / points)]![Math.floor(element / 3)]! * weight[point % points]![element % 3]!;
}

/** [p², 9]: the transform of the kernel, flipped for the gradient of the input. */
export function overKernel(m: WinogradTile, flipped: boolean, write: OnnxWriter): LoweredValue {
  const at = (point: number, k: number) => ofElement(m, point, flipped ? 8 - k : k);
  return write.table(`winograd_${m}_${flipped ? "flipped" : "kernel"}`, "float32", [(m + 2) ** 2, 9], at);
}

/** Kernels [rows,9,size], transformed: [p²,rows,size]. */
export function transformKernels(m: WinogradTile, kernels: Float32Array, size: number): Float32Array<ArrayBuffer> {
  const [points, rows] = [(m + 2) ** 2, kernels.length / (9 * size)];
  const transformed = new Float32Array(points * rows * size);
  const factors = Array.from({ length: points }, (_, point) =>
    Array.from({ length: 9 }, (_, element) => ofElement(m, point, element)),
  );
  const sums = new Float64Array(size);
  for (let row = 0; row < rows; row++)
    for (let point = 0; point < points; point++) {
      sums.fill(0);
      for (let element = 0; element < 9; element++) {
        const factor = factors[point]![element]!;
        const first = (9 * row + element) * size;
        if (factor !== 0) for (let i = 0; i < size; i++) sums[i]! += factor * kernels[first + i]!;
      }
      const first = (point * rows + row) * size;
      for (let i = 0; i < size; i++) transformed[first + i] = sums[i]!;
    }
  return transformed;
}
