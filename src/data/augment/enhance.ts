import type { RgbImage } from "../dataset.js";

/**
 * Changes of an image's colors, as Pillow's ImageEnhance and ImageOps make them, rounding included: what torchvision's transforms are
 * trained with. None of them changes its argument. Not checked: done for every image.
 */

/** What each byte of a channel becomes. */
type Table = (byte: number) => number;

/** Pillow's gray of an image, ITU-R 601-2, one byte per pixel. */
export function grayOf({ width, height, pixels }: RgbImage): Uint8Array {
  const area = width * height;
  const gray = new Uint8Array(area);
  for (let i = 0; i < area; i++)
    gray[i] = (19595 * pixels[i]! + 38470 * pixels[area + i]! + 7471 * pixels[2 * area + i]! + 0x8000) >> 16;
  return gray;
}

/** From a degenerate image at factor 0 over the image itself at 1 to more of the same beyond; float32, then cut off. */
function enhanced(image: RgbImage, degenerate: (i: number) => number, factor: number): RgbImage {
  if (factor === 1) return image;
  const alpha = Math.fround(factor);
  const pixels = new Uint8Array(image.pixels.length);
  for (let i = 0; i < pixels.length; i++) {
    const from = degenerate(i);
    const value = Math.fround(from + Math.fround(alpha * (image.pixels[i]! - from)));
    pixels[i] = value <= 0 ? 0 : value >= 255 ? 255 : value;
  }
  return { ...image, pixels };
}

/** Toward black: 0 is black, 1 the image. */
export const adjustBrightness = (image: RgbImage, factor: number): RgbImage => enhanced(image, () => 0, factor);

/** Toward the mean gray: 0 is a gray image, 1 the image. */
export function adjustContrast(image: RgbImage, factor: number): RgbImage {
  const gray = grayOf(image);
  const mean = Math.floor(gray.reduce((sum, v) => sum + v, 0) / gray.length + 0.5);
  return enhanced(image, () => mean, factor);
}

/** Toward gray: 0 is without color, 1 the image. */
export function adjustSaturation(image: RgbImage, factor: number): RgbImage {
  const gray = grayOf(image);
  return enhanced(image, (i) => gray[i % gray.length]!, factor);
}

/** Toward a smoothed image: 0 is blurred, 1 the image. The outermost pixels stay. */
export function adjustSharpness(image: RgbImage, factor: number): RgbImage {
  const { width, height, pixels } = image;
  const smooth = Uint8Array.from(pixels);
  for (let c = 0; c < 3; c++)
    for (let y = 1; y < height - 1; y++)
      for (let x = 1; x < width - 1; x++) {
        const at = (c * height + y) * width + x;
        let sum = 4 * pixels[at]!;
        for (let row = at - width; row <= at + width; row += width)
          sum += pixels[row - 1]! + pixels[row]! + pixels[row + 1]!;
        smooth[at] = Math.floor((2 * sum + 13) / 26);
      }
  return enhanced(image, (i) => smooth[i]!, factor);
}

/** Every byte of channel c by the table of c. */
function mapped(image: RgbImage, tableOf: (channel: Uint8Array) => Table): RgbImage {
  const area = image.width * image.height;
  const pixels = new Uint8Array(3 * area);
  for (let c = 0; c < 3; c++) {
    const channel = image.pixels.subarray(c * area, (c + 1) * area) as Uint8Array;
    const table = Uint8Array.from({ length: 256 }, (_, byte) => tableOf(channel)(byte));
    for (let i = 0; i < area; i++) pixels[c * area + i] = table[channel[i]!]!;
  }
  return { ...image, pixels };
}

/** Keeps the highest bits. */
export const posterize = (image: RgbImage, bits: number): RgbImage =>
  mapped(image, () => (byte) => byte & ~(2 ** (8 - bits) - 1));

/** Inverts bytes from a threshold on. */
export const solarize = (image: RgbImage, threshold: number): RgbImage =>
  mapped(image, () => (byte) => (byte < threshold ? byte : 255 - byte));

/** Stretches each channel to 0 … 255. */
export const autoContrast = (image: RgbImage): RgbImage =>
  mapped(image, (channel) => {
    let [low, high] = [255, 0];
    for (const byte of channel) [low, high] = [Math.min(low, byte), Math.max(high, byte)];
    if (high <= low) return (byte) => byte;
    const scale = 255 / (high - low);
    return (byte) => Math.min(255, Math.max(0, Math.trunc(byte * scale - low * scale)));
  });

/** Makes each channel's histogram flat. */
export const equalize = (image: RgbImage): RgbImage =>
  mapped(image, (channel) => {
    const counts = new Uint32Array(256);
    for (const byte of channel) counts[byte]!++;
    const last = counts.findLast((count) => count > 0)!;
    const step = Math.floor((channel.length - last) / 255);
    if (step === 0) return (byte) => byte;
    let before = Math.floor(step / 2);
    const levels = Array.from(counts, (count) => {
      const level = Math.min(255, Math.floor(before / step));
      before += count;
      return level;
    });
    return (byte) => levels[byte]!;
  });

/** Turns hues by a share of the circle, −0.5 to 0.5, in steps of 1/255 in Pillow's HSV. */
export function adjustHue(image: RgbImage, share: number): RgbImage {
  const area = image.width * image.height;
  const turn = Math.trunc(share * 255);
  const pixels = new Uint8Array(3 * area);
  for (let i = 0; i < area; i++) {
    const [h, s, v] = toHsv(image.pixels[i]!, image.pixels[area + i]!, image.pixels[2 * area + i]!);
    const rgb = fromHsv((h + turn) & 255, s, v);
    for (let c = 0; c < 3; c++) pixels[c * area + i] = rgb[c]!;
  }
  return { ...image, pixels };
}

type Triple = readonly [number, number, number];
const f32 = Math.fround;

/** Hue, saturation and value as bytes; float32 where Pillow has it. */
function toHsv(r: number, g: number, b: number): Triple {
  const most = Math.max(r, g, b);
  const range = most - Math.min(r, g, b);
  if (range === 0) return [0, 0, most];
  const [rc, gc, bc] = [r, g, b].map((v) => f32((most - v) / range)) as [number, number, number];
  const sector = r === most ? f32(bc - gc) : g === most ? f32(2 + rc - bc) : f32(4 + gc - rc);
  const hue = f32((sector / 6 + 1) % 1);
  return [Math.trunc(hue * 255), Math.trunc(f32(range / most) * 255), most];
}

function fromHsv(h: number, s: number, v: number): Triple {
  if (s === 0) return [v, v, v];
  const sector = Math.floor((h * 6) / 255);
  const f = f32((h * 6) / 255 - sector);
  const saturation = f32(s / 255);
  const lost = [saturation, f32(saturation * f), saturation * (1 - f)];
  const [p, q, t] = lost.map((part) => Math.round(v * (1 - part))) as [number, number, number];
  const turns: readonly Triple[] = [
    [v, t, p],
    [q, v, p],
    [p, v, t],
    [p, q, v],
    [t, p, v],
    [v, p, q],
  ];
  return turns[sector % 6]!;
}
