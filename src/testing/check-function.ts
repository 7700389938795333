import { gradients } from "../autodiff/gradients.js";
import { FoveaError } from "../core/errors.js";
import { Rng } from "../core/rng.js";
import { sizeOf, type Tensor, tensor, toFloat64, zeros } from "../core/tensor.js";
import type { Engine } from "../engines/engine.js";
import { referenceEngine } from "../engines/reference.js";
import { type Cell, Graph, type Value } from "../graph/graph.js";
import { verify } from "../graph/verify.js";
import { mul, reduceSum } from "../ops/index.js";
import { magnitude, relativeError } from "./compare.js";

/** Options of {@link checkFunction}. */
export interface CheckOptions {
  /** Engines to compare with the reference engine. */
  readonly engines?: readonly Engine[];
  /** Largest difference between derived and numeric gradients, relative to the gradient's largest element. */
  readonly gradientTolerance?: number;
  /** Largest difference between engines, relative to the largest element. */
  readonly engineTolerance?: number;
  /** Seed for sampling elements. Default 1. */
  readonly seed?: number;
  /** Elements per input to differentiate numerically. */
  readonly samples?: number;
}

/** What {@link checkFunction} measured: the largest relative errors. */
export interface CheckReport {
  /** Largest relative error against numeric gradients. */
  readonly gradientError: number;
  /** Largest relative error of each engine against the reference engine. */
  readonly engineErrors: Readonly<Record<string, number>>;
  /** For each input, whether the function depends on it. */
  readonly received: readonly boolean[];
}

/**
 * Checks a differentiable function: its derived gradients equal numeric ones (five-point differences in
 * float64, with step 1e-4, or less near a kink) for every input, and every engine gives the same values and gradients.
 *
 * @throws FoveaError that names the input and the error.
 *
 * @example
 * await checkFunction((x) => sigmoid(x!), [float32([2, 3], [0, 1, -1, 2, 3, -4])]);
 */
export async function checkFunction(
  build: (...inputs: Value[]) => Value,
  inputs: readonly Tensor[],
  options: CheckOptions = {},
): Promise<CheckReport> {
  const { state: _, ...report } = await checkGraph(() => new Graph(true), build, inputs, options);
  return report;
}

/** Step sizes of the differences. */
const steps = [1e-4, 1e-5, 1e-6];
/** A share of the largest gradient of any input. */
const smallest = 1e-2;

/** As {@link checkFunction}, on graphs made by the caller; the state after a run is also compared across engines, and returned. */
export async function checkGraph(
  newGraph: () => Graph,
  build: (...inputs: Value[]) => Value,
  inputs: readonly Tensor[],
  options: CheckOptions = {},
  nameOf: (input: number) => string = (input) => `input ${input}`,
): Promise<CheckReport & { readonly state: ReadonlyMap<Cell, Tensor> }> {
  const { engines = [], gradientTolerance = 1e-8, engineTolerance = 1e-4, seed = 1, samples = 24 } = options;
  const graph = newGraph();
  const values = inputs.map((t, i) => graph.input(`x${i}`, { dtype: "float", shape: t.shape }));
  const y = build(...values);
  const rng = new Rng(seed, "check");
  const dyTensor = zeros("float64", y.shape as number[]);
  for (let i = 0; i < dyTensor.data.length; i++) dyTensor.data[i] = rng.uniform(-1, 1);
  const dy = graph.input("dy", { dtype: "float", shape: y.shape });
  const loss = reduceSum(
    mul(y, dy),
    y.shape.map((_, i) => i),
    { keepdims: false },
  );
  graph.output("y", y);
  graph.output("loss", loss);
  const derived = gradients(loss, values);
  derived.forEach((dx, i) => {
    if (dx) graph.output(`dx${i}`, dx);
  });
  verify(graph);

  const feeds: Record<string, Tensor> = { dy: dyTensor };
  for (const [i, t] of inputs.entries()) feeds[`x${i}`] = toFloat64(t);
  // Dropout masks are inputs: one draw serves every run, so that differences are of one function.
  for (const { name, shape } of graph.randoms) {
    const draw = zeros("float64", shape);
    for (let i = 0; i < draw.data.length; i++) draw.data[i] = rng.uniform(0, 1);
    feeds[name] = draw;
  }
  const reference = await referenceEngine().compile(graph);
  const expected = await reference.run(feeds);
  const expectedState = await reference.readState();

  const forward = lossOnly(newGraph(), build, inputs, y.shape as number[]);
  const forwardRun = await referenceEngine().compile(forward);
  let gradientError = 0;
  /** The terms of the loss, all positive: the smaller the step, the more their rounding counts. */
  const terms = dyTensor.data.reduce((sum, v, k) => sum + Math.abs(v * Number(expected.y!.data[k])), 0);
  // A gradient that is zero but for rounding, such as that of a bias before a batch norm, is measured against the others.
  const floor =
    smallest * Math.max(...inputs.map((_, i) => (expected[`dx${i}`] ? magnitude(toFloat64(expected[`dx${i}`]!)) : 0)));
  for (const [i, input] of inputs.entries()) {
    const exact = toFloat64(expected[`dx${i}`] ?? zeros("float64", input.shape)).data;
    const scale =
      Math.max(
        floor,
        exact.reduce((m, v) => Math.max(m, Math.abs(v)), 0),
      ) || 1;
    const size = sizeOf(input.shape);
    const picked =
      size <= samples ? Array.from({ length: size }, (_, k) => k) : [...rng.permutation(size).slice(0, samples)];
    for (const k of picked) {
      const at = async (shift: number) => {
        const data = toFloat64(input).data.slice();
        data[k]! += shift;
        return toFloat64((await forwardRun.run({ ...feeds, [`x${i}`]: tensor("float64", input.shape, data) })).loss!)
          .data[0]!;
      };
      const difference = async (h: number) =>
        (8 * ((await at(h)) - (await at(-h))) - ((await at(2 * h)) - (await at(-2 * h)))) / (12 * h);
      let [numeric, error] = [Number.NaN, Number.POSITIVE_INFINITY];
      // If a kink lies within a step, as with a ReLU, a smaller step may avoid it.
      for (const h of steps) {
        numeric = await difference(h);
        const rounding = h < steps[0]! ? (Number.EPSILON * terms) / h : 0;
        error = Math.max(0, Math.abs(numeric - exact[k]!) - rounding) / scale;
        if (error <= gradientTolerance) break;
      }
      if (!(error <= gradientTolerance))
        throw new FoveaError(
          `gradient of ${nameOf(i)} at element ${k}: derived ${exact[k]}, numeric ${numeric}, relative error ${error.toExponential(2)}`,
        );
      gradientError = Math.max(gradientError, error);
    }
  }

  const engineErrors: Record<string, number> = {};
  for (const engine of engines) {
    const executable = await engine.compile(graph);
    const actual = await executable.run(feeds);
    const state = await executable.readState();
    await executable.release();
    engineErrors[engine.name] = 0;
    const pairs = Object.entries(expected).map(([name, value]) => [name, actual[name]!, value] as const);
    for (const [cell, value] of expectedState) pairs.push([`state ${graph.nameOf(cell)}`, state.get(cell)!, value]);
    for (const [name, found, value] of pairs) {
      const isGradient = /^dx\d+$/.test(name);
      const error = relativeError(found, value, isGradient ? floor : 0);
      if (!(error <= engineTolerance))
        throw new FoveaError(`${engine.name}: ${name} differs from the reference by ${error.toExponential(2)}`);
      engineErrors[engine.name] = Math.max(engineErrors[engine.name]!, error);
    }
  }
  return { gradientError, engineErrors, received: derived.map((dx) => dx !== null), state: expectedState };
}

/** The same function's Σ y·dy without gradients, for differencing. */
function lossOnly(
  graph: Graph,
  build: (...inputs: Value[]) => Value,
  inputs: readonly Tensor[],
  shape: readonly number[],
): Graph {
  const y = build(...inputs.map((t, i) => graph.input(`x${i}`, { dtype: "float", shape: t.shape })));
  const dy = graph.input("dy", { dtype: "float", shape });
  graph.output(
    "loss",
    reduceSum(
      mul(y, dy),
      shape.map((_, i) => i),
      { keepdims: false },
    ),
  );
  return graph;
}
