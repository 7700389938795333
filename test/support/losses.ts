import { Rng } from "../../src/core/rng.js";
import { float32, zeros } from "../../src/core/tensor.js";
import { type Batch, type Dataset, defaultPreprocessing, Loader } from "../../src/data/index.js";
import type { Engine } from "../../src/engines/engine.js";
import type { Module } from "../../src/nn/index.js";
import { sgd, trainingStep } from "../../src/train/index.js";

export interface BatchesOptions {
  readonly batch: number;
  readonly steps: number;
}

export interface LossesOptions extends BatchesOptions {
  readonly lr: number;
  /** Multiply every number of the images by 1 ± this. */
  readonly noise?: number;
}

/** The first batches of shuffled images that are not augmented; each is to be used before the next is asked for. */
export async function* batchesOf(data: Dataset, { batch, steps }: BatchesOptions): AsyncGenerator<Batch> {
  const loader = new Loader(data, { batch, preprocessing: defaultPreprocessing(data), shuffle: true, dropLast: true });
  let left = steps;
  for (let epoch = 0; left > 0; epoch++)
    for await (const images of loader.epoch(epoch)) {
      yield images;
      if (--left === 0) break;
    }
}

/** The losses of the first steps of training a network from seed 0. */
export async function lossesOf(
  engine: Engine,
  model: Module,
  data: Dataset,
  { batch, steps, lr, noise = 0 }: LossesOptions,
): Promise<number[]> {
  const { imageSize } = defaultPreprocessing(data);
  const classes = data.classes.length;
  const input = [batch, 3, imageSize, imageSize] as const;
  const { graph, scalars } = trainingStep(model, { optimizer: sgd({ lr }), input, numClasses: classes });
  const executable = await engine.compile(graph);
  const losses: number[] = [];
  for await (const { images, labels } of batchesOf(data, { batch, steps })) {
    const targets = zeros("float32", [batch, classes]);
    labels.forEach((label, i) => {
      targets.data[i * classes + label] = 1;
    });
    const rng = new Rng(0, "noise", losses.length);
    if (noise) for (let i = 0; i < images.length; i++) images[i]! *= rng.uniform() < 0.5 ? 1 - noise : 1 + noise;
    const feeds = { images: float32(input, images), targets, ...scalars(losses.length + 1, lr) };
    losses.push(Number((await executable.run(feeds)).loss!.data[0]));
  }
  await executable.release();
  return losses;
}

/** |aᵢ − bᵢ| / |bᵢ| */
export const relativeDifferences = (a: readonly number[], b: readonly number[]): number[] =>
  a.map((value, i) => Math.abs(value - b[i]!) / Math.abs(b[i]!));
