import { type Engine, statistics, train } from "fovea/web";
import type { Settings } from "../../logic/recipe.js";
import { openItems } from "./data.js";
import { folder, read, write } from "./files.js";
import { configOf, networkOf, optimizerOf } from "./recipe.js";
import type { Plan } from "./run.js";

/** A comparison: every module is trained with every seed, on the same images. */
export interface ComparisonPlan extends Plan {
  /** Names of modules; null is the network without one. The others are measured against the first. */
  readonly modules: readonly (string | null)[];
  readonly seeds: number;
}

/** One training of it. */
export interface Unit {
  readonly module: string | null;
  readonly seed: number;
  /** Of the images kept aside, after the last epoch: no epoch is picked. Null if the training failed. */
  readonly top1: number | null;
  readonly failure: string | null;
}

export interface Comparison {
  readonly plan: ComparisonPlan;
  readonly units: readonly Unit[];
}

/** A module beside the first. */
export interface Row {
  readonly module: string | null;
  readonly top1: readonly (readonly [seed: number, top1: number])[];
  readonly mean: number | null;
  /** With the seeds that both have; its interval, and p after Holm, with three of them or more. */
  readonly difference: {
    readonly pairs: number;
    readonly mean: number;
    readonly interval: readonly [number, number] | null;
    readonly p: number | null;
  } | null;
  readonly failure: string | null;
}

/** With fewer there is no interval. */
const fewestSeeds = 3;

const home = () => folder();
const file = "comparison.json";

export async function storedComparison(): Promise<Comparison | undefined> {
  const found = await read(await home(), file);
  if (!found) return undefined;
  try {
    return JSON.parse(await found.text()) as Comparison;
  } catch {
    return undefined;
  }
}

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
  const show = () => tell({ rows: rowsOf(plan, units), units: units.length });
  show();
  const { imageSize } = plan.settings;
  const data = await openItems(plan.train, plan.classes, imageSize, signal);
  const validation = await openItems(plan.validation, plan.classes, imageSize, signal);
  // Seed by seed: pairs are complete early.
  for (let seed = 0; seed < plan.seeds; seed++)
    for (const module of plan.modules) {
      if (units.some((unit) => unit.module === module && unit.seed === seed)) continue;
      const unit = `${module ?? "none"}, seed ${seed}`;
      const settings: Settings = { ...plan.settings, attention: module, seed };
      try {
        const config = configOf(settings, data);
        const network = networkOf(config);
        const { training, preprocessing } = config;
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
          onStep: ({ epoch, epochs, batch, batches }) => tell({ unit, share: (epoch - 1 + batch / batches) / epochs }),
        });
        if (stopped) return true;
        units.push({ module, seed, top1: history.at(-1)?.top1 ?? null, failure: null });
      } catch (error) {
        units.push({ module, seed, top1: null, failure: (error as Error).message });
      }
      await write(await home(), file, JSON.stringify({ plan, units } satisfies Comparison));
      show();
      if (signal.aborted) return true;
    }
  return false;
}

/** The table: differences are taken seed by seed, so that what a seed does to all of them cancels. */
export function rowsOf({ modules }: ComparisonPlan, units: readonly Unit[]): Row[] {
  const of = (module: string | null) =>
    units.flatMap((unit) => (unit.module === module && unit.top1 !== null ? [[unit.seed, unit.top1] as const] : []));
  const base = new Map(of(modules[0] ?? null));
  const rows = modules.map((module, i): Row => {
    const top1 = of(module);
    const pairs = top1.filter(([seed]) => base.has(seed));
    const failure = units.find((unit) => unit.module === module && unit.failure !== null)?.failure ?? null;
    const mean = top1.length ? statistics.mean(top1.map(([, share]) => share)) : null;
    if (i === 0 || pairs.length === 0) return { module, top1, mean, difference: null, failure };
    const [a, b] = [pairs.map(([, share]) => share), pairs.map(([seed]) => base.get(seed)!)];
    const center = statistics.mean(a.map((share, k) => share - b[k]!));
    if (pairs.length < fewestSeeds)
      return {
        module,
        top1,
        mean,
        failure,
        difference: { pairs: pairs.length, mean: center, interval: null, p: null },
      };
    const { interval, p } = statistics.pairedT(a, b);
    return { module, top1, mean, failure, difference: { pairs: pairs.length, mean: center, interval, p } };
  });
  const tested = rows.filter(({ difference }) => difference?.p != null);
  const adjusted = statistics.holm(tested.map(({ difference }) => difference!.p!));
  return rows.map((row) => {
    const at = tested.indexOf(row);
    return at < 0 ? row : { ...row, difference: { ...row.difference!, p: adjusted[at]! } };
  });
}
