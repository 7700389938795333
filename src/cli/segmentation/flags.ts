import { stat } from "node:fs/promises";
import { InvalidArgumentError } from "commander";
import * as schemas from "../../core/schema.js";
import { balancedWeights } from "../../engine.js";
import { type Dataset, type OpenOptions, OptionError, type RunConfig } from "../../index.js";
import {
  parseClasses,
  type RegressionLoss,
  readWhole,
  regressionLosses,
  type SegmentationLoss,
  segmentationLosses,
} from "../../internal.js";
import { optional } from "../arguments.js";
import { type FlagsOf, flag, flagList, givenOf } from "../flags.js";
import type { ReidFlags } from "../reid/flags.js";

/** Flags that say what masks hold. */
export const maskFlags = flagList(
  flag(
    "--class-names <names>",
    "segmentation: class names from 0 on: a file (one per line, or JSON), or a list separated by commas (default: those of the data)",
  ),
  flag("--ignore-label <value>", "segmentation: value of ignored pixels, or none (default: 255)", ignoreLabel),
);
export type MaskFlags = FlagsOf<typeof maskFlags>;

/** Flags of training that only segmentation has. */
export const segmentationFlags = flagList(
  ...maskFlags,
  flag(
    "--loss <names>",
    `segmentation: ${segmentationLosses.join(", ")}, or a sum such as cross-entropy+dice (default: cross-entropy); regression: ${regressionLosses.join(" or ")} (default: mse)`,
    lossNames,
  ),
  flag(
    "--resize <pixels>",
    "segmentation: shorter side of images before cropping (default: their own, up to twice --image-size)",
    schemas.imageSize,
  ),
);
export type SegmentationFlags = FlagsOf<typeof segmentationFlags>;

/** `none` is for masks whose every value counts. */
function ignoreLabel(text: string): number | "none" {
  if (text === "none") return text;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= 65_535)) throw new InvalidArgumentError("must be an integer from 0 to 65535, or none.");
  return value;
}

function lossNames(text: string): readonly (SegmentationLoss | RegressionLoss)[] {
  const given = text.split("+");
  if (given.length === 1 && isOne(regressionLosses, text)) return [text];
  const known = given.filter((name) => isOne(segmentationLosses, name));
  if (known.length !== given.length || new Set(known).size !== known.length)
    throw new InvalidArgumentError(
      `must be ${segmentationLosses.join(", ")}, or a sum of them such as cross-entropy+dice; for regression ${regressionLosses.join(" or ")}.`,
    );
  return known;
}

const isOne = <T extends string>(names: readonly T[], name: string): name is T =>
  (names as readonly string[]).includes(name);

/** @throws OptionError for a flag of segmentation where images are classified. */
export function refuseSegmentationFlags(flags: SegmentationFlags, why: string): void {
  const [given] = givenOf(segmentationFlags, flags);
  if (given === "--loss") throw new OptionError(`--loss is for segmentation and regression; ${why}`);
  if (given !== undefined) throw new OptionError(`${given} is for segmentation; ${why}`);
}

/** What masks hold, as `openDataset` takes it. */
export async function maskOptions({
  classNames,
  ignoreLabel: ignore,
}: MaskFlags): Promise<Pick<OpenOptions, "classNames" | "ignoreLabel">> {
  return {
    ...(classNames === undefined ? {} : { classNames: await namesOf(classNames) }),
    ...optional("ignoreLabel", ignore === "none" ? null : ignore),
  };
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );

async function namesOf(given: string): Promise<readonly string[]> {
  if (await isFile(given))
    return parseClasses(new TextDecoder().decode(await readWhole(given, 2 ** 20)), `--class-names ${given}`);
  if (!given.includes(","))
    throw new OptionError(`--class-names ${given}: no such file; a list has commas, such as road,car`);
  return parseClasses(JSON.stringify(given.split(",").map((name) => name.trim())), "--class-names");
}

/** Flags that say how something is learned. */
export type RecordFlags = Pick<SegmentationFlags, "loss"> &
  ReidFlags & {
    readonly batch?: number;
    readonly classWeights?: "balanced" | readonly number[] | null;
  };

/** How pixels are learned, for `config.json`. @throws OptionError for weights without effect. */
export async function taskConfig(flags: RecordFlags, data: Dataset): Promise<NonNullable<RunConfig["task"]>> {
  const { loss: names = ["cross-entropy"], classWeights } = flags;
  const loss = names.filter((name) => isOne(segmentationLosses, name));
  if (loss.length < names.length) throw new OptionError(`--loss ${names} is for regression`);
  if (classWeights && loss.join() === "dice") throw new OptionError("--class-weights has no effect on --loss dice");
  const given = classWeights === "balanced" ? await balancedWeights(data) : (classWeights ?? null);
  return { name: "segmentation", loss, classWeights: given };
}
