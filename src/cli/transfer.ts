import { modelWeights, toFloat64 } from "../engine.js";
import {
  createModelByName,
  type FeatureReport,
  freeze,
  loadState,
  type Module,
  OptionError,
  type RecognizedCheckpoint,
  type RunConfig,
  recognizeCheckpoint,
  type Tensor,
} from "../index.js";
import { classDifference, classifierInfo, className, classNames } from "../internal.js";
import { Linear, stateOf, walk } from "../nn.js";
import { readCheckpointFile } from "./inspect.js";
import { flagged } from "./run.js";
import { say, short } from "./terminal.js";

/** Flags of a training that begins with the weights of another. */
export interface TransferFlags {
  readonly weights?: string;
  readonly part?: string;
  readonly ignore?: string;
  readonly freeze?: "backbone";
  readonly freezeUntil?: string;
  readonly headLr?: number;
}

/** The network without attention modules: what a backbone's weights are for. */
const plainNetwork = ({ name, options }: RunConfig["model"]): Module =>
  createModelByName(name, { ...options, attention: "none" });

/** The path of the classifier: the last fully connected layer of the plain network. @throws OptionError if it has none. */
export function headOf(made: RunConfig["model"]): string {
  let head: string | undefined;
  walk(plainNetwork(made), {
    module: (path, part) => {
      if (part instanceof Linear) head = path;
    },
  });
  if (head === undefined)
    throw new OptionError(`${made.name} has no fully connected classifier to tell from its backbone`);
  return head;
}

/**
 * Loads weights into a network that may differ from theirs in two ways: it may have attention modules that they have not, and another
 * number of classes. Those parts keep their initial values. Returns the paths that came from the weights, the classifier left out.
 */
export async function startFrom(
  network: Module,
  { weights, part, ignore }: TransferFlags,
  made: RunConfig["model"],
  classes: readonly string[],
): Promise<string[]> {
  const file = await readCheckpointFile(weights!, part);
  const theirs = classNames(file.metadata);
  const given = modelWeights(file.tensors);
  const known = recognizeCheckpoint(given, file.metadata);
  const rename = known?.model === made.name ? known.rename : (key: string) => key;
  const head = headOf(made);
  const plain = new Set(stateOf(plainNetwork(made)).keys());
  const inserted = (key: string) => !plain.has(key);
  const sizes = new Map([...given].map(([key, { shape }]) => [rename(key), String(shape)]));
  const sameSize = String(stateOf(network).get(`${head}.weight`)!.shape) === sizes.get(`${head}.weight`);
  const order = theirs && sameSize ? orderOf(classes, theirs) : undefined;
  // Rows of other classes would be taken for those of these.
  const newHead = !sameSize || order === null;
  const difference = theirs && classDifference(theirs, classes);
  if (order)
    for (const [key, value] of given) if (rename(key).startsWith(`${head}.`)) given.set(key, rows(value, order));

  // Rows that fit in number only are not taken.
  if (newHead) for (const key of [...given.keys()]) if (rename(key).startsWith(`${head}.`)) given.delete(key);
  const skipped = ignore ? [new RegExp(ignore)] : [];
  const fits = { test: (key: string) => inserted(key) || (newHead && key.startsWith(`${head}.`)) };
  const { matched, missing, unexpected } = await flagged(
    `--weights ${weights}`,
    () => loadState(network, given, { ignore: [...skipped, fits], rename }),
    { ignorable: true, advice: known && otherForm(known, made) },
  );
  const fresh = missing.filter((key) => !key.endsWith("num_batches_tracked") && !key.startsWith(`${head}.`));
  say(
    [
      `weights from ${weights}${known ? ` (${known.family})` : ""}: ${matched.length} arrays loaded`,
      ...(fresh.length ? [`${fresh.length} new (${fresh[0]}, …)`] : []),
      ...(unexpected.length ? [`${unexpected.length} not used (${unexpected[0]}, …)`] : []),
      ...(newHead
        ? [
            `the classifier ${head} begins anew, for ${made.options.numClasses} classes${difference ? `: they differ, ${difference}` : ""}`,
          ]
        : []),
      ...(!newHead && !theirs ? ["its classes by position, as the weights name none"] : []),
    ].join(", "),
  );
  return matched.filter((key) => !key.startsWith(`${head}.`));
}

/** The flags that build a network of the weights' form, where they are of the same network in another one. */
function otherForm({ model, options }: RecognizedCheckpoint, made: RunConfig["model"]): string | undefined {
  if (model !== made.name) return undefined;
  const specs = classifierInfo(model).options as Readonly<Record<string, { readonly default: unknown }>>;
  const own = (name: string) => made.options[name] ?? specs[name]?.default;
  const flags = ["stem", "shortcut"].filter((name) => name in options && options[name] !== own(name));
  return flags.length
    ? `They are of ${[model, ...flags.map((name) => `--${name} ${options[name]}`)].join(" ")}`
    : undefined;
}

/** For each class, its row among `theirs`; null if they are not the same names. */
function orderOf(classes: readonly string[], theirs: readonly string[]): readonly number[] | null {
  const names = theirs.map(className);
  const order = classes.map((name) => names.indexOf(className(name)));
  return classes.length === theirs.length && !order.includes(-1) ? order : null;
}

/** The rows of a tensor in another order. */
function rows(value: Tensor, order: readonly number[]): Tensor {
  const { data, ...rest } = toFloat64(value);
  const width = data.length / order.length;
  const sorted = new Float64Array(data.length);
  order.forEach((from, to) => sorted.set(data.subarray(from * width, (from + 1) * width), to * width));
  return { ...rest, data: sorted };
}

/** The parameters to freeze by the flags, of a network whose `loaded` paths came from weights. */
export function pathsToFreeze(
  network: Module,
  { freeze: what, freezeUntil }: TransferFlags,
  loaded: readonly string[],
): string[] {
  const paths = [...stateOf(network)].flatMap(([path, param]) => (param.kind === "parameter" ? [path] : []));
  const frozen = new Set<string>();
  if (what === "backbone") {
    if (loaded.length === 0)
      throw new OptionError("--freeze backbone freezes what --weights brought; say --weights FILE");
    for (const path of loaded) if (paths.includes(path)) frozen.add(path);
  }
  if (freezeUntil !== undefined) {
    const end = paths.findIndex((path) => path === freezeUntil || path.startsWith(`${freezeUntil}.`));
    if (end <= 0)
      throw new OptionError(
        `--freeze-until ${freezeUntil}: no parameter's path begins so; they begin ${[...new Set(paths.map((p) => p.split(".")[0]))].join(", ")}`,
      );
    for (const path of paths.slice(0, end)) frozen.add(path);
  }
  return [...frozen];
}

/** Freezes exactly these parameters. */
export function freezePaths(network: Module, paths: readonly string[]): void {
  const frozen = new Set(paths);
  freeze(network, (path) => frozen.has(path));
}

/** Which images' features are computed once, and why those of the training are not. */
export function featuresText({ training, validation }: FeatureReport): string {
  const kept = Object.entries({ training, validation }).filter(([, plan]) => plan?.reason === null);
  const bytes = kept.reduce((n, [, plan]) => n + (plan?.bytes ?? 0), 0);
  const images = kept.map(([name, plan]) => `${plan?.images} ${name}`).join(" and ");
  return [
    ...(kept.length ? [`features of the ${images} images are computed once (${short(bytes)}B)`] : []),
    ...(training.reason === null ? [] : [`training runs frozen parts in every epoch: ${training.reason}`]),
  ].join("; ");
}
