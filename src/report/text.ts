import { isShare, type MainScore } from "../core/tasks.js";

/**
 * A number for people: four significant digits, thousands separators, a dash if there is none.
 *
 * @example
 * formatNumber(1234567); // "1,234,567"
 * formatNumber(0.000025); // "2.5e-5"
 */
export function formatNumber(value: number | null | undefined, digits = 4): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size >= 999.95 && size < 1e15)
    return minus(
      Math.round(value)
        .toString()
        .replace(/\B(?=(\d{3})+$)/g, ","),
    );
  const rounded = Number(value.toPrecision(digits));
  return minus(size > 0 && size < 1e-4 ? rounded.toExponential() : String(rounded));
}

/** A share between 0 and 1 as a percentage. */
export function formatShare(value: number | null | undefined, decimals = 1): string {
  return value === null || value === undefined || !Number.isFinite(value)
    ? "–"
    : minus(`${(value * 100).toFixed(decimals)}%`);
}

/** A score by which networks are chosen, without its name. */
export const formatScore = (field: MainScore, value: number | null | undefined): string =>
  isShare(field) ? formatShare(value) : formatNumber(value);

/** A count in at most four characters: `999`, `2.4k`, `43k`, `3M`. */
export function formatCount(count: number): string {
  if (count < 1000) return formatNumber(count);
  const [size, unit] = count < 999_500 ? [count / 1e3, "k"] : [count / 1e6, "M"];
  return `${size < 9.95 ? Number(size.toFixed(1)) : Math.round(size)}${unit}`;
}

/** `1 image`, `2 images` */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatNumber(count)} ${count === 1 ? one : many}`;
}

/** Estimated width of a text. Wide scripts take a whole em. */
export function textWidth(text: string, size: number): number {
  let ems = 0;
  for (const c of text) ems += c.codePointAt(0)! >= 0x1100 ? 1 : /[mwMW@%]/.test(c) ? 0.9 : 0.57;
  return ems * size;
}

/** The text, or its beginning and an ellipsis if it has more than `length` characters. */
export function shorten(text: string, length: number): string {
  const characters = Array.from(text);
  return characters.length > length ? `${characters.slice(0, length - 1).join("")}…` : text;
}

function minus(text: string): string {
  return text.replace("-", (sign, at: number) => (at === 0 ? "−" : sign));
}
