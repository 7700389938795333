import type { Metadata, Sharp } from "sharp";
import { pngSignificantBits } from "./png.js";
import type { TiffTags } from "./tiff.js";

/** A file's declaration that 9 to 15 bits of its 16-bit samples are in use. */
export interface Claim {
  readonly bits: number;
  /**
   * Whether samples may nevertheless have been scaled to 16 bits. PNG requires it: a sample's bits are followed by zeros or repeated.
   * TIFF leaves them as they are.
   */
  readonly mayBeScaled: boolean;
}

/** What a PNG or TIFF file with 16-bit samples declares: `sBIT`, or `MaxSampleValue` if it is all ones. */
export function claimOf({ format, depth }: Metadata, start: string, tiff: TiffTags | undefined): Claim | undefined {
  if (depth !== "ushort") return undefined;
  const bits = format === "png" ? (pngSignificantBits(start) ?? 0) : Math.log2((tiff?.largestSample ?? 0) + 1);
  return Number.isInteger(bits) && bits > 8 && bits < 16 ? { bits, mayBeScaled: format === "png" } : undefined;
}

/** The samples, scaled from the declared bits to 16; undefined if they contradict the declaration, or are scaled already. */
export async function scaled(
  pipeline: Sharp,
  { channels }: Metadata,
  { bits, mayBeScaled }: Claim,
): Promise<
  | { readonly samples: Uint16Array; readonly raw: { width: number; height: number; channels: 1 | 2 | 3 | 4 } }
  | undefined
> {
  const { data, info } = await pipeline
    .autoOrient()
    .toColorspace(channels < 3 ? "grey16" : "rgb16")
    .raw({ depth: "ushort" })
    .toBuffer({ resolveWithObject: true });
  const samples = new Uint16Array(data.buffer, data.byteOffset, data.length / 2);
  const [most, step] = [2 ** bits - 1, 2 ** (16 - bits)];
  if (samples.some((v) => v > most)) return undefined;
  if (mayBeScaled && samples.every((v) => v % step === 0)) return undefined;
  return {
    samples: samples.map((v) => Math.round((v * 65535) / most)),
    raw: { width: info.width, height: info.height, channels: info.channels as 1 | 2 | 3 | 4 },
  };
}

/** The bits that suffice for an image whose 16-bit samples have become bytes: 10 or 12 if it is nearly black. */
export function bitsInUse(pixels: Uint8Array): 10 | 12 | 16 {
  const largest = pixels.reduce((a, b) => Math.max(a, b), 0);
  return largest < 4 ? 10 : largest < 16 ? 12 : 16;
}

/** The warning for 16-bit images that are all nearly black, given the bits that each needs. */
export function dimNote(bits: readonly number[]): string | undefined {
  const most = bits.reduce((a, b) => Math.max(a, b), 0);
  if (most !== 10 && most !== 12) return undefined;
  const images = bits.length === 1 ? "the only image" : `all ${bits.length.toLocaleString("en-US")} images`;
  return `${images} with 16-bit samples use at most ${most} of the bits, and will look black: scale the samples, or declare their bits (PNG: sBIT, TIFF: MaxSampleValue ${2 ** most - 1})`;
}
