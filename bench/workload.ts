import { Rng, tensor, trainingStep, zeros } from "../src/engine.js";
import { type Module, sgd, type Tensor } from "../src/index.js";
import { type AnyModule, initialize, stateOf } from "../src/nn.js";

export type ImageShape = readonly [batch: number, channels: number, height: number, width: number];

/** A training step by SGD, by default with momentum and weight decay, and random inputs. */
export function randomStep(
  model: Module,
  input: ImageShape,
  classes: number,
  descent = { momentum: 0.9, weightDecay: 5e-4 },
) {
  const [batch] = input;
  const step = trainingStep(model, { optimizer: sgd({ lr: 0.1, ...descent }), input, numClasses: classes });
  const labels = new Rng(0, "labels");
  const targets = zeros("float32", [batch, classes]);
  for (let i = 0; i < batch; i++) targets.data[i * classes + labels.int(classes)] = 1;
  const feeds: Record<string, Tensor> = {
    images: normal("images", input),
    targets,
    "scalar/lr": tensor("float32", [], Float32Array.of(0.1)),
  };
  for (const { name, shape } of step.graph.randoms) feeds[name] = uniform(name, shape);
  return { graph: step.graph, feeds };
}

/**
 * Initializes a module and adds noise to parameters and statistics that are constant, such as gains that start at 1 or 0, so that everything
 * in the module has an effect.
 */
export function varied<M extends AnyModule>(module: M): M {
  for (const [path, param] of stateOf(initialize(module))) {
    if (param.dtype !== "float") continue;
    const { data } = param.value;
    if (data.some((v) => v !== data[0])) continue;
    const noise = normal(path, param.shape).data as Float32Array;
    param.value = tensor(
      "float32",
      param.shape,
      noise.map((v) => Number(data[0]) + 0.1 * v),
    );
  }
  return module;
}

/** Standard normal numbers that depend only on the name. */
export function normal(name: string, shape: readonly number[]): Tensor {
  const rng = new Rng(0, name);
  return tensor("float32", shape, zeros("float32", shape).data.map(() => rng.normal()) as Float32Array);
}

function uniform(name: string, shape: readonly number[]): Tensor {
  const rng = new Rng(0, name);
  return tensor("float32", shape, zeros("float32", shape).data.map(() => rng.uniform()) as Float32Array);
}

/** The value of a command line option that must be a positive integer. */
export function count(name: string, text: string): number {
  const value = Number(text);
  if (!(Number.isInteger(value) && value > 0))
    throw new RangeError(`--${name} must be a positive integer, got ${text}`);
  return value;
}
