import { DataError, OptionError } from "../core/errors.js";
import type { ReidMetrics, RetrievalScores } from "../core/retrieval-evaluation.js";
import {
  check,
  options as fields,
  fieldsOf,
  flag,
  maybe,
  nonNegative,
  oneOf,
  type Schema,
  whole,
} from "../core/schema.js";
import { formatShape, type Shape } from "../core/shape.js";
import { checkDataset } from "../data/checks.js";
import type { Dataset, DatasetSightings } from "../data/index.js";
import type { Graph, Value } from "../graph/graph.js";
import { crossEntropy, graphFor, Linear, type Module, tripletLoss, walk } from "../nn/index.js";
import { add } from "../ops/index.js";
import { distances } from "./distances.js";
import { headOf } from "./fine-tune.js";
import { rerankFeatures } from "./rerank.js";
import { evaluateRows, type Sightings } from "./retrieval.js";
import type { Task } from "./task.js";

/** Options of {@link reidentification}. */
export interface ReidOptions {
  /** K images of each identity in a batch, so that batch / K identities are in it. Default 4. */
  readonly instances?: number;
  /** Margin of the triplet loss. Default 0.3. */
  readonly margin?: number;
  /** Measure after k-reciprocal re-ranking too. Default false. */
  readonly rerank?: boolean;
}

export const reidOptions: Schema<ReidOptions> = fields<ReidOptions>({
  instances: maybe(whole(2)),
  margin: maybe(nonNegative),
  rerank: maybe(flag),
});

/** The task in `config.json`. */
export interface ReidTask {
  readonly name: "reid";
  readonly instances: number;
  readonly margin: number;
}

export const reidRecord = fieldsOf<ReidTask>({ name: oneOf("reid"), instances: whole(2), margin: nonNegative });

/** Images of each identity in a batch, and the margin, where nothing else is said; the share of label smoothing that the field uses. */
export const reidDefaults = { instances: 4, margin: 0.3, labelSmoothing: 0.1 } as const;

/**
 * Features by which images of the same identity are found, for any network with a fully connected classifier: its features are the classifier's input
 * (before a batch norm that is only for the classifier, as RGA has). Batches hold P identities with K images each. The loss is cross entropy of the
 * identities plus {@link tripletLoss}; set `labelSmoothing: 0.1` for that of the field. Measured by mAP, which decides which epoch is best, and CMC, of the
 * queries in the data's `sightings`; distances are Euclidean.
 *
 * @throws DataError if there are fewer than two identities, or nothing to look for. @throws OptionError if the network has no such classifier.
 *
 * @example
 * const data = await openDataset("Market-1501-v15.09.15/", { task: "reid" });
 * const model = resnet(18, { numClasses: data.train.classes.length });
 * await train(model, data.train, { engine, task: reidentification(), labelSmoothing: 0.1, validate: data.validation });
 * const { map, rank1 } = await evaluate(model, data.validation, { engine, task: reidentification() });
 */
export function reidentification(options: ReidOptions = {}): Task<ReidMetrics> {
  check("reidentification", "options", reidOptions, options);
  const { instances = reidDefaults.instances, margin = reidDefaults.margin, rerank: reranked = false } = options;
  return {
    name: "reid",
    instances,
    data: requireIdentities,
    positions: () => [],
    writeTargets: ({ labels }, { classes: { length: classes } }, out) => {
      labels.forEach((label, i) => {
        out[i * classes + label] = 1;
      });
    },
    objective: ({ model, images, targets, labelSmoothing }) => {
      const logits = model.call(images);
      const features = featuresOf(model, logits);
      const loss = add(crossEntropy(logits, targets, { labelSmoothing }), tripletLoss(features, targets, { margin }));
      return { logits, loss };
    },
    trace: traceFeatures,
    evaluation: (dataset, preprocessing) => ({
      dataset,
      preprocessing,
      count: () => new FeatureTally(sightingsOf(dataset), reranked),
    }),
  };
}

/** The task for a network whose outputs are what is measured, such as an exported one. */
export function forOutputs({ trace: _, ...task }: Task): Task {
  return task;
}

function requireIdentities(dataset: Dataset): Dataset {
  checkDataset("reidentification", "dataset", dataset);
  if (dataset.labelMap || dataset.targets)
    throw new DataError(`${dataset.name} has no identities; openDataset() reads them with the task reid`);
  if (new Set(Array.from(dataset.labels)).size < 2)
    throw new DataError(`${dataset.name}: triplets need images of at least two identities`);
  return dataset;
}

function sightingsOf({ name, sightings, length }: Dataset): DatasetSightings {
  if (!sightings)
    throw new DataError(
      `${name} has no queries and no gallery, as the validation part of openDataset() has with the task reid`,
    );
  if (sightings.identities.length !== length)
    throw new DataError(`${name} has ${length} images, but sightings of ${sightings.identities.length}`);
  return sightings;
}

/** A network as a graph whose output is its features. input [N,3,S,S] → output [N,F]. @throws OptionError if it has no fully connected classifier. */
export function traceFeatures(model: Module, shape: Shape): Graph {
  const graph = graphFor(model);
  graph.output("output", featuresOf(model, model.call(graph.input("input", { dtype: "float", shape }))));
  return graph;
}

const batchNorms = ["BatchNormalization", "BatchNormTraining"];

/** What a network's classifier reads, [N,F], in the graph of its logits; before a batch norm of features, which is part of the classifier. */
function featuresOf(model: Module, { graph }: Value): Value {
  const weight = graph.state(classifierOf(model).weight);
  const read = graph.nodes.find(({ inputs }) => inputs[1] === weight)?.inputs[0];
  if (read?.shape.length !== 2)
    throw new OptionError(
      `reidentification: the classifier must read one row of features per image, [N,F]${read ? `; it reads ${formatShape(read.shape)}` : ""}`,
    );
  const { node } = read;
  return node && batchNorms.includes(node.op.name) ? node.inputs[0]! : read;
}

function classifierOf(model: Module): Linear {
  const head = headOf(model);
  let found: Linear | undefined;
  walk(model, {
    module: (path, part) => {
      if (path === head && part instanceof Linear) found = part;
    },
  });
  return found!;
}

const junk = -1;

/** The distances between all of so many take 3.2 GB; Market-1501 has 19,281 without junk. */
const mostReranked = 20_000;

/** Keeps the features of all images, and ranks the gallery for each query at the end. */
class FeatureTally {
  readonly #features: Float64Array[] = [];

  constructor(
    private readonly sightings: DatasetSightings,
    private readonly reranks: boolean,
  ) {
    const count = sightings.identities.filter((identity) => identity !== junk).length;
    if (reranks && count > mostReranked)
      throw new OptionError(
        `reidentification: re-ranking needs the distances between all ${count.toLocaleString("en-US")} images; at most ${mostReranked.toLocaleString("en-US")} are possible`,
      );
  }

  add(features: ArrayLike<number>, _: number, index: number): void {
    this.#features[index] = Float64Array.from(features);
  }

  metrics(): ReidMetrics {
    const [queries, gallery] = this.#parts();
    const measured = evaluateRows((q) => distances(queries.features[q]!, gallery.features), queries, gallery);
    return {
      ...scoresOf(measured),
      count: queries.features.length + gallery.features.length,
      queries: measured.queries,
      gallery: gallery.features.length,
      cmc: measured.cmc,
      ...(this.reranks && { reranked: rerankedScores(queries, gallery) }),
    };
  }

  /**
   * Queries and gallery; without junk, which others do not even read, and images that could not be read anymore, for which a loader takes
   * others.
   */
  #parts(): readonly [Part, Part] {
    const { queries, identities, cameras } = this.sightings;
    const read = identities.flatMap((_, i) => (this.#features[i] && identities[i] !== junk ? [i] : []));
    const part = (at: readonly number[]): Part => ({
      features: at.map((i) => this.#features[i]!),
      identities: at.map((i) => identities[i]!),
      cameras: at.map((i) => cameras[i]!),
    });
    return [part(read.filter((i) => i < queries)), part(read.filter((i) => i >= queries))];
  }
}

/** Images with their features. */
interface Part extends Sightings {
  readonly features: Features;
}

function rerankedScores(queries: Part, gallery: Part): RetrievalScores {
  const columns = gallery.features.length;
  const ranked = rerankFeatures(queries.features, gallery.features);
  const row = (q: number) => ranked.subarray(q * columns, (q + 1) * columns);
  return scoresOf(evaluateRows(row, queries, gallery));
}

type Features = readonly Float64Array[];

/** Shares at ranks beyond the gallery are those at its end. */
function scoresOf({ map, cmc }: { readonly map: number; readonly cmc: readonly number[] }): RetrievalScores {
  const at = (rank: number) => cmc[Math.min(rank, cmc.length) - 1]!;
  return { map, rank1: at(1), rank5: at(5), rank10: at(10) };
}
