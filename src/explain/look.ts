import { FoveaError } from "../core/errors.js";
import { requireFinite } from "../core/finite.js";
import { sizeOf, tensor, toFloat64 } from "../core/tensor.js";
import { inputWriter, type Preprocessing, type RgbImage } from "../data/index.js";
import type { Engine } from "../engines/engine.js";
import { tapNames } from "../graph/passes/publish.js";
import { type Module, trace } from "../nn/index.js";
import { gradCam, weighed } from "./cams/weights.js";
import type { Gate } from "./gates.js";
import type { Heatmap } from "./heatmap.js";
import { Probe } from "./probe.js";
import { scoreOf } from "./targets.js";

/** A classifier's prediction for an image, and where it looks. */
export interface Glance {
  readonly logits: Float64Array;
  /** Grad-CAM of the requested class. */
  readonly cam: Heatmap;
  readonly gates: readonly Omit<Gate, "image">[];
}

/**
 * Logits, Grad-CAM at the last map and all gates of one image after another, from one run of the network and one of what comes after that map: for
 * weights that soon change, since compiling costs more than running.
 *
 * @throws FoveaError if the network cannot be explained, or does not give logits for whole images.
 */
export function openGlances({ model, preprocessing }: { model: Module; preprocessing: Preprocessing }, engine: Engine) {
  const shape = [3, preprocessing.imageSize, preprocessing.imageSize];
  const taps = tapNames(trace(model, [1, ...shape]));
  const probe = new Probe(model, shape, [null], engine, { publishesTaps: true });
  if (probe.plane) throw new FoveaError("the network gives logits per position");
  const { channels, height, width, path } = probe.layers[0]!;
  const write = inputWriter(preprocessing);
  return {
    /** The layer of the Grad-CAM. */
    layer: path,
    async glance(image: RgbImage, index: number): Promise<Glance> {
      const data = new Float32Array(sizeOf(shape));
      write(image, data, 0);
      const head = await probe.head(tensor("float32", shape, data));
      const { logits } = head;
      requireFinite("maps", [["the logits", tensor("float64", [logits.length], logits)]]);
      const target = scoreOf("logit", { classes: probe.classes, index, positions: [0], count: 1 });
      const [g] = await probe.gradients(head, target.gradient(logits));
      const maps = { channels, positions: height * width, a: head.activations[0]!, g: g! };
      const gates = [...taps].map(([name, { kind = null }]) => {
        const { shape: found, data: numbers } = toFloat64(head.feeds[name]!);
        return { name, kind, map: tensor("float64", found.slice(1), numbers) };
      });
      return { logits, cam: { height, width, data: weighed(maps, gradCam(maps)) }, gates };
    },
    release: () => probe.release(),
  };
}
