import { FormatError } from "../../core/errors.js";
import { Rng } from "../../core/rng.js";
import { sizeOf, type Tensor, tensor, toFloat64 } from "../../core/tensor.js";
import type { Engine } from "../../engines/engine.js";
import { type Param, trace } from "../../nn/index.js";
import { adamw, sgd } from "../../train/optimizers.js";
import { trainingStep } from "../../train/step.js";
import { relativeError } from "../compare.js";
import { Comparison } from "./comparison.js";
import type { GoldenFile } from "./file.js";
import { fillInput, fillLabels } from "./filler.js";
import { filledNetwork, norm } from "./network.js";

interface Hyperparameters {
  readonly lr: number;
  readonly weight_decay: number;
  readonly momentum?: number;
  readonly nesterov?: boolean;
  readonly betas?: readonly [number, number];
  readonly eps?: number;
}

function optimizerOf(file: GoldenFile) {
  const {
    lr,
    weight_decay: weightDecay,
    momentum = 0,
    nesterov = false,
    betas = [0.9, 0.999],
    eps = 1e-8,
  } = file.json<Hyperparameters>("hyperparameters");
  if (file.text("optimizer") === "sgd") return sgd({ lr, weightDecay, momentum, nesterov });
  return adamw({ lr, weightDecay, beta1: betas[0], beta2: betas[1], epsilon: eps });
}

/** How often the images' last digit is perturbed, and by how much at most: about one unit of float32. */
const [draws, lastDigit] = [20, 1e-7];

/**
 * Checks optimizer steps: loss and gradient norm of each, then logits, parameters and buffers at the end.
 *
 * In float32 the last digit decides on which side of zero a ReLU's input falls, or which of two elements is larger, and a few
 * steps of Adam make that visible in every number: one such flip in the first of five steps moves the logits by up to 5e-3, without any they
 * agree to 1e-6, and in PyTorch's float32 up to two draws of three have one (docs/lab/lowering-checks.md). So a float32 engine passes if it
 * does with the original images or with a perturbed last digit; a real fault fails with all of them.
 */
export async function checkTrajectoryFile(file: GoldenFile, engine: Engine): Promise<Comparison> {
  const asGiven = await checkWithNoise(file, engine, 0);
  if (engine.name === "reference") return asGiven;
  for (let draw = 1; draw <= draws && !asGiven.ok; draw++) {
    const again = await checkWithNoise(file, engine, draw);
    if (again.ok) return again;
  }
  return asGiven;
}

/** Golden files have at most ten. */
const MAX_STEPS = 1000;

async function checkWithNoise(file: GoldenFile, engine: Engine, draw: number): Promise<Comparison> {
  const comparison = new Comparison(engine, file);
  const network = filledNetwork(file);
  const { model, state, rename } = network;
  network.fill();
  const [steps, batch, classes] = file.tensor("train/logits").shape as [number, number, number];
  if (steps > MAX_STEPS) throw new FormatError(`golden file: ${steps} steps, more than ${MAX_STEPS}`);
  const size = [batch, 3, 32, 32] as const;
  const optimizer = optimizerOf(file);
  const { graph, logits, gradients, scalars } = trainingStep(model, { optimizer, input: size, numClasses: classes });
  graph.output("logits", logits);
  for (const [path, gradient] of gradients) if (gradient) graph.output(`grad/${path}`, gradient);

  const images = (k: number) => {
    const images = fillInput(size, Number(file.text("input_counter_start")) + k * sizeOf(size));
    if (draw === 0) return images;
    const rng = new Rng(draw, "last digits", k);
    return { ...images, data: images.data.map((v) => v * (1 + rng.uniform(-lastDigit, lastDigit))) };
  };
  const losses: number[] = [];
  const norms: number[] = [];
  const stepLogits: number[] = [];
  const executable = await engine.compile(graph);
  for (let k = 0; k < steps; k++) {
    const targets = fillLabels(batch, classes, Number(file.text("label_counter_start")) + k * batch);
    const result = await executable.run({
      images: images(k),
      targets,
      ...scalars(k + 1, optimizer.lr),
    });
    losses.push(Number(result.loss!.data[0]));
    norms.push(
      Math.hypot(...Object.entries(result).flatMap(([name, g]) => (name.startsWith("grad/") ? [norm(g)] : []))),
    );
    stepLogits.push(...toFloat64(result.logits!).data);
  }
  for (const [cell, value] of await executable.readState()) (cell as Param).value = value;
  await executable.release();

  const evaluation = await engine.compile(trace(model, size));
  const evalLogits = (await evaluation.run({ input: images(0) })).output!;
  await evaluation.release();

  const numbers = (values: readonly number[], shape = [values.length]) =>
    tensor("float64", shape, Float64Array.from(values));
  // Steps amplify rounding, so the same steps in PyTorch's float32 show what float32 can achieve.
  const tolerance = (f32: string, exact: string) =>
    engine.name === "reference"
      ? 1e-9
      : Math.max(1e-4, file.has(f32) ? 20 * relativeError(file.tensor(f32), file.tensor(exact)) : 0);
  const compare = (name: string, actual: Tensor, allowed: number) =>
    comparison.record(name, relativeError(actual, file.tensor(name)), allowed);
  compare("loss", numbers(losses), engine.name === "reference" ? 1e-9 : 1e-4);
  compare("grad_norm_total", numbers(norms), tolerance("f32/eval_logits", "final/eval_logits"));
  compare(
    "train/logits",
    numbers(stepLogits, [steps, batch, classes]),
    tolerance("f32/eval_logits", "final/eval_logits"),
  );
  compare("final/eval_logits", evalLogits, tolerance("f32/eval_logits", "final/eval_logits"));
  const finals = file.json<string[]>("param_keys").map((key) => norm(state.get(rename(key))!.value));
  compare("final/param_norm", numbers(finals), tolerance("f32/param_norm", "final/param_norm"));
  for (const [key, expected] of file.group("after/")) {
    const actual = state.get(rename(key))!.value;
    const error = relativeError({ ...actual, shape: expected.shape } as Tensor, expected);
    comparison.record(`after/${key}`, error, tolerance("f32/eval_logits", "final/eval_logits"));
  }
  return comparison;
}
