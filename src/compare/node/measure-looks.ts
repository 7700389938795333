import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "../../core/errors.js";
import type { StoredMap } from "../../core/findings.js";
import { decodeImage } from "../../data/decode.js";
import {
  type Dataset,
  datasetMask,
  type Mask,
  ofSeen,
  type Preprocessing,
  type RgbImage,
  seenImage,
  seenMask,
} from "../../data/index.js";
import { openMasks } from "../../data/mask-files.js";
import type { Engine } from "../../engines/engine.js";
import { fiveDigits, storedMap } from "../../explain/heatmap.js";
import { openExplainer } from "../../explain/index.js";
import { centerMap } from "../../explain/metrics/index.js";
import { isUsableMask, locate } from "../../explain/metrics/localization.js";
import { readWhole, unlessMissing } from "../../files/read.js";
import { writeFileAtomic } from "../../files/write.js";
import { buildNetwork } from "../../inference/load-run.js";
import { loadState } from "../../train/index.js";
import { RunFolder } from "../../train/run-folder.js";
import { type LookImages, parseLooks, type UnitLooks } from "../looks.js";
import { canonical, taskOfPlan } from "../plan.js";
import type { UnitResult } from "../results.js";
import { comparedTasks } from "../tasks.js";
import { dataHash, looksCodeHash, sha256 } from "./hash.js";
import type { Journal, JournaledUnit } from "./journal.js";

/** Number of test images that are measured, evenly spaced, and of those that are shown. */
const [measured, shown] = [100, 6];
const looksFile = "looks.json";
const mostBytes = 10_000_000;

/** The images that were measured, and the results of each unit. */
export interface Looks {
  readonly images: LookImages;
  readonly units: readonly (UnitLooks | undefined)[];
}

interface Asked {
  readonly index: number;
  readonly label: number;
  readonly image: RgbImage;
  /** As the network sees it; undefined where it says nothing. */
  readonly mask: Mask | undefined;
}

/**
 * Where the networks of units look after the last epoch: Grad-CAM for the class of each image, the same test images for all. What was
 * measured is kept in the unit's folder, so that nothing is measured twice.
 *
 * @param engines so many units are measured at the same time
 */
export async function measureLooks(
  journal: Journal,
  units: readonly JournaledUnit[],
  results: readonly (UnitResult | undefined)[],
  engines: readonly Engine[],
  { signal, onUnit }: { readonly signal: AbortSignal; readonly onUnit: (share: number) => void },
): Promise<Looks> {
  const { data, plan, resolver } = journal;
  const { preprocessing } = resolver.frame;
  const asked = await askedOf(data.test, preprocessing, plan.data.masks);
  const shared = [
    await looksCodeHash(),
    plan.data.masks === undefined ? null : await masksHash(plan.data.masks),
    measured,
    shown,
  ];
  const found: (UnitLooks | undefined)[] = units.map(() => undefined);
  const waiting = [...units.keys()].filter((i) => results[i]?.last);
  const total = waiting.length;
  const work = async (engine: Engine) => {
    for (let i = waiting.shift(); i !== undefined; i = waiting.shift()) {
      signal.throwIfAborted();
      const { folder } = units[i]!;
      const file = join(folder!, looksFile);
      const key = sha256(canonical([shared, results[i]!.hashes]));
      const kept = await readLooks(file);
      found[i] = kept?.key === key ? kept : await looksOf(units[i]!, asked, preprocessing, engine, key);
      if (found[i] !== kept) await writeFileAtomic(file, `${JSON.stringify(found[i])}\n`);
      onUnit(1 - waiting.length / total);
    }
  };
  await Promise.all(engines.map(work));
  return { images: lookImages(asked, data.test), units: found };
}

/** How many images are measured per unit: none for tasks without a class per image. */
export const lookedAt = ({ data: { test }, plan }: Journal): number =>
  !comparedTasks[taskOfPlan(plan)].looks
    ? 0
    : Math.min(knowsObjects(test, plan.data.masks) ? measured : shown, test.length);

const knowsObjects = (test: Dataset, masks: string | undefined) =>
  masks !== undefined || (test.mask !== undefined && test.size !== null);

/** What it takes, for few and for more images, of a unit that is trained. */
export async function looksSeconds(
  { data, resolver, plan }: Journal,
  entry: JournaledUnit,
  engine: Engine,
  now: () => Time,
): Promise<{ readonly sizes: readonly [number, number]; readonly times: readonly [Time, Time] }> {
  const { preprocessing } = resolver.frame;
  const asked = (await askedOf(data.test, preprocessing, plan.data.masks)).slice(0, 10);
  const [few, more] = [Math.min(2, asked.length), asked.length];
  const time = async (size: number): Promise<Time> => {
    const [clock, cpu] = now();
    await looksOf(entry, asked.slice(0, size), preprocessing, engine, "");
    const after = now();
    return [after[0] - clock, after[1] - cpu];
  };
  return { sizes: [few, more], times: [await time(few), await time(more)] };
}

/** Of the clock, and of the processors. */
type Time = readonly [clock: number, cpu: number];

async function readLooks(file: string): Promise<UnitLooks | undefined> {
  const bytes = await readWhole(file, mostBytes).catch(unlessMissing);
  return bytes && parseLooks(new TextDecoder().decode(bytes), file);
}

/** Of masks, wherever they lie. */
const masksHash = async (path: string): Promise<string> =>
  (await stat(path)).isDirectory() ? dataHash({ source: path }) : sha256(await readFile(path));

/** The images on which all units are measured. Those that are shown come first, of as many classes as possible. */
async function askedOf(test: Dataset, preprocessing: Preprocessing, masks: string | undefined): Promise<Asked[]> {
  const known = knowsObjects(test, masks);
  const count = Math.min(measured, test.length);
  const spaced = Array.from({ length: count }, (_, i) => Math.floor((i * test.length) / count));
  const classes = new Set<number>();
  const first = spaced.filter((i) => !classes.has(test.labels[i]!) && classes.add(test.labels[i]!));
  const order = [...new Set([...first, ...spaced])];
  const maskOf = await maskReader(test, masks);
  const asked: Asked[] = [];
  for (const index of known ? order : order.slice(0, shown)) {
    const mask = known ? await maskOf(index) : undefined;
    const seen = mask && seenMask(mask, preprocessing);
    asked.push({
      index,
      label: test.labels[index]!,
      image: seenImage(await test.image(index), preprocessing),
      mask: seen && isUsableMask(seen) ? seen : undefined,
    });
  }
  if (masks !== undefined && asked.every(({ mask }) => !mask))
    throw new DataError(`--masks ${masks} has no mask or box for any of ${asked.length} test images`);
  return asked;
}

/** The mask of each image at its own size; undefined if it has none. */
async function maskReader(test: Dataset, masks: string | undefined) {
  if (masks === undefined) return async (index: number) => datasetMask(test, index);
  const files = await openMasks(masks);
  return async (index: number) => {
    const file = test.file?.(index);
    return file === undefined
      ? undefined
      : files.maskOf(file, await decodeImage(file), test.classes[test.labels[index]!]);
  };
}

function lookImages(asked: readonly Asked[], { classes }: Dataset): LookImages {
  const masks = asked.flatMap(({ mask }) => (mask ? [mask] : []));
  const centers = masks.map((mask) => locate(centerMap(mask.height, mask.width), mask));
  const over = (of: (located: (typeof centers)[number]) => number) =>
    centers.reduce((sum, located) => sum + of(located), 0) / centers.length;
  return {
    shown: asked.slice(0, shown).map(({ index, label, image }) => ({ index, label: classes[label]!, image })),
    objects:
      masks.length === 0
        ? null
        : {
            images: masks.length,
            chance: over(({ chance }) => chance),
            center: {
              energyOverShare: over(({ energy, share }) => energy / share),
              pointing: over(({ pointing }) => Number(pointing)),
            },
          },
  };
}

async function looksOf(
  { folder, resolved }: JournaledUnit,
  asked: readonly Asked[],
  preprocessing: Preprocessing,
  engine: Engine,
  key: string,
): Promise<UnitLooks> {
  const model = buildNetwork(resolved!.model, preprocessing);
  loadState(model, await (await RunFolder.open(folder!)).weights("last"));
  const explainer = await openExplainer({ model, preprocessing: ofSeen(preprocessing) }, { engine, method: "gradcam" });
  const maps: StoredMap[] = [];
  const found = { energyOverShare: [] as number[], pointing: [] as number[] };
  let layer = "";
  try {
    for (const [i, { image, label, mask }] of asked.entries()) {
      const [explanation] = await explainer.explain(image, { class: label });
      layer = explanation!.layer!;
      if (i < shown) maps.push(storedMap(explanation!.map));
      if (!mask) continue;
      const { energy, share, pointing } = locate(explanation!.map, mask);
      found.energyOverShare.push(Number.isNaN(energy) ? 0 : fiveDigits(energy / share));
      found.pointing.push(Number(pointing));
    }
  } finally {
    await explainer.release();
  }
  return { format: "fovea.looks.1", key, layer, maps, found: found.pointing.length > 0 ? found : null };
}
