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

/** What goes to points: the input of a convolution, or a gradient by its outputs. */
export type WinogradPoints = "input" | "gradient";

/** What a point of the i-th tile gets of a pixel, along one axis: of an input, the pixel before the tile is its first. */
const fromPixel = {
  input: (m: WinogradTile, point: number, i: number, pixel: number) =>
    transforms[m].input[point]![pixel + 1 - m * i] ?? 0,
  gradient: (m: WinogradTile, point: number, i: number, pixel: number) =>
    Math.floor(pixel / m) === i ? transforms[m].output[pixel % m]![point]! : 0,
};

/** [p · tiles, pixels]: the points of all tiles along one axis, their overlap and the border; for a gradient, transposed, the way back of the output. */
export function alongAxis(m: WinogradTile, as: WinogradPoints, pixels: number, write: OnnxWriter): string {
  const tiles = Math.ceil(pixels / m);
  const at = (row: number, pixel: number) => fromPixel[as](m, Math.floor(row / tiles), row % tiles, pixel);
  return constant(`winograd_${m}_${as}_${pixels}`, [(m + 2) * tiles, pixels], at, write);
}

/** [p², 9]: the points of the taps; for an input's gradient the taps are turned around. */
export function overTaps(m: WinogradTile, turned: boolean, write: OnnxWriter): string {
  const [{ weight }, points] = [transforms[m], m + 2];
  const at = (point: number, k: number) => {
    const tap = turned ? 8 - k : k;
    return weight[Math.floor(point / points)]![Math.floor(tap / 3)]! * weight[point % points]![tap % 3]!;
  };
  return constant(`winograd_${m}_${turned ? "turned" : "taps"}`, [points ** 2, 9], at, write);
}

/** A matrix of the model, written once for its key. */
const constant = (
  key: string,
  [rows, columns]: readonly [number, number],
  at: (i: number, j: number) => number,
  write: OnnxWriter,
): string =>
  write.once(key, () =>
    tensor(
      "float32",
      [rows, columns],
      Float32Array.from({ length: rows * columns }, (_, k) => at(Math.floor(k / columns), k % columns)),
    ),
  );
