import { type Tensor, zeros } from "../../core/tensor.js";
import type { Engine } from "../../engines/engine.js";
import type { Module } from "../../nn/index.js";
import { trainingStep } from "../../train/index.js";
import { repeating } from "../../train/settings.js";
import type { ResolvedUnit } from "../resolve.js";

/** A compiled training step that is run to be timed. */
export interface TimedStep {
  /** Runs a step, on zeros unless images are given; they are what the loader makes of a batch. */
  run(images?: Float32Array): Promise<void>;
  release(): Promise<void>;
}

/** Compiles the training step of a unit. */
export async function compileStep(
  network: Module,
  unit: ResolvedUnit,
  numClasses: number,
  engine: Engine,
): Promise<TimedStep> {
  const { optimizer, clipNorm, labelSmoothing } = repeating(unit.training);
  const { imageSize } = unit.preprocessing;
  const { batch } = unit.training;
  const input = [batch, 3, imageSize, imageSize] as const;
  const { objective } = unit.task;
  const positions = unit.task.positions(imageSize);
  const step = trainingStep(network, { optimizer, input, numClasses, positions, objective, clipNorm, labelSmoothing });
  const inputs: Record<string, Tensor> = {
    images: zeros("float32", input),
    targets: zeros("float32", [batch, numClasses, ...positions]),
    ...step.scalars(1, 1e-6),
  };
  inputs.targets!.data.forEach((_, i, data) => {
    data[i] = i % numClasses === 0 ? 1 : 0;
  });
  for (const { name, shape } of step.graph.randoms) {
    const numbers = zeros("float32", shape);
    inputs[name] = { ...numbers, data: numbers.data.fill(0.5) };
  }
  const executable = await engine.compile(step.graph);
  return {
    run: async (images) => {
      await executable.run(images ? { ...inputs, images: { dtype: "float32", shape: input, data: images } } : inputs);
    },
    release: () => executable.release(),
  };
}
