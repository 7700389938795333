import {
  datasetMask,
  type FaithfulnessTable,
  faithfulness,
  type Gate,
  gates,
  type LocalizationTable,
  localization,
  type Mask,
  openExplainer,
  openLogits,
  seenMask,
} from "../explain.js";
import {
  DataError,
  type Dataset,
  decodeImage,
  type Engine,
  type Heatmap,
  type MethodChoice,
  OptionError,
  openMasks,
  type Preprocessing,
  type RgbImage,
  trace,
} from "../index.js";
import { buildNetwork } from "../internal.js";
import { initialize } from "../nn.js";
import { count } from "./arguments.js";
import { inputOf, intervalText, type Network } from "./explain-checks.js";
import { methodsBy, nameList, nameOf, samenessOf } from "./explain-flags.js";
import { type FlagsOf, flag, flagList } from "./flags.js";
import type { LoadedModel } from "./run.js";
import { ProgressLine, paragraphs, percent, table } from "./terminal.js";

/** Flags of eval that measure maps. */
export const mapFlags = flagList(
  flag(
    "--localization",
    "measure whether maps find the objects, next to a random map, a blob at the center and an untrained network",
  ),
  flag(
    "--masks <path>",
    "where the objects are: a folder of masks, COCO JSON, or a CSV file of boxes (default: the data's own)",
  ),
  flag(
    "--method <names>",
    "methods for --localization, separated by commas, or all (default: gradcam,layercam)",
    nameList,
  ),
  flag(
    "--faithful <names>",
    "methods to measure for faithfulness to the network's prediction, such as gradcam,ig",
    nameList,
  ),
  flag("--layer <path>", "layer of the maps (default: the last before pooling)"),
  flag("--images <n>", "number of images for --localization and --faithful, evenly spaced (default: 200)", count),
);
export type MapFlags = FlagsOf<typeof mapFlags>;

/** @throws OptionError for a flag that has no effect without another. */
export function refuseIdleMapFlags({ localization: locates, masks, method, faithful, layer, images }: MapFlags): void {
  for (const [flag, value] of Object.entries({ masks, method }))
    if (value !== undefined && !locates) throw new OptionError(`--${flag} is for --localization`);
  for (const [flag, value] of Object.entries({ layer, images }))
    if (value !== undefined && !locates && !faithful)
      throw new OptionError(`--${flag} is for --localization and --faithful`);
  if (layer === "all") throw new OptionError("--layer all ranks layers in fovea explain; here name one");
}

/** What the maps of a data set are measured on. */
interface Measured {
  readonly dataset: Dataset;
  readonly preprocessing: Preprocessing;
  readonly engine: Engine;
}

/** The requested results, for programs and for people. */
export async function measureMaps(
  loaded: LoadedModel,
  measured: Measured,
  flags: MapFlags,
): Promise<{ readonly value: Readonly<Record<string, unknown>>; readonly lines: readonly string[] }> {
  const located = flags.localization ? await measureLocalization(loaded, measured, flags) : undefined;
  const faithful = flags.faithful ? await measureFaithfulness(loaded, measured, flags) : undefined;
  return {
    value: {
      ...(located ? { localization: located.table, withoutMask: located.withoutMask } : {}),
      ...(faithful ? { faithfulness: faithful.table } : {}),
    },
    lines: [
      ...(located ? ["", ...localizationText(located)] : []),
      ...(faithful ? ["", ...faithfulnessText(faithful)] : []),
    ],
  };
}

const controls = ["random", "center", "centre"];

/** The methods of a list, which may name controls too: every table has these. Methods that coincide are measured once. */
function methodsIn(flag: string, names: readonly string[], network: Network, layer: string | undefined) {
  const own = names.filter((name) => !controls.includes(name));
  if (own.length === 0) return { methods: [], lines: [] };
  const all = methodsBy({ method: own, ...(layer === undefined ? {} : { layer: [layer] }) }, flag);
  const { instead, lines } = samenessOf(network, all, layer, {});
  return { methods: all.filter((choice) => !instead.has(nameOf(choice))), lines };
}

/** Positions of evenly spaced images. */
const spaced = ({ length }: Dataset, most: number): number[] =>
  Array.from({ length: Math.min(most, length) }, (_, i) => Math.floor((i * length) / Math.min(most, length)));

const networkOf = ({ model }: LoadedModel, { dataset, preprocessing }: Measured): Network => ({
  model,
  preprocessing,
  classes: dataset.classes,
});

interface Labelled {
  readonly image: RgbImage;
  readonly target: number;
}

/** Images whose gates are read at once. */
const atOnce = 32;

interface Located {
  readonly table: LocalizationTable;
  readonly withoutMask: number;
  readonly lines: readonly string[];
}

async function measureLocalization(loaded: LoadedModel, measured: Measured, flags: MapFlags): Promise<Located> {
  const { dataset, preprocessing, engine } = measured;
  const network = networkOf(loaded, measured);
  const { methods, lines } = methodsIn("--method", flags.method ?? ["gradcam", "layercam"], network, flags.layer);
  const maskOf = await maskReader(dataset, flags.masks);
  const masks: Mask[] = [];
  const maps = new Map<string, Heatmap[]>();
  let withoutMask = 0;
  let waiting: Labelled[] = [];
  const open = await openMapMakers(loaded, network, engine, methods, flags.layer);
  const flush = async () => {
    for (const [name, some] of await open.mapsOf(waiting)) maps.set(name, [...(maps.get(name) ?? []), ...some]);
    waiting = [];
  };
  try {
    await overImages(dataset, flags, "looking", async (index, image) => {
      const mask = await maskOf(index);
      if (!mask) {
        withoutMask++;
        return;
      }
      masks.push(seenMask(mask, preprocessing));
      waiting.push({ image, target: dataset.labels[index]! });
      if (waiting.length === atOnce) await flush();
    });
    await flush();
  } finally {
    await open.release();
  }
  if (masks.length === 0)
    throw new DataError(`--masks ${flags.masks} has no mask or box for any of the ${withoutMask} images`);
  return { table: localization(maps, masks), withoutMask, lines };
}

/** The mask of each image at its own size; undefined if the files have none. */
async function maskReader(
  dataset: Dataset,
  path: string | undefined,
): Promise<(index: number) => Promise<Mask | undefined>> {
  if (path === undefined) return async (index) => datasetMask(dataset, index);
  const { file: fileOf } = dataset;
  if (!fileOf) throw new OptionError(`--masks is for folders of images; the images of ${dataset.name} are not files`);
  const images = Array.from({ length: dataset.length }, (_, index) => fileOf.call(dataset, index));
  const files = await openMasks(path, images);
  return async (index) => {
    const file = images[index]!;
    const { width, height } = await decodeImage(file);
    return files.maskOf(file, { width, height }, dataset.classes[dataset.labels[index]!]);
  };
}

/** The maps of methods, of the gates that are planes, and of an untrained network for comparison. */
async function openMapMakers(
  loaded: LoadedModel,
  network: Network,
  engine: Engine,
  methods: readonly MethodChoice[],
  layer: string | undefined,
) {
  const how = { engine, ...(layer === undefined ? {} : { layer }) };
  const explainers = methods.length
    ? [{ suffix: "", explainer: await openExplainer(network, { ...how, method: methods }) }]
    : [];
  const [first] = methods;
  if (first)
    explainers.push({
      suffix: ", untrained",
      explainer: await openExplainer({ ...network, model: untrained(loaded, network) }, { ...how, method: first }),
    });
  const { imageSize } = network.preprocessing;
  const isGated = trace(network.model, [1, 3, imageSize, imageSize]).taps.length > 0;
  return {
    async mapsOf(images: readonly Labelled[]): Promise<Map<string, Heatmap[]>> {
      const found = new Map<string, Heatmap[]>();
      const add = (name: string, map: Heatmap) => {
        const own = found.get(name);
        if (own) own.push(map);
        else found.set(name, [map]);
      };
      for (const { suffix, explainer } of explainers)
        for (const { image, target } of images)
          for (const { method, map } of await explainer.explain(image, { class: target }))
            add(`${method}${suffix}`, map);
      const pixels = images.map(({ image }) => image);
      for (const gate of isGated && pixels.length > 0 ? await gates(network, pixels, { engine }) : []) {
        const map = planeOf(gate);
        if (map) add(gate.name, map);
      }
      return found;
    },
    async release() {
      for (const { explainer } of explainers) await explainer.release();
    },
  };
}

/** The same network as it was before training. */
function untrained({ name, options, insert }: LoadedModel, { preprocessing, classes }: Network) {
  const written = { name, options: { ...options, numClasses: classes!.length }, ...(insert ? { insert } : {}) };
  return initialize(buildNetwork(written, { imageSize: preprocessing.imageSize }));
}

/** A gate as a map, if it is one: the mean over its channels. */
function planeOf({ kind, map }: Gate): Heatmap | null {
  if (kind !== "spatial" && kind !== "3-D") return null;
  const [channels, height, width] = map.shape as [number, number, number];
  const data = new Float64Array(height * width);
  map.data.forEach((value, i) => {
    data[i % data.length]! += value / channels;
  });
  return { height, width, data };
}

async function overImages(
  dataset: Dataset,
  { images = 200 }: MapFlags,
  what: string,
  use: (index: number, image: RgbImage) => Promise<void>,
): Promise<void> {
  const progress = new ProgressLine();
  const indices = spaced(dataset, images);
  try {
    for (const [done, index] of indices.entries()) {
      await use(index, await dataset.image(index));
      progress.draw((done + 1) / indices.length, `${what}: ${done + 1} of ${indices.length} images`);
    }
  } finally {
    progress.clear();
  }
}

interface Faithful {
  readonly table: FaithfulnessTable;
  readonly lines: readonly string[];
}

/** Measures faithfulness for the class that the network predicts. */
async function measureFaithfulness(loaded: LoadedModel, measured: Measured, flags: MapFlags): Promise<Faithful> {
  const { dataset, preprocessing, engine } = measured;
  const network = networkOf(loaded, measured);
  const { methods, lines } = methodsIn("--faithful", flags.faithful!, network, flags.layer);
  const { imageSize } = preprocessing;
  const { logitsOf, release } = await openLogits(network.model, [3, imageSize, imageSize], engine);
  const explainer = methods.length
    ? await openExplainer(network, {
        engine,
        method: methods,
        ...(flags.layer === undefined ? {} : { layer: flags.layer }),
      })
    : undefined;
  const maps = new Map<string, Heatmap[]>();
  const examples: { input: ReturnType<typeof inputOf>; target: number }[] = [];
  const progress = new ProgressLine();
  try {
    await overImages(dataset, flags, "explaining", async (_, image) => {
      const input = inputOf(image, network);
      const logits = await logitsOf({ ...input, shape: [1, ...input.shape] });
      const values = Array.from(logits.data, Number);
      examples.push({ input, target: values.indexOf(Math.max(...values)) });
      for (const { method, map } of (await explainer?.explain(image)) ?? [])
        maps.set(method, [...(maps.get(method) ?? []), map]);
    });
    const result = await faithfulness(logitsOf, examples, maps, {
      onProgress: (done, total) => progress.draw(done / total, `measuring: ${done} of ${total} maps`),
    });
    return { table: result, lines };
  } finally {
    progress.clear();
    await explainer?.release();
    await release();
  }
}

const nonEmpty = (lines: readonly string[]) => (lines.length > 0 ? [lines] : []);

function localizationText({ table: found, withoutMask, lines }: Located): string[] {
  const { rows, images, leftOut, share, chance } = found;
  const columns = {
    pointing: "pointing",
    energyOverShare: "energy ÷ area",
    bestIou: "best IoU",
    auc: "AUC",
    pointingOverCenter: "pointing − center",
  } as const;
  const names = Object.keys(columns) as (keyof typeof columns)[];
  const missed = [
    ...(leftOut ? [`${leftOut} whose mask is empty or full`] : []),
    ...(withoutMask ? [`${withoutMask} without a mask`] : []),
  ];
  return paragraphs(
    `Whether maps of the true class find the object: ${images} images, means with 95 % intervals. The object covers ${percent(share)} of an image; a random position hits it in ${percent(chance)}${missed.length ? `. Left out: ${missed.join(", ")}` : ""}`,
    table(
      rows.map(({ name, means }) => [name, ...names.map((column) => intervalText(means[column]))]),
      ["map", ...names.map((column) => columns[column])],
    ),
    ...nonEmpty(lines),
  );
}

function faithfulnessText({ table: { rows, images }, lines }: Faithful): string[] {
  const columns = {
    insertionLessDeletion: "insertion − deletion",
    road: "ROAD",
    averageDrop: "average drop",
    increase: "increase",
    insertion: "insertion",
    deletion: "deletion",
  } as const;
  const names = Object.keys(columns) as (keyof typeof columns)[];
  return paragraphs(
    `Whether maps show what the prediction depends on: ${images} images, means with 95 % intervals`,
    table(
      rows.map(({ name, means }) => [name, ...names.map((column) => intervalText(means[column]))]),
      ["map", ...names.map((column) => columns[column])],
    ),
    ...nonEmpty(lines),
  );
}
