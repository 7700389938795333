/**
 * Draws docs/augmentations.jpg: images of `shapes` as a training sees them, each row with one change.
 *
 *     node dist/tools/augmentation-sheet.js
 */
import { argv } from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import sharp from "sharp";
import { type Augmentation, generateShapes, Loader, type RgbImage } from "../src/data/index.js";

const size = 64;
const columns = 10;
const gap = 4;
const none: Augmentation = { crop: null, flip: false };

/** The rows, from top to bottom. */
export const rows: readonly (readonly [name: string, augmentation: Augmentation])[] = [
  ["as they are", none],
  ["--scale 0.3,1", { ...none, crop: { scale: [0.3, 1] } }],
  ["--color-jitter 0.4,0.4,0.4,0.1", { ...none, colorJitter: [0.4, 0.4, 0.4, 0.1] }],
  ["--auto-augment trivialaugment", { ...none, autoAugment: "trivialaugment" }],
  ["--auto-augment randaugment-n2-m9", { ...none, autoAugment: "randaugment-n2-m9" }],
  ["--random-erasing 1", { ...none, erasing: { probability: 1 } }],
  ["--random-erasing 1 --erase-mode rand", { ...none, erasing: { probability: 1, mode: "rand" } }],
  ["--random-erasing 1 --erase-mode pixel", { ...none, erasing: { probability: 1, mode: "pixel" } }],
  ["--mixup 1", { ...none, mixup: 1 }],
  ["--cutmix 1", { ...none, cutmix: 1 }],
];

/** The sheet, with a row for each change. */
export async function augmentationSheet(): Promise<RgbImage> {
  const data = generateShapes({ count: columns, size, seed: 11 });
  const sheet = {
    width: columns * (size + gap) - gap,
    height: rows.length * (size + gap) - gap,
  };
  const area = sheet.width * sheet.height;
  const out = new Uint8Array(3 * area).fill(255);
  const normalization = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] } as const;
  const preprocessing = { imageSize: size, resize: size, ...normalization };
  for (const [row, [, augment]] of rows.entries()) {
    // A batch is mixed by one share: pairs show several.
    const mixes = augment.mixup !== undefined || augment.cutmix !== undefined;
    const loader = new Loader(data, { batch: mixes ? 2 : columns, preprocessing, augment, seed: 3 });
    let column = 0;
    for await (const { images: seen, count } of loader.epoch(0))
      for (let slot = 0; slot < count; slot++, column++)
        for (let i = 0; i < 3 * size ** 2; i++) {
          const [c, y, x] = [Math.floor(i / size ** 2), Math.floor(i / size) % size, i % size];
          const value = (seen[slot * 3 * size ** 2 + i]! * 0.25 + 0.5) * 255;
          const at = (row * (size + gap) + y) * sheet.width + column * (size + gap) + x;
          out[c * area + at] = Math.min(255, Math.max(0, Math.round(value)));
        }
  }
  return { ...sheet, pixels: out };
}

if (import.meta.url === pathToFileURL(argv[1]!).href) {
  const { width, height, pixels: planes } = await augmentationSheet();
  const area = width * height;
  const pixels = Uint8Array.from({ length: 3 * area }, (_, i) => planes[(i % 3) * area + Math.floor(i / 3)]!);
  const file = fileURLToPath(new URL("../../docs/augmentations.jpg", import.meta.url));
  await sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 85 })
    .toFile(file);
  console.log(file);
}
