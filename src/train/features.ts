import { OptionError } from "../core/errors.js";
import { requireFinite } from "../core/finite.js";
import { sizeOf, tensor, toFloat32 } from "../core/tensor.js";
import { type Dataset, Loader, type Preprocessing } from "../data/index.js";
import type { Engine } from "../engines/engine.js";
import type { Cell, Graph } from "../graph/graph.js";
import { type Cut, cutFixed } from "../graph/passes/cut.js";
import { type BatchSource, imageBatches, type StepBatch } from "./batches.js";
import { letEventsIn } from "./events.js";

/** Default limit on the memory for features: 1 GiB, training and validation together. */
export const featureLimit = 2 ** 30;

/** Whether the features of a data set are computed once and kept. */
export interface FeaturePlan {
  /** Number of images. */
  readonly images: number;
  /** Memory they take; 0 if there are none. */
  readonly bytes: number;
  /** Why they are not kept; null if they are. */
  readonly reason: string | null;
}

/** What is kept, and how many images are done. */
export interface FeatureReport {
  /** The plan for the training data. */
  readonly training: FeaturePlan;
  /** Null without validation data. */
  readonly validation: FeaturePlan | null;
  /** Images computed so far. */
  readonly done: number;
  /** Images to compute. */
  readonly total: number;
}

/** A graph that will run over all images of a data set, epoch after epoch. */
export interface Pass {
  readonly graph: Graph;
  /** The graph's image input. */
  readonly input: string;
  readonly loader: Loader;
  /** How evaluation feeds the images. */
  readonly still: { readonly batch: number; readonly preprocessing: Preprocessing };
  readonly augmented: boolean;
}

/** The graph to run instead, and its batches. */
export interface FedGraph {
  readonly graph: Graph;
  readonly source: BatchSource;
}

/** How features are kept. */
export interface FeatureOptions {
  readonly engine: Engine;
  /** Cells that change between passes. */
  readonly learned: ReadonlySet<Cell>;
  readonly epochs: number;
  /** True: those of the training data must be kept; false: none; undefined: if it pays. */
  readonly cacheFeatures?: boolean | undefined;
  readonly featureLimit?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  onFeatures?: ((report: FeatureReport) => void) | undefined;
}

/**
 * Computes once what is the same in every epoch, where that pays and fits: features are kept if augmentation does not change them, more
 * than one epoch needs them, and all of a data set's fit into the limit; training comes first. Otherwise images run through the
 * whole graph.
 *
 * @throws OptionError if features must be kept and cannot be, with the reason.
 */
export async function computeOnce(
  training: Pass,
  validation: Pass | null,
  { engine, learned, epochs, cacheFeatures, featureLimit: limit = featureLimit, signal, onFeatures }: FeatureOptions,
): Promise<[training: FedGraph, validation: FedGraph | null]> {
  const plain = ({ graph, input, loader }: Pass): FedGraph => ({ graph, source: imageBatches(loader, input) });
  if (cacheFeatures === false) return [plain(training), validation && plain(validation)];
  let room = limit;
  const plannedFor = (pass: Pass) => {
    const cut = cutFixed(pass.graph, pass.input, learned);
    const plan = planFeatures(pass, cut, room, epochs > 1 || cacheFeatures === true);
    if (plan.reason === null) room -= plan.bytes;
    return { pass, cut, plan };
  };
  const first = plannedFor(training);
  if (cacheFeatures && first.plan.reason !== null)
    throw new OptionError(`train: features cannot be computed once: ${first.plan.reason}`);
  const second = validation && plannedFor(validation);

  const plans = { training: first.plan, validation: second?.plan ?? null };
  const total = Object.values(plans).reduce((n, plan) => n + (plan?.reason === null ? plan.images : 0), 0);
  let done = 0;
  const onBatch = (images: number) => onFeatures?.({ ...plans, done: (done += images), total });
  onBatch(0);
  const feed = async ({ pass, cut, plan }: ReturnType<typeof plannedFor>): Promise<FedGraph> => {
    if (!cut || plan.reason !== null) return plain(pass);
    const store = await FeatureStore.compute(pass, cut, engine, signal, onBatch);
    return store ? { graph: cut.rest, source: store.batches(pass.loader) } : plain(pass);
  };
  return [await feed(first), second && (await feed(second))];
}

function planFeatures({ loader, augmented }: Pass, cut: Cut | undefined, room: number, often: boolean): FeaturePlan {
  const images = loader.dataset.length;
  const bytes = 4 * images * (cut?.shapes ?? []).reduce((n, shape) => n + sizeOf(shape), 0);
  const reasonNot = () => {
    if (!cut) return "nothing precedes the first trained part";
    if (augmented)
      return "augmentation changes the images in every epoch (turn it off with --no-augment, augment: null)";
    if (bytes > room) return `they would take ${binaryUnits(bytes)} of memory, and ${binaryUnits(room)} are allowed`;
    return often ? null : "one epoch needs each of them only once";
  };
  return { images, bytes, reason: reasonNot() };
}

const binaryUnits = (n: number): string =>
  n < 2 ** 20 ? `${Math.round(n / 2 ** 10)} KiB` : `${Math.round(n / 2 ** 20)} MiB`;

/** The features of every image of a data set, in memory as float32. */
class FeatureStore {
  private constructor(
    private readonly dataset: Dataset,
    private readonly shapes: Cut["shapes"],
    /** One array per feature, with a row per position in the data set. */
    private readonly rows: readonly Float32Array[],
    /** The image at each position: another one where a file could not be read. */
    private readonly images: Int32Array,
  ) {}

  /** Runs all images through the frozen part. Undefined if `signal` ended it. */
  static async compute(
    { input, loader: { dataset }, still }: Pass,
    { features, shapes }: Cut,
    engine: Engine,
    signal: AbortSignal | undefined,
    onBatch: (images: number) => void,
  ): Promise<FeatureStore | undefined> {
    const sizes = shapes.map(sizeOf);
    const rows = sizes.map((size) => new Float32Array(size * dataset.length));
    const images = new Int32Array(dataset.length);
    const executable = await engine.compile(features);
    try {
      let done = 0;
      for await (const { inputs, indices, count } of imageBatches(new Loader(dataset, still), input).epoch(0)) {
        await letEventsIn();
        if (signal?.aborted) return undefined;
        const outputs = await executable.run(inputs);
        sizes.forEach((size, i) => {
          const made = toFloat32(outputs[`features/${i}`]!).data.subarray(0, count * size);
          requireFinite("train", [
            [`the features of images ${done} to ${done + count - 1}`, tensor("float32", [made.length], made)],
          ]);
          rows[i]!.set(made, done * size);
        });
        images.set(indices.subarray(0, count), done);
        done += count;
        onBatch(count);
      }
    } finally {
      await executable.release();
    }
    return new FeatureStore(dataset, shapes, rows, images);
  }

  /** The batches of a loader, with features instead of images. */
  batches(loader: Loader): BatchSource {
    const gather = (positions: Int32Array, count: number): StepBatch => {
      const inputs = this.shapes.map((shape, f) => {
        const size = sizeOf(shape);
        const data = new Float32Array(positions.length * size);
        positions.forEach((position, slot) => {
          data.set(this.rows[f]!.subarray(position * size, (position + 1) * size), slot * size);
        });
        return [`features/${f}`, { dtype: "float32", shape: [positions.length, ...shape], data }] as const;
      });
      const indices = positions.map((position) => this.images[position]!);
      const labels = indices.map((index) => this.dataset.labels[index]!);
      return { inputs: Object.fromEntries(inputs), labels, indices, count };
    };
    return {
      batches: loader.batches,
      async *epoch(epoch, { fromBatch = 0 } = {}) {
        const order = loader.order(epoch);
        for (let b = fromBatch; b < loader.batches; b++) {
          const { positions, count } = loader.slots(order, b);
          yield gather(positions, count);
        }
      },
    };
  }
}
