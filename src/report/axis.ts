import { formatNumber, formatShare } from "./text.js";

/** A numeric range laid out on a chart. */
export interface Axis {
  readonly ticks: readonly { readonly value: number; readonly label: string }[];
  /** Position of a value: 0 at the low end, 1 at the high end. */
  at(value: number): number;
}

export interface AxisOptions {
  /** About how many ticks. */
  readonly count: number;
  /** Widen the range to whole ticks. */
  readonly round?: boolean;
  /** The values are shares: labeled as percentages, and never beyond 0 … 100 % unless the data is. */
  readonly percent?: boolean;
}

/**
 * The axis of some finite numbers, at least one. Integers get ticks at integers.
 *
 * @example
 * axisOf([1, 30], { count: 6 }).ticks.map((tick) => tick.label); // 5, 10, 15, 20, 25, 30
 */
export function axisOf(values: readonly number[], { count, round = false, percent = false }: AxisOptions): Axis {
  let [low, high] = extent(values);
  const [least, most] = [low >= 0 ? 0 : Number.NEGATIVE_INFINITY, percent && high <= 1 ? 1 : Number.POSITIVE_INFINITY];
  if (low === high) {
    const room = Math.abs(low) * 0.1 || 1;
    [low, high] = [Math.max(least, low - room), Math.min(most, high + room)];
  }
  const step = Math.max(niceStep((high - low) / count), values.every(Number.isInteger) ? 1 : 0);
  if (round) {
    low = Math.floor(low / step + 1e-9) * step;
    high = Math.ceil(high / step - 1e-9) * step;
  }
  const first = Math.ceil(low / step - 1e-9);
  const length = Math.min(Math.floor(high / step + 1e-9) - first + 1, 4 * count);
  return {
    ticks: Array.from({ length: Math.max(0, length) }, (_, i) => {
      const value = (first + i) * step;
      return { value, label: tickLabel(value, step, percent) };
    }),
    at: (value) => (value - low) / (high - low),
  };
}

/** The smallest and largest of the numbers. */
export function extent(values: readonly number[]): [low: number, high: number] {
  return values.reduce<[number, number]>(
    ([low, high], v) => [Math.min(low, v), Math.max(high, v)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  );
}

/** 1, 2 or 5 times a power of ten, not below `width` by more than a little. */
function niceStep(width: number): number {
  const power = 10 ** Math.floor(Math.log10(width));
  const ratio = width / power;
  return power * (ratio <= 1.2 ? 1 : ratio <= 2.4 ? 2 : ratio <= 6 ? 5 : 10);
}

function tickLabel(value: number, step: number, percent: boolean): string {
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  if (percent) return formatShare(value, Math.min(6, Math.max(0, decimals - 2)));
  return decimals > 0 && decimals < 5 ? value.toFixed(decimals).replace("-", "−") : formatNumber(value);
}
