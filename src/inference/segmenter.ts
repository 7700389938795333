import { OptionError } from "../core/errors.js";
import { requireFinite } from "../core/finite.js";
import { check, options as fields } from "../core/schema.js";
import { toFloat32 } from "../core/tensor.js";
import { requireImage } from "../data/checks.js";
import { inputWriter, type LabelMap, type RgbImage, windowGrid, windowImage } from "../data/index.js";
import { type Engine, engineSchema } from "../engines/engine.js";
import { trace } from "../nn/index.js";
import { LogitCanvas } from "../train/logit-canvas.js";
import { type Classifier, classifierSchema } from "./classifier.js";

/** Options of {@link openSegmenter}. */
export interface SegmenterOptions {
  /** What computes. */
  readonly engine: Engine;
}

export const segmenterOptions = fields<SegmenterOptions>({ engine: engineSchema });

/** A compiled segmentation network, for images that arrive one by one. */
export interface Segmenter {
  /** The class of every pixel of an image, at its size: the image is scaled as in training and covered with windows of the input's size. */
  segment(image: RgbImage): Promise<LabelMap>;
  /** Frees what the segmenter holds. */
  release(): Promise<void>;
}

/**
 * Compiles a segmentation network once, for any number of images of any size.
 *
 * @throws OptionError if it gives no class for every pixel. @throws FoveaError if logits are not finite.
 *
 * @example
 * const network = await loadRun("runs/camvid-unet_resnet18");
 * const segmenter = await openSegmenter(network, { engine: ortEngine() });
 * const { width, height, data } = await segmenter.segment(await decodeImage("street.jpg")); // data[y * width + x] is a class
 */
export async function openSegmenter(network: Classifier, options: SegmenterOptions): Promise<Segmenter> {
  check("openSegmenter", "network", classifierSchema, network);
  check("openSegmenter", "options", segmenterOptions, options);
  const { model, classes, preprocessing } = network;
  const { imageSize } = preprocessing;
  const shape = [1, 3, imageSize, imageSize];
  const graph = trace(model, shape);
  const [, count, ...plane] = graph.outputs.get("output")!.shape;
  if (plane.length !== 2 || plane.some((length) => length !== imageSize))
    throw new OptionError("openSegmenter: the network does not segment; to classify images, use predict");
  if (classes && classes.length !== count)
    throw new OptionError(`openSegmenter: ${classes.length} class names for a network with ${count} classes`);
  const write = inputWriter({ ...preprocessing, resize: imageSize });
  const executable = await options.engine.compile(graph);
  return {
    async segment(image) {
      requireImage("openSegmenter", "the image", image);
      const grid = windowGrid(image, preprocessing, Number(count));
      const canvas = new LogitCanvas(Number(count), grid, imageSize);
      for (let window = 0; window < grid.starts.length; window++) {
        const data = new Float32Array(3 * imageSize ** 2);
        write(windowImage(image, grid, window, imageSize), data, 0);
        const { output } = await executable.run({ input: { dtype: "float32", shape, data } });
        requireFinite("openSegmenter", [["the logits", output!]]);
        canvas.add(window, toFloat32(output!).data);
      }
      return canvas.labels(image.width, image.height);
    },
    release: () => executable.release(),
  };
}
