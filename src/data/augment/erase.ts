import type { Rng } from "../../core/rng.js";
import { fraction, maybe, oneOf, options } from "../../core/schema.js";
import type { Box } from "../resample.js";
import { positiveRange, shareRange } from "./ranges.js";

/** What an erased box holds: zeros (the mean color), one random color, or noise; standard normal. */
export const eraseModes = ["const", "rand", "pixel"] as const;

/** Random Erasing (Zhong et al., AAAI 2020), as timm and torchvision have it. */
export interface Erasing {
  /** Of an image to lose a box. */
  readonly probability: number;
  /** What the box is filled with after normalization: `const`, zeros; `rand`, a random color; `pixel`, noise. Default `const`. */
  readonly mode?: (typeof eraseModes)[number];
  /** Its share of the area. Default [0.02, 1/3]. */
  readonly scale?: readonly [number, number];
  /** Its height over its width. Default [0.3, 1/0.3]. */
  readonly ratio?: readonly [number, number];
}

export const erasingSchema = options<Erasing>(
  {
    probability: fraction,
    mode: maybe(oneOf(...eraseModes)),
    scale: maybe(shareRange),
    ratio: maybe(positiveRange),
  },
  "an erasing, { probability, mode, scale, ratio }",
);

/** The box to erase of an image of `size × size`; undefined if none is, or none of ten fits. */
export function erasedBox(
  { probability, scale = [0.02, 1 / 3], ratio = [0.3, 1 / 0.3] }: Erasing,
  size: number,
  rng: Rng,
): Box | undefined {
  if (rng.uniform() >= probability) return undefined;
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = size * size * rng.uniform(...scale);
    const aspect = Math.exp(rng.uniform(Math.log(ratio[0]), Math.log(ratio[1])));
    const height = Math.round(Math.sqrt(area * aspect));
    const width = Math.round(Math.sqrt(area / aspect));
    if (width < size && height < size)
      return { top: rng.int(size - height + 1), left: rng.int(size - width + 1), width, height };
  }
  return undefined;
}

/** Erases a box of the planes [3, size, size] at `offset`. */
export function erase(erasing: Erasing, size: number, out: Float32Array, offset: number, rng: Rng): void {
  const box = erasedBox(erasing, size, rng);
  if (!box) return;
  const { mode = "const" } = erasing;
  for (let c = 0; c < 3; c++) {
    const color = mode === "rand" ? rng.normal() : 0;
    for (let y = box.top; y < box.top + box.height; y++) {
      const row = offset + (c * size + y) * size + box.left;
      if (mode === "pixel") for (let x = 0; x < box.width; x++) out[row + x] = rng.normal();
      else out.fill(color, row, row + box.width);
    }
  }
}
