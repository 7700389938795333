import { DataError, ShapeError } from "../core/errors.js";
import type { Dataset } from "../data/index.js";
import { type ClassificationMetrics, logSumExp, Tally } from "./metrics.js";

/** Metrics of every task. `top1` is the share of right decisions: of images, or of positions. */
export interface Scores {
  /** Mean cross entropy, in nats. */
  readonly loss: number;
  /** Share of right top predictions. */
  readonly top1: number;
  /** Share with the right class among the top five, if the task counts it. */
  readonly top5?: number;
  /** Mean intersection over union of the classes, if the task counts it. */
  readonly meanIoU?: number;
}

/** Scores a network's outputs one image at a time. */
export interface Counter<M extends Scores> {
  /** Adds the output for one image. */
  add(logits: ArrayLike<number>, label: number, index: number): void;
  /** The metrics so far. */
  metrics(): M;
}

/** What a network learns from a data set: the targets of its logits, and how they are scored. */
export interface Task<M extends Scores = Scores> {
  /** Number of classes, the length of axis 1 of the logits. */
  numClasses(dataset: Dataset): number;
  /** Sizes after [batch, numClasses]: none for one label per image, [height, width] for a label at every position. */
  positions(imageSize: number): readonly number[];
  /** Writes the one-hot target of an image, [numClasses, …positions], into `out` (initially zero) from `offset` on. */
  writeTarget(dataset: Dataset, index: number, label: number, out: Float32Array, offset: number): void;
  /** A counter for one evaluation. */
  count(dataset: Dataset): Counter<M>;
}

/** One label per image. */
export const classification: Task<ClassificationMetrics> = {
  numClasses: (dataset) => dataset.classes.length,
  positions: () => [],
  writeTarget: (_dataset, _index, label, out, offset) => {
    out[offset + label] = 1;
  },
  count: (dataset) => new Tally(dataset.classes),
};

/** How well a network separates objects from the background. `top1` is the share of positions that are right. */
export interface SegmentationMetrics extends Scores {
  /** Number of images. */
  readonly count: number;
  /** Mean intersection over union of the two classes. */
  readonly meanIoU: number;
  /** Intersection over union of the background, and of the object. */
  readonly iou: readonly [ground: number, object: number];
}

/** Object or background at every position, for data sets with masks. Logits [N,2,H,W]. */
export const segmentation: Task<SegmentationMetrics> = {
  numClasses: () => 2,
  positions: (imageSize) => [imageSize, imageSize],
  writeTarget: (dataset, index, _label, out, offset) => {
    const mask = maskOf(dataset, index);
    const room = (out.length - offset) / 2;
    if (mask.length > room)
      throw new DataError(maskFault(dataset, index, `holds ${mask.length} positions for ${room}`));
    mask.forEach((isObject, i) => {
      out[offset + isObject * mask.length + i] = 1;
    });
  },
  count: (dataset) => new MaskTally(dataset),
};

function maskOf(dataset: Dataset, index: number): Uint8Array {
  if (!dataset.mask)
    throw new DataError(`${dataset.name} has no masks; of the built-in data sets only shapes and shapes-free do`);
  const mask: Uint8Array = dataset.mask(index);
  if (!(mask instanceof Uint8Array) || mask.some((isObject) => isObject > 1))
    throw new DataError(maskFault(dataset, index, "must be bytes, 1 on the object and 0 elsewhere"));
  return mask;
}

const maskFault = ({ name }: Dataset, index: number, fault: string) => `${name}: the mask of image ${index} ${fault}`;

class MaskTally implements Counter<SegmentationMetrics> {
  /** Positions by [truth][prediction]. */
  readonly #counts = [
    [0, 0],
    [0, 0],
  ] as const as [[number, number], [number, number]];
  #loss = 0;
  #images = 0;

  constructor(private readonly dataset: Dataset) {}

  add(logits: ArrayLike<number>, _label: number, index: number): void {
    const mask = maskOf(this.dataset, index);
    if (logits.length !== 2 * mask.length)
      throw new ShapeError(
        `the network outputs ${logits.length} logits for a mask of ${mask.length} positions; it must output two for each`,
      );
    let loss = 0;
    for (let i = 0; i < mask.length; i++) {
      const pair = [logits[i]!, logits[mask.length + i]!] as const;
      const truth = mask[i]! as 0 | 1;
      this.#counts[truth][pair[1] > pair[0] ? 1 : 0]++;
      loss += logSumExp(pair) - pair[truth];
    }
    this.#loss += loss / mask.length;
    this.#images++;
  }

  metrics(): SegmentationMetrics {
    const [[groundRight, falseObject], [falseGround, objectRight]] = this.#counts;
    const wrong = falseObject + falseGround;
    const iou = [groundRight / (groundRight + wrong), objectRight / (objectRight + wrong)] as const;
    return {
      count: this.#images,
      loss: this.#loss / this.#images,
      top1: (groundRight + objectRight) / (groundRight + objectRight + wrong),
      iou,
      meanIoU: (iou[0] + iou[1]) / 2,
    };
  }
}
