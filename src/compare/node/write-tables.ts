import { mkdir } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { FormatError, FoveaError, systemReason } from "../../core/errors.js";
import { check, parseJson } from "../../core/schema.js";
import { readWhole, unlessMissing } from "../../files/read.js";
import { writeFileAtomic } from "../../files/write.js";
import { analyze } from "../analysis.js";
import { type Costs, costsCsv, costsSchema } from "../costs.js";
import { comparisonPage } from "../page.js";
import { resultsParquet } from "../parquet.js";
import { comparisonReport } from "../report.js";
import type { UnitResult } from "../results.js";
import { type Comparison, resultsCsv, tableJson, tableMarkdown } from "../tables.js";
import type { Journal, JournaledUnit } from "./journal.js";
import type { Looks } from "./measure-looks.js";

/** A comparison, and the files that were written of it. */
export interface Written {
  readonly comparison: Comparison;
  readonly costs: Costs | undefined;
}

const costsFile = "costs.json";

/** What was measured besides the units' own results. */
export interface Extras {
  readonly looks?: Looks | undefined;
  readonly costs?: Costs | undefined;
}

/**
 * Writes the tables of a comparison: `results.csv`, `results.parquet`, `table.md` and `table.json`, which depend only on the results;
 * `costs.csv` and `costs.json`, which are measured; and `report.html`.
 */
export async function writeTables(
  { path, plan, images, shared }: Journal,
  units: readonly JournaledUnit[],
  results: readonly (UnitResult | undefined)[],
  { looks, costs: measured }: Extras = {},
): Promise<Written> {
  const outcomes = units.map(({ unit, misfit }, i) => ({ unit, misfit, result: results[i], looks: looks?.units[i] }));
  const comparison: Comparison = {
    plan,
    rows: analyze(plan, outcomes),
    outcomes,
    images,
    looks: looks?.images,
    otherVersions: otherVersions(results, shared.code),
  };
  const costs = measured ?? (await readCosts(path));
  const contents: Record<string, string | Uint8Array> = {
    "results.csv": resultsCsv(comparison),
    "results.parquet": resultsParquet(comparison),
    "table.md": tableMarkdown(comparison),
    "table.json": tableJson(comparison),
    ...(measured ? { [costsFile]: `${JSON.stringify(measured, null, 2)}\n`, "costs.csv": costsCsv(measured) } : {}),
    "report.html": comparisonReport(comparison, costs),
  };
  for (const [name, content] of Object.entries(contents)) await writeFileAtomic(join(path, name), content);
  return { comparison, costs };
}

/** Other versions that trained units. */
function otherVersions(results: readonly (UnitResult | undefined)[], code: string): Comparison["otherVersions"] {
  const units = new Map<string, number>();
  for (const result of results) if (result) units.set(result.hashes.code, (units.get(result.hashes.code) ?? 0) + 1);
  if (units.size === 0 || (units.size === 1 && units.has(code))) return [];
  return [...units].sort(([a], [b]) => (a < b ? -1 : 1)).map(([hash, n]) => ({ code: hash.slice(0, 12), units: n }));
}

/**
 * Writes comparisons as one page of Markdown, with its charts in a folder next to it that has the page's name.
 *
 * @throws FoveaError if they cannot be written there.
 */
export async function writePage(file: string, written: readonly Written[]): Promise<void> {
  const folder = basename(file, extname(file));
  const { text, drawings } = comparisonPage(written, folder);
  try {
    await mkdir(join(dirname(file), folder), { recursive: true });
    for (const [name, svg] of drawings) await writeFileAtomic(join(dirname(file), folder, name), svg);
    await writeFileAtomic(file, text);
  } catch (error) {
    throw new FoveaError(`--page ${file}: cannot be written (${systemReason(error)})`);
  }
}

/** What an earlier run of the same comparison measured. */
export async function readCosts(path: string): Promise<Costs | undefined> {
  const file = join(path, costsFile);
  const bytes = await readWhole(file, 10_000_000).catch(unlessMissing);
  if (!bytes) return undefined;
  const value = parseJson(new TextDecoder().decode(bytes), file);
  check(file, "", costsSchema, value, FormatError);
  return value as Costs;
}
