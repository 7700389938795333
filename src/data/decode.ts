import { open, stat } from "node:fs/promises";
import type { Metadata, Sharp } from "sharp";
import { DataError, systemReason, unusable } from "../core/errors.js";
import { bytes, check, either, options as fields, maybe, type Schema, text, whole } from "../core/schema.js";
import { longestSide } from "./checks.js";
import type { RgbImage } from "./dataset.js";
import { readBounded } from "./files.js";
import { jpegScans } from "./jpeg.js";
import { pngFrames } from "./png.js";
import { resample, shorterSize } from "./resample.js";
import { bitsInUse, claimOf, scaled } from "./significant-bits.js";
import { type TiffTags, tiffTags } from "./tiff.js";

/** Options of {@link decodeImage}. */
export interface DecodeOptions {
  /**
   * Scale the shorter side down to this, like `resizeShorter`; smaller images stay as they are.
   * Photographs are first decoded at a reduced size, at least twice this, which is several times faster.
   */
  readonly shorterSide?: number;
}

export const decodeOptions: Schema<DecodeOptions> = fields<DecodeOptions>({ shorterSide: maybe(whole(1)) });

/** 100 megapixels, a bound on small files that expand to gigabytes. */
const mostPixels = 1e8;
/** Uncompressed, 100 megapixels of four 16-bit samples take less. */
const mostBytes = 2 ** 30;
/** Encoders write about ten. Each costs a pass over all blocks and may take as little as a hundred bytes of the file. */
const mostScans = 100;
/** Bytes of samples from which images are decoded one at a time: interlaced and progressive ones are held in full. */
const large = 2 ** 28;

/** The decoder package. @throws FoveaError if it is not installed. */
export async function decoder(who: string) {
  const { default: sharp } = await import("sharp").catch(unusable(who, "sharp"));
  // Files are decoded once: what the decoder keeps of them would only take memory.
  sharp.cache(false);
  return sharp;
}

/**
 * Decodes a JPEG, PNG, WebP, TIFF, GIF or AVIF file, given by path or as bytes, to RGB planes (Node only).
 * Other formats, several pages or frames, and samples other than 8 or 16 bits (floating point, 32-bit integers) are refused.
 * So is TIFF's YCbCr without JPEG; extra channels not marked as transparency are ignored.
 * EXIF orientation is applied; gray, CMYK and 16-bit become 8-bit sRGB; transparency becomes white. If a file declares that only 9 to 15
 * bits of its 16-bit samples are in use (PNG's `sBIT`, TIFF's `MaxSampleValue`), and they are not scaled to 16, they are scaled.
 *
 * @example
 * const image = await decodeImage("cat.jpg");
 *
 * @throws DataError with the file and the reason. A truncated file counts as unreadable.
 */
export async function decodeImage(source: string | Uint8Array, options: DecodeOptions = {}): Promise<RgbImage> {
  check("decodeImage", "source", either<string | Uint8Array>("a path or a Uint8Array", text, bytes), source);
  check("decodeImage", "options", decodeOptions, options);
  return (await decodeWithBits(source, options)).image;
}

/** An image, and how many bits its samples use, if they have 16 and the file does not say. */
export async function decodeWithBits(
  source: string | Uint8Array,
  options: DecodeOptions,
): Promise<{ readonly image: RgbImage; readonly bits?: 10 | 12 | 16 }> {
  const sharp = await decoder("decodeImage");
  try {
    // Before decoding: to find the size of an SVG, the decoder renders all of it.
    const start = await beginning(source);
    if (!signatures.some(([text, at = 0]) => start.startsWith(text, at)))
      throw new DataError("it is not a JPEG, PNG, WebP, TIFF, GIF or AVIF file");
    // The decoder takes brackets at the end of a name for options, and opens the file named before them.
    const named = typeof source === "string" && source.includes("[");
    const contents = named ? await readBounded(source, mostBytes) : source;
    const input = () => sharp(contents, { failOn: "error", limitInputPixels: mostPixels });
    const metadata = await input().metadata();
    const tiff = metadata.format === "tiff" ? await tiffTags(source) : undefined;
    const reason =
      whyUnusable(metadata, tiff) ?? (await tooManyScans(metadata, source)) ?? (await animated(metadata, source));
    if (reason) throw new DataError(reason);
    const bytes = metadata.width * metadata.height * metadata.channels * (metadata.depth === "ushort" ? 2 : 1);
    const head = metadata.depth === "ushort" ? await beginning(source, 2 ** 16) : "";
    const claim = claimOf(metadata, head, tiff);
    const decode = async () => {
      const found = claim && (await scaled(input(), metadata, claim));
      const pipeline = found ? sharp(found.samples, { raw: found.raw, limitInputPixels: mostPixels }) : input();
      const image = await decodeUsable(pipeline, metadata, tiff, options);
      return metadata.depth === "ushort" && !claim ? { image, bits: bitsInUse(image.pixels) } : { image };
    };
    return await (bytes > large ? alone(decode) : decode());
  } catch (error) {
    const name = typeof source === "string" ? source : `image of ${source.length} bytes`;
    throw new DataError(`${name}: cannot be decoded (${systemReason(error).split("\n")[0]})`);
  }
}

/** Size of an image in a file as it is shown, from its header. @throws DataError with the file and the reason. */
export async function imageSizeOf(file: string): Promise<{ readonly width: number; readonly height: number }> {
  const sharp = await decoder("imageSizeOf");
  try {
    const start = await beginning(file);
    if (!signatures.some(([text, at = 0]) => start.startsWith(text, at)))
      throw new DataError("it is not a JPEG, PNG, WebP, TIFF, GIF or AVIF file");
    const contents = file.includes("[") ? await readBounded(file, mostBytes) : file;
    return (await sharp(contents, { limitInputPixels: mostPixels }).metadata()).autoOrient;
  } catch (error) {
    throw new DataError(`${file}: cannot be decoded (${systemReason(error).split("\n")[0]})`);
  }
}

async function decodeUsable(
  pipeline: Sharp,
  { autoOrient, hasAlpha }: Metadata,
  tiff: TiffTags | undefined,
  options: DecodeOptions,
): Promise<RgbImage> {
  const { width, height } = autoOrient;
  const side = Math.min(options.shorterSide ?? Number.POSITIVE_INFINITY, width, height);
  const reduced = 2 * side;
  pipeline.autoOrient();
  // The decoder treats any extra channel as transparency, and would premultiply colors by it when scaling.
  const unspecified = hasAlpha && tiff !== undefined && !transparency.includes(tiff.extraSample);
  if (Math.min(width, height) > 2 * reduced && !unspecified)
    pipeline.resize({ width: reduced, height: reduced, fit: "outside" });
  if (!unspecified) pipeline.flatten({ background: "white" });
  const { data, info } = await pipeline
    .toColorspace("srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  const image = { width: info.width, height: info.height, pixels: toPlanes(data, info.channels) };
  const wanted = shorterSize(width, height, side);
  return wanted.width === info.width && wanted.height === info.height
    ? image
    : resample(image, wanted.width, wanted.height);
}

let queue: Promise<unknown> = Promise.resolve();

/** Runs a task after all earlier ones. */
function alone<T>(task: () => Promise<T>): Promise<T> {
  const turn = queue.then(task);
  queue = turn.catch(() => {});
  return turn;
}

/** First bytes of the accepted formats, as Latin-1 text, and their offset: JPEG, PNG, WebP, TIFF and BigTIFF, GIF, AVIF. */
const signatures: readonly (readonly [text: string, at?: number])[] = [
  ["\xff\xd8\xff"],
  ["\x89PNG\r\n\x1a\n"],
  ["WEBP", 8],
  ["II*\0"],
  ["II+\0"],
  ["MM\0*"],
  ["MM\0+"],
  ["GIF8"],
  ["ftyp", 4],
];

/** The first bytes, as Latin-1 text. @throws DataError if it is not a regular file (a pipe might never answer) or too large. */
async function beginning(source: string | Uint8Array, length = 12): Promise<string> {
  if (typeof source !== "string") return Buffer.from(source.subarray(0, length)).toString("latin1");
  const found = await stat(source);
  if (!found.isFile()) throw new DataError("not a regular file");
  if (found.size === 0) return "";
  if (found.size > mostBytes) throw new DataError(`${found.size} bytes; at most ${mostBytes} are read`);
  const file = await open(source);
  try {
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(length), position: 0 });
    return buffer.toString("latin1", 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Formats as the decoder identifies them, whatever the name: not SVG, which can embed other files, nor VIPS' own. */
const formats: readonly string[] = ["jpeg", "png", "webp", "tiff", "gif", "heif"];

/** Values of TIFF's tag ExtraSamples that mean transparency. */
const transparency: readonly number[] = [1, 2];

/** Samples other than bytes and words, by the decoder's names. */
const samples: Readonly<Record<string, string>> = {
  char: "signed 8-bit integers",
  short: "signed 16-bit integers",
  int: "32-bit integers",
  uint: "32-bit integers",
  float: "floating-point numbers",
  double: "floating-point numbers",
};

/** Why a readable file would not decode to the one image it shows, or null. */
function whyUnusable(
  { format, depth, pages = 1, channels, space, width, height }: Metadata,
  tiff: TiffTags | undefined,
): string | null {
  if (!formats.includes(format)) return `${format} files are not accepted`;
  if (depth !== "uchar" && depth !== "ushort")
    return `its samples are ${samples[depth] ?? depth}, whose range is unknown; save it with 8 or 16 unsigned bits per channel`;
  if (pages > 1 && format !== "heif") return `it has ${pages} pages or frames, not one image`;
  if (Math.max(width, height) > longestSide)
    return `it is ${width} × ${height}; sides of at most ${longestSide} pixels are accepted`;
  if (channels > (space === "cmyk" ? 5 : 4)) return `it has ${channels} channels; save it as gray, RGB or CMYK`;
  // The decoder takes YCbCr for RGB, unless it is compressed as JPEG.
  if (tiff?.photometric === 6 && ![6, 7].includes(tiff.compression)) return "it is YCbCr without JPEG; save it as RGB";
  return null;
}

/** The reason for a JPEG file with too many scans, or null. */
async function tooManyScans({ isProgressive, format }: Metadata, source: string | Uint8Array): Promise<string | null> {
  if (!isProgressive || format !== "jpeg") return null;
  const scans = jpegScans(typeof source === "string" ? await readBounded(source, mostBytes) : source);
  return scans > mostScans ? `it has ${scans} scans; at most ${mostScans} are accepted` : null;
}

/** The reason for an animated PNG file, of which the decoder shows the first frame, or null. */
async function animated({ format }: Metadata, source: string | Uint8Array): Promise<string | null> {
  const frames = format === "png" ? pngFrames(await beginning(source, 2 ** 16)) : 1;
  return frames > 1 ? `it has ${frames} pages or frames, not one image` : null;
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
