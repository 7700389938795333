import { ShapeError } from "../core/errors.js";
import type { LabelMap, WindowGrid } from "../data/index.js";

/** The logits of an image from those of its windows: their mean where windows overlap. */
export class LogitCanvas {
  readonly #sums: Float32Array;
  readonly #counts: Uint8Array;
  #windows = 0;

  constructor(
    private readonly classes: number,
    private readonly grid: WindowGrid,
    private readonly imageSize: number,
  ) {
    this.#sums = new Float32Array(classes * grid.width * grid.height);
    this.#counts = new Uint8Array(grid.width * grid.height);
  }

  /** Whether all windows are in. */
  get complete(): boolean {
    return this.#windows === this.grid.starts.length;
  }

  /** Adds a window's logits, [classes, S, S]. @throws ShapeError for another number of them. */
  add(window: number, logits: ArrayLike<number>): void {
    const { imageSize: size, classes } = this;
    const { width, height, starts } = this.grid;
    if (logits.length !== classes * size * size)
      throw new ShapeError(
        `the network outputs ${logits.length} logits for ${size}x${size} pixels of ${classes} classes; segmentation needs [N, ${classes}, ${size}, ${size}]`,
      );
    const { left, top } = starts[window]!;
    for (let y = 0; y < size; y++) {
      const to = (top + y) * width + left;
      for (let x = 0; x < size; x++) this.#counts[to + x]!++;
      for (let c = 0; c < classes; c++) {
        const plane = c * width * height + to;
        const from = (c * size + y) * size;
        for (let x = 0; x < size; x++) this.#sums[plane + x]! += logits[from + x]!;
      }
    }
    this.#windows++;
  }

  /**
   * The most likely class of every pixel at a size, the first if tied; logits are scaled bilinearly, as PyTorch's `interpolate` does without
   * `align_corners`. `onPixel` gets the logits of each, in an array that is used again.
   */
  labels(width: number, height: number, onPixel?: (logits: Float64Array, index: number) => void): LabelMap {
    const { classes, grid } = this;
    const data = new Uint8Array(width * height);
    const columns = taps(grid.width, width);
    const rows = taps(grid.height, height);
    const logits = new Float64Array(classes);
    const area = grid.width * grid.height;
    const counts = this.#counts;
    const sums = this.#sums;
    for (let y = 0, i = 0; y < height; y++) {
      const [above, below, down] = [rows.low[y]! * grid.width, rows.high[y]! * grid.width, rows.share[y]!];
      for (let x = 0; x < width; x++, i++) {
        const [left, right, across] = [columns.low[x]!, columns.high[x]!, columns.share[x]!];
        const corners = [above + left, above + right, below + left, below + right] as const;
        const weights = [
          ((1 - down) * (1 - across)) / counts[corners[0]]!,
          ((1 - down) * across) / counts[corners[1]]!,
          (down * (1 - across)) / counts[corners[2]]!,
          (down * across) / counts[corners[3]]!,
        ] as const;
        let best = 0;
        for (let c = 0, plane = 0; c < classes; c++, plane += area) {
          const value =
            weights[0] * sums[plane + corners[0]]! +
            weights[1] * sums[plane + corners[1]]! +
            weights[2] * sums[plane + corners[2]]! +
            weights[3] * sums[plane + corners[3]]!;
          logits[c] = value;
          if (value > logits[best]!) best = c;
        }
        data[i] = best;
        onPixel?.(logits, i);
      }
    }
    return { width, height, data };
  }
}

/** For each output position the two inputs around its center, and the share of the second. */
function taps(inputs: number, outputs: number) {
  const low = new Int32Array(outputs);
  const high = new Int32Array(outputs);
  const share = new Float64Array(outputs);
  for (let o = 0; o < outputs; o++) {
    const at = Math.max(0, ((o + 0.5) * inputs) / outputs - 0.5);
    low[o] = Math.min(inputs - 1, Math.floor(at));
    high[o] = Math.min(inputs - 1, low[o]! + 1);
    share[o] = at - low[o]!;
  }
  return { low, high, share };
}
