import { attentionInfo } from "../attention/index.js";
import { OptionError } from "../core/errors.js";
import { Rng } from "../core/rng.js";
import { shown } from "../core/schema.js";
import { withoutOverruled } from "../train/index.js";
import { type Named, type Plan, type PlanData, parsePlan, type Setting } from "./plan.js";
import { type Measured, scoreOf } from "./results.js";

/** What a dimension of a search may be: a range, or choices. */
export type Dimension =
  | { readonly name: string; readonly low: number; readonly high: number }
  | { readonly name: string; readonly choices: readonly (number | string | boolean)[] };

/** A search for settings by successive halving. Plain data. */
export interface Search {
  readonly data: PlanData;
  readonly backbone: Named;
  readonly module: Named;
  readonly space: readonly Dimension[];
  /** Trials of the first rung. */
  readonly trials: number;
  /** Epochs of the last rung. */
  readonly epochs: number;
  /** The best 1/η of a rung advance to the next, which has η times the epochs. */
  readonly eta: number;
  /** All combinations of choices instead of random draws. */
  readonly grid: boolean;
  /** Of the draws, and of every training. */
  readonly seed: number;
  readonly threads: number;
}

/** One of the tried settings. */
export interface TrialSettings {
  /** Counted from 1. */
  readonly number: number;
  readonly setting: Setting;
  readonly options: Readonly<Record<string, unknown>>;
}

/** The result of a trial in a rung: its validation after the last epoch. */
export type Score = Measured["validation"];

const settingNames = [
  "lr",
  "weightDecay",
  "batch",
  "warmup",
  "labelSmoothing",
  "clipNorm",
  "optimizer",
  "schedule",
  "augment",
  "ema",
  "autoAugment",
  "randomErasing",
  "mixup",
  "cutmix",
];
/** Those a range makes sense for; the others are whole or words. */
const continuous = new Set([
  "lr",
  "weightDecay",
  "warmup",
  "labelSmoothing",
  "clipNorm",
  "randomErasing",
  "mixup",
  "cutmix",
]);
const mostTrials = 1000;

/**
 * A dimension as it is written: `lr=0.01..0.3`, `batch=32,64` or, of the module, `reduction=4,8,16`.
 *
 * @throws OptionError if it is malformed, or the module has no such option.
 */
export function parseDimension(text: string, module: string): Dimension {
  const [, name, values] = /^\s*(\w+)\s*=\s*(\S.*?)\s*$/.exec(text) ?? [];
  if (name === undefined || values === undefined)
    throw new OptionError(`--search must look like lr=0.01..0.3 or reduction=4,8,16, got ${shown(text)}`);
  const options = module === "none" ? [] : Object.keys(attentionInfo(module).options);
  if (!settingNames.includes(name) && !options.includes(name))
    throw new OptionError(`--search ${name}: unknown setting; there are ${[...settingNames, ...options].join(", ")}`);
  const range = /^(\S+?)\.\.(\S+)$/.exec(values);
  if (range) {
    const [low, high] = [Number(range[1]), Number(range[2])];
    if (!continuous.has(name)) throw new OptionError(`--search ${name}: takes choices, such as ${name}=4,8,16`);
    if (!Number.isFinite(low) || !Number.isFinite(high) || low < 0 || low >= high)
      throw new OptionError(`--search ${name}: a range must be from a smaller to a larger number, got ${values}`);
    return { name, low, high };
  }
  const choices = values.split(",").map((value) => {
    const plain = value.trim();
    if (plain === "true" || plain === "false") return plain === "true";
    return plain !== "" && Number.isFinite(Number(plain)) ? Number(plain) : plain;
  });
  if (choices.includes("") || new Set(choices).size < choices.length)
    throw new OptionError(`--search ${name}: choices must differ and not be empty, got ${values}`);
  return { name, choices };
}

/** @throws OptionError for dimensions named twice, a grid of ranges, or more trials than are allowed. */
export function checkSearch({ space, grid, trials, eta, epochs }: Search): void {
  const twice = space.find(({ name }, i) => space.findIndex((other) => other.name === name) !== i);
  if (twice) throw new OptionError(`--search has ${twice.name} twice`);
  const range = space.find((dimension) => "low" in dimension);
  if (grid && range)
    throw new OptionError(`--grid needs choices for all, such as --search ${range.name}=0.01,0.03,0.1`);
  const all = combinations(space);
  if ((grid ? all : trials) > mostTrials)
    throw new OptionError(
      `${grid ? `the grid has ${all} combinations` : `--trials ${trials}`}, more than ${mostTrials}`,
    );
  if (!(Number.isInteger(eta) && eta >= 2)) throw new OptionError(`--eta must be an integer of at least 2, got ${eta}`);
  if (epochs < 1) throw new OptionError("--epochs must be at least 1");
}

const combinations = (space: readonly Dimension[]): number =>
  space.reduce((n, dimension) => n * ("choices" in dimension ? dimension.choices.length : 1), 1);

/** The settings to try: a grid, or random draws, log-uniform for ranges that begin above 0. Duplicate draws are left out. */
export function trialsOf(search: Search): TrialSettings[] {
  const { space, trials, grid, seed } = search;
  const drawn: Record<string, unknown>[] = [];
  const seen = new Set<string>();
  const add = (values: Record<string, unknown>) => {
    const key = JSON.stringify(values);
    if (!seen.has(key)) drawn.push(values);
    seen.add(key);
  };
  if (grid)
    for (let i = 0; i < combinations(space); i++) {
      let rest = i;
      add(
        Object.fromEntries(
          space
            .toReversed()
            .map((dimension) => {
              const { choices } = dimension as Extract<Dimension, { choices: unknown }>;
              const value = choices[rest % choices.length];
              rest = Math.floor(rest / choices.length);
              return [dimension.name, value];
            })
            .reverse(),
        ),
      );
    }
  else
    for (let i = 0; drawn.length < trials && i < 20 * trials; i++)
      add(
        Object.fromEntries(
          space.map((dimension) => [dimension.name, draw(dimension, new Rng(seed, "tune", i, dimension.name))]),
        ),
      );
  return drawn.map((values, i) => {
    const own = Object.entries(values);
    const of = (settings: boolean) =>
      Object.fromEntries(own.filter(([name]) => settingNames.includes(name) === settings));
    return { number: i + 1, setting: of(true) as Setting, options: of(false) };
  });
}

function draw(dimension: Dimension, rng: Rng): unknown {
  if ("choices" in dimension) return dimension.choices[rng.int(dimension.choices.length)];
  const { low, high } = dimension;
  const value = low > 0 ? Math.exp(rng.uniform(Math.log(low), Math.log(high))) : rng.uniform(low, high);
  return Number(value.toPrecision(3));
}

/** A rung: how many trials, and for how many epochs. */
export interface Rung {
  readonly trials: number;
  readonly epochs: number;
}

/**
 * Successive halving (Jamieson and Talwalkar 2016; Hyperband's first bracket): the best 1/η of each rung advance, for η times the epochs, until
 * the last has all of them.
 */
export function rungsOf({ eta, epochs }: Pick<Search, "eta" | "epochs">, trials: number): Rung[] {
  let halvings = 0;
  while (eta ** (halvings + 1) <= trials && epochs / eta ** (halvings + 1) >= 1) halvings++;
  return Array.from({ length: halvings + 1 }, (_, k) => ({
    trials: Math.floor(trials / eta ** k),
    epochs: Math.max(1, Math.round(epochs / eta ** (halvings - k))),
  }));
}

/** The trials that advance: the best on validation; among equals those with the lower loss, then the first. Diverged trials come last. */
export function promoted(scores: readonly (readonly [number: number, score: Score | null])[], count: number): number[] {
  const done = ([, score]: (typeof scores)[number]) => Number(score !== null);
  return [...scores]
    .sort((a, b) => {
      const [one, other] = [a[1], b[1]];
      const order = one && other ? scoreOf(other) - scoreOf(one) || one.loss - other.loss : done(b) - done(a);
      return order || a[0] - b[0];
    })
    .slice(0, count)
    .map(([number]) => number);
}

/** A trial's settings with an effect: one without augmentation has no use for the rest of it that is searched. */
export const usedOf = (setting: Setting): Setting =>
  withoutOverruled(setting, setting.augment === false ? { augment: false } : {});

/** The plan of one trial in a rung: a comparison of one unit. @throws OptionError for invalid settings. */
export function planOf(search: Search, { setting, options: own }: TrialSettings, epochs: number): Plan {
  const { data, backbone, module, seed, threads } = search;
  const { name, options } = module;
  const plan = parsePlan(
    {
      data,
      backbones: [backbone],
      modules: [{ name, options: { ...options, ...own }, label: name }],
      seeds: [seed],
      settings: [usedOf(setting)],
      // Settings are for the whole search: the first rungs may be shorter than a warm-up.
      epochs: search.epochs,
      threads,
    },
    "tune",
  );
  return { ...plan, epochs };
}
