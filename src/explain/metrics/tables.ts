import { DataError, OptionError } from "../../core/errors.js";
import {
  anything,
  callback,
  check,
  options as fields,
  list,
  maybe,
  nonNegative,
  type Schema,
  that,
} from "../../core/schema.js";
import { checkMask, type Mask } from "../../data/masks.js";
import type { Heatmap } from "../heatmap.js";
import { entropy, gini } from "./complexity.js";
import { confidenceChange } from "./confidence.js";
import { centerMap, controlNames, randomMap } from "./controls.js";
import { type CurveOptions, curveFields, deletion, insertion } from "./curves.js";
import { type Interval, type IntervalOptions, intervalFields, meanIntervals } from "./interval.js";
import { isUsableMask, type LocateOptions, locate } from "./localization.js";
import { type Example, exampleSchema, type LogitsOf, planesOf } from "./logits.js";
import { unitMap } from "./ranking.js";
import { type RoadOptions, road, roadFields } from "./road.js";

/** Maps by method name, one map per image. */
export type NamedMaps = ReadonlyMap<string, readonly Heatmap[]>;

/** A row of a table: a method, or one of the controls `random` and `center`. */
export interface Row<Column extends string> {
  /** Of the method or control. */
  readonly name: string;
  /** Whether it is a control, which knows nothing of the network. */
  readonly control: boolean;
  /** Means over images. */
  readonly means: Readonly<Record<Column, Interval>>;
}

/** Columns of {@link localization}; `pointingOverCenter` is `pointing` less that of the center blob, image by image. */
export type LocalizationColumn =
  | "pointing"
  | "energyOverShare"
  | "rankAccuracy"
  | "bestIou"
  | "auc"
  | "pointingOverCenter";

/** What {@link localization} found. */
export interface LocalizationTable {
  /** The methods in the order they were given, then the controls. */
  readonly rows: readonly Row<LocalizationColumn>[];
  /** Number of images measured. */
  readonly images: number;
  /** Images whose mask is empty or full, which no mean includes. */
  readonly leftOut: number;
  /** Mean share of the object in an image. */
  readonly share: number;
  /** How often a random position would win the pointing game. */
  readonly chance: number;
}

/** Options of {@link localization}. */
export interface LocalizationOptions extends LocateOptions, IntervalOptions {}

const namedMaps = that<NamedMaps>(
  "a Map of names to lists of maps",
  (x) => x instanceof Map && [...x].every(([name, maps]) => typeof name === "string" && Array.isArray(maps)),
);
export const localizationOptions: Schema<LocalizationOptions> = fields<LocalizationOptions>({
  ...intervalFields,
  tolerance: maybe(nonNegative),
});

/**
 * How well the maps of several methods locate the objects in images, next to a random map and a blob at the center.
 *
 * @param masks one per image, at any size
 *
 * @throws OptionError if a method does not have as many maps as there are masks, or has the name of a control. @throws DataError if no mask is usable.
 *
 * @example
 * const { rows } = localization(new Map([["gradcam", maps]]), masks);
 * rows.find(({ name }) => name === "center")?.means.pointing; // { mean: 0.57, low: 0.52, … }
 */
export function localization(
  maps: NamedMaps,
  masks: readonly Mask[],
  options: LocalizationOptions = {},
): LocalizationTable {
  check("localization", "options", localizationOptions, options);
  check("localization", "masks", list(anything, "a list of masks"), masks);
  checkMaps("localization", maps, masks.length);
  const { seed = 0, resamples, level, ...how } = options;
  masks.forEach((mask, i) => checkMask("localization", `mask ${i}`, mask));
  const used = masks.flatMap((mask, i) => (isUsableMask(mask) ? [i] : []));
  if (used.length === 0) throw new DataError("localization: every mask is empty or covers its whole image");
  const [share, chance] = [new Float64Array(used.length), new Float64Array(used.length)];
  const measured = [...withControls(maps, seed, (i) => masks[i]!)].map(({ name, control, mapOf }) => {
    const located = used.map((image, k) => {
      const found = locate(mapOf(image), masks[image]!, how);
      [share[k], chance[k]] = [found.share, found.chance];
      return found;
    });
    return { name, control, located };
  });
  const center = measured.find(({ name }) => name === "center")!.located;
  const rows = measured.map(({ name, control, located }) => ({
    name,
    control,
    means: columnMeans<LocalizationColumn>(
      located.map((found, i) => ({
        pointing: Number(found.pointing),
        energyOverShare: found.energy / found.share,
        rankAccuracy: found.rankAccuracy,
        bestIou: found.bestIou,
        auc: found.auc,
        pointingOverCenter: Number(found.pointing) - Number(center[i]!.pointing),
      })),
      { seed, resamples, level },
    ),
  }));
  const mean = (values: Float64Array) => values.reduce((a, b) => a + b) / values.length;
  return { rows, images: used.length, leftOut: masks.length - used.length, share: mean(share), chance: mean(chance) };
}

/** Columns of {@link faithfulness}. */
export type FaithfulnessColumn =
  | "deletion"
  | "insertion"
  | "insertionLessDeletion"
  | "road"
  | "averageDrop"
  | "increase"
  | "gini"
  | "entropy";

/** What {@link faithfulness} found. */
export interface FaithfulnessTable {
  /** The methods in the order they were given, then the controls. */
  readonly rows: readonly Row<FaithfulnessColumn>[];
  /** Images that were measured. */
  readonly images: number;
}

/** Options of {@link faithfulness}. */
export interface FaithfulnessOptions
  extends Omit<CurveOptions, "counts">,
    Pick<RoadOptions, "fractions" | "noise">,
    IntervalOptions {
  /** Called after each image of each row. */
  onProgress?(done: number, total: number): void;
}

export const faithfulnessOptions: Schema<FaithfulnessOptions> = fields<FaithfulnessOptions>({
  steps: curveFields.steps,
  baseline: curveFields.baseline,
  score: curveFields.score,
  fractions: roadFields.fractions,
  noise: roadFields.noise,
  ...intervalFields,
  onProgress: maybe(callback),
});

/**
 * Whether maps show what a network relies on, next to a random map and a blob at the center: deletion, insertion, ROAD, average
 * drop and increase, sparseness (Gini) and complexity (entropy) of every map. For a random map, insertion minus deletion and ROAD are about 0.
 *
 * @throws OptionError if a method does not have as many maps as there are examples, or has the name of a control.
 */
export async function faithfulness(
  logitsOf: LogitsOf,
  examples: readonly Example[],
  maps: NamedMaps,
  options: FaithfulnessOptions = {},
): Promise<FaithfulnessTable> {
  check("faithfulness", "options", faithfulnessOptions, options);
  check("faithfulness", "logitsOf", callback, logitsOf);
  check("faithfulness", "examples", list(exampleSchema, "a list of { input, target }"), examples);
  checkMaps("faithfulness", maps, examples.length);
  if (examples.length === 0) throw new DataError("faithfulness: needs at least one image");
  const { seed = 0, resamples, level, onProgress, fractions, noise, ...curve } = options;
  const size = (i: number) => {
    const [, height, width] = planesOf("faithfulness", examples[i]!).shape;
    return { height, width };
  };
  const methods = [...withControls(maps, seed, size)];
  const rows: Row<FaithfulnessColumn>[] = [];
  let done = 0;
  for (const { name, control, mapOf } of methods) {
    const values: Record<FaithfulnessColumn, number>[] = [];
    for (const [i, example] of examples.entries()) {
      values.push(await faithfulnessOf(logitsOf, example, mapOf(i), { ...curve, fractions, noise, seed: seed + i }));
      onProgress?.(++done, methods.length * examples.length);
    }
    rows.push({ name, control, means: columnMeans(values, { seed, resamples, level }) });
  }
  return { rows, images: examples.length };
}

/** The numbers of {@link faithfulness} for one map of one image. `increase` is 1 or 0. */
export async function faithfulnessOf(
  logitsOf: LogitsOf,
  example: Example,
  map: Heatmap,
  { fractions, noise, seed, ...curve }: CurveOptions & RoadOptions = {},
): Promise<Record<FaithfulnessColumn, number>> {
  const [, height, width] = planesOf("faithfulness", example).shape;
  // At once: while the network runs for one, the inputs of the next are made.
  const [{ area: removed }, { area: restored }, { combined }, { drop, increased }] = await Promise.all([
    deletion(logitsOf, example, map, curve),
    insertion(logitsOf, example, map, curve),
    road(logitsOf, example, map, { fractions, noise, seed }),
    confidenceChange(logitsOf, example, unitMap(map, height, width)),
  ]);
  return {
    deletion: removed,
    insertion: restored,
    insertionLessDeletion: restored - removed,
    road: combined,
    averageDrop: drop,
    increase: Number(increased),
    gini: gini(map.data),
    entropy: entropy(map.data),
  };
}

function checkMaps(where: string, maps: NamedMaps, images: number): void {
  check(where, "maps", namedMaps, maps);
  for (const [name, { length }] of maps) {
    if ((controlNames as readonly string[]).includes(name))
      throw new OptionError(`${where}: "${name}" is the name of a control, which every table has; rename the method`);
    if (length !== images) throw new OptionError(`${where}: ${name} has ${length} maps for ${images} images`);
  }
}

/** The methods and the controls, each as a map per image. Random maps are as coarse as the first method's. */
function* withControls(
  maps: NamedMaps,
  seed: number,
  sizeOf: (image: number) => { readonly height: number; readonly width: number },
): Generator<{ name: string; control: boolean; mapOf: (image: number) => Heatmap }> {
  for (const [name, own] of maps) yield { name, control: false, mapOf: (image) => own[image]! };
  const [first] = maps.values();
  const random = (image: number) => {
    const { height, width } = first?.[image] ?? sizeOf(image);
    return randomMap(height, width, seed, image);
  };
  const center = (image: number) => {
    const { height, width } = sizeOf(image);
    return centerMap(height, width);
  };
  yield { name: "random", control: true, mapOf: random };
  yield { name: "center", control: true, mapOf: center };
}

/** Intervals of all columns, from one record per image. */
function columnMeans<Column extends string>(
  records: readonly Readonly<Record<Column, number>>[],
  options: IntervalOptions,
): Record<Column, Interval> {
  const names = Object.keys(records[0]!) as Column[];
  const means = meanIntervals(
    names.map((name) => records.map((record) => record[name])),
    options,
  );
  return Object.fromEntries(names.map((name, i) => [name, means[i]!])) as Record<Column, Interval>;
}
