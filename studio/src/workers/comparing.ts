import { type Engine, FoveaError, type Module, statistics, TrainingError, train } from "fovea/web";
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

/** Trains every unit that is not done. Tells how far it is after every step, and the rows after every unit. Returns whether it was stopped. */
export async function compare(
  comparison: Comparison,
  engine: Engine,
  signal: AbortSignal,
  tell: (
    now: { readonly rows: readonly Row[]; readonly units: number } | { readonly unit: string; readonly share: number },
  ) => void,
): Promise<boolean> {
  const { plan } = comparison;
  const units = [...comparison.units];
  const misfits = { ...comparison.misfits };
  const show = () => tell({ rows: tableOf({ plan, units, misfits }), units: unitsDone({ plan, units, misfits }) });
  show();
  const { imageSize } = plan.settings;
  const data = await openItems(plan.train, plan.classes, imageSize, signal);
  const validation = await openItems(plan.validation, plan.classes, imageSize, signal);
  // Seed by seed: pairs are complete early.
  for (let seed = 0; seed < plan.seeds; seed++)
    for (const module of plan.modules) {
      const name = named(module);
      if (name in misfits || units.some((unit) => unit.module === module && unit.seed === seed)) continue;
      const unit = `${name}, seed ${seed}`;
      const settings: Settings = { ...plan.settings, attention: module, seed };
      const config = configOf(settings, data);
      const network = networkOrMisfit(config);
      if (typeof network === "string") misfits[name] = network;
      else {
        const { training, preprocessing } = config;
        try {
          const { history, stopped } = await train(network, data, {
            engine,
            epochs: training.epochs,
            batch: training.batch,
            schedule: training.schedule,
            seed,
            augment: training.augment,
            optimizer: optimizerOf(settings),
            preprocessing,
            validate: validation,
            signal,
            onStep: ({ epoch, epochs, batch, batches }) =>
              tell({ unit, share: (epoch - 1 + batch / batches) / epochs }),
          });
          if (stopped) return true;
          units.push({ module, seed, top1: history.at(-1)?.top1 ?? 0, diverged: false });
        } catch (error) {
          if (!(error instanceof TrainingError)) throw error;
          units.push({ module, seed, top1: 1 / plan.classes.length, diverged: true });
        }
      }
      await write(await home(), file, JSON.stringify({ plan, units, misfits } satisfies Comparison));
      show();
      if (signal.aborted) return true;
    }
  return false;
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
