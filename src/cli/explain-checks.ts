import { toInput } from "../engine.js";
import {
  type Explainer,
  explainableLayers,
  explanationMethods,
  type Interval,
  openExplainer,
  openLogits,
  type SanityRow,
  sanityCheck,
} from "../explain.js";
import {
  type Engine,
  type ExplainableNetwork,
  type Heatmap,
  type MethodChoice,
  OptionError,
  type Preprocessing,
  type RgbImage,
} from "../index.js";
import { centerMap, meanIntervals, randomMap, resizeHeatmap, road } from "../internal.js";
import { paragraphs, table } from "./terminal.js";

/** A network whose images become inputs in a known way. */
export type Network = ExplainableNetwork & {
  readonly preprocessing: Preprocessing;
  readonly classes: readonly string[] | null;
};

/** An image as the network takes it. */
export const inputOf = (image: RgbImage, { preprocessing }: Network) => {
  const { imageSize } = preprocessing;
  const data = toInput(image, preprocessing);
  return { dtype: "float32" as const, shape: [3, imageSize, imageSize], data };
};

/** A mean with its interval: `0.81 (0.77–0.84)`. */
export function intervalText({ mean, low, high }: Interval): string {
  if (Number.isNaN(mean)) return "–";
  const digits = (value: number) => value.toFixed(Math.abs(value) >= 10 ? 1 : 3).replace(/^-/, "−");
  return Number.isNaN(low) ? digits(mean) : `${digits(mean)} (${digits(low)} to ${digits(high)})`;
}

/** How faithful the maps of a method are at one layer. */
export interface LayerRank {
  /** The path of the layer, or the name of a control. */
  readonly layer: string;
  readonly size: string;
  readonly road: Interval;
}

/** The layers that every path through the network crosses. */
export const passedLayers = (network: Network) => explainableLayers(network).filter(({ passes }) => passes);

/**
 * Collects, image by image, how faithful the maps of each layer are by ROAD, and ranks them next to a random map, as coarse as the last layer's,
 * and a blob at the center.
 */
export async function openRanking(network: Network, engine: Engine) {
  const layers = passedLayers(network);
  const { imageSize } = network.preprocessing;
  const { logitsOf, release } = await openLogits(network.model, [3, imageSize, imageSize], engine);
  const names = [...layers.map(({ path }) => path), "random", "center"];
  const values = new Map(names.map((name) => [name, [] as number[]]));
  let images = 0;
  return {
    layers,
    release,
    async add(image: RgbImage, target: number, maps: ReadonlyMap<string, Heatmap>): Promise<void> {
      const { height, width } = layers.at(-1)!;
      const controls = new Map([
        ["random", randomMap(height, width, 0, images)],
        ["center", centerMap(imageSize, imageSize)],
      ]);
      const example = { input: inputOf(image, network), target };
      for (const [name, map] of [...maps, ...controls])
        values.get(name)?.push((await road(logitsOf, example, map, { seed: images })).combined);
      images++;
    },
    ranks(): LayerRank[] {
      const means = meanIntervals(names.map((name) => values.get(name)!));
      return names
        .map((layer, i) => {
          const found = layers.find(({ path }) => path === layer);
          const size = found ? `${found.channels}×${found.height}×${found.width}` : "control";
          return { layer, size, road: means[i]! };
        })
        .sort((a, b) => b.road.mean - a.road.mean);
    },
  };
}

export const rankingText = (ranks: readonly LayerRank[], images: number): string[] =>
  paragraphs(
    table(
      ranks.map(({ layer, size, road: { mean, low, high } }) => [
        layer,
        size,
        intervalText({ mean, low, high, count: images }),
      ]),
      ["layer", "size", `ROAD of ${images} image${images === 1 ? "" : "s"}, 95 %`],
    ),
    "If you choose a layer by these images, measure it on others: fovea eval RUN DATA --faithful METHOD --layer PATH",
  );

/**
 * The sanity check of methods, for the class that the trained network predicts of each image.
 *
 * @throws OptionError if there are fewer than two images.
 */
export async function checkSanity(
  network: Network,
  images: readonly RgbImage[],
  how: { readonly engine: Engine; readonly method: readonly MethodChoice[]; readonly layer?: string },
  onProgress: (stage: string, draw: number) => void,
): Promise<SanityRow[]> {
  const { engine } = how;
  if (images.length < 2)
    throw new OptionError("--sanity compares the maps of different images: name at least two, preferably 16");
  const { imageSize } = network.preprocessing;
  const each = 3 * imageSize ** 2;
  const data = new Float32Array(images.length * each);
  images.forEach((image, i) => {
    data.set(toInput(image, network.preprocessing), i * each);
  });
  let aims: readonly number[] | undefined;
  const mapsOf = async (model: Network["model"]) => {
    const explainer = await openExplainer({ ...network, model }, how);
    try {
      const found = await mapsByMethod(explainer, images, imageSize, aims);
      aims ??= found.aims;
      return found.maps;
    } finally {
      await explainer.release();
    }
  };
  const inputs = { dtype: "float32" as const, shape: [images.length, 3, imageSize, imageSize], data };
  return sanityCheck(network.model, mapsOf, { inputs, engine, onProgress });
}

/** The maps of each method, and the class that is explained in each image. */
async function mapsByMethod(explainer: Explainer, images: readonly RgbImage[], side: number, aims?: readonly number[]) {
  const maps = new Map<string, Heatmap[]>();
  const classes: number[] = [];
  for (const [i, image] of images.entries()) {
    const found = await explainer.explain(image, aims ? { class: aims[i]! } : {});
    classes.push(found[0]!.class);
    for (const { method, map } of found) maps.set(method, [...(maps.get(method) ?? []), shownMap(method, map, side)]);
  }
  return { maps, aims: classes };
}

/** A map as it is shown: of class activation maps, the evidence for the class, at the size of the image. */
function shownMap(method: string, map: Heatmap, side: number): Heatmap {
  if (explanationMethods.get(method)?.kind !== "activation") return map;
  return resizeHeatmap({ ...map, data: map.data.map((value) => Math.max(0, value)) }, side, side);
}

export function sanityText(rows: readonly SanityRow[], images: number): string[] {
  const [first] = rows;
  const lines = first!.stages.map(({ stage }, k) => [
    k === 0 ? stage : `… and ${stage}`,
    ...rows.map((row) => intervalText(row.stages[k]!.correlation)),
  ]);
  return paragraphs(
    `Rank correlation with the maps of the trained network, over ${images} images, as weights become random:`,
    table(
      [...lines, ["other images (control)", ...rows.map(({ otherImages }) => intervalText(otherImages))]],
      ["random weights", ...rows.map(({ name }) => name)],
    ),
    rows.map(verdict),
  );
}

function verdict({ name, passed, ignores, stages }: SanityRow): string {
  if (!passed)
    return `${name} fails: with random weights, its maps still correlate as much as maps of different images`;
  if (ignores.length === 0) return `${name} passes: its maps depend on every stage`;
  const all = ignores.length === stages.length ? "any stage" : ignores.join(", ");
  return `${name} passes, but hardly depends on ${all}`;
}
