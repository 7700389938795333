import type { Rng } from "../core/rng.js";
import { sizeOf } from "../core/tensor.js";

/** Fills a new parameter: the numbers for a shape, drawn from the parameter's own generator. */
export type Initializer = (shape: readonly number[], rng: Rng) => Float32Array;

const fill = (draw: (rng: Rng, shape: readonly number[]) => () => number): Initializer => {
  return (shape, rng) => {
    const next = draw(rng, shape);
    return Float32Array.from({ length: sizeOf(shape) }, next);
  };
};

/** Inputs of one output: shape[1] × kernel. */
export const fanIn = (shape: readonly number[]): number => sizeOf(shape.slice(1));
/** Outputs that one input reaches, as PyTorch counts it: shape[0] × kernel. */
export const fanOut = (shape: readonly number[]): number => shape[0]! * sizeOf(shape.slice(2));

export const constant = (value: number): Initializer => fill(() => () => value);
export const uniform = (bound: number): Initializer => fill((rng) => () => rng.uniform(-bound, bound));
export const normal = (std: number): Initializer => fill((rng) => () => std * rng.normal());

/** U(±1/√fan_in): PyTorch's default for weights of linear and convolution layers. */
export const defaultWeight: Initializer = (shape, rng) => uniform(1 / Math.sqrt(fanIn(shape)))(shape, rng);

/**
 * N(0, 2/fan): He et al., 2015. PyTorch's kaiming_normal_, which counts the outputs of a grouped convolution as if all groups
 * were reached; with `groups` only those of one group count.
 */
export const kaimingNormal =
  (fan: "in" | "out" = "in", groups = 1): Initializer =>
  (shape, rng) =>
    normal(Math.sqrt(2 / (fan === "in" ? fanIn(shape) : fanOut(shape) / groups)))(shape, rng);
