import { Rng } from "../core/rng.js";
import { constant, defaultWeight, type Initializer, kaimingNormal, type Module, parametersOf } from "../nn/index.js";

/** Gives a parameter of a path its initializer, or leaves it to the layer. */
export type InitRule = (path: string) => Initializer | undefined;

/** Sets the parameters that a rule speaks of. As in `initialize`, what each gets depends on the seed and its path alone. */
export function setByName(model: Module, rule: InitRule, seed: number): void {
  for (const [path, param] of parametersOf(model)) {
    const init = rule(path);
    if (init)
      param.value = { dtype: "float32", shape: param.shape, data: init(param.shape, new Rng(seed, "init", path)) };
  }
}

/**
 * The rule of Woo and Park's code for CBAM and BAM networks, which the one for Triplet Attention copied: it goes by names.
 * Convolutions N(0, 2/fan-out), norms 1 (0 in a `SpatialGate`), the classifier N(0, 2/fan-in), biases 0; what has another name
 * (`mlp`, `downsample.0`, `gate_c_fc`) keeps PyTorch's default.
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
