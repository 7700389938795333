type Matrix = readonly (readonly number[])[];

/** The transformations of Winograd's F(m×m,3×3), y = Aᵀ[(G w Gᵀ) ⊙ (Bᵀ x B)]A, with p = m + 2. */
export interface WinogradTransforms {
  /** Bᵀ, [p,p]: the pixels of a tile, from the one before its outputs to the one after them. */
  readonly input: Matrix;
  /** G, [p,3]: the taps. */
  readonly weight: Matrix;
  /** Aᵀ, [m,p]: the sums. */
  readonly output: Matrix;
}

/** By m. F(2×2) is from the points 0, ±1 and ∞, F(4×4) from 0, ±1, ±2 and ∞ (Lavin and Gray, arXiv:1509.09308). */
export const winogradTransforms = {
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
} as const satisfies Readonly<Record<number, WinogradTransforms>>;
