import type { Rng } from "../../core/rng.js";
import { checkIndex, type Dataset, type RgbImage } from "../dataset.js";
import { develop, type Placement, paintScene } from "./scene.js";

/** An image before it is painted: its objects, and the random numbers that go on from there. */
export interface Scene {
  readonly objects: readonly Placement[];
  readonly rng: Rng;
}

/** What generated data sets have in common: square images that are drawn on first use and kept. */
export function drawnImages(
  about: Pick<Dataset, "name" | "classes" | "labels">,
  size: number,
  sceneOf: (index: number) => Scene,
): Dataset {
  const count = about.labels.length;
  const bytes = 3 * size * size;
  const store = new Uint8ClampedArray(count * bytes);
  const drawn = new Uint8Array(count);
  const dataset: Dataset = {
    ...about,
    length: count,
    size: { height: size, width: size },
    skipped: [],
    defaults: { normalization: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] }, flip: true },
    async image(index): Promise<RgbImage> {
      const offset = checkIndex(dataset, index) * bytes;
      if (!drawn[index]) {
        const { objects, rng } = sceneOf(index);
        develop(paintScene(objects, size, rng), store.subarray(offset, offset + bytes), rng);
        drawn[index] = 1;
      }
      return { width: size, height: size, pixels: new Uint8Array(store.buffer, offset, bytes) };
    },
  };
  return dataset;
}
