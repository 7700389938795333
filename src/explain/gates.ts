import { DataError, FoveaError } from "../core/errors.js";
import { signal as abortSignal, callback, check, options as fields, fieldsOf, maybe, whole } from "../core/schema.js";
import { type Tensor, toFloat64 } from "../core/tensor.js";
import { checkDataset, preprocessingSchema, requireImage } from "../data/checks.js";
import { type Dataset, inputWriter, type Preprocessing, type RgbImage } from "../data/index.js";
import { type Engine, type Executable, engineSchema } from "../engines/engine.js";
import type { TapKind } from "../graph/graph.js";
import { publishTaps, tapNames } from "../graph/passes/publish.js";
import { manyImages } from "../inference/classifier.js";
import { moduleSchema } from "../nn/checks.js";
import { type Module, trace } from "../nn/index.js";

/** A gate of an attention module, for one image. */
export interface Gate {
  /** Index of the image. */
  readonly image: number;
  /** Path of its module and its name there, such as `layer1.0.cbam/spatial`. */
  readonly name: string;
  /** Null if a module of your own does not say. */
  readonly kind: TapKind | null;
  /** Without the batch axis: [C,1,1] for a `channel` gate, [1,H,W] for a `spatial` one, [n,n] for `pairwise` relations. */
  readonly map: Tensor<"float64">;
}

interface GatedNetwork {
  readonly model: Module;
  readonly preprocessing: Preprocessing;
}

export const gatedNetwork = fieldsOf<GatedNetwork>(
  { model: moduleSchema, preprocessing: preprocessingSchema },
  "a network, { model, preprocessing }",
);
export const gateOptions = fields<{ readonly engine: Engine }>({ engine: engineSchema });

/** The gates of a network, compiled for one image after another. */
class OpenGates {
  readonly #write: ReturnType<typeof inputWriter>;
  readonly #size: number;
  readonly kinds: ReadonlyMap<string, TapKind | null>;
  readonly #executable: Promise<Executable>;

  constructor({ model, preprocessing }: GatedNetwork, engine: Engine) {
    this.#size = preprocessing.imageSize;
    this.#write = inputWriter(preprocessing);
    const traced = trace(model, [1, 3, this.#size, this.#size]);
    if (traced.taps.length === 0) throw new FoveaError("gates: the network has no attention modules");
    this.kinds = new Map([...tapNames(traced)].map(([name, { kind }]) => [name, kind ?? null]));
    const graph = publishTaps(traced);
    graph.outputs.delete("output");
    this.#executable = engine.compile(graph);
  }

  async read(image: RgbImage): Promise<Map<string, Tensor<"float64">>> {
    const data = new Float32Array(3 * this.#size ** 2);
    this.#write(image, data, 0);
    const shape = [1, 3, this.#size, this.#size];
    const results = await (await this.#executable).run({ input: { dtype: "float32", shape, data } });
    return new Map(
      [...this.kinds.keys()].map((name) => {
        const { shape: found, data: numbers } = toFloat64(results[name]!);
        return [name, { dtype: "float64", shape: found.slice(1), data: numbers }];
      }),
    );
  }

  async release(): Promise<void> {
    await (await this.#executable).release();
  }
}

/**
 * Every gate of every attention module for each image, at its own resolution, with its kind. The network is run in evaluation mode.
 *
 * @throws FoveaError if the network has no attention modules.
 *
 * @example
 * const all = await gates(await loadRun("runs/shapes-resnet20-cbam"), [image], { engine: ortEngine() });
 * all.filter((gate) => gate.kind === "spatial").at(-1)?.map.shape; // [1, 8, 8]
 */
export async function gates(
  network: GatedNetwork,
  images: Iterable<RgbImage>,
  options: { readonly engine: Engine },
): Promise<Gate[]> {
  check("gates", "network", gatedNetwork, network);
  check("gates", "images", manyImages, images);
  check("gates", "options", gateOptions, options);
  const open = new OpenGates(network, options.engine);
  const all: Gate[] = [];
  try {
    let count = 0;
    for (const image of images) {
      requireImage("gates", `image ${count}`, image);
      for (const [name, map] of await open.read(image))
        all.push({ image: count, name, kind: open.kinds.get(name) ?? null, map });
      count++;
    }
  } finally {
    await open.release();
  }
  return all;
}

/** How a gate behaves over a data set. */
export interface GateStatistics {
  /** The gate's module and name, such as `layer1.0.cbam/spatial`. */
  readonly name: string;
  /** What the gate's axes mean; null if its module does not say. */
  readonly kind: TapKind | null;
  /** Mean of all its values for all images. */
  readonly mean: number;
  /** Standard deviation over images, averaged over its values: 0 if it is the same for every image. */
  readonly deviation: number;
  /** The share of its values below 0.05. */
  readonly dead: number;
  /** The share of its values above 0.95. */
  readonly saturated: number;
  /** The share of the variance over images that is between classes; null if it does not vary, or there is only one class. */
  readonly byClass: number | null;
}

/** Result of {@link gateStatistics}. */
export interface GateReport {
  /** How many images were run. */
  readonly images: number;
  /** Expected `byClass` if the class does not matter: (classes − 1) / (images − 1). */
  readonly chance: number;
  /** One entry per gate, in the order in which the network computes them. */
  readonly gates: readonly GateStatistics[];
}

/** Options of {@link gateStatistics}. */
export interface GateStatisticsOptions {
  /** What computes. */
  readonly engine: Engine;
  /** How many images of the data set, evenly spaced. Default: all. */
  readonly images?: number;
  /** Stops between images. */
  readonly signal?: AbortSignal;
  /** Called after each image. */
  onProgress?: (done: number, total: number) => void;
}

export const statisticsOptions = fields<GateStatisticsOptions>({
  engine: engineSchema,
  images: maybe(whole(1)),
  signal: maybe(abortSignal),
  onProgress: maybe(callback),
});

/** Values tracked per gate, evenly spaced if it has more. */
const followed = 16_384;
const [low, high] = [0.05, 0.95];

/** Running sums of one gate. */
class Sums {
  #images = 0;
  #numbers = 0;
  #total = 0;
  #dead = 0;
  #saturated = 0;
  readonly #every: number;
  readonly #sums: Float64Array;
  readonly #squares: Float64Array;
  readonly #byClass = new Map<number, { count: number; readonly sums: Float64Array }>();

  constructor(size: number) {
    this.#every = Math.max(1, Math.ceil(size / followed));
    const count = Math.ceil(size / this.#every);
    this.#sums = new Float64Array(count);
    this.#squares = new Float64Array(count);
  }

  add(data: Float64Array, label: number): void {
    this.#images++;
    this.#numbers += data.length;
    for (const v of data) {
      this.#total += v;
      if (v < low) this.#dead++;
      if (v > high) this.#saturated++;
    }
    let own = this.#byClass.get(label);
    if (!own) this.#byClass.set(label, (own = { count: 0, sums: new Float64Array(this.#sums.length) }));
    own.count++;
    for (let k = 0; k < this.#sums.length; k++) {
      const v = data[k * this.#every]!;
      this.#sums[k]! += v;
      this.#squares[k]! += v * v;
      own.sums[k]! += v;
    }
  }

  statistics(): Omit<GateStatistics, "name" | "kind"> {
    const n = this.#images;
    let [deviation, total, between] = [0, 0, 0];
    for (let k = 0; k < this.#sums.length; k++) {
      const mean = this.#sums[k]! / n;
      const variance = Math.max(0, this.#squares[k]! / n - mean * mean);
      deviation += Math.sqrt(variance) / this.#sums.length;
      total += variance;
      for (const { count, sums } of this.#byClass.values()) between += (count / n) * (sums[k]! / count - mean) ** 2;
    }
    // The variance of constant values is rounding error.
    const moves = total > 1e-12 * this.#squares.reduce((sum, v) => sum + v / n, 0);
    return {
      mean: this.#total / this.#numbers,
      deviation,
      dead: this.#dead / this.#numbers,
      saturated: this.#saturated / this.#numbers,
      byClass: moves && this.#byClass.size > 1 ? Math.min(1, between / total) : null,
    };
  }
}

/**
 * Which gates of a network vary over a data set, with or without the class, and which are dead or saturated. Memory does not grow with the
 * number of images: for a gate of more than 16,384 values, that many are tracked, evenly spaced.
 *
 * @throws FoveaError if the network has no attention modules. @throws DataError if there are no images.
 *
 * @example
 * const { gates, chance } = await gateStatistics(network, validation, { engine: ortEngine(), images: 200 });
 * gates.filter((gate) => gate.deviation < 0.01); // the same for every image
 */
export async function gateStatistics(
  network: GatedNetwork,
  dataset: Dataset,
  options: GateStatisticsOptions,
): Promise<GateReport> {
  check("gateStatistics", "network", gatedNetwork, network);
  checkDataset("gateStatistics", "dataset", dataset);
  check("gateStatistics", "options", statisticsOptions, options);
  const { engine, images = dataset.length, signal, onProgress } = options;
  if (dataset.length === 0) throw new DataError(`gateStatistics: ${dataset.name} has no images`);
  const count = Math.min(images, dataset.length);
  const open = new OpenGates(network, engine);
  const sums = new Map<string, Sums>();
  const labels = new Set<number>();
  try {
    for (let i = 0; i < count; i++) {
      signal?.throwIfAborted();
      const index = Math.floor((i * dataset.length) / count);
      const label = dataset.labels[index]!;
      labels.add(label);
      for (const [name, { data }] of await open.read(await dataset.image(index))) {
        let own = sums.get(name);
        if (!own) sums.set(name, (own = new Sums(data.length)));
        own.add(data, label);
      }
      onProgress?.(i + 1, count);
    }
  } finally {
    await open.release();
  }
  return {
    images: count,
    chance: count > 1 ? (labels.size - 1) / (count - 1) : 1,
    gates: [...sums].map(([name, own]) => ({ name, kind: open.kinds.get(name) ?? null, ...own.statistics() })),
  };
}
