import { OptionError } from "../../core/errors.js";

/**
 * Where one lowering is faster than another: sizes at which the choice changes. They depend on the processor; `fovea bench calibrate`
 * measures them. A table costs time if it is wrong, never a right result.
 */
export interface Regimes {
  /** Up to this many images the plain lowering of a graph that learns is as fast as the blocked one, or faster; 0 for never. */
  readonly fewImages: number;
  /**
   * The largest side of the map at which Winograd's algorithm is faster, by number of channels; 0 for nowhere. A layer goes by the
   * largest number that is not above its channels and its filters; below the least number, and on maps of less than 4×4, the algorithm is not used.
   */
  readonly winograd: Readonly<Record<number, number>>;
}

/** As measured on a processor with AVX-512, on two cores: docs/lowering.md. */
export const defaultRegimes: Regimes = { fewImages: 0, winograd: { 64: 0, 128: 16, 256: 16, 512: 16 } };

/** The largest side of the map at which a layer of so many channels (the fewer of channels and filters) goes by Winograd's algorithm. */
export function winogradSide(table: Regimes["winograd"], channels: number): number {
  const row = Math.max(...Object.keys(table).map((least) => (Number(least) <= channels ? Number(least) : 0)), 0);
  return table[row] ?? 0;
}

const [mostImages, mostRows, mostChannels, largestSide] = [65_536, 64, 65_536, 65_536];

/**
 * A table from anywhere, such as a file: only what belongs to it, copied.
 *
 * @throws OptionError naming `where`, what must hold, and the number that was given.
 * @example
 * checkRegimes(JSON.parse(text), "my-regimes.json"); // { fewImages: 4, winograd: { 128: 16 } }
 */
export function checkRegimes(value: unknown, where: string): Regimes {
  const { fewImages, winograd } = object(value, where);
  const rows = Object.entries(object(winograd, `${where}: winograd`));
  if (rows.length > mostRows)
    throw new OptionError(`${where}: winograd must have at most ${mostRows} rows, got ${rows.length}`);
  return {
    fewImages: whole(fewImages, 0, mostImages, `${where}: fewImages`),
    winograd: Object.fromEntries(
      rows.map(([channels, side]) => [
        whole(Number(channels), 1, mostChannels, `${where}: winograd: a number of channels`),
        whole(side, 0, largestSide, `${where}: winograd: the side of a map`),
      ]),
    ),
  };
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
