import type { AttentionModule } from "../../src/attention/index.js";
import { staticShape } from "../../src/core/shape.js";
import { Graph, gradients, tensor, zeros } from "../../src/engine.js";
import type { Op } from "../../src/graph/op.js";
import type { Tensor, Value } from "../../src/index.js";
import { constant, initialize, ops, Param, parametersOf, walk } from "../../src/nn.js";
import { normal } from "../workload.js";
import type { Measure } from "./suite.js";

/** What a run computes: the output, the gradient of the input, those of the parameters. */
export interface Wanted {
  readonly output?: boolean;
  readonly input?: boolean;
  readonly parameters?: boolean;
}

/** Whether to measure a run or compare its results. */
export type Purpose = "measure" | "check";

export const everything: Wanted = { output: true, input: true, parameters: true };

/** A "loss" of y and u whose gradient with respect to y is u. Only that gradient is ever run. */
const upstream: Op = {
  name: "Upstream",
  infer: () => [{ dtype: "float", shape: [] }],
  run: () => [tensor("float64", [], Float64Array.of(0))],
  grad: (_, { inputs: [, u] }) => [u!, null],
  macs: () => 0,
};

/** Results are cells under this name, which a check compares. */
export const resultPrefix = "result/";

/**
 * A module by itself in training mode, without an optimizer. As in a network, its input and the gradient of its output are computed values, not
 * inputs: products with a number, here and in the peers. Parameters are updated with themselves, so that they are not constants; results are
 * cells, so that they stay in the engine. When timing, only means over positions of maps are kept, because in a network maps never leave the
 * engine.
 */
export function alone(
  name: string,
  module: AttentionModule,
  shape: readonly number[],
  wanted: Wanted,
  purpose: Purpose,
): Measure {
  const names = new Map<object, string>();
  walk(initialize(module), {
    param: (path, param) => names.set(param, path),
    module: (path, part) => names.set(part, path),
  });
  const graph = new Graph(true, (owner) => names.get(owner));
  const one = graph.input("one", { dtype: "float", shape: [] });
  const given: Record<string, Tensor> = {};
  const fresh = (key: string, sizes: readonly number[]): Value => {
    given[key] = normal(key, sizes);
    return ops.mul(graph.constant(given[key]), one);
  };
  const keep = (key: string, whole: Value): void => {
    const value = purpose === "measure" && whole.shape.length === 4 ? ops.reduceMean(whole, [2, 3]) : whole;
    const cell = new Param(staticShape(value.shape), constant(0), "buffer");
    cell.value = zeros("float32", cell.shape);
    names.set(cell, resultPrefix + key);
    graph.update(cell, value);
  };

  const x = fresh("x", shape);
  const outputs = [module.call(x)].flat();
  const losses = outputs.map((y, i) => {
    if (wanted.output) keep(`y${i}`, y);
    return graph.apply(upstream, [y, fresh(`dy${i}`, staticShape(y.shape))], {})[0]!;
  });
  const parameters = [...parametersOf(module)];
  const states = parameters.map(([, param]) => graph.state(param));
  const [dx, ...dparameters] = gradients(
    losses.reduce((a, b) => ops.add(a, b)),
    [x, ...states],
  );
  if (wanted.input && dx) keep("dx", dx);
  parameters.forEach(([path, param], i) => {
    graph.update(param, states[i]!);
    const gradient = dparameters[i];
    if (wanted.parameters && gradient) keep(path, gradient); // some modules have parameters that nothing uses
  });
  return { name, model: module, graph, feeds: { one: tensor("float32", [], Float32Array.of(1)) }, given };
}
