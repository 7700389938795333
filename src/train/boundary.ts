import { ignored } from "../data/index.js";

/** A label map, without checks. */
interface Labels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Tolerance as a share of the image's diagonal: that of Csurka et al., and of Cityscapes' and DAVIS' measures. */
export const boundaryTolerance = 0.0075;

/**
 * The boundary F-measure of every class in one image (Csurka et al.: What is a good evaluation measure for semantic segmentation?, BMVC 2013).
 * A boundary pixel of a class has a neighbor above, below, left or right of another class; ignored pixels are neither. Precision is the share of predicted
 * boundary pixels with a true one of the class within 0.75 % of the image's diagonal, recall the share of true ones with a predicted one so near.
 *
 * @returns per class F = 2PR / (P + R), or undefined if neither map has a boundary of it
 */
export function boundaryF(truth: Labels, prediction: Labels, classes: number): (number | undefined)[] {
  const { width, height } = truth;
  const reach = disk(boundaryTolerance * Math.hypot(width, height));
  const [wanted, found] = [boundaries(truth, truth, classes), boundaries(prediction, truth, classes)];
  return Array.from({ length: classes }, (_, c) => {
    const [own, predicted] = [wanted[c]!, found[c]!];
    if (own.length === 0 && predicted.length === 0) return undefined;
    if (own.length === 0 || predicted.length === 0) return 0;
    const precision = near(predicted, own, reach, width, height);
    const recall = near(own, predicted, reach, width, height);
    return precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
  });
}

/** Positions of the boundary pixels of every class. Pixels that are ignored in the truth are so in both. */
function boundaries({ width, height, data }: Labels, truth: Labels, classes: number): number[][] {
  const found: number[][] = Array.from({ length: classes }, () => []);
  const labelAt = (i: number) => (truth.data[i] === ignored ? ignored : data[i]!);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) {
      const label = labelAt(i);
      if (label === ignored) continue;
      const other = (there: boolean, at: number) => {
        if (!there) return false;
        const neighbor = labelAt(at);
        return neighbor !== label && neighbor !== ignored;
      };
      if (
        other(x > 0, i - 1) ||
        other(x + 1 < width, i + 1) ||
        other(y > 0, i - width) ||
        other(y + 1 < height, i + width)
      )
        found[label]!.push(i);
    }
  return found;
}

/** Offsets within a distance. */
function disk(radius: number): readonly (readonly [dx: number, dy: number])[] {
  const whole = Math.floor(radius);
  const offsets: [number, number][] = [];
  for (let dy = -whole; dy <= whole; dy++)
    for (let dx = -whole; dx <= whole; dx++) if (dx * dx + dy * dy <= radius * radius) offsets.push([dx, dy]);
  return offsets;
}

/** The share of `some` pixels that have one of `others` within reach. */
function near(
  some: readonly number[],
  others: readonly number[],
  reach: ReturnType<typeof disk>,
  width: number,
  height: number,
): number {
  const covered = new Uint8Array(width * height);
  for (const i of others) {
    const [x, y] = [i % width, Math.floor(i / width)];
    for (const [dx, dy] of reach)
      if (x + dx >= 0 && x + dx < width && y + dy >= 0 && y + dy < height) covered[i + dy * width + dx] = 1;
  }
  return some.reduce((sum, i) => sum + covered[i]!, 0) / some.length;
}
