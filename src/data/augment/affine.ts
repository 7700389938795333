import type { RgbImage } from "../dataset.js";

/** Where pixels come from: column a·x + b·y + c, row d·x + e·y + f. */
export type Affine = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** Steps of a pixel that positions are rounded to, as in Pillow. */
const steps = 65_536;
const fixed = (x: number) => Math.floor(x * steps + 0.5);

/** An image of the same size whose pixels come from other places, the nearest pixel each; black outside. Rounding is Pillow's. */
export function affine({ width, height, pixels }: RgbImage, [a, b, c, d, e, f]: Affine): RgbImage {
  const out = new Uint8Array(pixels.length);
  const area = width * height;
  const [ax, bx, dx, ex] = [a, b, d, e].map(fixed) as [number, number, number, number];
  const [column, row] = [fixed(c + (a + b) / 2), fixed(f + (d + e) / 2)];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const from = Math.floor((column + x * ax + y * bx) / steps);
      const above = Math.floor((row + x * dx + y * ex) / steps);
      if (from < 0 || from >= width || above < 0 || above >= height) continue;
      for (let k = 0; k < 3; k++) out[k * area + y * width + x] = pixels[k * area + above * width + from]!;
    }
  return { width, height, pixels: out };
}

/** To the right by `slope` per row from the top, as AutoAugment shears. */
export const shearX = (image: RgbImage, slope: number): RgbImage => affine(image, [1, slope, 0, 0, 1, 0]);
/** Down by `slope` per column from the left. */
export const shearY = (image: RgbImage, slope: number): RgbImage => affine(image, [1, 0, 0, slope, 1, 0]);
/** To the right by whole pixels. */
export const translateX = (image: RgbImage, pixels: number): RgbImage =>
  affine(image, [1, 0, -Math.trunc(pixels), 0, 1, 0]);
/** Down by whole pixels. */
export const translateY = (image: RgbImage, pixels: number): RgbImage =>
  affine(image, [1, 0, 0, 0, 1, -Math.trunc(pixels)]);

/** Counterclockwise around the center, by degrees. */
export function rotate(image: RgbImage, degrees: number): RgbImage {
  const angle = (-(((degrees % 360) + 360) % 360) * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)].map((x) => Number(x.toFixed(15))) as [number, number];
  const [x, y] = [image.width / 2, image.height / 2];
  return affine(image, [cos, sin, x - cos * x - sin * y, -sin, cos, y + sin * x - cos * y]);
}
