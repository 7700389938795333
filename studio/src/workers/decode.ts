import type { RgbImage } from "fovea/web";
import { type ImageFormat, type Size, sizeOf } from "../../logic/image-size.js";
import { planar } from "./planar.js";

/** Bytes of an image file that is read. */
export const mostBytes = 50_000_000;
/** Pixels of an image that is decoded. */
const mostPixels = 100_000_000;

/** Formats that every browser and `fovea train` read, by their first bytes as Latin-1. */
const formats: readonly (readonly [name: ImageFormat, pattern: RegExp])[] = [
  ["jpeg", /^\xff\xd8\xff/],
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are the format's
  ["png", /^\x89PNG\r\n\x1a\n/],
  ["webp", /^RIFF[\s\S]{4}WEBP/],
  ["avif", /^[\s\S]{4}ftyp(avif|avis|mif1|miaf)/],
];
const refused: readonly (readonly [reason: string, pattern: RegExp])[] = [
  ["a GIF: mostly an animation or a placeholder. Save it as PNG to use it", /^GIF8/],
  ["a TIFF, which browsers do not show. Save it as PNG or JPEG", /^(II[*+]\0|MM\0[*+])/],
  ["an HEIC, which most browsers do not show. Save it as JPEG", /^[\s\S]{4}ftyp(heic|heix|hevc|heim|heis)/],
  [
    "an SVG, a drawing that may hold programs. Save it as PNG",
    /^\s*(<\?xml[^>]*>\s*)?(<!--(?:(?!-->)[\s\S])*-->\s*)*<svg[\s>]/i,
  ],
];

/** Why a file is not used, or undefined. */
export async function whyNotAnImage(file: Blob): Promise<string | undefined> {
  if (file.size === 0) return "empty";
  if (file.size > mostBytes) return `${Math.round(file.size / 1e6)} MB; at most ${mostBytes / 1e6} MB are read`;
  const bytes = new Uint8Array(await file.slice(0, 65_536).arrayBuffer());
  let start = "";
  for (const byte of bytes) start += String.fromCharCode(byte);
  const why = refused.find(([, pattern]) => pattern.test(start));
  if (why) return why[0];
  const format = formats.find(([, pattern]) => pattern.test(start))?.[0];
  if (!format) return "not a JPEG, PNG, WebP or AVIF image, whatever its name says";
  // What cameras write before it may be longer.
  const size = sizeOf(format, bytes) ?? sizeOf(format, new Uint8Array(await file.arrayBuffer()));
  return size ? tooLarge(size) : "damaged: its size cannot be read";
}

const tooLarge = ({ width, height }: Size) =>
  width * height > mostPixels ? `${width} × ${height} pixels; at most ${mostPixels / 1e6} million are read` : undefined;

/** Turned as its camera says, in sRGB. @throws if it cannot be decoded, or is too large. */
export async function decode(file: Blob): Promise<ImageBitmap> {
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error("damaged: it cannot be decoded");
  });
  // Not every format is measured before it is decoded.
  const reason = tooLarge(bitmap);
  if (reason === undefined) return bitmap;
  bitmap.close();
  throw new Error(reason);
}

/** The pixels of a bitmap, on white where it is transparent. */
export function pixelsOf(bitmap: ImageBitmap): RgbImage {
  const { width, height } = bitmap;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true, colorSpace: "srgb" })!;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  return planar(context.getImageData(0, 0, width, height));
}

/** The same as RGBA, for a canvas. */
export function interleaved({ width, height, pixels }: RgbImage): ImageData {
  const area = width * height;
  const image = new ImageData(width, height);
  for (let i = 0; i < area; i++) image.data.set([pixels[i]!, pixels[area + i]!, pixels[2 * area + i]!, 255], 4 * i);
  return image;
}

/** Longest side of the small pictures in lists. */
export const thumbnailSide = 112;

/** A small square from the middle of an image, as a `data:` address. */
export async function thumbnail(bitmap: ImageBitmap): Promise<string> {
  const { width, height } = bitmap;
  const whole = Math.min(width, height);
  const side = Math.min(whole, thumbnailSide);
  const canvas = new OffscreenCanvas(side, side);
  const context = canvas.getContext("2d")!;
  context.imageSmoothingQuality = "medium";
  context.drawImage(bitmap, (width - whole) / 2, (height - whole) / 2, whole, whole, 0, 0, side, side);
  // Pixels that are shown large keep their colors.
  return addressOf(await canvas.convertToBlob(side < whole ? { type: "image/webp", quality: 0.8 } : undefined));
}

const addressOf = (file: Blob): Promise<string> =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });

/** Difference hash: whether each of 8 × 8 places is brighter than the one to its right, as 16 hexadecimal digits. */
export function lookOf(bitmap: ImageBitmap): string {
  const canvas = new OffscreenCanvas(9, 8);
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, 9, 8);
  const { data } = context.getImageData(0, 0, 9, 8);
  const gray = (x: number, y: number) => {
    const at = 4 * (9 * y + x);
    return 3 * data[at]! + 6 * data[at + 1]! + data[at + 2]!;
  };
  let digits = "";
  for (let y = 0; y < 8; y++) {
    let row = 0;
    for (let x = 0; x < 8; x++) row = 2 * row + (gray(x, y) > gray(x + 1, y) ? 1 : 0);
    digits += row.toString(16).padStart(2, "0");
  }
  return digits;
}

export async function sha256(bytes: ArrayBuffer): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
