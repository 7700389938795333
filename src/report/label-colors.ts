import type { PlanarImage } from "./heatmap.js";

/** Labels of pixels; 255 does not count. */
export interface LabeledPixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/**
 * PASCAL VOC's colors of 256 labels, three bytes each: the bits of a label, dealt to red, green and blue from the highest bit down. 0 is black, 255
 * (ignored) nearly white.
 */
export const labelColors: Uint8Array = Uint8Array.from({ length: 768 }, (_, i) => {
  const [label, channel] = [Math.floor(i / 3), i % 3];
  let color = 0;
  for (let bit = 0; bit < 8; bit++) if ((label >> (3 * bit + channel)) & 1) color |= 128 >> bit;
  return color;
});

/** Labels in their colors. */
export function colored({ width, height, data }: LabeledPixels): PlanarImage {
  const pixels = new Uint8Array(3 * data.length);
  for (let c = 0; c < 3; c++)
    for (let i = 0; i < data.length; i++) pixels[c * data.length + i] = labelColors[3 * data[i]! + c]!;
  return { width, height, pixels };
}

/** An image with the colors of its labels laid over it, half transparent; class 0 stays uncolored. */
export function overlay(image: PlanarImage, { data }: LabeledPixels): PlanarImage {
  const { width, height } = image;
  const pixels = Uint8Array.from(image.pixels);
  for (let c = 0; c < 3; c++)
    for (let i = 0; i < data.length; i++)
      if (data[i] !== 0) {
        const at = c * data.length + i;
        pixels[at] = Math.round((pixels[at]! + labelColors[3 * data[i]! + c]!) / 2);
      }
  return { width, height, pixels };
}
