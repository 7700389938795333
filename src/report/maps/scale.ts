import type { Heatmap } from "../../explain/heatmap.js";
import { type ColormapName, colormap } from "../colormap.js";
import { formatNumber } from "../text.js";

/** Maps values to colors, the same for all maps that share it. */
export interface ColorScale {
  readonly colors: ColormapName;
  /** The values at the ends of the color scale. */
  readonly low: number;
  readonly high: number;
}

/** Smallest and largest number of a map; undefined if it has none. */
export function rangeOf({ data }: Pick<Heatmap, "data">): readonly [low: number, high: number] | undefined {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of data) if (Number.isFinite(value)) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return low <= high ? [low, high] : undefined;
}

/**
 * The scale shared by some maps. It always includes 0, so that little evidence looks like little: from 0 to the largest value or, if any value is negative,
 * symmetric about 0. Never from the smallest value to the largest: that makes noise look significant.
 */
export function scaleOf(maps: readonly Pick<Heatmap, "data">[], unsigned: ColormapName = "inferno"): ColorScale {
  let [low, high] = [0, 0];
  for (const map of maps) {
    const range = rangeOf(map);
    if (range) [low, high] = [Math.min(low, range[0]), Math.max(high, range[1])];
  }
  if (low === 0) return { colors: unsigned, low, high };
  const most = Math.max(-low, high);
  return { colors: "diverging", low: -most, high: most };
}

/** Position of a value on a scale, 0 … 1. On a scale of zero width everything is at its zero. */
export function positionOn({ colors, low, high }: ColorScale, value: number): number {
  if (!(high > low)) return colors === "diverging" ? 0.5 : 0;
  return Math.min(1, Math.max(0, (value - low) / (high - low)));
}

/** A map in numbers: its range, or that it shows nothing. A gate need not be positive, but a constant one shows nothing. */
export function captionOf(map: Pick<Heatmap, "data">, isGate = false): string {
  const range = rangeOf(map);
  if (!range) return "not a number";
  const [low, high] = range.map((value) => formatNumber(value, 3));
  if (isGate && low === high) return `${range[0] === range[1] ? "constant" : "almost constant"}: ${low} everywhere`;
  if (isGate) return `${low} to ${high}`;
  if (range[0] === range[1])
    return range[0] === 0 ? "no positive evidence" : `no positive evidence (${low} everywhere)`;
  return range[1] <= 0 ? `no positive evidence (${low} to ${high})` : `${low} to ${high}`;
}

/** Indices 1 … 255 of a palette are the colors of a scale; index 0 is transparent. */
export const paletteSteps = 255;

export function paletteOf(colors: ColormapName): Uint8Array {
  const palette = new Uint8Array(3 * (paletteSteps + 1));
  for (let i = 0; i < paletteSteps; i++) palette.set(colormap(colors, i / (paletteSteps - 1)), 3 * (i + 1));
  return palette;
}

/** Opacity of each color over an image: zero evidence is transparent. */
export function alphaOf({ colors }: ColorScale, opacity: number): Uint8Array {
  return Uint8Array.from({ length: paletteSteps + 1 }, (_, index) => {
    if (index === 0) return 0;
    const t = (index - 1) / (paletteSteps - 1);
    return Math.round(255 * opacity * (colors === "diverging" ? Math.abs(2 * t - 1) : t));
  });
}
