import { FoveaError } from "../core/errors.js";
import type { Tensor } from "../core/tensor.js";
import { Graph, type Value } from "../graph/graph.js";
import { initialize, type Module, type Param, parametersOf, stateOf } from "../nn/index.js";
import { type CheckOptions, type CheckReport, checkGraph } from "./check-function.js";

/**
 * Checks a module of your own against the contract of built-in modules: its gradients with respect to the input and every parameter equal
 * numeric ones, every parameter receives a gradient, and every engine gives the same result. Both modes are checked: in training,
 * batch norms use batch statistics, and the running statistics they leave must agree across engines; dropout uses one mask
 * for all runs. In evaluation, batch norms use their running statistics, and dropout does nothing.
 *
 * @throws FoveaError that names the mode, and the parameter or the engine.
 *
 * @example
 * await checkModule(new MyGate(8), float32([2, 8, 5, 4], pixels), { engines: [ortEngine()] });
 */
export async function checkModule(module: Module, input: Tensor, options: CheckOptions = {}): Promise<CheckReport> {
  initialize(module, { seed: options.seed ?? 1 });
  const parameters = [...parametersOf(module)];
  const names = new Map([...stateOf(module)].map(([path, param]) => [param as object, path]));
  const inputs = [input, ...parameters.map(([, param]) => param.value)];
  const build = (x?: Value, ...values: Value[]): Value => {
    // The parameters become inputs of the checked function, so that they can be varied.
    parameters.forEach(([path, param], i) => x!.graph.bind(param, path, values[i]!));
    return module.call(x!);
  };
  const check = async (training: boolean): Promise<CheckReport> => {
    const mode = training ? "in training" : "in evaluation";
    const { state, ...report } = await checkGraph(
      () => new Graph(training, (owner) => names.get(owner)),
      build,
      inputs,
      options,
      (i) => (i === 0 ? "the input" : parameters[i - 1]![0]),
    ).catch((error: unknown) => {
      throw error instanceof FoveaError ? new FoveaError(`${mode}: ${error.message}`) : error;
    });
    const unused = parameters.filter((_, i) => !report.received[i + 1]).map(([path]) => path);
    if (unused.length) throw new FoveaError(`${mode}: no gradient reaches ${unused.join(", ")}`);
    // Evaluation is checked with the statistics that training left: the initial zeros and ones would hide mistakes.
    for (const [cell, value] of state) (cell as Param).value = value;
    return report;
  };
  return worst(await check(true), await check(false));
}

const worst = (a: CheckReport, b: CheckReport): CheckReport => ({
  gradientError: Math.max(a.gradientError, b.gradientError),
  engineErrors: Object.fromEntries(
    Object.entries(a.engineErrors).map(([name, error]) => [name, Math.max(error, b.engineErrors[name]!)]),
  ),
  received: a.received,
});
