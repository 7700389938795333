import { DataError, messageOf } from "../core/errors.js";
import type { Picture } from "./dataset.js";
import { resample, shorterSize } from "./resample.js";

export interface DecodeOptions {
  /**
   * Scale the shorter side down to this, like `resizeShorter`; smaller pictures stay as they are.
   * Photographs are first decoded at a reduced size, at least twice this, which is several times faster.
   */
  readonly shorterSide?: number;
}

/** 100 megapixels: refuses small files that would unpack to gigabytes. */
const mostPixels = 1e8;

/**
 * Decodes a JPEG, PNG, WebP, TIFF, GIF or AVIF file, given by path or as bytes, to RGB planes (Node only).
 * EXIF orientation is applied; grey, CMYK and 16-bit become 8-bit sRGB; transparency becomes white.
 *
 * @example
 * const picture = await decodePicture("cat.jpg");
 *
 * @throws DataError naming the file and why it cannot be read; a file that was cut short counts as unreadable.
 */
export async function decodePicture(source: string | Uint8Array, options: DecodeOptions = {}): Promise<Picture> {
  const { default: sharp } = await import("sharp");
  try {
    const open = () => sharp(source, { failOn: "error", limitInputPixels: mostPixels });
    const { width, height } = (await open().metadata()).autoOrient;
    const side = Math.min(options.shorterSide ?? Number.POSITIVE_INFINITY, width, height);
    const reduced = 2 * side;
    const pipeline = open().autoOrient();
    if (Math.min(width, height) > 2 * reduced) pipeline.resize({ width: reduced, height: reduced, fit: "outside" });
    const { data, info } = await pipeline
      .flatten({ background: "white" })
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
