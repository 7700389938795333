import { Rng } from "../../src/core/rng.js";
import { float32, zeros } from "../../src/core/tensor.js";
import { type Dataset, defaultPreprocessing, Loader } from "../../src/data/index.js";
import type { Engine } from "../../src/engines/engine.js";
import type { Module } from "../../src/nn/index.js";
import { sgd, trainingStep } from "../../src/train/index.js";

export interface LossesOptions {
  readonly batch: number;
  readonly steps: number;
  readonly lr: number;
  /** Multiply every number of the pictures by 1 ± this. */
  readonly noise?: number;
}

/** The losses of the first steps of training a network from seed 0, on shuffled pictures that are not augmented. */
export async function lossesOf(
  engine: Engine,
  model: Module,
  data: Dataset,
  { batch, steps, lr, noise = 0 }: LossesOptions,
): Promise<number[]> {
  const preprocessing = defaultPreprocessing(data);
  const { imageSize } = preprocessing;
  const classes = data.classes.length;
  const input = [batch, 3, imageSize, imageSize] as const;
  const { graph, scalars } = trainingStep(model, { optimizer: sgd({ lr }), input, classes });
  const loader = new Loader(data, { batch, preprocessing, shuffle: true, dropLast: true });
  const executable = await engine.compile(graph);
  const losses: number[] = [];
  for (let epoch = 0; losses.length < steps; epoch++)
    for await (const { images, labels } of loader.epoch(epoch)) {
      const targets = zeros("float32", [batch, classes]);
      labels.forEach((label, i) => {
        targets.data[i * classes + label] = 1;
      });
      const rng = new Rng(0, "noise", losses.length);
      if (noise) for (let i = 0; i < images.length; i++) images[i]! *= rng.uniform() < 0.5 ? 1 - noise : 1 + noise;
      const feeds = { images: float32(input, images), targets, ...scalars(losses.length + 1, lr) };
      losses.push(Number((await executable.run(feeds)).loss!.data[0]));
      if (losses.length === steps) break;
    }
  await executable.release();
  return losses;
}

/** |aᵢ − bᵢ| / |bᵢ| */
export const relativeDifferences = (a: readonly number[], b: readonly number[]): number[] =>
  a.map((value, i) => Math.abs(value - b[i]!) / Math.abs(b[i]!));
