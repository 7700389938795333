import { DataError, FoveaError } from "../core/errors.js";
import { anything, check, options as fields, fieldsOf, list } from "../core/schema.js";
import type { Tensor } from "../core/tensor.js";
import { preprocessingSchema, requireImage } from "../data/checks.js";
import { inputWriter, type RgbImage } from "../data/index.js";
import { type Engine, engineSchema } from "../engines/engine.js";
import { publishTaps } from "../graph/passes/publish.js";
import { moduleSchema } from "../nn/checks.js";
import { trace } from "../nn/index.js";
import type { Classifier } from "./classifier.js";

const networkSchema = fieldsOf<Pick<Classifier, "model" | "preprocessing">>(
  { model: moduleSchema, preprocessing: preprocessingSchema },
  "a network, { model, preprocessing }",
);
export const mapOptions = fields<{ readonly engine: Engine }>({ engine: engineSchema });

/**
 * The attention maps of a network for images, by path of the module and name of the map, such as `layer1.0.cbam/spatial`.
 * The first axis of each is that of the images: [N,C,1,1] for a channel gate, [N,1,H,W] for a spatial one; the catalogue lists the
 * maps of each module.
 *
 * @throws FoveaError if the network has no attention modules. @throws DataError if there are no images.
 *
 * @example
 * const maps = await attentionMaps(await loadRun("runs/shapes-resnet20-cbam"), images, { engine: ortEngine() });
 * maps.get("layer3.2.cbam/spatial")?.shape; // [N, 1, 8, 8]
 */
export async function attentionMaps(
  network: Pick<Classifier, "model" | "preprocessing">,
  images: readonly RgbImage[],
  options: { readonly engine: Engine },
): Promise<Map<string, Tensor>> {
  check("attentionMaps", "network", networkSchema, network);
  check("attentionMaps", "images", list(anything, "a list of images"), images);
  images.forEach((image, i) => requireImage("attentionMaps", `image ${i}`, image));
  check("attentionMaps", "options", mapOptions, options);
  const { model, preprocessing } = network;
  const { engine } = options;
  if (images.length === 0) throw new DataError("attentionMaps: needs at least one image");
  const { imageSize } = preprocessing;
  const shape = [images.length, 3, imageSize, imageSize];
  const graph = publishTaps(trace(model, shape));
  if (graph.taps.length === 0) throw new FoveaError("attentionMaps: the network has no attention modules");
  const write = inputWriter(preprocessing);
  const data = new Float32Array(images.length * 3 * imageSize ** 2);
  for (const [i, image] of images.entries()) write(image, data, i * 3 * imageSize ** 2);
  const executable = await engine.compile(graph);
  try {
    const { output: _, ...maps } = await executable.run({ input: { dtype: "float32", shape, data } });
    return new Map(Object.entries(maps));
  } finally {
    await executable.release();
  }
}
