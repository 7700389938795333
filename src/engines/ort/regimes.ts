import { OptionError } from "../../core/errors.js";
import { check, text } from "../../core/schema.js";

/**
 * Where one lowering is faster than another: sizes at which the choice changes. They depend on the processor; `fovea bench calibrate`
 * measures them. A table costs time if it is wrong, never a right result.
 */
export interface Regimes {
  /** Up to this many images the plain lowering of a graph that learns is as fast as the blocked one, or faster; 0 for never. */
  readonly fewImages: number;
  /** Which 3×3 convolutions Winograd's algorithm computes. */
  readonly winograd: WinogradRegimes;
}

/**
 * Which 3×3 convolutions go by Winograd's algorithm, with tiles of 2×2 outputs and, where they are allowed, of 4×4. On maps of
 * less than 4×4 none does.
 */
export interface WinogradRegimes extends Readonly<Record<WinogradTile, WinogradSides>> {
  /** The fewest positions, images · height · width: the transformation of the weight takes as long for one image as for many. */
  readonly positions: number;
}

/** The side of the tiles of outputs. */
export type WinogradTile = 2 | 4;

/**
 * The largest side of the map at which the algorithm is faster, by number of channels; 0 for nowhere. A layer goes by the largest number that
 * is not above its channels and its filters; below the least number the algorithm is not used.
 */
export type WinogradSides = Readonly<Record<number, number>>;

/** As measured on a processor with AVX-512, on two cores: docs/lowering.md. */
export const defaultRegimes: Regimes = {
  fewImages: 0,
  winograd: { positions: 512, 2: { 128: 0, 256: 14, 512: 16 }, 4: { 64: 0, 128: 16, 256: 16, 512: 16 } },
};

/** The table with or without tiles of 4×4, which round more and so must be allowed. */
export const winogradWith = (table: WinogradRegimes, largeTiles: boolean): WinogradRegimes =>
  largeTiles ? table : { ...table, 4: {} };

/**
 * The tiles by which a layer goes, if any; the larger ones first, which save more. `channels` are the fewer of its channels and filters.
 */
export function winogradTile(
  table: WinogradRegimes,
  { images, channels, height, width }: Readonly<Record<"images" | "channels" | "height" | "width", number>>,
): WinogradTile | undefined {
  if (Math.min(height, width) < 4 || images * height * width < table.positions) return undefined;
  return ([4, 2] as const).find((tile) => Math.max(height, width) <= largestSide(table[tile], channels));
}

function largestSide(sides: WinogradSides, channels: number): number {
  const row = Math.max(...Object.keys(sides).map((least) => (Number(least) <= channels ? Number(least) : 0)), 0);
  return sides[row] ?? 0;
}

const [mostImages, mostPositions, mostRows, mostChannels, mostPixels] = [65_536, 2 ** 30, 64, 65_536, 65_536];

/**
 * A table from anywhere, such as a file: only what belongs to it, copied.
 *
 * @throws OptionError naming `where`, what must hold, and the number that was given.
 * @example
 * checkRegimes(JSON.parse(text), "my-regimes.json"); // { fewImages: 4, winograd: { positions: 512, 2: { 256: 14 }, 4: {} } }
 */
export function checkRegimes(value: unknown, where: string): Regimes {
  check("checkRegimes", "where", text, where);
  const { fewImages, winograd } = object(value, where);
  const { 2: small, 4: large, positions } = object(winograd, `${where}: winograd`);
  return {
    fewImages: whole(fewImages, 0, mostImages, `${where}: fewImages`),
    winograd: {
      positions: whole(positions, 0, mostPositions, `${where}: winograd: positions`),
      2: checkSides(small, `${where}: winograd: 2`),
      4: checkSides(large, `${where}: winograd: 4`),
    },
  };
}

function checkSides(value: unknown, where: string): WinogradSides {
  const rows = Object.entries(object(value, where));
  if (rows.length > mostRows) throw new OptionError(`${where} must have at most ${mostRows} rows, got ${rows.length}`);
  return Object.fromEntries(
    rows.map(([channels, side]) => [
      whole(Number(channels), 1, mostChannels, `${where}: a number of channels`),
      whole(side, 0, mostPixels, `${where}: the side of a map`),
    ]),
  );
}

function object(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new OptionError(`${where} must be an object, got ${kindOf(value)}`);
  return value as Record<string, unknown>;
}

function whole(value: unknown, least: number, most: number, where: string): number {
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > most)
    throw new OptionError(`${where} must be a whole number from ${least} to ${most}, got ${kindOf(value)}`);
  return value as number;
}

/** A number as it is; of anything else the kind alone, for a file's text has no business in a message. */
const kindOf = (value: unknown): string =>
  typeof value === "number" ? `${value}` : value === null ? "null" : Array.isArray(value) ? "a list" : typeof value;
