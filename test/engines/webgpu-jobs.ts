import type { InferenceSession } from "onnxruntime-common";
import { createAttentionByName } from "../../src/attention/index.js";
import { type Tensor, tensor, toFloat32, zeros } from "../../src/core/tensor.js";
import type { Engine } from "../../src/engines/engine.js";
import type { OrtModule } from "../../src/engines/ort/targets/target.js";
import { referenceEngine } from "../../src/engines/reference.js";
import { encodeOnnx, type OnnxAttribute } from "../../src/formats/onnx/proto.js";
import { type Cell, Graph, type Value } from "../../src/graph/graph.js";
import { BatchNorm, Conv2d, constant, initialize, Linear, Module, Param, trace } from "../../src/nn/index.js";
import { add, maxPool, reduceMean, relu, reshape, sub } from "../../src/ops/index.js";
import { relativeError } from "../../src/testing/compare.js";
import { sgd, trainingStep } from "../../src/train/index.js";
import { draw, errorsOf, outputsOf } from "../support/float32.js";
import { random } from "../support/random.js";

// What the tests of WebGPU run in a page and in Node. Everything imported here must run in both.

/** A network with a stem, pooling with overlaps, an attention module and a shortcut. */
class Small extends Module {
  readonly conv1 = new Conv2d(3, 8, { kernelSize: 3, padding: 1, bias: false });
  readonly norm1 = new BatchNorm(8);
  readonly conv2 = new Conv2d(8, 8, { kernelSize: 3, padding: 1, bias: false });
  readonly norm2 = new BatchNorm(8);
  readonly attention = createAttentionByName("se", 8, { reduction: 4 }) as Module;
  readonly fc = new Linear(8, 4);

  forward(x: Value): Value {
    const y = maxPool(relu(this.norm1.call(this.conv1.call(x))), { kernelSize: 3, stride: 2, padding: 1 });
    const z = relu(add(y, this.attention.call(this.norm2.call(this.conv2.call(y)))));
    return this.fc.call(reshape(reduceMean(z, [2, 3]), [x.shape[0]!, 8]));
  }
}

const shape = [4, 3, 8, 8] as const;
const small = () => initialize(new Small(), { seed: 7 }) as Small;

function stepOf(model: Module) {
  const step = trainingStep(model, { optimizer: sgd({ lr: 0.1, momentum: 0.9 }), input: shape, numClasses: 4 });
  const feeds = (i: number) => {
    const targets = zeros("float32", [4, 4]);
    for (let n = 0; n < 4; n++) targets.data[n * 4 + ((n + i) % 4)] = 1;
    return { images: random(shape, { seed: i + 1 }), targets, ...step.scalars(i + 1, 0.1) };
  };
  return { ...step, feeds };
}

/** The losses of some steps, and the state after them. */
async function steps(engine: Engine, step: ReturnType<typeof stepOf>, count: number) {
  const executable = await engine.compile(step.graph);
  const losses: number[] = [];
  for (let i = 0; i < count; i++) losses.push(Number((await executable.run(step.feeds(i))).loss!.data[0]));
  const state = await executable.readState();
  await executable.release();
  return { losses, state };
}

/** How often a page asks for something of its GPU in each of three training steps. */
export async function askedByStep(engine: Engine, prototype: object, method: string): Promise<number[]> {
  const own = prototype as Record<string, (...args: unknown[]) => unknown>;
  const original = own[method]!;
  let count = 0;
  own[method] = function (...args) {
    count++;
    return original.apply(this, args);
  };
  const step = stepOf(small());
  const executable = await engine.compile(step.graph);
  const counts: number[] = [];
  for (let i = 0; i < 3; i++) {
    count = 0;
    await executable.run(step.feeds(i));
    counts.push(count);
  }
  await executable.release();
  own[method] = original;
  return counts;
}

const worstOf = (actual: ReadonlyMap<Cell, Tensor>, expected: ReadonlyMap<Cell, Tensor>) =>
  Math.max(...[...expected].map(([cell, value]) => relativeError(actual.get(cell)!, value)));

/** Forward pass and gradients of a module: the largest error. */
export async function moduleError(engine: Engine, module: string, options: object): Promise<number> {
  const { graph, feeds, exact } = await draw({ module, options: { ...options }, shape: [2, 8, 5, 5], seed: 1 });
  return Math.max(...Object.values(errorsOf(await outputsOf(engine, graph, feeds), exact)));
}

/** Three training steps: losses here and in float64, the largest error of the state, the counters of a batch norm, and a prediction's error. */
export async function trainingErrors(engine: Engine) {
  const step = stepOf(small());
  const [ours, theirs] = [await steps(engine, step, 3), await steps(referenceEngine(), step, 3)];
  const counts = [...ours.state].filter(([cell]) => cell.dtype === "int").map(([, { data }]) => Number(data[0]));
  const graph = trace(small(), [...shape]);
  const feeds = { input: random(shape, { seed: 9 }) };
  const [here, there] = [await outputsOf(engine, graph, feeds), await outputsOf(referenceEngine(), graph, feeds)];
  return {
    losses: ours.losses,
    exact: theirs.losses,
    state: worstOf(ours.state, theirs.state),
    counts,
    prediction: relativeError(here.output!, there.output!),
  };
}

/** The loss after a weight before a ReLU has become NaN. */
export async function divergedLoss(engine: Engine): Promise<string> {
  const model = small();
  const { value } = model.conv1.weight;
  model.conv1.weight.value = tensor("float32", value.shape, toFloat32(value).data.fill(Number.NaN));
  return String((await steps(engine, stepOf(model), 1)).losses[0]);
}

/** Three cells of one array: two that are swapped, the first less 1, and one that takes the first. What they hold after three runs. */
export async function shuffled(engine: Engine): Promise<number[]> {
  const shared = tensor("float32", [2], Float32Array.of(5, 6));
  const cells = Array.from({ length: 3 }, () => new Param([2], constant(0)));
  for (const cell of cells) cell.value = shared;
  const [p, q, r] = cells as [Param, Param, Param];
  const graph = new Graph(false, (owner) => `cell${cells.indexOf(owner as Param)}`);
  graph.update(p, graph.state(q));
  graph.update(q, sub(graph.state(p), 1));
  graph.update(r, graph.state(p));
  const executable = await engine.compile(graph);
  for (let i = 0; i < 3; i++) await executable.run({});
  const state = await executable.readState();
  await executable.release();
  return cells.map((cell) => Number(state.get(cell)!.data[0]));
}

/** Runs a step with a megabyte of state. */
export async function manySteps(engine: Engine, count: number, onStep: (i: number) => void): Promise<void> {
  const cell = new Param([512, 512], constant(0));
  cell.value = zeros("float32", [512, 512]);
  const graph = new Graph(false, () => "cell");
  graph.update(cell, add(graph.state(cell), 1));
  const executable = await engine.compile(graph);
  for (let i = 0; i < count; i++) {
    await executable.run({});
    onStep(i);
  }
  await executable.release();
}

/** Trains the small network for many steps, and reads its state now and then, as after epochs. */
export async function train(engine: Engine, count: number, onStep: (i: number) => void): Promise<void> {
  const step = stepOf(small());
  const executable = await engine.compile(step.graph);
  for (let i = 0; i < count; i++) {
    await executable.run(step.feeds(i));
    if (i % 50 === 0) await executable.readState();
    onStep(i);
  }
  await executable.release();
}

/** What happens when a graph is compiled. */
export async function refusal(engine: Engine): Promise<string> {
  try {
    await (await engine.compile(trace(small(), [...shape]))).release();
    return "compiled";
  } catch (error) {
    return (error as Error).message;
  } finally {
    await engine.release();
  }
}

/** A node whose first input is fed and whose others are constants. */
interface Fault {
  readonly type: string;
  readonly x: readonly number[];
  readonly constants: readonly (readonly number[])[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
  readonly layout: "NCHW" | "NHWC";
}

/** Nodes that WebGPU computes wrongly, and neighbors that it computes right. */
export const faults: Readonly<Record<string, Fault & { readonly isWrong: boolean }>> = {
  "NHWC: a convolution from 6 to 4 channels": conv([1, 6, 7, 8], [4, 6, 3, 3], {}, "NHWC", true),
  "NCHW: a convolution from 6 to 4 channels": conv([1, 6, 7, 8], [4, 6, 3, 3], {}, "NCHW", false),
  "NHWC: a convolution in groups": conv([1, 4, 7, 8], [12, 2, 3, 3], { group: 2 }, "NHWC", true),
  "NCHW: a convolution in groups": conv([1, 4, 7, 8], [12, 2, 3, 3], { group: 2 }, "NCHW", false),
  "1×1, padded at the end": conv([1, 3, 4, 4], [5, 3, 1, 1], { pads: [0, 0, 0, 2] }, "NCHW", true),
  "1×1, padded all around": conv([1, 3, 4, 4], [5, 3, 1, 1], { pads: [1, 1, 1, 1] }, "NCHW", false),
  "batch norm of [5,4]": norm([5, 4], true),
  "batch norm of [5,4,1]": norm([5, 4, 1], false),
};

function conv(
  x: readonly number[],
  weight: readonly number[],
  attributes: Readonly<Record<string, OnnxAttribute>>,
  layout: Fault["layout"],
  isWrong: boolean,
) {
  const kernel_shape = weight.slice(2);
  return {
    type: "Conv",
    x,
    constants: [weight],
    attributes: { kernel_shape, ...attributes },
    layout,
    isWrong,
  } as const;
}

function norm(x: readonly number[], isWrong: boolean) {
  const constants = Array.from({ length: 4 }, () => [x[1]!]);
  return { type: "BatchNormalization", x, constants, layout: "NCHW", isWrong } as const;
}

async function run(ort: OrtModule, fault: Fault, provider: InferenceSession.ExecutionProviderConfig) {
  const { type, x, constants, attributes = {} } = fault;
  const positive = { low: 0.5, high: 1.5 };
  const model = encodeOnnx({
    nodes: [{ type, name: type, inputs: ["x", ...constants.map((_, i) => `c${i}`)], outputs: ["y"], attributes }],
    initializers: new Map(constants.map((s, i) => [`c${i}`, toFloat32(random(s, { seed: i + 2, ...positive }))])),
    inputs: [{ name: "x", dtype: "float32", shape: x }],
    outputs: [{ name: "y", dtype: "float32", shape: x.map((_, i) => `d${i}`) }],
    opsets: { "": 17 },
  });
  const session = await ort.InferenceSession.create(model, { executionProviders: [provider], logSeverityLevel: 4 });
  const { y } = await session.run({ x: new ort.Tensor("float32", toFloat32(random(x)).data, x) });
  const result = { dtype: "float32", shape: [...y!.dims], data: y!.data } as Tensor;
  await session.release();
  return result;
}

/** By how much WebGPU is wrong, for each of {@link faults}. */
export async function faultErrors(ort: OrtModule, cpu: string): Promise<Record<string, number>> {
  const errors: Record<string, number> = {};
  for (const [name, fault] of Object.entries(faults)) {
    const here = await run(ort, fault, { name: "webgpu", preferredLayout: fault.layout });
    errors[name] = relativeError(here, await run(ort, fault, cpu));
  }
  return errors;
}

/** What WebGPU makes of NaN, by operator. */
export async function ofNaN(ort: OrtModule): Promise<Record<string, string>> {
  const results: Record<string, string> = {};
  for (const type of ["Relu", "Sigmoid", "Max"]) {
    const inputs = type === "Max" ? ["x", "x"] : ["x"];
    const model = encodeOnnx({
      nodes: [{ type, name: type, inputs, outputs: ["y"], attributes: {} }],
      initializers: new Map(),
      inputs: [{ name: "x", dtype: "float32", shape: [1] }],
      outputs: [{ name: "y", dtype: "float32", shape: [1] }],
      opsets: { "": 17 },
    });
    const session = await ort.InferenceSession.create(model, { executionProviders: ["webgpu"], logSeverityLevel: 4 });
    const { y } = await session.run({ x: new ort.Tensor("float32", Float32Array.of(Number.NaN), [1]) });
    results[type] = String(y!.data[0]);
    await session.release();
  }
  return results;
}

/** An array of two numbers that a session has left on the device; released, if that is asked for. */
export async function onDevice(ort: OrtModule, release = false) {
  const model = encodeOnnx({
    nodes: [{ type: "Neg", name: "Neg", inputs: ["x"], outputs: ["y"], attributes: {} }],
    initializers: new Map(),
    inputs: [{ name: "x", dtype: "float32", shape: [2] }],
    outputs: [{ name: "y", dtype: "float32", shape: [2] }],
    opsets: { "": 17 },
  });
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ["webgpu"],
    preferredOutputLocation: "gpu-buffer",
  });
  const { y } = await session.run({ x: new ort.Tensor("float32", Float32Array.of(1, 2), [2]) });
  if (release) await session.release();
  return y!;
}
