import { FormatError } from "../../core/errors.js";
import { type Floats, type Tensor, tensor, toFloat64 } from "../../core/tensor.js";
import type { Engine } from "../../engines/engine.js";
import { enlarge } from "../../explain/enlarge.js";
import {
  type Explainer,
  type Explanation,
  type Heatmap,
  type MethodChoice,
  openExplainer,
} from "../../explain/index.js";
import type { Module } from "../../nn/index.js";
import { magnitude, relativeError } from "../compare.js";
import { Comparison } from "./comparison.js";
import type { GoldenFile } from "./file.js";
import { explainedNetwork, tinyNetwork } from "./seeing-network.js";
import type { TrainedData } from "./trained.js";

/** More images than any file about explanations has. */
const mostImages = 64;

/** What a file explains: images as the network takes them, one row each, and their classes. */
export interface Explained {
  readonly model: Module;
  /** Our path of a reference layer. */
  readonly layerOf: (path: string) => string;
  readonly images: readonly Tensor[];
  readonly classes: readonly number[];
  readonly inputShape: readonly [number, number, number];
}

/** Reads what a file explains. @throws FormatError if shapes do not match. */
export async function explainedBy(file: GoldenFile, data: TrainedData): Promise<Explained> {
  const x = file.tensor("x");
  const classes = Array.from(toFloat64(file.tensor("class")).data);
  const [n, ...shape] = x.shape;
  if (x.shape.length !== 4 || classes.length !== n || n > mostImages)
    throw new FormatError(
      `golden file: x must be [N,C,H,W] with a class for each, got [${x.shape}] and ${classes.length}`,
    );
  const { model, rename } = await explainedNetwork(file, data);
  return {
    model,
    // Layer paths are prefixes of keys.
    layerOf: (path) => rename(`${path}.weight`).replace(/\.weight$/, ""),
    images: slices(x),
    classes,
    inputShape: shape as [number, number, number],
  };
}

/** The parts of an array along its first axis. */
export function slices(t: Tensor): Tensor[] {
  const { shape, data } = toFloat64(t);
  const [n, ...rest] = shape;
  const size = data.length / n!;
  return Array.from({ length: n! }, (_, i) => tensor("float64", rest, data.subarray(i * size, (i + 1) * size)));
}

/** Arrays of one shape, stacked along a new first axis. */
export function stacked(shape: readonly number[], parts: readonly Floats[]): Tensor {
  return tensor("float64", [parts.length, ...shape], Float64Array.from(parts.flatMap((part) => [...part])));
}

export const stackedMaps = (maps: readonly Heatmap[]): Tensor =>
  stacked(
    [maps[0]!.height, maps[0]!.width],
    maps.map(({ data }) => data),
  );

/** Explains all images of a file by one method. */
export async function explainAll(
  { model, images, classes, inputShape }: Explained,
  engine: Engine,
  method: MethodChoice,
  layer?: string,
): Promise<Explanation[]> {
  const explainer = await openExplainer({ model, inputShape }, { engine, method, ...(layer ? { layer } : {}) });
  try {
    return await explainEach(explainer, images, classes);
  } finally {
    await explainer.release();
  }
}

export async function explainEach(explainer: Explainer, images: readonly Tensor[], classes: readonly number[]) {
  const found: Explanation[] = [];
  for (const [i, image] of images.entries()) found.push(...(await explainer.explain(image, { class: classes[i]! })));
  return found;
}

/** float32 error in a small network, assumed for arrays that a file does not list, unless it lists a larger one for others. */
const smallest = 2e-7;

/** Tolerances of files about explanations, relative to the largest magnitude. */
export class SeeingComparison extends Comparison {
  readonly #exact: boolean;
  readonly #float32: Readonly<Record<string, number>>;

  constructor(engine: Engine, file: GoldenFile) {
    super(engine, file);
    this.#exact = engine.name === "reference";
    this.#float32 = file.hasText("f32_rel") ? file.json("f32_rel") : {};
  }

  /** Ten times PyTorch's float32 error: of the array itself if the file lists it, otherwise the worst that it lists. */
  rounding(name: string): number {
    const worst = Math.max(...Object.values(this.#float32), smallest);
    return 10 * Math.max(2 ** -24, this.#float32[name] ?? worst);
  }

  /** `exact` is the reference engine's tolerance; `amplified` is how much worse float32 may do than the file says. */
  compare(name: string, actual: Tensor, expected: Tensor, exact = 1e-10, amplified = 1): void {
    const error = relativeError(actual, expected);
    this.record(name, error, this.#exact ? exact : Math.max(exact, amplified * this.rounding(name)));
  }
}

/**
 * How much more float32 loses in probabilities than in the logits z: their relative error is the logits' absolute error,
 * rounding · max |z|.
 */
export const inProbabilities = (file: GoldenFile): number => Math.max(1, magnitude(toFloat64(file.tensor("logits"))));

/** A map as pytorch-grad-cam displays it: rectified, scaled to 0 … 1 (ε 1e-7), resized, scaled again. */
export function shown({ height, width, data }: Heatmap, size: readonly [number, number]): Float64Array {
  const positive = data.map((v) => Math.max(0, v));
  return scaled(enlarge(scaled(positive), [height, width], size));
}

export function scaled(data: Float64Array, epsilon = 1e-7): Float64Array {
  const least = data.reduce((a, v) => Math.min(a, v), Number.POSITIVE_INFINITY);
  const most = data.reduce((a, v) => Math.max(a, v), Number.NEGATIVE_INFINITY);
  return data.map((v) => (v - least) / (epsilon + most - least));
}

/** Filled values are exactly equal, but for rounding. */
const exact = 1e-12;

/** The filled parameters that other files share. */
export async function checkParametersFile(file: GoldenFile, engine: Engine): Promise<Comparison> {
  const comparison = new Comparison(engine, file);
  for (const [key, value] of tinyNetwork(file).values) {
    const expected = file.has(`param/${key}`) ? file.tensor(`param/${key}`) : file.tensor(`buffer/${key}`);
    comparison.record(key, relativeError(value, expected), exact);
  }
  return comparison;
}
