import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { TestContext } from "node:test";
import { Rng } from "../../src/core/rng.js";
import type { RgbImage } from "../../src/data/dataset.js";
import { createDataset, type DatasetOptions } from "../../src/data/memory.js";

/** A folder with these files, removed when the test ends. */
export async function folderOf(t: TestContext, files: Record<string, Uint8Array | string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "fovea-data-"));
  t.after(() => rm(folder, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

/** The path of real data, or undefined after skipping the test where it is missing. */
export function realData(t: TestContext, name: string): string | undefined {
  const path = resolve(process.env.FOVEA_DATA ?? "../shared/data", name);
  if (existsSync(path)) return path;
  t.skip(`${path} is not here; set FOVEA_DATA`);
  return undefined;
}

/** An image of random bytes. */
export function randomImage(width: number, height: number, seed = 0): RgbImage {
  return { width, height, pixels: randomBytes(3 * width * height, seed) };
}

export function randomBytes(length: number, seed = 0): Uint8Array {
  const rng = new Rng(seed, "bytes");
  return Uint8Array.from({ length }, () => rng.int(256));
}

/** `count` random 4 × 4 images of three classes. */
export function tinyDataset(count: number, options: Partial<DatasetOptions> = {}) {
  return createDataset({
    name: "tiny",
    classes: ["a", "b", "c"],
    height: 4,
    width: 4,
    pixels: randomBytes(count * 48),
    labels: Array.from({ length: count }, (_, i) => i % 3),
    ...options,
  });
}
