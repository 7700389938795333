import { tensor } from "../../core/tensor.js";
import type { OnnxWriter } from "../../formats/onnx/writer.js";
import type { WinogradTile } from "./regimes.js";

type Matrix = readonly (readonly number[])[];

/** The transformations of Winograd's F(m×m,3×3), y = Aᵀ[(G w Gᵀ) ⊙ (Bᵀ x B)]A, with p = m + 2. */
interface WinogradTransforms {
  /** Bᵀ, [p,p]: the pixels of a tile, from the one before its outputs to the one after them. */
  readonly input: Matrix;
  /** G, [p,3]: the taps. */
  readonly weight: Matrix;
  /** Aᵀ, [m,p]: the sums. */
  readonly output: Matrix;
}

/** By m. F(2×2) is from the points 0, ±1 and ∞, F(4×4) from 0, ±1, ±2 and ∞ (Lavin and Gray, arXiv:1509.09308). */
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
      [4, 0, -5, 0, 1, 0],
      [0, -4, -4, 1, 1, 0],
      [0, 4, -4, -1, 1, 0],
      [0, -2, -1, 2, 1, 0],
      [0, 2, -1, -2, 1, 0],
      [0, 4, 0, -5, 0, 1],
    ],
    weight: [
      [1 / 4, 0, 0],
      [-1 / 6, -1 / 6, -1 / 6],
      [-1 / 6, 1 / 6, -1 / 6],
      [1 / 24, 1 / 12, 1 / 6],
      [1 / 24, -1 / 12, 1 / 6],
      [0, 0, 1],
    ],
    output: [
      [1, 1, 1, 1, 1, 0],
      [0, 1, -1, 2, -2, 0],
      [0, 1, 1, 4, 4, 0],
      [0, 1, -1, 8, -8, 1],
    ],
  },
} as const satisfies Readonly<Record<WinogradTile, WinogradTransforms>>;

/** What a point of the i-th tile gets of a pixel, along one axis: the pixel before the tile is its first. */
export const fromPixel = (m: WinogradTile, point: number, i: number, pixel: number): number =>
  transforms[m].input[point]![pixel + 1 - m * i] ?? 0;

/** What an output gets of a point of the i-th tile, along one axis; and what a gradient by the outputs is for the point. */
export const fromPoint = (m: WinogradTile, point: number, i: number, pixel: number): number =>
  Math.floor(pixel / m) === i ? transforms[m].output[pixel % m]![point]! : 0;

/** What the point-th of p² points gets of the tap-th of 9 taps. */
export function fromTap(m: WinogradTile, point: number, tap: number): number {
  const { weight } = transforms[m];
  const points = m + 2;
  return weight[Math.floor(point / points)]![Math.floor(tap / 3)]! * weight[point % points]![tap % 3]!;
}

/** A matrix of the model, [rows, columns], from its elements, written once for its key. */
export const winogradMatrix = (
  key: string,
  [rows, columns]: readonly [number, number],
  at: (i: number, j: number) => number,
  write: OnnxWriter,
): string =>
  write.once(`winograd_${key}_${rows}_${columns}`, () =>
    tensor(
      "float32",
      [rows, columns],
      Float32Array.from({ length: rows * columns }, (_, k) => at(Math.floor(k / columns), k % columns)),
    ),
  );
