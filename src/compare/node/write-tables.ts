import { join } from "node:path";
import { FormatError } from "../../core/errors.js";
import { check, fieldsOf, flag, list, nonNegative, type Schema, text, whole } from "../../core/schema.js";
import { readWhole, unlessMissing } from "../../files/read.js";
import { writeFileAtomic } from "../../files/write.js";
import { analyze } from "../analysis.js";
import { type CostRow, type Costs, costsCsv } from "../costs.js";
import { comparisonReport } from "../report.js";
import type { UnitResult } from "../results.js";
import { type Comparison, resultsCsv, tableJson, tableMarkdown } from "../tables.js";
import type { Journal, JournaledUnit } from "./journal.js";

/** A comparison, and the files that were written of it. */
export interface Written {
  readonly comparison: Comparison;
  readonly files: readonly string[];
}

const costsFile = "costs.json";

/**
 * Writes what is known of a comparison: `results.csv`, `table.md` and `table.json`, which are equal whenever the results are; `costs.csv`
 * and `costs.json`, which are measured; and `report.html`.
 */
export async function writeTables(
  { path, plan, data }: Journal,
  units: readonly JournaledUnit[],
  results: readonly (UnitResult | undefined)[],
  measured?: Costs,
): Promise<Written> {
  const outcomes = units.map(({ unit, misfit }, i) => ({ unit, misfit, result: results[i] }));
  const images = { train: data.train.length, validation: data.validation.length, test: data.test.length };
  const comparison: Comparison = { plan, rows: analyze(plan, outcomes), outcomes, images };
  const costs = measured ?? (await readCosts(path));
  const contents: Record<string, string> = {
    "results.csv": resultsCsv(comparison),
    "table.md": tableMarkdown(comparison),
    "table.json": tableJson(comparison),
    ...(measured ? { [costsFile]: `${JSON.stringify(measured, null, 2)}\n`, "costs.csv": costsCsv(measured) } : {}),
    "report.html": comparisonReport(comparison, costs),
  };
  for (const [name, content] of Object.entries(contents)) await writeFileAtomic(join(path, name), content);
  return { comparison, files: Object.keys(contents) };
}

const costsSchema: Schema<Costs> = fieldsOf<Costs>({
  threads: whole(1),
  noisy: flag,
  rows: list(
    fieldsOf<CostRow>({
      backbone: text,
      entrant: text,
      latency: fieldsOf<CostRow["latency"]>({ median: nonNegative, low: nonNegative, high: nonNegative }),
      trainingRate: nonNegative,
      noisy: flag,
    }),
    "a list of costs",
  ),
});

/** What an earlier run of the same comparison measured. */
async function readCosts(path: string): Promise<Costs | undefined> {
  const file = join(path, costsFile);
  const bytes = await readWhole(file, 10_000_000).catch(unlessMissing);
  if (!bytes) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new FormatError(`${file} is not JSON`);
  }
  check(file, "", costsSchema, value, FormatError);
  return value as Costs;
}
