import { OptionError } from "../../core/errors.js";
import { check, misfit, type Schema, settings, text, whole } from "../../core/schema.js";

/**
 * Sizes at which one lowering becomes faster than another. They depend on the processor; `fovea bench calibrate` measures them.
 * A bad table costs time but never changes a result beyond rounding.
 */
export interface Tuning {
  /** Up to this many images per batch, training graphs are lowered plain, because blocking does not pay; 0 for never. */
  readonly fewImages: number;
  /** Which 3×3 convolutions Winograd's algorithm computes. */
  readonly winograd: WinogradTuning;
}

/** Which 3×3 convolutions use Winograd's algorithm, per output tile: 2×2 and, with `precision: "fast"`, 4×4. Maps smaller than 4×4 never do. */
export interface WinogradTuning extends Readonly<Record<WinogradTile, WinogradSides>> {
  /** The fewest positions, images · height · width: transforming the weight costs the same for one image as for many. */
  readonly positions: number;
}

/** The side of an output tile. */
export type WinogradTile = 2 | 4;

/**
 * The largest map side for which the algorithm is faster, by number of channels; 0 for none. Uses the largest key
 * ≤ min(in, out channels); below the smallest key the algorithm is not used.
 */
export type WinogradSides = Readonly<Record<number, number>>;

/** Measured on two cores of a processor with AVX-512: docs/lab/tuning.md. */
export const defaultTuning: Tuning = {
  fewImages: 0,
  winograd: { positions: 512, 2: { 128: 0, 256: 14, 512: 16 }, 4: { 64: 0, 128: 16, 256: 16, 512: 16 } },
};

/** How exactly an engine computes: as float32 does, or faster with more rounding. */
export const enginePrecisions = ["float32", "fast"] as const;
export type EnginePrecision = (typeof enginePrecisions)[number];

/** What of a table may be used: tiles of 4×4 round more than float32 has to. */
export const allowedBy = (precision: EnginePrecision, tuning: WinogradTuning): WinogradTuning =>
  precision === "fast" ? tuning : { ...tuning, 4: {} };

/** The tile for a layer, if any; the larger first, which saves more. `channels` is min(in, out channels). */
export function chooseTile(
  tuning: WinogradTuning,
  { images, channels, height, width }: Readonly<Record<"images" | "channels" | "height" | "width", number>>,
): WinogradTile | undefined {
  if (Math.min(height, width) < 4 || images * height * width < tuning.positions) return undefined;
  return ([4, 2] as const).find((tile) => Math.max(height, width) <= largestSide(tuning[tile], channels));
}

function largestSide(sides: WinogradSides, channels: number): number {
  const row = Math.max(...Object.keys(sides).map((least) => (Number(least) <= channels ? Number(least) : 0)), 0);
  return sides[row] ?? 0;
}

const mostRows = 64;

/**
 * Validates a table from an untrusted source, such as a file, and copies its known fields.
 *
 * @throws OptionError naming `where`, the constraint and the offending number.
 * @example
 * checkTuning(JSON.parse(text), "my-tuning.json"); // { fewImages: 4, winograd: { positions: 512, 2: { 256: 14 }, 4: {} } }
 */
export function checkTuning(value: unknown, where: string): Tuning {
  check("checkTuning", "where", text, where);
  const { fewImages, winograd } = checked(value, settings, where);
  const { 2: small, 4: large, positions } = checked(winograd, settings, `${where}: winograd`);
  return {
    fewImages: checked(fewImages, whole(0, 65_536), `${where}: fewImages`),
    winograd: {
      positions: checked(positions, whole(0, 2 ** 30), `${where}: winograd: positions`),
      2: checkSides(small, `${where}: winograd: 2`),
      4: checkSides(large, `${where}: winograd: 4`),
    },
  };
}

function checkSides(value: unknown, where: string): WinogradSides {
  const rows = Object.entries(checked(value, settings, where));
  if (rows.length > mostRows) throw new OptionError(`${where} must have at most ${mostRows} rows, got ${rows.length}`);
  return Object.fromEntries(
    rows.map(([channels, side]) => [
      checked(Number(channels), whole(1, 65_536), `${where}: a number of channels`),
      checked(side, whole(0, 65_536), `${where}: the side of a map`),
    ]),
  );
}

/** Only numbers are shown, and otherwise the type, so that messages do not quote a file. */
function checked<T>(value: unknown, schema: Schema<T>, where: string): T {
  const wanted = misfit(schema, value);
  if (wanted === undefined) return value as T;
  const kind = value === null ? "null" : Array.isArray(value) ? "a list" : typeof value;
  throw new OptionError(`${where} must be ${wanted}, got ${typeof value === "number" ? value : kind}`);
}
