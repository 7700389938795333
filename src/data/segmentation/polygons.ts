import { DataError } from "../../core/errors.js";
import { isObject, shown } from "../../core/schema.js";

/** An object of COCO's JSON, as far as its pixels are concerned. */
export interface CocoObject {
  readonly segmentation: unknown;
  /** The class to paint. */
  readonly label: number;
  /** Where it was read, for messages. */
  readonly at: string;
}

/** Steps of painting: what real annotations of the largest images take many times over is a fraction of it, and it takes seconds. */
const mostSteps = 2 ** 32;

/** What painting the objects of one image may still take. */
export class Budget {
  #left = mostSteps;

  /** @throws DataError once it is used up. */
  spend(steps: number, at: string): void {
    this.#left -= steps;
    if (this.#left < 0) throw new DataError(`${at}: the objects of its image cover too many pixels to draw`);
  }
}

/**
 * Paints an object into the labels of an image of `width × height`: pixels whose center is inside its polygons (by the even-odd rule each), or that
 * its run lengths cover.
 *
 * @throws DataError for what is neither.
 */
export function paintObject(
  { segmentation, label, at }: CocoObject,
  width: number,
  height: number,
  labels: Uint8Array,
  budget = new Budget(),
): void {
  if (Array.isArray(segmentation)) {
    for (const polygon of segmentation)
      paintPolygon(pointsOf(polygon, at), label, width, height, labels, (steps) => budget.spend(steps, at));
    return;
  }
  const { counts, size } = (isObject(segmentation) ? segmentation : {}) as { counts?: unknown; size?: unknown };
  const runs = typeof counts === "string" ? runLengths(counts, width * height, at) : counts;
  if (!Array.isArray(runs) || !runs.every((run) => Number.isSafeInteger(run) && run >= 0))
    throw new DataError(`${at}: segmentation must be polygons, [[x, y, …], …], or run lengths { size, counts }`);
  if (!Array.isArray(size) || size[0] !== height || size[1] !== width)
    throw new DataError(`${at}: run lengths of ${shown(size)} for an image of ${height} × ${width}`);
  budget.spend(width * height, at);
  paintRuns(runs as number[], label, width, height, labels, at);
}

function pointsOf(polygon: unknown, at: string): readonly (readonly [x: number, y: number])[] {
  if (!Array.isArray(polygon) || polygon.length < 6 || polygon.length % 2 || !polygon.every(Number.isFinite))
    throw new DataError(`${at}: a polygon must be at least three points, [x, y, x, y, …], got ${shown(polygon)}`);
  return Array.from({ length: polygon.length / 2 }, (_, i) => [polygon[2 * i], polygon[2 * i + 1]] as const);
}

function paintPolygon(
  points: readonly (readonly [number, number])[],
  label: number,
  width: number,
  height: number,
  labels: Uint8Array,
  spend: (steps: number) => void,
): void {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const [, y] of points) [low, high] = [Math.min(low, y), Math.max(high, y)];
  for (let row = Math.max(0, Math.floor(low)); row < Math.min(height, Math.ceil(high)); row++) {
    spend(points.length + width);
    const y = row + 0.5;
    const crossings: number[] = [];
    points.forEach(([x0, y0], i) => {
      const [x1, y1] = points[(i + 1) % points.length]!;
      if (y0 <= y !== y1 <= y) crossings.push(x0 + ((y - y0) * (x1 - x0)) / (y1 - y0));
    });
    crossings.sort((a, b) => a - b);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      // Pixel centers at column + ½ from one crossing to the next.
      const from = Math.max(0, Math.ceil(crossings[i]! - 0.5));
      const to = Math.min(width, Math.ceil(crossings[i + 1]! - 0.5));
      if (from < to) labels.fill(label, row * width + from, row * width + to);
    }
  }
}

/** COCO's run lengths: column by column, of pixels outside and inside in turn. */
function paintRuns(
  runs: readonly number[],
  label: number,
  width: number,
  height: number,
  labels: Uint8Array,
  at: string,
): void {
  const total = runs.reduce((sum, run) => sum + run, 0);
  if (total !== width * height)
    throw new DataError(`${at}: run lengths cover ${total} pixels of an image of ${width * height}`);
  let position = 0;
  runs.forEach((run, i) => {
    if (i % 2)
      for (let p = position; p < position + run; p++) labels[(p % height) * width + Math.floor(p / height)] = label;
    position += run;
  });
}

/** COCO's compressed run lengths: digits of five bits, lowest first, with the sixth for more; from the third on the difference to the one before last. */
function runLengths(text: string, pixels: number, at: string): number[] {
  const runs: number[] = [];
  for (let next = 0; next < text.length; ) {
    if (runs.length > pixels + 1) throw new DataError(`${at}: more run lengths than the image has pixels`);
    let [value, shift, more] = [0, 0, true];
    let digit = 0;
    while (more && next < text.length) {
      digit = text.charCodeAt(next++) - 48;
      value |= (digit & 31) << shift;
      shift += 5;
      more = (digit & 32) !== 0 && shift < 35;
    }
    if (digit & 16 && shift < 32) value |= -1 << shift;
    runs.push(runs.length > 2 ? value + runs.at(-2)! : value);
  }
  return runs;
}
