import { OptionError } from "../../core/errors.js";
import { Rng } from "../../core/rng.js";
import { callback, check, options as fields, maybe, type Schema, whole } from "../../core/schema.js";
import { float32, sizeOf, type Tensor, tensorSchema } from "../../core/tensor.js";
import { type Engine, engineSchema } from "../../engines/engine.js";
import type { Graph } from "../../graph/graph.js";
import { moduleSchema } from "../../nn/checks.js";
import { type AnyModule, BatchNorm, type Module, type Param, stateOf, trace, walk } from "../../nn/index.js";
import type { Heatmap } from "../heatmap.js";
import { spearman } from "./correlation.js";
import { type Interval, type IntervalOptions, intervalFields, meanIntervals } from "./interval.js";
import type { NamedMaps } from "./tables.js";

/** Options of {@link sanityCheck}. */
export interface SanityOptions extends IntervalOptions {
  /** The images [N,C,H,W], at least two: for the batch-norm statistics. */
  readonly inputs: Tensor;
  /** What computes the statistics of batch norms. */
  readonly engine: Engine;
  /** Seed of the random weights. Default 0. */
  readonly seed?: number;
  /** How often weights are drawn; correlations are means over the draws. A single draw of a classifier can move them by 0.2. Default 5. */
  readonly draws?: number;
  /** Called before each stage of each draw. */
  onProgress?(stage: string, draw: number): void;
}

/** How much of a method's maps remains when weights are random. */
export interface SanityRow {
  /** Name of the method. */
  readonly name: string;
  /**
   * Rank correlation with the maps of the trained network after each stage is randomized together with all later stages. `constant`
   * counts maps, over all draws, that are constant and so have no correlation.
   */
  readonly stages: readonly { readonly stage: string; readonly correlation: Interval; readonly constant: number }[];
  /** The control: rank correlation between the maps of different images. A correlation not below it may just reflect a bias of the method. */
  readonly otherImages: Interval;
  /** The first stages, from the classifier on, that the maps hardly depend on: their correlation is not below the control. */
  readonly ignores: readonly string[];
  /** Whether the correlation with everything randomized is below the control. */
  readonly passed: boolean;
}

export const sanityOptions: Schema<SanityOptions> = fields<SanityOptions>({
  inputs: tensorSchema,
  engine: engineSchema,
  ...intervalFields,
  draws: maybe(whole(1, 1000)),
  onProgress: maybe(callback),
});

/**
 * The sanity check for maps (Adebayo et al., 2018): weights are randomized stage by stage, from the classifier down, and the maps should
 * change. Random weights are drawn as for a new network; parameters that are not initialized at random, such as the gains of norms, stay as trained. Batch-norm
 * statistics are re-estimated over the images: with those of the trained weights, activations would vanish and maps would be constant. The control is how much maps of *different images* correlate: a
 * method that always highlights the center scores high without looking.
 *
 * The model's weights are restored, even after an error.
 *
 * @param mapsOf the maps of the images for the model as it is now, of one method at one size
 *
 * @throws OptionError if there are fewer than two images.
 */
export async function sanityCheck(
  model: Module,
  mapsOf: (model: Module) => Promise<NamedMaps>,
  options: SanityOptions,
): Promise<SanityRow[]> {
  check("sanityCheck", "model", moduleSchema, model);
  check("sanityCheck", "mapsOf", callback, mapsOf);
  check("sanityCheck", "options", sanityOptions, options);
  const { inputs, engine, seed = 0, draws = 5, resamples, level, onProgress } = options;
  if (!(inputs.shape.length === 4 && inputs.shape[0]! >= 2))
    throw new OptionError(`sanityCheck: inputs must be [N,C,H,W] of at least two images, got [${inputs.shape}]`);
  const intervals = (values: readonly number[]) => meanIntervals([values], { seed, resamples, level })[0]!;
  const before = new Map([...stateOf(model).values()].map((param) => [param, param.value]));
  const trained = await mapsOf(model);
  const parts = fieldsOf(model, inputs.shape);
  const drawn = new Set([...stateOf(model)].flatMap(([path, param]) => (isDrawn(param) ? [stageOf(path)] : [])));
  const stages = parts.filter((part) => drawn.has(part));
  const found = new Map([...trained.keys()].map((name) => [name, stages.map(() => [] as number[][])]));
  try {
    for (let draw = 0; draw < draws; draw++) {
      for (const [param, value] of before) param.value = value;
      for (const [k, stage] of stages.entries()) {
        onProgress?.(stage, draw);
        randomize(model, stage, seed, draw);
        const changed = new Set(parts.slice(0, parts.indexOf(stage) + 1));
        await estimateStatistics(model, changed, inputs, engine);
        for (const [name, maps] of await mapsOf(model))
          found.get(name)![k]!.push(maps.map((map, i) => spearman(map.data, trained.get(name)![i]!.data)));
      }
    }
  } finally {
    for (const [param, value] of before) param.value = value;
  }
  return [...found].map(([name, drawn]) => {
    const measured = drawn.map((values, k) => ({
      stage: stages[k]!,
      correlation: intervals(trained.get(name)!.map((_, i) => meanOfNumbers(values.map((draw) => draw[i]!)))),
      constant: values.flat().filter(Number.isNaN).length,
    }));
    const otherImages = intervals(betweenImages(trained.get(name)!));
    const below = ({ correlation }: (typeof measured)[number]) => correlation.mean < otherImages.mean;
    const first = measured.findIndex(below);
    return {
      name,
      stages: measured,
      otherImages,
      ignores: measured.slice(0, first < 0 ? undefined : first).map(({ stage }) => stage),
      passed: below(measured.at(-1)!),
    };
  });
}

/** For each image, the mean correlation of its map with those of the others. */
function betweenImages(maps: readonly Heatmap[]): number[] {
  return maps.map((map, i) =>
    meanOfNumbers(
      maps.flatMap((other, j) =>
        i === j || other.data.length !== map.data.length ? [] : [spearman(map.data, other.data)],
      ),
    ),
  );
}

/** Mean of the values that are not NaN; NaN if there are none. */
function meanOfNumbers(values: readonly number[]): number {
  const numbers = values.filter((value) => !Number.isNaN(value));
  return numbers.reduce((a, b) => a + b, 0) / numbers.length;
}

/** The model's field that a path lies in: `layer3` of `layer3.0.conv1.weight`. */
const stageOf = (path: string) => path.split(".", 1)[0]!;

/** The fields of a model that hold parameters, from the last one used to the first. */
function fieldsOf(model: Module, shape: readonly number[]): string[] {
  const names = new Map([...stateOf(model)].map(([path, param]) => [param as object, path]));
  const order = new Set<string>();
  for (const node of trace(model, shape).nodes)
    for (const { source } of node.inputs)
      if (source.kind === "state" && names.has(source.cell)) order.add(stageOf(names.get(source.cell)!));
  return [...order].reverse();
}

/** Whether a new network draws a parameter: its first values depend on the seed. */
function isDrawn({ dtype, init, shape }: Param): boolean {
  if (dtype !== "float") return false;
  const [one, other] = [0, 1].map((seed) => init(shape, new Rng(seed)));
  return one!.some((value, i) => value !== other![i]);
}

/** New weights for a stage, as `initialize` would draw them. */
function randomize(model: Module, stage: string, seed: number, draw: number): void {
  for (const [path, param] of stateOf(model))
    if (stageOf(path) === stage && isDrawn(param)) {
      const data = param.init(param.shape, new Rng(seed, "sanity", draw, path));
      param.value = { dtype: "float32", shape: param.shape, data };
    }
}

/** Sets the running statistics of the batch norms in some stages to those of the inputs; dropout is as in training. */
async function estimateStatistics(
  model: Module,
  stages: ReadonlySet<string>,
  inputs: Tensor,
  engine: Engine,
): Promise<void> {
  const norms = normsOf(model);
  const measured = new Set<object>(
    norms.flatMap(({ path, norm }) => (stages.has(stageOf(path)) ? [norm.running_mean, norm.running_var] : [])),
  );
  if (measured.size === 0) return;
  const before = norms.map(({ norm }) => ({ momentum: norm.momentum, trainable: norm.weight.trainable }));
  for (const { norm } of norms) {
    norm.momentum = 1;
    // A norm with frozen gain uses its running statistics in training too.
    norm.weight.trainable = measured.has(norm.running_mean);
  }
  try {
    const graph = trace(model, inputs.shape, { training: true });
    const executable = await engine.compile(graph);
    try {
      await executable.run({ ...randomFeeds(graph), input: inputs });
      for (const [cell, value] of await executable.readState()) if (measured.has(cell)) (cell as Param).value = value;
    } finally {
      await executable.release();
    }
  } finally {
    norms.forEach(({ norm }, i) => {
      norm.momentum = before[i]!.momentum;
      norm.weight.trainable = before[i]!.trainable;
    });
  }
}

function randomFeeds({ randoms }: Graph): Record<string, Tensor> {
  return Object.fromEntries(
    randoms.map(({ name, shape }) => {
      const rng = new Rng(0, "sanity", name);
      return [
        name,
        float32(
          shape,
          Array.from({ length: sizeOf(shape) }, () => rng.uniform()),
        ),
      ];
    }),
  );
}

function normsOf(model: AnyModule): { readonly path: string; readonly norm: BatchNorm }[] {
  const norms: { path: string; norm: BatchNorm }[] = [];
  walk(model, {
    module: (path, part) => {
      if (part instanceof BatchNorm) norms.push({ path, norm: part });
    },
  });
  return norms;
}
