import type { EpochMaps, Look } from "../core/findings.js";
import { anything, check, classList, having, list, numberList, whole } from "../core/schema.js";
import type { RgbImage } from "../data/index.js";
import { probabilities, topIndices } from "../train/index.js";
import type { Gate } from "./gates.js";
import { fiveDigits, type Heatmap, storedMap } from "./heatmap.js";
import type { Glances } from "./look.js";

/**
 * What a network predicts for a few images after an epoch and where it looks, as a run folder keeps it in `maps/epoch-N.json`: the
 * Grad-CAM of each image's own class, and the last spatial gate.
 *
 * @param epoch counted from 1
 * @param images as many as `glances` was opened for
 * @param labels the class of each image, as its position in `classes`
 *
 * @example
 * const glances = await openGlances({ model, preprocessing }, images.length, ortEngine());
 * const maps = await epochMaps(glances, 1, images, labels, data.classes);
 * maps.looks[0].cam; // { height: 8, width: 8, data }
 *
 * @throws OptionError for a bad argument. @throws FoveaError if logits are not finite.
 */
export async function epochMaps(
  glances: Glances,
  epoch: number,
  images: readonly RgbImage[],
  labels: readonly number[],
  classes: readonly string[],
): Promise<EpochMaps> {
  check("epochMaps", "glances", openedSchema, glances);
  check("epochMaps", "epoch", whole(1), epoch);
  check("epochMaps", "images", list(anything, "a list of images"), images);
  check("epochMaps", "labels", numberList, labels);
  check("epochMaps", "classes", classList, classes);
  const found = await glances.glance(images, labels);
  const last = found[0]?.gates.findLast(isSpatial);
  const looks = found.map(({ logits, cam, gates }, i): Look => {
    const gate = gates.findLast(isSpatial);
    return {
      predicted: classes[topIndices(logits, 1)[0]!]!,
      probability: fiveDigits(probabilities(logits)[labels[i]!]!),
      cam: storedMap(cam),
      gate: gate ? storedMap(planeOf(gate)) : null,
    };
  });
  return { format: "fovea.maps.1", epoch, layer: glances.layer, gate: last?.name ?? null, looks };
}

const openedSchema = having<Glances>("what openGlances() gives", "glance");

/** Whether a gate is one map over all positions. */
export const isSpatial = ({ kind, map: { shape } }: Pick<Gate, "kind" | "map">): boolean =>
  kind === "spatial" && shape.length === 3 && shape[0] === 1;

/** The map of a gate that {@link isSpatial}. */
export function planeOf({ map }: Pick<Gate, "map">): Heatmap {
  const [, height, width] = map.shape as readonly [number, number, number];
  return { height, width, data: map.data };
}
