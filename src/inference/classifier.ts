import { OptionError } from "../core/errors.js";
import { requireFinite } from "../core/finite.js";
import {
  signal as abortSignal,
  check,
  classList,
  options as fields,
  fieldsOf,
  maybe,
  oneOf,
  orNull,
  type Schema,
  that,
  whole,
} from "../core/schema.js";
import { toFloat64 } from "../core/tensor.js";
import { preprocessingSchema, requireImage } from "../data/checks.js";
import type { Preprocessing, RgbImage } from "../data/index.js";
import { evaluationView, viewWriter } from "../data/transforms.js";
import { type Engine, engineSchema } from "../engines/engine.js";
import { moduleSchema } from "../nn/checks.js";
import { type Module, trace } from "../nn/index.js";
import { probabilities, topIndices } from "../train/metrics.js";
import { MeanLogits, type TestTimeAugmentation, testTimeKinds, testTimeViews } from "../train/test-time.js";

/** A network ready to classify images. */
export interface Classifier {
  /** The network, with weights. */
  readonly model: Module;
  /** Class names in the order of the logits; null if unknown. */
  readonly classes: readonly string[] | null;
  /** How images become inputs: as in training. */
  readonly preprocessing: Preprocessing;
}

/** A class and its probability. */
export interface Prediction {
  /** Class name, or `class 7` if names are unknown. */
  readonly name: string;
  /** Index among the logits. */
  readonly index: number;
  /** Between 0 and 1: the softmax of the logits. */
  readonly probability: number;
}

/** Options of {@link predict}. */
export interface PredictOptions {
  /** What computes. */
  readonly engine: Engine;
  /** How many classes to return per image, most probable first. Default 5. */
  readonly top?: number;
  /** Test-time augmentation: the mean of the logits of several views, `flip`, `five-crop` or `ten-crop`. Default: null, the center alone. */
  readonly tta?: TestTimeAugmentation | null;
  /** Aborts the work. */
  readonly signal?: AbortSignal;
}

export const classifierSchema: Schema<Classifier> = fieldsOf<Classifier>(
  {
    model: moduleSchema,
    classes: orNull(classList),
    preprocessing: preprocessingSchema,
  },
  "a network, { model, classes, preprocessing }, such as loadRun() gives",
);

export const predictOptions: Schema<PredictOptions> = fields<PredictOptions>({
  engine: engineSchema,
  top: maybe(whole(1)),
  tta: maybe(orNull(oneOf(...testTimeKinds))),
  signal: maybe(abortSignal),
});

export const manyImages = that<Iterable<RgbImage>>(
  "images, each { width, height, pixels }",
  (x) => typeof x === "object" && x !== null && Symbol.iterator in x,
);

/**
 * The most probable classes of each image.
 *
 * @throws OptionError if the number of names differs from that of classes. @throws FoveaError if logits are not finite.
 *
 * @example
 * const network = await loadRun("runs/photos-resnet18-se");
 * const [answers] = await predict(network, [await decodeImage("cat.jpg")], { engine: ortEngine(), top: 3 });
 * console.log(answers[0].name, answers[0].probability);
 */
export async function predict(
  network: Classifier,
  images: Iterable<RgbImage>,
  options: PredictOptions,
): Promise<Prediction[][]> {
  check("predict", "network", classifierSchema, network);
  check("predict", "images", manyImages, images);
  check("predict", "options", predictOptions, options);
  const { engine, top, tta, signal } = options;
  const predictor = await openPredictor(network, { engine, top, tta });
  const predictions: Prediction[][] = [];
  try {
    for (const image of images) {
      signal?.throwIfAborted();
      requireImage("predict", `image ${predictions.length}`, image);
      predictions.push(await predictor.predict(image));
    }
  } finally {
    await predictor.release();
  }
  return predictions;
}

/** A compiled classifier, for images that arrive one by one. */
export interface Predictor {
  /** Classifies one image: classes with probabilities, best first. */
  predict(image: RgbImage): Promise<Prediction[]>;
  /** Frees what the predictor holds. */
  release(): Promise<void>;
}

/** A compiled network whose outputs are one row per image. */
export interface CompiledNetwork {
  /** Raw outputs for one image; with several views, their mean. */
  outputs(image: RgbImage): Promise<Float64Array>;
  release(): Promise<void>;
}

/** Compiles a network once. @throws OptionError if the number of names differs from that of outputs. */
export async function compileNetwork(
  where: string,
  { model, classes, preprocessing }: Classifier,
  { engine, tta = null }: Pick<PredictOptions, "engine" | "tta">,
): Promise<CompiledNetwork> {
  const { imageSize } = preprocessing;
  const shape = [1, 3, imageSize, imageSize];
  const write = viewWriter(preprocessing);
  const graph = trace(model, shape);
  const [logits] = graph.outputs.values();
  const count = logits!.shape[1];
  if (classes && classes.length !== count)
    throw new OptionError(`${where}: ${classes.length} class names for a network with ${count} classes`);
  const executable = await engine.compile(graph);
  return {
    async outputs(image) {
      requireImage(where, "the image", image);
      const views = tta ? testTimeViews(image, preprocessing, tta) : [evaluationView(image, preprocessing)];
      const mean = new MeanLogits(views.length);
      let data: Float64Array | undefined;
      for (const view of views) {
        const pixels = new Float32Array(3 * imageSize ** 2);
        write(image, view, pixels, 0);
        const { output } = await executable.run({ input: { dtype: "float32", shape, data: pixels } });
        requireFinite(where, [["the logits", output!]]);
        data = mean.add(toFloat64(output!).data);
      }
      return data!;
    },
    release: () => executable.release(),
  };
}

/** Compiles a classifier once, for any number of images. Errors as in {@link predict}. */
export async function openPredictor(
  network: Classifier,
  options: Pick<PredictOptions, "engine" | "top" | "tta">,
): Promise<Predictor> {
  check("openPredictor", "network", classifierSchema, network);
  check("openPredictor", "options", predictOptions, options);
  const { classes } = network;
  const { top = 5 } = options;
  const compiled = await compileNetwork("predict", network, options);
  return {
    async predict(image) {
      const data = await compiled.outputs(image);
      const shares = probabilities(data);
      return topIndices(data, top).map((index) => ({
        name: classes?.[index] ?? `class ${index}`,
        index,
        probability: shares[index]!,
      }));
    },
    release: () => compiled.release(),
  };
}
