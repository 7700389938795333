import { OptionError } from "../../core/errors.js";
import {
  either,
  type Fields,
  maybe,
  nonNegative,
  oneOf,
  positive,
  properShare,
  type Schema,
  seed,
  whole,
} from "../../core/schema.js";
import { type Tensor, tensorSchema, toFloat64 } from "../../core/tensor.js";
import type { Subject } from "../subject.js";

/** Options of attribution methods; each method takes some of them. */
export interface AttributionOptions {
  /** `ig`, `deeplift`, `occlusion`: the reference, which is zeros (the mean color), black pixels, or an input [C,H,W]. Default `zero`. */
  readonly baseline?: "zero" | "black" | Tensor;
  /** `ig`: number of points. Default: as many as `error` requires. */
  readonly steps?: number;
  /** `ig`: largest error of the sum, relative to the difference of the scores. Default 0.01. */
  readonly error?: number;
  /** `smoothgrad`: standard deviation of the noise, relative to the range of the input's values. Default 0.15. */
  readonly sigma?: number;
  /** `smoothgrad` (default 25), `rise` (default 1000): number of noisy or masked images. */
  readonly samples?: number;
  /** `smoothgrad`, `rise`: random seed. Default 0. */
  readonly seed?: number;
  /** `smoothgrad`: the noise itself, [n,C,H,W]. */
  readonly noise?: Tensor;
  /** `rise`: the masks themselves, [n,H,W]. */
  readonly masks?: Tensor;
  /** `rise`: cells along each side of a mask before upsampling. Default 7. */
  readonly cells?: number;
  /** `rise`: share of cells that are kept. Default 0.5. */
  readonly keep?: number;
  /** `occlusion`: side of the window, in pixels of the input. Default: an eighth of the shorter side. */
  readonly window?: number;
  /** `occlusion`: pixels from one window to the next. Default: half the window. */
  readonly stride?: number;
}

export const attributionFields: Fields<AttributionOptions> = {
  baseline: maybe(
    either<never>('"zero", "black" or a tensor [C,H,W]', oneOf("zero", "black") as never, tensorSchema as never),
  ) as Schema<AttributionOptions["baseline"]>,
  steps: maybe(whole(1, 100_000)),
  error: maybe(positive),
  sigma: maybe(nonNegative),
  samples: maybe(whole(1, 1_000_000)),
  seed: maybe(seed),
  noise: maybe(tensorSchema),
  masks: maybe(tensorSchema),
  cells: maybe(whole(1, 1024)),
  keep: maybe(properShare),
  window: maybe(whole(1)),
  stride: maybe(whole(1)),
};

/** The baseline as input values. */
export function baselineOf({ probe, black }: Subject, { baseline = "zero" }: AttributionOptions): Float64Array {
  const [channels, height, width] = probe.inputShape as [number, number, number];
  const pixels = height * width;
  if (baseline === "zero") return new Float64Array(channels * pixels);
  if (baseline === "black") {
    if (!black)
      throw new OptionError('baseline "black" needs to know how images are normalized; give the baseline as a tensor');
    return Float64Array.from({ length: channels * pixels }, (_, i) => black[Math.floor(i / pixels)]!);
  }
  return requireShape("baseline", baseline, [channels, height, width]);
}

/** The data of a tensor of the given shape; `null` stands for any size. */
export function requireShape(name: string, given: Tensor, shape: readonly (number | null)[]): Float64Array {
  if (given.shape.length !== shape.length || shape.some((d, i) => d !== null && d !== given.shape[i]))
    throw new OptionError(`${name} must be [${shape.map((d) => d ?? "n")}], got [${given.shape}]`);
  return toFloat64(given).data;
}
