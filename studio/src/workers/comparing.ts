import { isDivergence } from "fovea/engine";
import { type Dataset, type Engine, FoveaError, type Module, statistics, train } from "fovea/web";
import { type Compared, named, type Row, rowsOf, type Unit } from "../../logic/comparison.js";
import type { Settings } from "../../logic/recipe.js";
import { openItems } from "./data.js";
import { folder, read, write } from "./files.js";
import { type Config, configOf, networkOf, optimizerOf } from "./recipe.js";
import type { Plan } from "./run.js";

/** A comparison: every module is trained with every seed, on the same images. */
export interface ComparisonPlan extends Plan, Compared {}

export interface Comparison {
  readonly plan: ComparisonPlan;
  /** Trainings that are done. */
  readonly units: readonly Unit[];
  /** Why the network cannot be built with a module, by its name. */
  readonly misfits: Readonly<Record<string, string>>;
}

const home = () => folder();
const file = "comparison.json";

export async function storedComparison(): Promise<Comparison | undefined> {
  const found = await read(await home(), file);
  if (!found) return undefined;
  try {
    const comparison = JSON.parse(await found.text()) as Comparison;
    // Earlier versions stored no misfits.
    return comparison.misfits ? comparison : undefined;
  } catch {
    return undefined;
  }
}

/** Trainings that are done, or cannot be. */
export const unitsDone = ({ plan, units, misfits }: Comparison): number =>
  units.length + Object.keys(misfits).length * plan.seeds;

type Tell = (
  now: { readonly rows: readonly Row[]; readonly units: number } | { readonly unit: string; readonly share: number },
) => void;

/** Trains every unit that is not done. Tells how far it is after every step, and the rows after every unit. Returns whether it was stopped. */
export async function compare(
  comparison: Comparison,
  engine: Engine,
  signal: AbortSignal,
  tell: Tell,
): Promise<boolean> {
  const { plan } = comparison;
  let now = comparison;
  const show = () => tell({ rows: tableOf(now), units: unitsDone(now) });
  show();
  const { imageSize } = plan.settings;
  const data = await openItems(plan.train, plan.classes, imageSize, signal);
  const validation = await openItems(plan.validation, plan.classes, imageSize, signal);
  for (const { module, seed } of unitsOf(plan)) {
    const { units, misfits } = now;
    const name = named(module);
    if (name in misfits || units.some((unit) => unit.module === module && unit.seed === seed)) continue;
    const settings: Settings = { ...plan.settings, attention: module, seed };
    const config = configOf(settings, data);
    const network = networkOrMisfit(config);
    if (typeof network === "string") now = { ...now, misfits: { ...misfits, [name]: network } };
    else {
      const training = { settings, config, network, data, validation, engine, signal };
      const outcome = await trainUnit(training, (share) => tell({ unit: `${name}, seed ${seed}`, share }));
      if (!outcome) return true;
      now = { ...now, units: [...units, { module, seed, ...outcome }] };
    }
    await write(await home(), file, JSON.stringify(now));
    show();
    if (signal.aborted) return true;
  }
  return false;
}

/** Seed by seed: pairs are complete early. */
const unitsOf = ({ modules, seeds }: Compared) =>
  Array.from({ length: seeds }, (_, seed) => modules.map((module) => ({ module, seed }))).flat();

interface UnitTraining {
  readonly settings: Settings;
  readonly config: Config;
  readonly network: Module;
  readonly data: Dataset;
  readonly validation: Dataset;
  readonly engine: Engine;
  readonly signal: AbortSignal;
}

/** Trains one unit. Returns what came of it, or undefined if it was stopped. */
async function trainUnit(
  { settings, config: { training, preprocessing }, network, data, validation, engine, signal }: UnitTraining,
  onShare: (share: number) => void,
): Promise<Pick<Unit, "top1" | "diverged"> | undefined> {
  try {
    const { history, stopped } = await train(network, data, {
      engine,
      epochs: training.epochs,
      batch: training.batch,
      schedule: training.schedule,
      seed: training.seed,
      augment: training.augment,
      optimizer: optimizerOf(settings),
      preprocessing,
      validate: validation,
      signal,
      onStep: ({ epoch, epochs, batch, batches }) => onShare((epoch - 1 + batch / batches) / epochs),
    });
    if (stopped) return undefined;
    const top1 = history.at(-1)?.top1;
    if (top1 == null) throw new FoveaError("no images are held out: there is nothing to compare by");
    return { top1, diverged: false };
  } catch (error) {
    if (!isDivergence(error)) throw error;
    return { top1: 1 / data.classes.length, diverged: true };
  }
}

/** The table as it stands. */
export const tableOf = ({ plan, units, misfits }: Comparison): Row[] => rowsOf(plan, units, misfits, statistics);

/** The network of a unit, or why it cannot be built. */
function networkOrMisfit(config: Config): Module | string {
  try {
    return networkOf(config);
  } catch (error) {
    if (error instanceof FoveaError) return error.message;
    throw error;
  }
}
