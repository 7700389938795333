import { Rng } from "../core/rng.js";
import { check, finite, instance, list, oneOf, sizes, whole } from "../core/schema.js";
import { sizeOf } from "../core/tensor.js";

/** The initial values of a parameter, drawn from its own generator. */
export type Initializer = (shape: readonly number[], rng: Rng) => Float32Array;

const fill = (draw: (rng: Rng, shape: readonly number[]) => () => number): Initializer => {
  return (shape, rng) => {
    const next = draw(rng, shape);
    return Float32Array.from({ length: sizeOf(shape) }, next);
  };
};

/** Inputs of one output: shape[1] × kernel. */
export function fanIn(shape: readonly number[]): number {
  check("fanIn", "shape", sizes, shape);
  return sizeOf(shape.slice(1));
}
/** Outputs that one input reaches, as PyTorch counts it: shape[0] × kernel. */
export function fanOut(shape: readonly number[]): number {
  check("fanOut", "shape", list(whole(0), "a list of sizes", 1), shape);
  return shape[0]! * sizeOf(shape.slice(2));
}

/** Every element is `value`. */
export function constant(value: number): Initializer {
  check("constant", "value", finite, value);
  return fill(() => () => value);
}

/** Uniform in [−bound, bound). */
export function uniform(bound: number): Initializer {
  check("uniform", "bound", finite, bound);
  return fill((rng) => () => rng.uniform(-bound, bound));
}

/** Normal with mean 0 and this standard deviation. */
export function normal(std: number): Initializer {
  check("normal", "std", finite, std);
  return fill((rng) => () => std * rng.normal());
}

/** U(±1/√fan_in): PyTorch's default for weights of linear and convolution layers. */
export const defaultWeight: Initializer = (shape, rng) => {
  check("defaultWeight", "shape", list(whole(0), "a list of sizes", 1), shape);
  check("defaultWeight", "rng", instance(Rng, "an Rng"), rng);
  return uniform(1 / Math.sqrt(fanIn(shape)))(shape, rng);
};

/**
 * N(0, 2/fan): He et al., 2015. Like PyTorch's kaiming_normal_, which counts the outputs of all groups of a grouped convolution;
 * with `groups`, only those of one group.
 */
export function kaimingNormal(fan: "in" | "out" = "in", groups = 1): Initializer {
  check("kaimingNormal", "fan", oneOf("in", "out"), fan);
  check("kaimingNormal", "groups", whole(1), groups);
  return (shape, rng) => normal(Math.sqrt(2 / (fan === "in" ? fanIn(shape) : fanOut(shape) / groups)))(shape, rng);
}
