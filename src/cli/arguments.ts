import { availableParallelism } from "node:os";
import { InvalidArgumentError } from "commander";
import { messageOf } from "../core/errors.js";
import * as schemas from "../core/schema.js";
import {
  type AttentionChoice,
  createModelByName,
  type Engine,
  FoveaError,
  type Module,
  normalizations,
  OptionError,
  ortEngine,
} from "../index.js";
import { enginePrecisions, testTimeKinds } from "../internal.js";
import { deviceFlags, gpuEngine, inFlags, type SettledDevice } from "./device.js";
import { type FlagsOf, flag, flagList, within } from "./flags.js";
import { cachedTuning, thisMachine } from "./tuning.js";

export const count = schemas.whole(1, 1_000_000);

/** A regular expression, kept as text so that it can be stored. */
export function pattern(text: string): string {
  try {
    new RegExp(text);
  } catch {
    throw new InvalidArgumentError("must be a regular expression, such as '^fc\\.'.");
  }
  return text;
}

/** A comma-separated list of epochs. */
export const epochList = (text: string): number[] => text.split(",").map(within(schemas.whole(0, schemas.most.epochs)));

/** `3x224x224` */
export function inputSize(text: string): readonly [number, number, number] {
  const sizes = text.split("x").map(Number);
  if (sizes.length !== 3 || sizes.some((n) => schemas.misfit(schemas.imageSize, n) !== undefined))
    throw new InvalidArgumentError(`must look like 3x224x224, each from 1 to ${schemas.most.imageSize}.`);
  return sizes as [number, number, number];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidArgumentError(`must be JSON, such as '{"reduction":8}'.`);
  }
}

/** A JSON object. */
export function jsonObject(text: string): Record<string, unknown> {
  const value = json(text);
  if (!isObject(value)) throw new InvalidArgumentError("must be a JSON object.");
  return value;
}

/** Options of a module in every stage: one JSON object for all, or a list with an object per stage, null for no module. */
export function stageOptions(text: string): StageOptions {
  const value = json(text);
  if (isObject(value)) return value;
  const perStage = Array.isArray(value) && value.length > 0 ? (value as unknown[]) : undefined;
  if (!perStage?.every((one): one is Record<string, unknown> | null => one === null || isObject(one)))
    throw new InvalidArgumentError("must be a JSON object, or a list with an object or null per stage.");
  return perStage;
}

type StageOptions = Readonly<Record<string, unknown>> | readonly (Readonly<Record<string, unknown>> | null)[];

/** Flags that say how to build a network. */
export const buildFlags = flagList(
  flag("--attention <name>", "attention module for every block, see `fovea list`"),
  flag(
    "--attention-options <json>",
    `options of the attention module, such as '{"reduction":8}', or a list, one per stage (null: none there)`,
    stageOptions,
  ),
  flag("--stem <kind>", "first layers of a residual network: imagenet (7×7, pooling) or cifar (3×3)"),
  flag("--shortcut <kind>", "shortcuts where a residual network changes shape: projection or identity (option A)"),
  flag(
    "--model-options <json>",
    `more options of the network, see \`fovea list NAME\`, such as '{"decoderAttention":"none"}'`,
    jsonObject,
  ),
);

/** Flags that select a network. */
export interface ModelFlags extends FlagsOf<typeof buildFlags> {
  readonly model: string;
  readonly classes?: number;
}

const modelHelp = "network, see `fovea list`";
export const modelFlag = flag("--model <name>", modelHelp);

/** The flag that names a network, and those that say how to build it. */
export const modelFlags = flagList(flag("--model <name>", modelHelp, schemas.text, "resnet20"), ...buildFlags);
export const classesFlag = flag("--classes <n>", "number of classes (default: the published one)", schemas.classCount);
export const inputFlag = flag("--input <CxHxW>", "size of one image (default: the published one)", inputSize);

export const partFlag = flag(
  "--part <name>",
  "in a PyTorch file, take the weights at this place instead of the largest",
);

export const pretrainedFlag = flag(
  "--pretrained",
  "take the network's usual published weights, downloaded once; `fovea list NAME` shows them",
);

/** Flags that select a network's weights. */
export const weightsFlags = flagList(
  pretrainedFlag,
  flag(
    "--weights <file>",
    "weights: a file, https://…, hf:OWNER/NAME[@REV][/FILE], published ones by name, or best or last of the run (default: best)",
  ),
  partFlag,
  flag("--ignore <pattern>", "keys of --weights to ignore, a regular expression such as '^aux\\.'", pattern),
);
export type WeightsFlags = FlagsOf<typeof weightsFlags>;

/** Flags that say how images become inputs, if not as in training. */
export const inputFlags = flagList(
  flag("--image-size <pixels>", "side of the input (default: as in training)", schemas.imageSize),
  flag(
    "--normalize <name>",
    "normalization (default: as in training, or that of the weights' authors)",
    schemas.oneOf(...(Object.keys(normalizations) as (keyof typeof normalizations)[])),
  ),
);
export type InputFlags = FlagsOf<typeof inputFlags>;

/** The options of a network from its flags: what `createModelByName(name, options)` takes. */
export function modelOptions({
  attention,
  attentionOptions,
  classes,
  stem,
  shortcut,
  modelOptions: more = {},
}: ModelFlags): Record<string, unknown> {
  const given = { attention, numClasses: classes, stem, shortcut };
  const twice = Object.entries(given).find(([name, value]) => value !== undefined && name in more)?.[0];
  if (twice !== undefined)
    throw new OptionError(`--model-options: ${twice} is set by another flag too, or by the data; leave it out`);
  if (attentionOptions && !attention) throw new OptionError("--attention-options needs --attention");
  const choice: AttentionChoice | null = attention ? ([attention, attentionOptions ?? {}] as AttentionChoice) : null;
  return {
    ...more,
    ...(choice || !("attention" in more) ? { attention: choice } : {}),
    ...(classes ? { numClasses: classes } : {}),
    ...(stem ? { stem } : {}),
    ...(shortcut ? { shortcut } : {}),
  };
}

export function modelByFlags(flags: ModelFlags): Module {
  if (!flags.model) throw new OptionError("--model is missing. `fovea list` shows the networks");
  return createModelByName(flags.model, modelOptions(flags));
}

/** `{ [name]: value }`, or nothing if there is no value. */
export function optional<K extends string, V>(name: K, value: V | undefined): { [key in K]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { [key in K]?: V });
}

export const ttaFlag = flag(
  "--tta <views>",
  "test-time augmentation, the mean of several views: flip, five-crop or ten-crop",
  schemas.oneOf(...testTimeKinds),
);

export const threadsFlag = flag("--threads <n>", "threads (default: one per processor)", schemas.threadCount);
export const jsonFlag = flag("--json", "print one JSON object");

/** Flags that say how to compute. */
export const engineFlags = flagList(
  flag(
    "--precision <name>",
    "when training: float32 (default), or fast: wide 3×3 convolutions in less time, with about five times the rounding error",
    schemas.oneOf(...enginePrecisions),
  ),
  threadsFlag,
  ...deviceFlags,
);
export type EngineFlags = Omit<FlagsOf<typeof engineFlags>, "device"> & SettledDevice;

/** Runs `use` with an engine: on the GPU, or tuned to this machine if it has been calibrated. The engine is released afterwards. */
export async function withEngine<T>(
  use: (engine: Engine) => Promise<T>,
  { threads = availableParallelism(), precision = "float32", device, softwareGpu }: EngineFlags = {},
): Promise<T> {
  const onCpu = async () => ortEngine({ threads, precision, tuning: await cachedTuning(thisMachine(threads)) });
  const engine = device === "webgpu" ? gpuEngine(softwareGpu) : await onCpu();
  try {
    return await use(engine);
  } catch (error) {
    const text = inFlags(error);
    throw device === "webgpu" && text !== messageOf(error) ? new FoveaError(text) : error;
  } finally {
    await engine.release();
  }
}
