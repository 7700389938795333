import { attentionModules } from "../attention/index.js";
import { OptionError, unknownName } from "../core/errors.js";
import {
  seed as anySeed,
  settings as anySettings,
  by,
  check,
  either,
  epochCount,
  options as fields,
  flag,
  imageSize,
  isObject,
  list,
  maybe,
  oneOf,
  orNull,
  properShare,
  type Schema,
  text,
  that,
  threadCount,
  whole,
} from "../core/schema.js";
import {
  type ComparedTaskName,
  comparedTaskNames,
  hasTargets,
  type MainScore,
  mainScoreOf,
  networksFor,
  unfitSettings,
} from "../core/tasks.js";
import { augmentedBy } from "../data/index.js";
import { isGenerated } from "../data/shapes.js";
import { models } from "../models/index.js";
import {
  optimizers,
  type RecipeSettings,
  recipeFields,
  recipeNamed,
  requireEffect,
  scheduleBy,
  withoutOverruled,
} from "../train/index.js";
import { comparedTasks } from "./tasks.js";

/** Which images are used, and how they are split. Validation makes choices; the test images are measured once. */
export interface PlanData {
  /** A folder, `shapes` or `shapes-free`. */
  readonly source: string;
  /** Number of training images. Default: all that remain. */
  readonly images?: number;
  /** Number of test images. Default: all. */
  readonly testImages?: number;
  /** Share of the training images held out for validation if the data has only two splits; the second is then the test set. Default 0.2. */
  readonly validation?: number;
  readonly imageSize?: number;
  /** What networks learn. Default: what the networks of the plan are for. */
  readonly task?: ComparedTaskName;
  /** For multi-label and regression: the CSV file, and its columns to learn, like the options of `openDataset`. */
  readonly labelsFile?: string;
  readonly targets?: readonly string[];
  /** For segmentation: class names, and the value of ignored pixels, like the options of `openDataset`. */
  readonly classNames?: readonly string[];
  readonly ignoreLabel?: number | null;
  /** Where the objects in the test images are: a folder of masks, or boxes in COCO JSON or CSV. Does not affect training. */
  readonly masks?: string;
}

/** A network or module by name, with options. */
export interface Named {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** Its name in tables. */
  readonly label: string;
  /** How it alone is trained: what it has here comes before the plan's settings. */
  readonly training?: Setting;
}

/** One way to train. All entrants are trained in each. */
export interface Setting extends RecipeSettings {
  /** A named recipe, from which the other settings differ. Its epochs are the plan's. */
  readonly recipe?: string;
  /** Whether images are changed at random. Default true. */
  readonly augment?: boolean;
}

/** A setting with what its recipe says filled in. @throws OptionError for a recipe that is none. */
export function settled({ recipe, ...own }: Setting): Omit<Setting, "recipe"> {
  if (recipe === undefined) return own;
  const { epochs: _, ...flags } = recipeNamed(recipe).flags;
  return { ...withoutOverruled<Setting>(flags, own), ...own };
}

/** A setting of a plan with what an entrant has of its own over it. */
export function settledFor(setting: Setting, training: Setting = {}): Omit<Setting, "recipe"> {
  const own = settled(training);
  return { ...withoutOverruled(settled(setting), own), ...own };
}

/** What all entrants get the same amount of. */
export const budgets = ["epochs", "steps", "macs", "seconds"] as const;
export type Budget = (typeof budgets)[number];

/** The design of a comparison, as plain data. */
export interface Plan {
  readonly data: PlanData;
  readonly backbones: readonly Named[];
  /** What is compared. The first is the baseline. */
  readonly entrants: readonly Named[];
  readonly seeds: readonly number[];
  readonly settings: readonly Setting[];
  /** Epochs of the baseline; the others get as much of the budget. */
  readonly epochs: number;
  readonly budget: Budget;
  /** Threads of each unit. Another number may round differently. */
  readonly threads: number;
}

/** A plan as it is written: short forms, and defaults where nothing is said. */
interface WrittenPlan {
  readonly data: string | PlanData;
  readonly backbones?: readonly (string | WrittenName)[];
  readonly modules: readonly (string | WrittenName)[];
  readonly seeds?: number | readonly number[];
  readonly settings?: readonly Setting[];
  readonly epochs?: number;
  readonly budget?: Budget;
  readonly threads?: number;
}

interface WrittenName {
  readonly name: string;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly label?: string;
  readonly training?: Setting;
}

const most = { seeds: 1000, units: 100_000 } as const;

const pickedMaskFields = {
  classNames: maybe(list(text, "a list of class names", 1)),
  ignoreLabel: maybe(orNull(whole(0, 65_535))),
};
const dataSchema = fields<PlanData>(
  {
    source: text,
    images: maybe(whole(1)),
    testImages: maybe(whole(1)),
    validation: maybe(properShare),
    imageSize: maybe(imageSize),
    task: maybe(oneOf(...comparedTaskNames)),
    labelsFile: maybe(text),
    targets: maybe(list(text, "a list of columns", 1)),
    ...pickedMaskFields,
    masks: maybe(text),
  },
  "the name of a data set, or an object with its source",
);
const settingSchema = fields<Setting>({ ...recipeFields, recipe: maybe(text), augment: maybe(flag) });
const namedSchema = fields<WrittenName>(
  { name: text, options: maybe(anySettings), label: maybe(text), training: maybe(settingSchema) },
  "a name, or { name, options, label, training }",
);
const bareName = that<string | WrittenName>(
  "a name, or { name, options, label, training }",
  (x) => typeof x === "string",
);
const named = by<string | WrittenName>((given) => (isObject(given) ? namedSchema : bareName));
const planSchema: Schema<WrittenPlan> = fields<WrittenPlan>(
  {
    data: either<string | PlanData>(
      "the name of a data set, or { source, images, … }",
      text as never,
      dataSchema as never,
    ),
    backbones: maybe(list(named, "a list of networks", 1)),
    modules: list(named, "a list of modules", 1),
    seeds: maybe(
      either<number | number[]>(
        `how many seeds, 1 to ${most.seeds}, or a list of them`,
        whole(1, most.seeds) as never,
        list(anySeed, "a list of seeds", 1) as never,
      ),
    ),
    settings: maybe(list(settingSchema, "a list of settings", 1)),
    epochs: maybe(epochCount),
    budget: maybe(oneOf(...budgets)),
    threads: maybe(threadCount),
  },
  "a plan, such as { data, modules, seeds, epochs }",
);

/** Entrants other than modules: the plain network, and controls. `wide` is widened to the parameters of the entrant that `as` names. */
export const controls = ["none", "placebo", "wide"] as const;

/**
 * Reads a plan: defaults filled in, short forms written out.
 *
 * @param where its name in messages
 * @throws OptionError that names the field, what it must be and what it is.
 */
export function parsePlan(written: unknown, where = "plan"): Plan {
  check(where, "", planSchema, written);
  const given = written as WrittenPlan;
  const { seeds = 3, settings = [{}], epochs = 10, budget = "epochs", threads = 1 } = given;
  const plan: Plan = {
    data: typeof given.data === "string" ? { source: given.data } : given.data,
    backbones: (given.backbones ?? ["resnet20"]).map(longForm),
    entrants: given.modules.map(longForm),
    seeds: typeof seeds === "number" ? Array.from({ length: seeds }, (_, seed) => seed) : seeds,
    settings,
    epochs,
    budget,
    threads,
  };
  for (const [i, { name }] of plan.backbones.entries()) {
    const spec = models.get(name);
    if (!spec) throw inField(where, `backbones[${i}]`, unknownName("model", name, models.keys()));
    const { task } = models.get(plan.backbones[0]!.name)!;
    if (spec.task !== task)
      throw new OptionError(
        `${where}: ${name} is a ${spec.task} network, ${plan.backbones[0]!.name} one for ${task}; a comparison has one task`,
      );
  }
  requireFitting(where, plan);
  for (const [i, { name, options }] of plan.entrants.entries()) {
    if (!isEntrant(name))
      throw inField(where, `modules[${i}]`, unknownName("module", name, [...attentionModules.keys(), ...controls]));
    if (name === "wide") {
      const { as } = options;
      if (as !== undefined && !plan.entrants.some(({ label, name: other }) => label === as && other !== "wide"))
        throw new OptionError(`${where}: wide should match ${JSON.stringify(as)}, which is not one of the modules`);
      if (!plan.entrants.some((other) => other.name !== "wide" && other.name !== "none"))
        throw new OptionError(`${where}: wide needs another module whose parameters it matches`);
    }
  }
  // What an entrant is trained with is its own settings over the plan's: together they must be sound.
  const trained = plan.entrants.map(({ training }, i) => [`modules[${i}].training`, training] as const);
  for (const [i, setting] of plan.settings.entries())
    requireSound(`${where}: settings[${i}]`, () => settledFor(setting), plan);
  for (const [field, training] of trained)
    if (training)
      for (const setting of plan.settings)
        requireSound(`${where}: ${field}`, () => settledFor(setting, training), plan);
  if (plan.backbones.some(({ training }) => training))
    throw new OptionError(`${where}: training is of modules; what all of them have belongs to settings`);
  requireOnce(
    where,
    "backbones",
    plan.backbones.map(({ label }) => label),
  );
  requireOnce(
    where,
    "modules",
    plan.entrants.map(({ label }) => label),
  );
  requireOnce(where, "seeds", plan.seeds.map(String));
  requireOnce(where, "settings", plan.settings.map(canonical));
  const units = plan.backbones.length * plan.entrants.length * plan.seeds.length * plan.settings.length;
  if (units > most.units)
    throw new OptionError(
      `${where}: ${units.toLocaleString("en-US")} units, more than ${most.units.toLocaleString("en-US")}`,
    );
  return plan;
}

/** @throws OptionError for data of another task. */
function requireFitting(where: string, plan: Plan): void {
  const { source, labelsFile, targets, classNames, ignoreLabel, masks } = plan.data;
  const [task, { name }] = [taskOfPlan(plan), plan.backbones[0]!];
  const networks = networksFor(task);
  if (models.get(name)!.task !== networks)
    throw new OptionError(`${where}: ${name} is not a ${networks} network, which the task ${task} needs`);
  const refuse = (fields: object, why: string) => {
    const [given] = Object.entries(fields).filter(([, value]) => value !== undefined);
    if (given) throw new OptionError(`${where}: data.${given[0]} ${why}`);
  };
  if (!hasTargets(task)) refuse({ labelsFile, targets }, `is for multi-label and regression; the task is ${task}`);
  else {
    refuse({ classNames, ignoreLabel }, `is for segmentation; the task is ${task}`);
    if (isGenerated(source)) refuse({ labelsFile, targets }, `is for files; ${source} is generated`);
  }
  if (!comparedTasks[task].looks) refuse({ masks }, `is for classification; the task is ${task}`);
}

/** @throws OptionError for settings that do not go together, or do not fit the task. */
function requireSound(where: string, merged: () => Omit<Setting, "recipe">, plan: Plan): void {
  const { epochs } = plan;
  try {
    const all = merged();
    const task = taskOfPlan(plan);
    const unfit = unfitSettings[task].names.find((name) => all[name]);
    if (unfit) throw new OptionError(`${unfit} ${unfitSettings[task].why}; the task is ${task}`);
    requireEffect(all, epochs);
    augmentedBy(all.augment === false ? null : { crop: null, flip: false }, all);
    scheduleBy(all, epochs);
    if (all.optimizer) optimizers[all.optimizer](all.optimizerOptions);
  } catch (error) {
    throw error instanceof OptionError ? new OptionError(`${where}: ${error.message}`) : error;
  }
}

const inField = (where: string, field: string, { message }: Error) => new OptionError(`${where}: ${field}: ${message}`);

/** What the networks of a plan learn. */
export const taskOfPlan = ({ data, backbones }: Pick<Plan, "data" | "backbones">): ComparedTaskName =>
  data.task ?? models.get(backbones[0]!.name)!.task;

/** The score by which a plan's networks are compared. */
export const scoreOfPlan = (plan: Pick<Plan, "data" | "backbones">): MainScore => mainScoreOf[taskOfPlan(plan)];

/** A plan from the text of a file. @throws OptionError if it is not a plan. */
export function readPlan(json: string, file: string): Plan {
  let written: unknown;
  try {
    written = JSON.parse(json);
  } catch (error) {
    throw new OptionError(`${file} is not JSON (${(error as Error).message})`);
  }
  return parsePlan(written, file);
}

/** A plan as it is written down: what {@link parsePlan} reads. */
export const writtenPlan = ({ entrants, ...plan }: Plan): object => ({ ...plan, modules: entrants });

const isEntrant = (name: string) =>
  (controls as readonly string[]).includes(name) || attentionModules.get(name)?.kind === "gate";

function longForm(given: string | WrittenName): Named {
  if (typeof given !== "string") {
    const { name, options = {}, training, label = labelOf(name, { ...options, ...training }) } = given;
    return { name, options, label, ...(training && { training }) };
  }
  if (given === "placebo-random") return { name: "placebo", options: { gate: "random" }, label: given };
  return { name: given, options: {}, label: given };
}

/** `se reduction=8` */
function labelOf(name: string, options: Readonly<Record<string, unknown>>): string {
  const parts = Object.entries(options).map(
    ([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return [name, ...parts].join(" ");
}

function requireOnce(where: string, what: string, values: readonly string[]): void {
  const twice = values.find((value, i) => values.indexOf(value) !== i);
  if (twice !== undefined) throw new OptionError(`${where}: ${what} names ${twice} twice`);
}

/** JSON with the keys in order: equal for equal values. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner) =>
    isObject(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}
