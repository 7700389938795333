import { DataError } from "../core/errors.js";
import type { SegmentationMetrics } from "../core/pixel-evaluation.js";
import { check, options as fields, fieldsOf, flag, list, maybe, oneOf, orNull, type Schema } from "../core/schema.js";
import { checkDataset } from "../data/checks.js";
import { type Dataset, ignored, type Preprocessing, pixelLabels, segmentationOf, windowsOf } from "../data/index.js";
import type { Value } from "../graph/graph.js";
import { crossEntropy, diceLoss, focalLoss, kindOf, SegmentationModel } from "../nn/index.js";
import { classWeightList } from "../nn/loss.js";
import { add, mul } from "../ops/index.js";
import { LogitCanvas } from "./logit-canvas.js";
import { logSumExp } from "./metrics.js";
import type { ObjectiveInputs } from "./objective.js";
import { PixelTally } from "./pixel-metrics.js";
import type { Counter, Task } from "./task.js";

/** Losses of pixels by name. */
export const segmentationLosses = ["cross-entropy", "dice", "focal"] as const;
/** The name of a loss for segmentation. */
export type SegmentationLoss = (typeof segmentationLosses)[number];

/** Options of {@link segmentation}. */
export interface SegmentationOptions {
  /** The losses to add. Default `["cross-entropy"]`. */
  readonly loss?: readonly SegmentationLoss[];
  /** A weight per class, for cross entropy and focal loss; `balancedWeights` gives those of median frequency balancing. Default: all 1. */
  readonly classWeights?: readonly number[];
  /** Train on the network's auxiliary outputs too, as its authors do: all three of DANet, SPNet's second at 0.4. Default true. */
  readonly auxiliary?: boolean;
}

export const segmentationOptions: Schema<SegmentationOptions> = fields<SegmentationOptions>({
  loss: maybe(list(oneOf(...segmentationLosses), `a list of losses, of ${segmentationLosses.join(", ")}`, 1)),
  classWeights: maybe(classWeightList),
  auxiliary: maybe(flag),
});

/** The segmentation of a run, in plain data. */
export interface SegmentationTask {
  readonly name: "segmentation";
  readonly loss: readonly SegmentationLoss[];
  /** Null: all 1. */
  readonly classWeights: readonly number[] | null;
}

export const segmentationRecord = fieldsOf<SegmentationTask>({
  name: oneOf("segmentation"),
  loss: list(oneOf(...segmentationLosses), "a list of losses", 1),
  classWeights: orNull(classWeightList),
});

/**
 * A class for every pixel, for data sets with label maps or masks. Logits [N,classes,H,W]. Evaluation covers whole images with windows of the
 * input's size and measures at the size of the label maps.
 *
 * @example
 * await train(unet(18, { numClasses: 2 }), data, { engine, task: segmentation({ loss: ["cross-entropy", "dice"] }) });
 */
export function segmentation(options: SegmentationOptions = {}): Task<SegmentationMetrics> {
  check("segmentation", "options", segmentationOptions, options);
  return {
    name: "segmentation",
    data: segmentationOf,
    positions: (imageSize) => [imageSize, imageSize],
    writeTargets: ({ maps, labels }, { classes: { length: classes } }, out) => {
      const area = out.length / labels.length / classes;
      maps!.forEach((label, i) => {
        if (label !== ignored) out[(Math.floor(i / area) * classes + label) * area + (i % area)] = 1;
      });
    },
    objective: (inputs) => objective(inputs, options),
    evaluation: (data, preprocessing) => evaluation(segmentationOf(data), preprocessing),
  };
}

function objective({ model, images, targets, labelSmoothing }: ObjectiveInputs, options: SegmentationOptions) {
  const { loss = ["cross-entropy"], classWeights, auxiliary = true } = options;
  const { main, others } = outputsOf(model, images, auxiliary);
  const weights = classWeights && { classWeights };
  const kinds: Readonly<Record<SegmentationLoss, (z: Value) => Value>> = {
    "cross-entropy": (z) => crossEntropy(z, targets, { labelSmoothing, ignoreUnlabeled: true, ...weights }),
    dice: (z) => diceLoss(z, targets),
    focal: (z) => focalLoss(z, targets, { ...weights }),
  };
  const of = (z: Value) => loss.map((name) => kinds[name](z)).reduce((a, b) => add(a, b));
  const total = others.reduce((sum, [z, weight]) => add(sum, weight === 1 ? of(z) : mul(of(z), weight)), of(main));
  const plain = others.length === 0 && loss.join() === "cross-entropy" && labelSmoothing === 0 && !classWeights;
  return {
    logits: main,
    loss: total,
    ...(!plain && { crossEntropy: () => crossEntropy(main, targets, { ignoreUnlabeled: true }) }),
  };
}

/** A network's outputs, and what those after the first count. */
function outputsOf(model: ObjectiveInputs["model"], images: Value, auxiliary: boolean) {
  const weights = model instanceof SegmentationModel && auxiliary ? model.auxiliaryWeights : [];
  if (weights.length === 0) return { main: model.call(images), others: [] };
  const [main, ...rest] = images.graph.within({ path: "", kind: kindOf(model) }, () =>
    (model as SegmentationModel).logits(images),
  );
  return { main: main!, others: rest.map((z, i) => [z, weights[i] ?? 0] as const) };
}

function evaluation(dataset: Dataset, preprocessing: Preprocessing) {
  const { imageSize } = preprocessing;
  const windows = windowsOf(dataset, preprocessing);
  return {
    dataset: windows.dataset,
    preprocessing: { ...preprocessing, resize: imageSize },
    count: (): Counter<SegmentationMetrics> => {
      const tally = new PixelTally(dataset.classes);
      let canvas: LogitCanvas | undefined;
      let expected = 0;
      return {
        async add(logits, _label, index) {
          if (index !== expected++)
            throw new DataError(`${dataset.name}: image ${windows.place(expected - 1).image} cannot be read anymore`);
          const { image, window, grid } = windows.place(index);
          canvas ??= new LogitCanvas(dataset.classes.length, grid, imageSize);
          canvas.add(window, logits);
          if (!canvas.complete) return;
          const truth = await pixelLabels(dataset, image);
          let loss = 0;
          const prediction = canvas.labels(truth.width, truth.height, (own, i) => {
            const label = truth.data[i]!;
            if (label !== ignored) loss += logSumExp(own) - own[label]!;
          });
          canvas = undefined;
          tally.add(truth, prediction, loss);
        },
        metrics: () => tally.metrics(),
      };
    },
  };
}

/**
 * Class weights by median frequency balancing (Eigen and Fergus, ICCV 2015): a class's frequency is its share of the pixels of the images it is in,
 * and its weight is the median frequency divided by its own. Reads all label maps. Classes without pixels get 0.
 *
 * @example
 * const task = segmentation({ classWeights: await balancedWeights(data) });
 */
export async function balancedWeights(dataset: Dataset): Promise<number[]> {
  checkDataset("balancedWeights", "dataset", dataset);
  const data = segmentationOf(dataset);
  const own = new Float64Array(data.classes.length);
  const among = new Float64Array(data.classes.length);
  for (let index = 0; index < data.length; index++) {
    const counts = new Uint32Array(256);
    const map = await pixelLabels(data, index);
    for (const label of map.data) counts[label]!++;
    const labeled = map.data.length - counts[ignored]!;
    own.forEach((_, c) => {
      if (counts[c] === 0) return;
      own[c]! += counts[c]!;
      among[c]! += labeled;
    });
  }
  const shares = [...own].map((count, c) => (count > 0 ? count / among[c]! : 0));
  const known = shares.filter((share) => share > 0).sort((a, b) => a - b);
  if (known.length === 0) throw new DataError(`balancedWeights: ${data.name} has no labeled pixels`);
  const middle = (known[Math.floor((known.length - 1) / 2)]! + known[Math.floor(known.length / 2)]!) / 2;
  return shares.map((share) => (share > 0 ? middle / share : 0));
}
