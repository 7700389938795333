import type { RgbImage } from "fovea/web";

/** RGBA as three planes. */
export function planar({ width, height, data }: ImageData): RgbImage {
  const area = width * height;
  const pixels = new Uint8Array(3 * area);
  for (let i = 0, from = 0; i < area; i++, from += 4) {
    pixels[i] = data[from]!;
    pixels[area + i] = data[from + 1]!;
    pixels[2 * area + i] = data[from + 2]!;
  }
  return { width, height, pixels };
}
