import { Rng } from "../../core/rng.js";
import type { Heatmap } from "../heatmap.js";

/** Control maps in every table: a method that does not beat them finds nothing. */
export const controlNames = ["random", "center"] as const;

/** A map of independent uniform numbers: a function of the seed and the image's index. */
export function randomMap(height: number, width: number, seed: number, image: number): Heatmap {
  const rng = new Rng(seed, "random map", image);
  return { height, width, data: Float64Array.from({ length: height * width }, () => rng.uniform()) };
}

/** A Gaussian blob at the center, σ a quarter of each side: it finds whatever photographers put in the middle. */
export function centerMap(height: number, width: number): Heatmap {
  const along = (i: number, length: number) => (i + 0.5 - length / 2) / (length / 4);
  const data = Float64Array.from({ length: height * width }, (_, i) =>
    Math.exp(-(along(Math.floor(i / width), height) ** 2 + along(i % width, width) ** 2) / 2),
  );
  return { height, width, data };
}
