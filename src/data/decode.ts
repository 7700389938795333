import { stat } from "node:fs/promises";
import type { Metadata } from "sharp";
import { DataError, messageOf } from "../core/errors.js";
import { bytes, check, either, options as fields, maybe, type Schema, text, whole } from "../core/schema.js";
import type { Picture } from "./dataset.js";
import { resample, shorterSize } from "./resample.js";
import { type TiffTags, tiffTags } from "./tiff.js";

export interface DecodeOptions {
  /**
   * Scale the shorter side down to this, like `resizeShorter`; smaller pictures stay as they are.
   * Photographs are first decoded at a reduced size, at least twice this, which is several times faster.
   */
  readonly shorterSide?: number;
}

const decodeOptions: Schema<DecodeOptions> = fields<DecodeOptions>({ shorterSide: maybe(whole(1)) });

/** 100 megapixels: refuses small files that would unpack to gigabytes. */
const mostPixels = 1e8;
/** Of a thinner image nothing can be seen, and JPEG has no longer sides. */
const longestSide = 65_535;

/**
 * Decodes a JPEG, PNG, WebP, TIFF, GIF or AVIF file, given by path or as bytes, to RGB planes (Node only).
 * Other formats, several pages or frames, and samples of neither 8 nor 16 bits (floating point, 32-bit integers) are refused.
 * Of TIFF, so is YCbCr without JPEG; extra channels that are not said to be transparency are left out.
 * EXIF orientation is applied; grey, CMYK and 16-bit become 8-bit sRGB; transparency becomes white.
 *
 * @example
 * const picture = await decodePicture("cat.jpg");
 *
 * @throws DataError naming the file and why it cannot be read; a file that was cut short counts as unreadable.
 */
export async function decodePicture(source: string | Uint8Array, options: DecodeOptions = {}): Promise<Picture> {
  check("decodePicture", "source", either<string | Uint8Array>("a path or a Uint8Array", text, bytes), source);
  check("decodePicture", "options", decodeOptions, options);
  const { default: sharp } = await import("sharp");
  try {
    const open = () => sharp(source, { failOn: "error", limitInputPixels: mostPixels });
    if (typeof source === "string" && !(await stat(source)).isFile()) throw new DataError("not a regular file");
    const metadata = await open().metadata();
    const tiff = metadata.format === "tiff" ? await tiffTags(source) : undefined;
    const reason = whyUnusable(metadata, tiff);
    if (reason) throw new DataError(reason);
    const { width, height } = metadata.autoOrient;
    const side = Math.min(options.shorterSide ?? Number.POSITIVE_INFINITY, width, height);
    const reduced = 2 * side;
    const pipeline = open().autoOrient();
    // The decoder takes any extra channel for transparency, and would weigh the colors by it when it scales.
    const unspecified = metadata.hasAlpha && tiff !== undefined && !transparency.includes(tiff.extraSample);
    if (Math.min(width, height) > 2 * reduced && !unspecified)
      pipeline.resize({ width: reduced, height: reduced, fit: "outside" });
    if (!unspecified) pipeline.flatten({ background: "white" });
    const { data, info } = await pipeline
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    const picture = { width: info.width, height: info.height, pixels: toPlanes(data, info.channels) };
    const wanted = shorterSize(width, height, side);
    return wanted.width === info.width && wanted.height === info.height
      ? picture
      : resample(picture, wanted.width, wanted.height);
  } catch (error) {
    const name = typeof source === "string" ? source : `picture of ${source.length} bytes`;
    throw new DataError(`${name}: cannot be decoded (${messageOf(error).split("\n")[0]})`);
  }
}

/** Formats by what the decoder finds in the file, whatever its name: not SVG, which can embed other files, nor VIPS' own. */
const formats: readonly string[] = ["jpeg", "png", "webp", "tiff", "gif", "heif"];

/** Values of TIFF's tag ExtraSamples that mean transparency. */
const transparency: readonly number[] = [1, 2];

/** Samples other than bytes and words, by the decoder's names. */
const samples: Readonly<Record<string, string>> = {
  char: "signed integers of 8 bits",
  short: "signed integers of 16 bits",
  int: "integers of 32 bits",
  uint: "integers of 32 bits",
  float: "floating-point numbers",
  double: "floating-point numbers",
};

/** Why a file that the decoder can read would not decode to the one image it shows, or null if it does. */
function whyUnusable(
  { format, depth, pages = 1, channels, space, width, height }: Metadata,
  tiff: TiffTags | undefined,
): string | null {
  if (!formats.includes(format)) return `${format} files are not accepted`;
  if (depth !== "uchar" && depth !== "ushort")
    return `its samples are ${samples[depth] ?? depth}, whose range is not told; save it with 8 or 16 unsigned bits per channel`;
  if (pages > 1 && format !== "heif") return `it holds ${pages} pages or frames, not one image`;
  if (Math.max(width, height) > longestSide)
    return `it is ${width} × ${height}; sides of at most ${longestSide} pixels are accepted`;
  if (channels > (space === "cmyk" ? 5 : 4)) return `it has ${channels} channels; save it as gray, RGB or CMYK`;
  // The decoder takes YCbCr for RGB, unless it is compressed as JPEG.
  if (tiff?.photometric === 6 && ![6, 7].includes(tiff.compression)) return "it is YCbCr without JPEG; save it as RGB";
  return null;
}

/** Interleaved pixels of one or more channels to three planes. */
function toPlanes(data: Uint8Array, channels: number): Uint8Array {
  const area = data.length / channels;
  const planes = new Uint8Array(3 * area);
  for (let c = 0; c < 3; c++) {
    const channel = channels < 3 ? 0 : c;
    for (let i = 0, from = channel, to = c * area; i < area; i++, from += channels) planes[to + i] = data[from]!;
  }
  return planes;
}
