import { createAttentionByName } from "../../src/attention/index.js";
import { type Tensor, toFloat64, zeros } from "../../src/core/tensor.js";
import type { Engine } from "../../src/engines/engine.js";
import { referenceEngine } from "../../src/engines/reference.js";
import type { Cell, Value } from "../../src/graph/graph.js";
import { createModelByName, modelInfo } from "../../src/models/index.js";
import { Conv2d, Linear, Module, stateOf, trace } from "../../src/nn/index.js";
import { concat, reduceMean, relu, reshape } from "../../src/ops/index.js";
import { magnitude, relativeError } from "../../src/testing/compare.js";
import { fillState } from "../../src/testing/golden/filler.js";
import { sgd, trainingStep } from "../../src/train/index.js";
import { smallNetworks } from "../../studio/logic/recipe.js";
import { defaults, type Example, traceExample } from "../attention/catalogue.js";
import { outputsOf } from "../support/float32.js";
import { random } from "../support/random.js";

// What webgpu-catalogue.test.ts runs in a page. Everything imported here must run there.

type Shape = readonly [number, number, number, number];

/** A convolution, a module, means of its maps, and a linear layer. */
class Around extends Module {
  readonly conv: Conv2d;
  readonly fc: Linear;
  readonly module: Module;

  constructor(example: Example) {
    super();
    this.conv = new Conv2d(3, example.channels, { kernelSize: 3, padding: 1, bias: false });
    this.module = createAttentionByName(example.name, example.channels, example.options) as Module;
    this.fc = new Linear(
      traceExample(example).outputs.reduce((sum, y) => sum + (y.shape[1] as number), 0),
      4,
    );
  }

  forward(x: Value): Value {
    const outputs = [this.module.call(relu(this.conv.call(x)))].flat() as Value[];
    const means = outputs.map((y) => reshape(reduceMean(y, [2, 3]), [x.shape[0]!, y.shape[1]!]));
    return this.fc.call(concat(means, 1));
  }
}

/** Weights and statistics that are not those of the start, so that all of them count. */
function filled<M extends Module>(model: M): M {
  const state = stateOf(model);
  const values = fillState(
    [...state].map(([key, { shape }]) => [key, shape] as const),
    7,
  );
  for (const [key, param] of state) param.value = values.get(key)!;
  return model;
}

/** The losses of some training steps, and the state after them. */
async function train(engine: Engine, build: () => Module, input: Shape, count: number) {
  const step = trainingStep(build(), { optimizer: sgd({ momentum: 0.9 }), input, numClasses: 4 });
  const executable = await engine.compile(step.graph);
  const losses: number[] = [];
  for (let i = 0; i < count; i++) {
    const targets = zeros("float32", [input[0], 4]);
    for (let n = 0; n < input[0]; n++) targets.data[n * 4 + ((n + i) % 4)] = 1;
    const randoms = step.graph.randoms.map(({ name, shape }) => [name, random(shape, { low: 0 })]);
    const feeds = {
      images: random(input, { seed: i + 1 }),
      targets,
      ...step.scalars(i + 1, 1),
      ...Object.fromEntries(randoms),
    };
    losses.push(Number((await executable.run(feeds)).loss!.data[0]));
  }
  const state = await executable.readState();
  await executable.release();
  return { losses, changes: step.graph.updates.map(({ cell }) => changeOf(cell, state.get(cell)!)) };
}

function changeOf(cell: Cell, after: Tensor): Tensor<"float64"> {
  const [then, now] = [toFloat64(cell.value), toFloat64(after)];
  return { ...now, data: now.data.map((v, i) => v - then.data[i]!) };
}

/** Errors of a prediction, and of the loss and the changes of a training step, relative to the largest of each kind. */
export interface Errors {
  readonly prediction: number;
  readonly loss: number;
  readonly change: number;
}

async function errorsOf(engine: Engine, build: () => Module, input: Shape, steps: number): Promise<Errors> {
  const graph = trace(build(), [...input]);
  const feeds = { input: random(input, { seed: 9 }) };
  const [here, there] = [await outputsOf(engine, graph, feeds), await outputsOf(referenceEngine(), graph, feeds)];
  const [ours, exact] = [await train(engine, build, input, steps), await train(referenceEngine(), build, input, steps)];
  // Relative to all changes: some gradients, such as that of a bias before a softmax, are rounding errors alone.
  const largest = Math.max(...exact.changes.map(magnitude));
  return {
    prediction: relativeError(here.output!, there.output!),
    loss: Math.max(...exact.losses.map((loss, i) => Math.abs(ours.losses[i]! - loss) / Math.abs(loss))),
    change: Math.max(...exact.changes.map((change, i) => relativeError(ours.changes[i]!, change, largest))),
  };
}

/** The modules of the catalogue. */
export const modules: readonly string[] = defaults.map(({ name }) => name);

/** A network around a module with its defaults: a prediction and a training step. */
export function moduleErrors(engine: Engine, module: string): Promise<Errors> {
  const example = defaults.find(({ name }) => name === module)!;
  return errorsOf(engine, () => filled(new Around(example)), [2, 3, 9, 6], 1);
}

/** The networks that are offered to the browser. */
export const networks: readonly string[] = smallNetworks;

/** A network on small images: a prediction and a training step. */
export function networkErrors(engine: Engine, network: string): Promise<Errors> {
  const side = Math.min(64, modelInfo(network).input[1]);
  return errorsOf(engine, () => filled(createModelByName(network, { numClasses: 4 })), [2, 3, side, side], 1);
}
