import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, unknownName } from "../core/errors.js";
import * as schemas from "../core/schema.js";
import { modelWeights } from "../engine.js";
import {
  type Alignment,
  alignClasses,
  type Checkpoint,
  createModelByName,
  type Dataset,
  FormatError,
  FoveaError,
  imagenetClasses,
  loadRun,
  loadState,
  type Module,
  modelInfo,
  type Normalization,
  normalizations,
  type OpenedDataset,
  type OpenOptions,
  OptionError,
  type Preprocessing,
  type RecognizedCheckpoint,
  type RunConfig,
  recognizeCheckpoint,
  type SkippedFile,
  WeightsError,
} from "../index.js";
import {
  alignmentNotes,
  buildNetwork,
  classNames,
  makeFolder,
  models,
  pretrainedOf,
  type TaskRecord,
  taskRecordSchema,
  withClasses,
} from "../internal.js";
import { type InputFlags, type ModelFlags, modelOptions, optional, type WeightsFlags } from "./arguments.js";
import { type FlagsOf, flag, flagList } from "./flags.js";
import { readCheckpointFile } from "./inspect.js";
import { pretrainedBy } from "./pretrained.js";
import { type TaskName, taskOfRun } from "./tasks.js";
import { say, shellQuote } from "./terminal.js";

/** A network ready to use, and what is known about its input and classes. */
export interface LoadedModel {
  readonly model: Module;
  readonly name: string;
  /** What it predicts. */
  readonly task: TaskName;
  /** How it was trained for that, if it is known. */
  readonly taskRecord?: TaskRecord;
  /** The options that build it. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The module inserted afterwards. */
  readonly insert?: RunConfig["model"]["insert"];
  readonly classes: readonly string[] | null;
  /** Class names if the weights have none: ImageNet's, if there are 1000. */
  readonly usualNames?: readonly string[];
  readonly preprocessing: Preprocessing | null;
  /** Height and width of the input. */
  readonly imageSize: number;
  /** How the run split its data, so that no training image is used for validation. */
  readonly division: Pick<
    OpenOptions,
    "seed" | "validationSplit" | "testSplit" | "measure" | "classNames" | "ignoreLabel"
  >;
  /** The normalization of the weights' authors, if known. */
  readonly normalization?: Normalization;
}

/** At most this many are named; the rest are counted. */
const mostNamed = 100;

/** Reports which files, or rows of a CSV file, were not used, and why. */
export function saySkipped(skipped: readonly SkippedFile[]): void {
  for (const { file, reason } of skipped.slice(0, mostNamed)) say(`skipped ${file}: ${reason}`);
  if (skipped.length > 1)
    say(
      `${skipped.length.toLocaleString("en-US")} skipped in total${skipped.length > mostNamed ? `, the first ${mostNamed} listed` : ""}`,
    );
}

/** A data set with its labels in the order of the network's classes, by name; reports what does not match. */
export function aligning(dataset: Dataset, { classes }: Pick<LoadedModel, "classes">): Alignment {
  if (!classes) {
    say("the weights do not name their classes: using the data's classes in alphabetical order");
    return { dataset, unknown: [], missing: [], leftOut: 0 };
  }
  const aligned = alignClasses(dataset, classes);
  for (const note of alignmentNotes(aligned)) say(note);
  return aligned;
}

/** Flags that hold out images of a folder. */
export const splitFlags = flagList(
  flag(
    "--val-split <share>",
    "validation share of a folder without train/ and val/ (default: 0.2)",
    schemas.properShare,
  ),
  flag(
    "--test-split <share>",
    "test share, measured once at the end, of a folder without test/ (default: none)",
    schemas.share,
  ),
);
export type SplitFlags = FlagsOf<typeof splitFlags>;

/** @throws OptionError for a share that was requested, but not held out. */
export function requireSplits(source: string, { kind, setAside = {} }: OpenedDataset, flags: SplitFlags): void {
  for (const [flag, share, used] of [
    ["val-split", flags.valSplit, setAside.validation],
    ["test-split", flags.testSplit, setAside.test],
  ] as const)
    if (share && used === undefined)
      throw new OptionError(
        `--${flag} has no effect: ${kind === "folder" ? `the folders of ${source} define its splits` : kind === "labels" ? `a column of its CSV file defines the splits of ${source}` : `${source} is ${kind}, which has fixed splits`}`,
      );
}

/** Whether a command's argument is a run folder; otherwise it is a network's name. */
async function isRun(path: string): Promise<boolean> {
  const exists = await stat(path).then(
    () => true,
    () => false,
  );
  if (!exists && /[/\\]/.test(path)) throw new OptionError(`${path}: no such run folder`);
  if (!exists && !models.has(path)) throw unknownName("run folder or network", path, models.keys());
  if (exists && !(await stat(path)).isDirectory())
    throw new OptionError(`${path} is a file: name its run folder, or a network with --weights ${shellQuote(path)}`);
  return exists;
}

/** The network with its attention modules, built in and inserted: `resnet20 + se + cbam`. */
export function networkTitle({ name, options, insert }: RunConfig["model"]): string {
  const { attention } = options as { attention?: readonly [name: string, options: unknown] | null };
  return [name, attention?.[0], insert?.attention].filter(Boolean).join(" + ");
}

/** What a command's argument names: a run folder, or a network whose weights are in a file. */
export async function loadModel(
  runOrModel: string,
  flags: Omit<ModelFlags, "model"> & WeightsFlags,
): Promise<LoadedModel> {
  if (!(await isRun(runOrModel))) return loadNamed(runOrModel, flags);
  const { weights, part, ignore } = flags;
  const { attention, attentionOptions, classes, stem, shortcut, modelOptions: more } = flags;
  const { pretrained } = flags;
  const built = {
    attention,
    "attention-options": attentionOptions,
    classes,
    stem,
    shortcut,
    "model-options": more,
    pretrained,
  };
  for (const [flag, value] of Object.entries(built))
    if (value !== undefined)
      throw new OptionError(`--${flag} is for a network by name; ${runOrModel} is a run, which has its network`);
  const own = weights === undefined || weights === "best" || weights === "last" ? weights : undefined;
  for (const [flag, value] of Object.entries({ part, ignore }))
    if (value !== undefined && own === weights)
      throw new OptionError(`--${flag} is for --weights FILE; ${runOrModel} has its own weights`);
  const trained =
    own === weights
      ? await flagged(join(runOrModel, `${own ?? "best"}.safetensors`), () => loadRun(runOrModel, { weights: own }))
      : await withWeights(flags, ({ tensors, metadata }) => loadRun(runOrModel, { weights: { tensors, metadata } }));
  const { model: made, preprocessing, data, training } = trained.config;
  const { task: _, ...network } = trained;
  return {
    ...network,
    name: made.name,
    task: taskOfRun(trained.config),
    ...optional("taskRecord", trained.config.task),
    options: made.options,
    ...optional("insert", made.insert),
    imageSize: preprocessing.imageSize,
    division: {
      measure: data.classes,
      seed: training.seed,
      ...optional("validationSplit", data.validationSplit),
      ...optional("testSplit", data.testSplit),
      ...optional("classNames", data.classNames),
      ...optional("ignoreLabel", data.ignoreLabel),
    },
  };
}

/** How images become inputs: as in the run's training, otherwise as `usual` and the weights' authors say; flags override both. */
export function preprocessingOf(
  { preprocessing, normalization }: LoadedModel,
  usual: Preprocessing,
  { imageSize, normalize }: InputFlags,
): Preprocessing {
  return {
    ...usual,
    ...(imageSize === undefined
      ? preprocessing
      : preprocessing && { mean: preprocessing.mean, std: preprocessing.std }),
    ...normalization,
    ...(normalize ? normalizations[normalize] : {}),
  };
}

/**
 * A network by its catalogue name with the weights of a file. A checkpoint of a known family supplies its own options (number of classes,
 * shortcuts, attention), parameter names and normalization; flags override them.
 */
async function loadNamed(name: string, flags: Omit<ModelFlags, "model"> & WeightsFlags): Promise<LoadedModel> {
  const spec = modelInfo(name);
  const published = await pretrainedBy(name, flags);
  const imageSize = published?.preprocessing.imageSize ?? spec.input[1];
  const weights = published?.source ?? flags.weights;
  if (!weights)
    throw new OptionError(
      `${name} is a network, not a run folder: add --weights FILE${pretrainedOf(name).length ? ", or --pretrained" : ""}`,
    );
  return withWeights({ ...flags, weights }, (file) => {
    const { tensors, metadata } = published ? withClasses(file, published) : file;
    const known = recognizeCheckpoint(tensors, metadata);
    const own = known?.model === name ? known : undefined;
    const asked = Object.fromEntries(
      Object.entries(modelOptions({ model: name, ...flags })).filter(([, value]) => value !== null),
    );
    const options = { ...own?.options, ...published?.options, ...asked };
    const written = { name, options, ...optional("insert", own?.insert) };
    const network = own?.insert ? buildNetwork(written, { imageSize }) : createModelByName(name, options);
    loadState(network, tensors, own ? { rename: own.rename } : {});
    const loaded = named(network, written, { own, metadata, imageSize });
    return published ? { ...loaded, preprocessing: published.preprocessing } : loaded;
  });
}

/**
 * The task that a file of weights, or an exported network, was trained for. Other programs have words under that key.
 *
 * @throws FormatError for a record that is not one.
 */
export function taskRecordIn({ task }: Readonly<Record<string, string>>, file = "the weights"): TaskRecord | undefined {
  if (!task?.startsWith("{")) return undefined;
  const record = schemas.parseJson(task, `${file}: task`);
  schemas.check(file, "task", taskRecordSchema, record, FormatError);
  return record as TaskRecord;
}

function named(
  model: Module,
  written: RunConfig["model"],
  {
    own,
    metadata,
    imageSize,
  }: {
    readonly own: RecognizedCheckpoint | undefined;
    readonly metadata: Checkpoint["metadata"];
    readonly imageSize: number;
  },
): LoadedModel {
  const classes = classNames(metadata) ?? null;
  const taskRecord = taskRecordIn(metadata);
  return {
    model,
    task: taskRecord?.name ?? modelInfo(written.name).task,
    ...optional("taskRecord", taskRecord),
    ...written,
    classes,
    preprocessing: null,
    imageSize,
    division: { measure: classes ?? [] },
    ...(own && written.options.numClasses === imagenetClasses.length ? { usualNames: imagenetClasses } : {}),
    ...(own?.normalization ? { normalization: own.normalization } : {}),
  };
}

/**
 * Loads the weights that flags name into a network. Nothing may keep its initial value, so only keys that the network does not have
 * are ignored, and reported.
 */
async function withWeights<T>(
  { weights, part, ignore }: WeightsFlags,
  load: (file: Pick<Checkpoint, "tensors" | "metadata">) => T | Promise<T>,
): Promise<T> {
  const what = `--weights ${weights}`;
  const { tensors: all, metadata } = await readCheckpointFile(weights!, part);
  const tensors = modelWeights(all);
  const pattern = ignore === undefined ? undefined : new RegExp(ignore);
  try {
    const loaded = await load({ tensors, metadata });
    if (pattern) throw new OptionError(`--ignore ${ignore}: all keys of ${weights} fit; leave it out`);
    return loaded;
  } catch (error) {
    if (!(error instanceof WeightsError)) throw namedAs(error, what);
    const { missing, unexpected, wrongShape } = error.report;
    const left = new Set(unexpected.filter((key) => pattern?.test(key)));
    const only = missing.length + wrongShape.length === 0;
    if (left.size === 0) return flagged(what, () => Promise.reject(error), { ignorable: only });
    const rename = recognizeCheckpoint(tensors, metadata)?.rename ?? ((key: string) => key);
    const kept = new Map([...tensors].filter(([key]) => !left.has(key) && !left.has(rename(key))));
    const loaded = await flagged(what, () => load({ tensors: kept, metadata }), { ignorable: only });
    const some = [...left].slice(0, 4).join(", ");
    const keys = left.size === 1 ? `1 key of ${weights} is` : `${left.size} keys of ${weights} are`;
    say(`${keys} not used: ${some}${left.size > 4 ? ", …" : ""}`);
    return loaded;
  }
}

/** Loads weights; errors name where they are from, and speak of flags. `ignorable`: there is one for parts that need not fit. */
export async function flagged<T>(
  what: string,
  load: () => T | Promise<T>,
  { ignorable = false, advice }: { readonly ignorable?: boolean; readonly advice?: string | undefined } = {},
): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (!(error instanceof WeightsError)) throw namedAs(error, what);
    const [first] = error.patterns.length > 1 ? [`(${error.patterns.join("|")})`] : error.patterns;
    if (advice) throw new FormatError(`${what}: ${error.misfit}. ${advice}`);
    const ignore = ignorable && first ? `To keep these parts unchanged: --ignore '${first}'. ` : "";
    throw new FormatError(`${what}: ${error.misfit}. ${ignore}\`fovea inspect\` says which network it belongs to`);
  }
}

/** An error of `loadWeights` as one about its source. */
function namedAs(error: unknown, what: string): unknown {
  const own = "loadWeights: ";
  const { message } = error as Error;
  return error instanceof FoveaError && message.startsWith(own)
    ? new FoveaError(`${what}: ${message.slice(own.length)}`)
    : error;
}

/** Creates the first of `name`, `name-2`, `name-3`, … in `parent` that does not exist: two trainings started at once get two folders. */
export async function freshFolder(parent: string, name: string): Promise<string> {
  await makeFolder(parent);
  for (let i = 1; ; i++) {
    const path = join(parent, i === 1 ? name : `${name}-${i}`);
    try {
      await mkdir(path);
      return path;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST")
        throw new FoveaError(`cannot create ${path}: ${messageOf(error)}`);
    }
  }
}
