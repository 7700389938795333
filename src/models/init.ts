import { Rng } from "../core/rng.js";
import { constant, defaultWeight, type Initializer, kaimingNormal, type Module, parametersOf } from "../nn/index.js";

/** The initializer for the parameter at a path; undefined leaves it to the layer. */
type InitRule = (path: string) => Initializer | undefined;

/** Sets the parameters that a rule covers. As in `initialize`, each depends only on the seed and its path. */
export function setByName(model: Module, rule: InitRule, seed: number): void {
  for (const [path, param] of parametersOf(model)) {
    const init = rule(path);
    if (init)
      param.value = { dtype: "float32", shape: param.shape, data: init(param.shape, new Rng(seed, "init", path)) };
  }
}

/**
 * The rule of Woo and Park's code for CBAM and BAM networks, copied by the Triplet Attention code: it matches names.
 * Convolutions N(0, 2/fan-out), norms 1 (0 in a `SpatialGate`), the classifier N(0, 2/fan-in), biases 0; parameters with other names
 * (`mlp`, `downsample.0`, `gate_c_fc`) keep PyTorch's default.
 */
export const cbamRule: InitRule = (path) => {
  const parts = path.split(".");
  if (path.endsWith(".bias")) return constant(0);
  if (path.startsWith("fc.")) return kaimingNormal("in");
  if (!path.endsWith(".weight")) return undefined;
  if (parts.at(-2)!.includes("conv")) return kaimingNormal("out");
  if (path.includes("bn")) return constant(path.includes("SpatialGate") ? 0 : 1);
  return parts.at(-2) === "0" && path.includes("downsample") ? defaultWeight : undefined;
};
