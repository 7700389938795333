import { FoveaError } from "../core/errors.js";
import type { Tensor } from "../core/tensor.js";
import type { Value } from "../graph/graph.js";
import { initialize, type Module, parametersOf, stateOf } from "../nn/index.js";
import { type CheckOptions, type CheckReport, checkFunction } from "./check-function.js";

/**
 * Holds a module of your own to the contract that ours keep: its gradients with respect to the input and every parameter equal
 * numeric ones, every parameter receives a gradient, and every engine gives the same result.
 *
 * @throws FoveaError that names the parameter or the engine.
 *
 * @example
 * await checkModule(new MyGate(8), float32([2, 8, 5, 4], pixels), { engines: [ortEngine()] });
 */
export async function checkModule(module: Module, input: Tensor, options: CheckOptions = {}): Promise<CheckReport> {
  initialize(module, { seed: options.seed ?? 1 });
  const parameters = [...parametersOf(module)];
  const buffers = [...stateOf(module)].filter(([, param]) => param.kind === "buffer");
  const build = (x?: Value, ...values: Value[]): Value => {
    const { graph } = x!;
    // The parameters become inputs of the checked function, so that they can be moved.
    parameters.forEach(([path, param], i) => graph.bind(param, path, values[i]!));
    for (const [path, param] of buffers) graph.bind(param, path, graph.constant(param.value));
    return module.call(x!);
  };
  const report = await checkFunction(build, [input, ...parameters.map(([, param]) => param.value)], options);
  const unused = parameters.filter((_, i) => !report.received[i + 1]).map(([path]) => path);
  if (unused.length) throw new FoveaError(`no gradient reaches ${unused.join(", ")}`);
  return report;
}
