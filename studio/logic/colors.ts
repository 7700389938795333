/** Anchors of matplotlib's inferno, as RGB. */
const inferno = [
  [0, 0, 4],
  [31, 12, 72],
  [85, 15, 109],
  [136, 34, 106],
  [186, 54, 85],
  [227, 89, 51],
  [249, 140, 10],
  [249, 201, 50],
  [252, 255, 164],
] as const;

/** The color of a share from 0 to 1. */
export function heat(share: number): readonly [number, number, number] {
  const at = Math.min(1, Math.max(0, share)) * (inferno.length - 1);
  const [i, rest] = [Math.min(inferno.length - 2, Math.floor(at)), at - Math.min(inferno.length - 2, Math.floor(at))];
  const mix = (c: 0 | 1 | 2) => Math.round(inferno[i]![c] * (1 - rest) + inferno[i + 1]![c] * rest);
  return [mix(0), mix(1), mix(2)];
}

/** Values on a plane, row by row. */
export interface Plane {
  readonly height: number;
  readonly width: number;
  readonly data: ArrayLike<number>;
}

/** Smallest and largest value. */
export function rangeOf({ data }: Plane): readonly [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < data.length; i++) [low, high] = [Math.min(low, data[i]!), Math.max(high, data[i]!)];
  return [low, high];
}

/**
 * A map as RGBA bytes to lay over its image: what is at `low` or below is transparent, what is at `high` nearly opaque. A map without
 * anything above `low` stays transparent: weak evidence must not look like strong.
 */
export function overlay({ width, height, data }: Plane, low: number, high: number): Uint8ClampedArray<ArrayBuffer> {
  const bytes = new Uint8ClampedArray(4 * width * height);
  if (!(high > low)) return bytes;
  for (let i = 0; i < width * height; i++) {
    const share = Math.min(1, Math.max(0, (data[i]! - low) / (high - low)));
    bytes.set([...heat(share), 220 * Math.sqrt(share)], 4 * i);
  }
  return bytes;
}

/** Planar RGB bytes, base64, as RGBA. */
export function rgba({
  width,
  height,
  rgb,
}: {
  width: number;
  height: number;
  rgb: string;
}): Uint8ClampedArray<ArrayBuffer> {
  const text = atob(rgb);
  const area = width * height;
  const bytes = new Uint8ClampedArray(4 * area);
  for (let i = 0; i < area; i++)
    bytes.set([text.charCodeAt(i), text.charCodeAt(area + i), text.charCodeAt(2 * area + i), 255], 4 * i);
  return bytes;
}
