import { InvalidArgumentError } from "commander";
import { isGenerated } from "../../compare/index.js";
import { type Dataset, type OpenOptions, OptionError, type RunConfig, targetStatistics } from "../../index.js";
import { regressionLosses } from "../../internal.js";
import { optional } from "../arguments.js";
import { type FlagsOf, flag, flagList, givenOf } from "../flags.js";
import type { RecordFlags } from "../segmentation/flags.js";

/** A flag that says where labels are. */
export const labelFlags = flagList(
  flag("--labels <file>", "multi-label, regression: CSV file (default: labels.csv in the data, or its only CSV file)"),
);
/** Flags of data with labels or numbers. */
export const targetFlags = flagList(
  ...labelFlags,
  flag(
    "--targets <columns>",
    "multi-label, regression: columns of the CSV file to learn, separated by commas (default: all but image and split; multi-label: the labels column, if there is one)",
    columnNames,
  ),
);
export type TargetFlags = FlagsOf<typeof targetFlags>;

function columnNames(text: string): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.includes("") || new Set(names).size < names.length)
    throw new InvalidArgumentError("must be names of columns, separated by commas, each once.");
  return names;
}

/** @throws OptionError for a flag about labels where there are none. */
export function refuseTargetFlags(flags: Partial<TargetFlags>, why: string): void {
  const [given] = givenOf(targetFlags, flags);
  if (given !== undefined) throw new OptionError(`${given} is for --task multi-label or regression; ${why}`);
}

/** Where labels are, as `openDataset` takes it. @throws OptionError for a flag about files if the data is generated. */
export function targetOptions(
  source: string,
  { labels, targets }: Partial<TargetFlags>,
): Pick<OpenOptions, "labelsFile" | "targets"> {
  const [given] = givenOf(targetFlags, { labels, targets });
  if (given !== undefined && isGenerated(source))
    throw new OptionError(`${given} is for files; ${source} is generated, with its own labels`);
  return { ...optional("labelsFile", labels), ...optional("targets", targets) };
}

/** How numbers are learned, for `config.json`. @throws OptionError for a loss of another task. @throws DataError for a constant target. */
export async function regressionConfig({ loss: names = ["mse"] }: RecordFlags, data: Dataset) {
  const loss = regressionLosses.find((name) => names.join("+") === name);
  if (!loss)
    throw new OptionError(
      `--loss ${names.join("+")} is for segmentation; for regression: ${regressionLosses.join(" or ")}`,
    );
  return { name: "regression", loss, ...targetStatistics(data) } satisfies RunConfig["task"];
}
