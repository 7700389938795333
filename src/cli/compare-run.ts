import { stat } from "node:fs/promises";
import { availableParallelism, loadavg } from "node:os";
import { basename, join, relative, resolve } from "node:path";
import process from "node:process";
import { design, fewestSeeds, isGenerated, type Rates, scaleOf, scoreOfPlan, slurmScript } from "../compare/index.js";
import {
  arePaired,
  type Forecast,
  type ForecastOptions,
  forecast,
  Journal,
  type JournaledUnit,
  pairings,
  probe,
  type Trial,
} from "../compare/node/index.js";
import { systemReason } from "../core/errors.js";
import { FoveaError, OptionError, statistics, writeFileAtomic } from "../index.js";
import { duration, ProgressLine, paragraphs, print, say, short, table } from "./terminal.js";

/** @throws OptionError if the path, or one above it, exists and is not a folder. */
export async function requireFolder(out: string): Promise<void> {
  const found = await stat(out).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw new OptionError(`--out ${out} cannot be used as a folder (${systemReason(error)}): choose another`);
  });
  if (found && !found.isDirectory()) throw new OptionError(`--out ${out} is a file: name a folder`);
}

/** A part of a folder's name, from its data. */
export const nameOf = (source: string): string => basename(source).replace(/[^\w.-]+/g, "-") || "data";

/** @throws OptionError for a folder in the data, which writing would change. */
export function requireOutside(source: string, out: string): void {
  if (!isGenerated(source) && !relative(source, out).startsWith(".."))
    throw new OptionError(`--out ${out} is inside the data, which it would change: choose another folder`);
}

/** How many trainings with this number of threads the processors can run. */
export const workersFor = (threads: number): number => Math.max(1, Math.floor(availableParallelism() / threads));

/** Measures the networks of some units of a comparison on disk. */
async function trialsOf(
  journal: Journal,
  units: readonly JournaledUnit[],
  workers: number,
): Promise<Map<string, Trial>> {
  const progress = new ProgressLine();
  const trials = await probe(journal, units, Math.min(workers, units.length), (done, total, title) =>
    progress.draw(done / total, `measuring ${title}`),
  ).finally(() => progress.clear());
  return trials;
}

/** A budget of seconds needs the speed of every network, which is measured once and stored for all workers. */
export async function withRates(journal: Journal, workers: number): Promise<Journal> {
  const { plan, resolver, path } = journal;
  if (plan.budget !== "seconds" || resolver.rates) return journal;
  const inEpochs = await Journal.open(path, { ...plan, budget: "epochs" });
  const [load, cores] = [loadavg()[0]!, availableParallelism()];
  if (load > 1.2 * cores)
    say(`the computer is busy (load ${load.toFixed(1)} on ${cores} processors): speeds measured now will be wrong`);
  const trials = await trialsOf(inEpochs, inEpochs.units(), workers);
  const rates: Rates = new Map([...trials].map(([key, { clock }]) => [key, clock.step]));
  await journal.writeRates(rates);
  return Journal.open(path, plan, rates);
}

/** The remaining units whose networks can be built. */
export const open = (units: readonly JournaledUnit[], done: readonly unknown[]): JournaledUnit[] =>
  units.filter(({ resolved }, i) => resolved && !done[i]);

function forecastText({ units, images, macs, seconds, peakBytes }: Forecast, workers: number): string {
  const hours = seconds < 3600 ? `${duration(seconds)} min` : `${(seconds / 3600).toFixed(1)} hours`;
  return `${units} ${units === 1 ? "unit" : "units"} to do, ${short(images)} images, ${short(macs)}MACs of training, about ${hours} with ${workers} at a time, up to ${(peakBytes / 2 ** 20).toFixed(0)} MiB of memory each`;
}

/** A usual deviation of differences between seeds, as an example. */
const deviation = 0.005;

/** `--dry-run` */
export async function dryRun(
  given: Journal,
  { json, ...options }: ForecastOptions & { readonly json: boolean },
): Promise<void> {
  const { workers } = options;
  const lock = await given.claim();
  try {
    const journal = await withRates(given, workers);
    const units = journal.units();
    const remaining = open(units, await journal.results(units));
    const predicted = forecast(journal, remaining, await trialsOf(journal, remaining, workers), options);
    const { text, points, factor } = scaleOf(scoreOfPlan(journal.plan));
    const rows = units.filter(({ unit }) => unit.seed === journal.plan.seeds[0] && unit.setting === 0);
    const seeds = journal.plan.seeds.length;
    const tests = (journal.plan.entrants.length - 1) * journal.plan.backbones.length;
    // Of differences with a standard deviation of 1, at 5 % divided by the number of tests.
    const found =
      seeds < fewestSeeds || tests === 0 ? null : statistics.smallestDetectable(1, seeds, { alpha: 0.05 / tests });
    print(json, { detectable: found, ...predicted, hours: predicted.seconds / 3600, folder: journal.path }, () =>
      paragraphs(
        design({ plan: journal.plan, rows: [], outcomes: [], images: journal.images }),
        table(
          rows.map(({ unit, resolved }) => [
            unit.backbone.label,
            unit.entrant.label,
            ...(resolved
              ? [
                  resolved.cost.parameters,
                  short(resolved.cost.macs),
                  resolved.steps,
                  Number(resolved.epochs.toFixed(2)),
                  short(resolved.steps * resolved.cost.stepMacs),
                ]
              : ["left out", "", "", "", ""]),
          ]),
          ["network", "entrant", "parameters", "MACs", "steps", "epochs", "trained MACs"],
        ),
        ...rows.flatMap(({ unit: { backbone, entrant }, misfit }) =>
          misfit === undefined ? [] : [`${backbone.label} ${entrant.label} is left out: ${misfit}`],
        ),
        forecastText(predicted, workers),
        ...(found === null
          ? []
          : [
              `${seeds} seeds detect a difference of ${found.toFixed(1)} standard deviations of the paired differences with 80 % power: ${text(found * deviation)}${points} if the standard deviation is ${Number((factor * deviation).toPrecision(1))}`,
            ]),
        `folder: ${journal.path}`,
      ),
    );
  } finally {
    lock.release();
  }
}

/** `--check-pairing` */
export async function checkPairing(journal: Journal, json: boolean): Promise<void> {
  const found = await pairings(journal, journal.units());
  const paired = arePaired(found);
  const rows = found.map(({ unit, weights, batches, reshaped }) => ({
    unit: unit.title,
    weights,
    batches,
    ...noteOf(reshaped, unit.unit.entrant),
  }));
  print(json, { paired, units: rows }, () => [
    ...table(
      rows.map(({ unit, weights, batches, note = "" }) => [unit, weights.slice(0, 16), batches.slice(0, 16), note]),
      ["unit", "backbone weights", "first 10 batches", ""],
    ),
    "",
    paired ? pairedText(found.map(({ unit }) => unit.unit.entrant)) : "NOT paired",
  ]);
  if (!paired) process.exitCode = 1;
}

function pairedText(entrants: readonly JournaledUnit["unit"]["entrant"][]): string {
  const alike = "paired: units of one seed start with equal weights";
  if (!entrants.some(({ training }) => training)) return `${alike} and see equal batches`;
  return `${alike}, and see equal batches where they are trained alike`;
}

function noteOf(reshaped: number, { training }: JournaledUnit["unit"]["entrant"]): { readonly note?: string } {
  if (reshaped > 0) return { note: `${reshaped} weights have other shapes` };
  return training ? { note: "batches of a training of its own" } : {};
}

/** `--backend slurm`: writes the script, for the user to submit. */
export async function writeSlurm(
  given: Journal,
  {
    workers,
    program,
    options,
  }: { readonly workers: number; readonly program: string; readonly options: readonly string[] },
  json: boolean,
): Promise<void> {
  const lock = await given.claim();
  try {
    const journal = await withRates(given, workers);
    const units = journal.units();
    const remaining = open(units, await journal.results(units)).map(({ unit }) => unit.index);
    if (remaining.length === 0)
      throw new FoveaError(
        `all units in ${journal.path} are done; the same command without --backend writes the tables`,
      );
    const folder = resolve(journal.path);
    const script = join(folder, "slurm.sh");
    const { threads } = journal.plan;
    const started = [process.execPath, resolve(program)];
    await writeFileAtomic(
      script,
      slurmScript({ units: remaining, threads, folder, directory: process.cwd(), program: started, options }),
    );
    print(json, { script, units: remaining }, () => [
      `${remaining.length} ${remaining.length === 1 ? "unit" : "units"} to do: sbatch ${script}`,
      "When they are done, the same command without --backend writes the tables.",
    ]);
  } finally {
    lock.release();
  }
}
