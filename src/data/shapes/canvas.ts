/** Red, green, blue in 0 … 1. */
export type Color = readonly [number, number, number];

/** A number for each point of the canvas. */
export type Field = (x: number, y: number) => number;

/** Something to paint: where it is, its coverage there (0 … 1), and its two colors with the share of the second. */
export interface Paint {
  readonly x: number;
  readonly y: number;
  /** Nothing is painted farther than this from (x, y), along either axis. */
  readonly reach: number;
  readonly cover: Field;
  readonly colors: readonly [Color, Color];
  readonly mix: Field;
}

/** A square image being painted. Points are pixel centers: the first is (0.5, 0.5). */
export class Canvas {
  readonly #planes: Float32Array;

  constructor(readonly size: number) {
    this.#planes = new Float32Array(3 * size * size);
  }

  paint({ x, y, reach, cover, colors: [a, b], mix }: Paint): void {
    const { size } = this;
    const planes = this.#planes;
    const [left, right] = [Math.max(0, Math.floor(x - reach)), Math.min(size, Math.ceil(x + reach))];
    const [top, bottom] = [Math.max(0, Math.floor(y - reach)), Math.min(size, Math.ceil(y + reach))];
    for (let row = top; row < bottom; row++)
      for (let column = left; column < right; column++) {
        const alpha = cover(column + 0.5, row + 0.5);
        if (alpha <= 0) continue;
        const share = mix(column + 0.5, row + 0.5);
        for (let c = 0, i = row * size + column; c < 3; c++, i += size * size)
          planes[i]! += alpha * (a[c]! + share * (b[c]! - a[c]!) - planes[i]!);
      }
  }

  /** Writes the image as bytes [3,size,size], each changed by `noise()` (in 0 … 255). */
  develop(out: Uint8ClampedArray, noise: () => number): void {
    const planes = this.#planes;
    for (let i = 0; i < planes.length; i++) out[i] = planes[i]! * 255 + noise();
  }
}
