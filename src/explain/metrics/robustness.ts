import { ShapeError } from "../../core/errors.js";
import { Rng } from "../../core/rng.js";
import { seed as anySeed, check, options as fields, maybe, positive, type Schema, whole } from "../../core/schema.js";
import { sizeOf, type Tensor, tensor, tensorSchema, toFloat64 } from "../../core/tensor.js";
import { classScores, type Example, type LogitsOf, planesOf } from "./logits.js";

/** Perturbations of an input: given, or drawn. */
export interface NoiseOptions {
  /** [K,C,H,W]: K perturbations, instead of drawing them. */
  readonly noise?: Tensor;
  /** How many to draw. Default 10. */
  readonly samples?: number;
  /** Infidelity: standard deviation (default 0.1). Max-sensitivity: largest change of a value (default 0.02). In the units of the input. */
  readonly size?: number;
  /** Default 0. */
  readonly seed?: number;
}

export const noiseOptions: Schema<NoiseOptions> = fields<NoiseOptions>({
  noise: maybe(tensorSchema),
  samples: maybe(whole(1, 100_000)),
  size: maybe(positive),
  seed: maybe(anySeed),
});

/**
 * Infidelity (Yeh et al., 2019): mean over perturbations I of (Iᵀφ − (f(x) − f(x − I)))², with f the logit. 0 for an attribution φ that
 * predicts exactly what each perturbation does.
 *
 * @param attribution [C,H,W]: per input value, in logits per unit of it, such as a gradient
 */
export async function infidelity(
  logitsOf: LogitsOf,
  example: Example,
  attribution: Tensor,
  options: NoiseOptions = {},
): Promise<number> {
  check("infidelity", "attribution", tensorSchema, attribution);
  check("infidelity", "options", noiseOptions, options);
  const { data, shape } = planesOf("infidelity", example);
  if (attribution.data.length !== data.length)
    throw new ShapeError(`infidelity: the attribution must be [${shape}] like the input, got [${attribution.shape}]`);
  const weights = toFloat64(attribution).data;
  const disturbances = noiseOf("infidelity", shape, options, (rng) => (options.size ?? 0.1) * rng.normal());
  const make = (i: number) => (i === 0 ? data : data.map((value, k) => value - disturbances[i - 1]![k]!));
  const { logits } = await classScores(logitsOf, disturbances.length + 1, make, shape, example.target);
  const errors = disturbances.map((noise, i) => {
    const said = noise.reduce((sum, value, k) => sum + value * weights[k]!, 0);
    return (said - (logits[0]! - logits[i + 1]!)) ** 2;
  });
  return errors.reduce((a, b) => a + b) / errors.length;
}

export interface Sensitivity {
  readonly max: number;
  readonly mean: number;
  /** One per perturbation. */
  readonly each: readonly number[];
}

/**
 * Max-sensitivity (Yeh et al., 2019): the largest of ‖φ(x + u) − φ(x)‖ / ‖φ(x)‖ over small perturbations u whose values are at most
 * `size`. NaN for a map that is 0 everywhere.
 *
 * @param explain the map or attribution of an input [1,C,H,W], as numbers
 */
export async function maxSensitivity(
  explain: (input: Tensor) => Promise<ArrayLike<number>>,
  input: Tensor,
  options: NoiseOptions = {},
): Promise<Sensitivity> {
  check("maxSensitivity", "options", noiseOptions, options);
  const { data, shape } = planesOf("maxSensitivity", { input, target: 0 });
  const size = options.size ?? 0.02;
  const disturbances = noiseOf("maxSensitivity", shape, options, (rng) => rng.uniform(-size, size));
  const at = (values: Float64Array) => explain(tensor("float64", [1, ...shape], values));
  const original = await at(data);
  const length = norm(original.length, (k) => original[k]!);
  const each: number[] = [];
  for (const noise of disturbances) {
    const other = await at(data.map((value, k) => value + noise[k]!));
    each.push(norm(other.length, (k) => other[k]! - original[k]!) / length);
  }
  return { max: Math.max(...each), mean: each.reduce((a, b) => a + b) / each.length, each };
}

function noiseOf(
  where: string,
  shape: readonly number[],
  { noise, samples = 10, seed = 0 }: NoiseOptions,
  draw: (rng: Rng) => number,
): Float64Array[] {
  const each = sizeOf(shape);
  if (!noise)
    return Array.from({ length: samples }, (_, i) => {
      const rng = new Rng(seed, where, i);
      return Float64Array.from({ length: each }, () => draw(rng));
    });
  if (noise.shape.length !== 4 || sizeOf(noise.shape.slice(1)) !== each || noise.shape[0] === 0)
    throw new ShapeError(`${where}: noise must be [K,${shape}], got [${noise.shape}]`);
  const { data } = toFloat64(noise);
  return Array.from({ length: noise.shape[0]! }, (_, i) => data.subarray(i * each, (i + 1) * each));
}

function norm(length: number, value: (k: number) => number): number {
  let sum = 0;
  for (let k = 0; k < length; k++) sum += value(k) ** 2;
  return Math.sqrt(sum);
}
