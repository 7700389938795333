import { modelWeights } from "../engine.js";
import {
  type Checkpoint,
  type FeatureReport,
  freeze,
  freezeUntil,
  loadPretrained,
  type Module,
  OptionError,
  type PretrainedWeights,
  type RunConfig,
  recognizeCheckpoint,
} from "../index.js";
import { classifierInfo, startSettings, withClasses } from "../internal.js";
import { jsonObject, partFlag, pattern, pretrainedFlag } from "./arguments.js";
import { type FlagsOf, flag, flagList, settingFlags } from "./flags.js";
import { readCheckpointFile } from "./inspect.js";
import { flagged } from "./run.js";
import { say, short } from "./terminal.js";

/** Flags for training that starts from other weights. */
export const transferFlags = flagList(
  ...settingFlags(startSettings),
  pretrainedFlag,
  partFlag,
  flag(
    "--ignore <pattern>",
    "keys of --weights (and of the network) that may differ, a regular expression such as '^fc\\.'",
    pattern,
  ),
  flag("--insert <name>", "insert an attention module into every block of the network, starting as the identity"),
  flag("--insert-options <json>", "options of the inserted module", jsonObject),
);
export type TransferFlags = FlagsOf<typeof transferFlags>;

/**
 * Loads the weights that --weights names, or `published` ones, and reports what was loaded. Returns the parameters loaded, without
 * the classifier.
 */
export async function startFrom(
  network: Module,
  { weights, part, ignore }: TransferFlags,
  published: PretrainedWeights | undefined,
  { model: made, data: { classes } }: RunConfig,
): Promise<readonly string[]> {
  const read = await readCheckpointFile(published?.source ?? weights!, part);
  const file = published ? withClasses(read, published) : read;
  const report = await flagged(
    `--weights ${weights}`,
    () => loadPretrained(network, file, { classes, ignore: ignore ? [new RegExp(ignore)] : [] }),
    { ignorable: true, advice: otherForm(file, made) },
  );
  const { family, loaded, fresh, head, headFrom, classDifference: difference } = report;
  say(
    [
      `weights from ${weights}${family ? ` (${family})` : ""}: ${loaded.length} arrays loaded`,
      ...(fresh.length ? [`${fresh.length} new (${fresh[0]}, …)`] : []),
      ...(report.unused.length ? [`${report.unused.length} not used (${report.unused[0]}, …)`] : []),
      ...(headFrom === null
        ? [
            `the classifier ${head} starts fresh, for ${classes.length} classes${difference ? `: they differ, ${difference}` : ""}`,
          ]
        : []),
      ...(headFrom === "positions" ? ["its classes by position, as the weights do not name them"] : []),
    ].join(", "),
  );
  return report.backbone;
}

/** The flags that build the weights' variant of the network, if they belong to another variant of it. */
function otherForm({ tensors, metadata }: Checkpoint, made: RunConfig["model"]): string | undefined {
  const known = recognizeCheckpoint(modelWeights(tensors), metadata);
  if (known?.model !== made.name) return undefined;
  const { model, options } = known;
  const specs = classifierInfo(model).options as Readonly<Record<string, { readonly default: unknown }>>;
  const own = (name: string) => made.options[name] ?? specs[name]?.default;
  const flags = ["stem", "shortcut"].filter((name) => name in options && options[name] !== own(name));
  return flags.length
    ? `They belong to ${[model, ...flags.map((name) => `--${name} ${options[name]}`)].join(" ")}`
    : undefined;
}

/** Freezes by the flags, of a network whose `backbone` came from weights. Returns the paths of what is frozen. */
export function freezeByFlags(
  network: Module,
  { freeze: what, freezeUntil: until }: TransferFlags,
  backbone: readonly string[],
): string[] {
  if (what === "backbone" && backbone.length === 0)
    throw new OptionError("--freeze backbone freezes what --weights loads; add --weights FILE, or --pretrained");
  const frozen = new Set(what === "backbone" ? backbone : []);
  if (until !== undefined) for (const path of flaggedUntil(network, until)) frozen.add(path);
  freezePaths(network, [...frozen]);
  return [...frozen];
}

function flaggedUntil(network: Module, path: string): readonly string[] {
  try {
    return freezeUntil(network, path);
  } catch (error) {
    throw error instanceof OptionError
      ? new OptionError(error.message.replace(/^freezeUntil: /, `--freeze-until ${path}: `))
      : error;
  }
}

/** Freezes exactly these parameters. */
export function freezePaths(network: Module, paths: readonly string[]): void {
  const frozen = new Set(paths);
  freeze(network, (path) => frozen.has(path));
}

/** Which images' features are computed once, and why training's are not. */
export function featuresText({ training, validation }: FeatureReport): string {
  const kept = Object.entries({ training, validation }).filter(([, plan]) => plan?.reason === null);
  const bytes = kept.reduce((n, [, plan]) => n + (plan?.bytes ?? 0), 0);
  const images = kept.map(([name, plan]) => `${plan?.images} ${name}`).join(" and ");
  return [
    ...(kept.length ? [`features of the ${images} images are computed once (${short(bytes)}B)`] : []),
    ...(training.reason === null ? [] : [`training runs frozen parts in every epoch: ${training.reason}`]),
  ].join("; ");
}
