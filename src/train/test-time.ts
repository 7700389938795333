import { DataError, OptionError } from "../core/errors.js";
import type { Dataset, Preprocessing, RgbImage } from "../data/index.js";
import { shorterSize } from "../data/index.js";
import { evaluationView, type View, viewImage } from "../data/transforms.js";
import type { Counter, Evaluation, Scores } from "./task.js";

/** Views of an image whose logits are averaged: mirrored too; the center and the corners; these mirrored too. */
export const testTimeKinds = ["flip", "five-crop", "ten-crop"] as const;
export type TestTimeAugmentation = (typeof testTimeKinds)[number];

/** How many views there are. */
const counts = { flip: 2, "five-crop": 5, "ten-crop": 10 } as const satisfies Record<TestTimeAugmentation, number>;

/** The views of an image, torchvision's FiveCrop and TenCrop. */
export function testTimeViews(
  image: Pick<RgbImage, "width" | "height">,
  preprocessing: Preprocessing,
  kind: TestTimeAugmentation,
): readonly View[] {
  const center = evaluationView(image, preprocessing);
  const mirrored = (views: readonly View[]) => views.map((view) => ({ ...view, mirrored: true }));
  if (kind === "flip") return [center, ...mirrored([center])];
  const { imageSize: size, resize } = preprocessing;
  const scaled = shorterSize(image.width, image.height, resize);
  const [right, bottom] = [scaled.width - size, scaled.height - size];
  const corners = [0, bottom].flatMap((top) => [0, right].map((left) => ({ scaled, left, top, mirrored: false })));
  const five = [...corners, center];
  return kind === "five-crop" ? five : [...five, ...mirrored(five)];
}

/** The mean of the logits of views. */
export class MeanLogits {
  #sum: Float64Array | undefined;
  #count = 0;

  constructor(private readonly views: number) {}

  /** Adds a view's logits. Returns the mean with the last. */
  add(logits: ArrayLike<number>): Float64Array | undefined {
    this.#sum ??= new Float64Array(logits.length);
    for (let i = 0; i < logits.length; i++) this.#sum[i]! += logits[i]! / this.views;
    if (++this.#count < this.views) return undefined;
    const mean = this.#sum;
    this.#sum = undefined;
    this.#count = 0;
    return mean;
  }
}

/** An evaluation in which every image is seen in several views, each an input of its own, and counted by the mean of their logits. */
export function testTimeEvaluation<M extends Scores>(
  { dataset, preprocessing, count }: Evaluation<M>,
  kind: TestTimeAugmentation,
): Evaluation<M> {
  const { imageSize, resize } = preprocessing;
  const views = counts[kind];
  const { size } = dataset;
  if (kind !== "flip" && resize === imageSize && size && size.width === size.height)
    throw new OptionError(
      `evaluate: tta ${kind} has no effect: images are as large as the input, so that all crops are the same. Use flip`,
    );
  /** The image that was read last: its views come one after another. */
  let last: { readonly index: number; readonly image: Promise<RgbImage> } | undefined;
  const imageAt = (index: number): Promise<RgbImage> => {
    if (last?.index !== index) last = { index, image: dataset.image(index) };
    return last.image;
  };
  return {
    preprocessing: { ...preprocessing, resize: imageSize },
    dataset: {
      ...viewless(dataset),
      length: views * dataset.length,
      labels: Array.from({ length: views * dataset.length }, (_, i) => dataset.labels[Math.floor(i / views)]!),
      size: { width: imageSize, height: imageSize },
      image: async (i) => {
        const image = await imageAt(Math.floor(i / views));
        return viewImage(image, testTimeViews(image, preprocessing, kind)[i % views]!, imageSize);
      },
    },
    count: (): Counter<M> => {
      const counter = count();
      const mean = new MeanLogits(views);
      let expected = 0;
      return {
        async add(logits, label, index) {
          if (index !== expected++)
            throw new DataError(`${dataset.name}: image ${Math.floor((expected - 1) / views)} cannot be read anymore`);
          const logitsOfImage = mean.add(logits);
          if (logitsOfImage) await counter.add(logitsOfImage, label, Math.floor(index / views));
        },
        metrics: () => counter.metrics(),
      };
    },
  };
}

/** What does not go by views. */
function viewless({ name, classes, skipped }: Dataset): Pick<Dataset, "name" | "classes" | "skipped"> {
  return { name, classes, skipped };
}
