import { createAttentionByName } from "../../src/attention/index.js";
import { gradients } from "../../src/autodiff/gradients.js";
import { Rng } from "../../src/core/rng.js";
import { type Tensor, zeros } from "../../src/core/tensor.js";
import type { Arrays, Engine } from "../../src/engines/engine.js";
import { referenceEngine } from "../../src/engines/reference.js";
import type { Graph } from "../../src/graph/graph.js";
import { graphFor, type Module, parametersOf, stateOf } from "../../src/nn/index.js";
import { mul, reduceSum } from "../../src/ops/index.js";
import { relativeError } from "../../src/testing/compare.js";

/** A module in training mode on drawn numbers, and what the reference engine computes from them. */
export interface Draw {
  readonly graph: Graph;
  /** `x` and `dy`, exact in float32; the parameters, exact too, are in the graph. */
  readonly feeds: Arrays;
  readonly parameters: ReadonlyMap<string, Tensor>;
  /** `y`, `dx` and `grad/KEY` in float64. */
  readonly exact: Arrays;
}

export interface DrawOptions {
  readonly module: string;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly shape: readonly number[];
  readonly seed: number;
}

/** Normal numbers, exact in float32. */
function normal(rng: Rng, shape: readonly number[], deviation = 1): Tensor {
  const t = zeros("float32", shape);
  for (let i = 0; i < t.data.length; i++) t.data[i] = deviation * rng.normal();
  return t;
}

/** Gains of norms in [0.5, 1.5), biases of deviation 0.2, weights of deviation √(2 / fan in). */
function parameter(rng: Rng, key: string, shape: readonly number[]): Tensor {
  if (key.endsWith("bias")) return normal(rng, shape, 0.2);
  if (shape.length > 1) return normal(rng, shape, Math.sqrt(2 / shape.slice(1).reduce((a, b) => a * b, 1)));
  const t = zeros("float32", shape);
  for (let i = 0; i < t.data.length; i++) t.data[i] = rng.uniform(0.5, 1.5);
  return t;
}

/** y = module(x) and the gradients of Σ y · dy. */
export function gradientGraph(module: Module, shape: readonly number[]): Graph {
  const graph = graphFor(module, { training: true });
  const x = graph.input("x", { dtype: "float", shape });
  const y = module.call(x);
  const product = mul(y, graph.input("dy", { dtype: "float", shape: y.shape }));
  const loss = reduceSum(
    product,
    y.shape.map((_, axis) => axis),
    { keepdims: false },
  );
  const parameters = [...parametersOf(module)];
  const [dx, ...derived] = gradients(loss, [x, ...parameters.map(([, param]) => graph.state(param))]);
  graph.output("y", y);
  graph.output("dx", dx!);
  derived.forEach((gradient, i) => {
    if (gradient) graph.output(`grad/${parameters[i]![0]}`, gradient);
  });
  return graph;
}

/** The outputs of a graph on an engine. */
export async function outputsOf(engine: Engine, graph: Graph, feeds: Arrays): Promise<Arrays> {
  const executable = await engine.compile(graph);
  const outputs = await executable.run(feeds);
  await executable.release();
  return outputs;
}

export async function draw({ module: name, options = {}, shape, seed }: DrawOptions): Promise<Draw> {
  const rng = new Rng(seed, "float32", name);
  const module = createAttentionByName(name, shape[1]!, options as never) as Module;
  const parameters = new Map<string, Tensor>();
  for (const [key, param] of stateOf(module))
    if (param.kind === "parameter") {
      param.value = parameter(rng, key, param.shape);
      parameters.set(key, param.value);
    }
  const graph = gradientGraph(module, shape);
  const y = graph.outputs.get("y")!;
  const feeds = { x: normal(rng, shape), dy: normal(rng, y.shape as readonly number[]) };
  return { graph, feeds, parameters, exact: await outputsOf(referenceEngine(), graph, feeds) };
}

/** The error of every output, relative to its largest element. */
export function errorsOf(actual: Arrays, exact: Arrays): Record<string, number> {
  return Object.fromEntries(Object.entries(exact).map(([name, value]) => [name, relativeError(actual[name]!, value)]));
}
