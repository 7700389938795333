import { availableParallelism, loadavg } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import {
  baseOf,
  columns,
  costColumns,
  design,
  fewestSeeds,
  notes,
  points,
  type Rates,
  slurmScript,
  verdict,
} from "../compare/index.js";
import {
  arePaired,
  type Forecast,
  fillQueue,
  forecast,
  Journal,
  type JournaledUnit,
  measureCosts,
  pairings,
  probe,
  runPool,
  type Speed,
  type Written,
  writeTables,
} from "../compare/node/index.js";
import { type Engine, FoveaError, ortEngine, statistics, writeFileAtomic } from "../index.js";
import { stopOnSignal } from "./signals.js";
import { duration, ProgressLine, paragraphs, print, say, short, table } from "./terminal.js";

/** Engines as the workers will have them, so many at the same time. */
async function withEngines<T>(threads: number, workers: number, use: (engines: Engine[]) => Promise<T>): Promise<T> {
  const engines = Array.from({ length: workers }, () => ortEngine({ threads }));
  try {
    return await use(engines);
  } finally {
    for (const engine of engines) await engine.release();
  }
}

/** Measures the speed of the networks of some units. */
async function speedsOf(
  journal: Journal,
  units: readonly JournaledUnit[],
  workers: number,
): Promise<Map<string, Speed>> {
  const progress = new ProgressLine();
  const most = Math.min(workers, units.length);
  const speeds = await withEngines(journal.plan.threads, most, (engines) =>
    probe(journal, units, engines, (done, total, title) => progress.draw(done / total, `measuring ${title}`)),
  );
  progress.clear();
  return speeds;
}

/** A budget of seconds needs the speed of every network: measured once, and written down for all who work on the comparison. */
async function withRates(journal: Journal, workers: number): Promise<Journal> {
  const { plan, resolver, path } = journal;
  if (plan.budget !== "seconds" || resolver.rates) return journal;
  const inEpochs = await Journal.open(path, { ...plan, budget: "epochs" });
  const [load, cores] = [loadavg()[0]!, availableParallelism()];
  if (load > 1.2 * cores)
    say(
      `the computer is busy (load ${load.toFixed(1)} on ${cores} processors): the seconds measured now will be wrong`,
    );
  const speeds = await speedsOf(inEpochs, inEpochs.units(), workers);
  const rates: Rates = new Map([...speeds].map(([key, { step }]) => [key, step]));
  await journal.writeRates(rates);
  return Journal.open(path, plan, rates);
}

/** What units are not done and can be done. */
const open = (units: readonly JournaledUnit[], done: readonly unknown[]): JournaledUnit[] =>
  units.filter(({ resolved }, i) => resolved && !done[i]);

function forecastText({ units, images, macs, seconds }: Forecast, workers: number): string {
  const hours = seconds < 3600 ? `${duration(seconds)} min` : `${(seconds / 3600).toFixed(1)} hours`;
  return `${units} ${units === 1 ? "unit" : "units"} to do, ${short(images)} images, ${short(macs)}MACs of training, about ${hours} with ${workers} at a time`;
}

/** `--dry-run` */
export async function dryRun(given: Journal, workers: number, json: boolean): Promise<void> {
  const lock = await given.claim();
  try {
    const journal = await withRates(given, workers);
    const units = journal.units();
    const todo = open(units, await journal.results(units));
    const predicted = forecast(journal, todo, await speedsOf(journal, todo, workers), workers);
    const rows = units.filter(({ unit }) => unit.seed === journal.plan.seeds[0] && unit.setting === 0);
    const seeds = journal.plan.seeds.length;
    const tests = (journal.plan.entrants.length - 1) * journal.plan.backbones.length;
    // Of differences with a standard deviation of 1, at 5 % divided by the number of tests.
    const found =
      seeds < fewestSeeds || tests === 0 ? null : statistics.smallestDetectable(1, seeds, { alpha: 0.05 / tests });
    print(json, { detectable: found, ...predicted, hours: predicted.seconds / 3600, folder: journal.path }, () =>
      paragraphs(
        design({ plan: journal.plan, rows: [], outcomes: [], images: imagesOf(journal) }),
        table(
          rows.map(({ unit, resolved, misfit }) => [
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
              : [misfit!.slice(0, 80), "", "", "", ""]),
          ]),
          ["network", "entrant", "parameters", "MACs", "steps", "epochs", "trained MACs"],
        ),
        forecastText(predicted, workers),
        ...(found === null
          ? []
          : [
              `${seeds} seeds find a difference of ${found.toFixed(1)} standard deviations of the paired differences in four cases of five: ${points(found * 0.005)} points where that is 0.5`,
            ]),
        `folder ${journal.path}`,
      ),
    );
  } finally {
    lock.release();
  }
}

const imagesOf = ({ data }: Journal) => ({
  train: data.train.length,
  validation: data.validation.length,
  test: data.test.length,
});

/** `--check-pairing` */
export async function checkPairing(journal: Journal, json: boolean): Promise<void> {
  const found = await pairings(journal, journal.units());
  const paired = arePaired(found);
  const rows = found.map(({ unit, weights, batches, reshaped }) => ({
    unit: unit.title,
    weights,
    batches,
    ...(reshaped > 0 ? { note: `${reshaped} weights have other shapes` } : {}),
  }));
  print(json, { paired, units: rows }, () => [
    ...table(
      rows.map(({ unit, weights, batches, note = "" }) => [unit, weights.slice(0, 16), batches.slice(0, 16), note]),
      ["unit", "backbone weights", "first 10 batches", ""],
    ),
    "",
    paired ? "paired: units of a seed begin with equal weights and see equal batches" : "NOT paired",
  ]);
  if (!paired) process.exitCode = 1;
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
    const todo = open(units, await journal.results(units)).map(({ unit }) => unit.index);
    if (todo.length === 0)
      throw new FoveaError(
        `all units in ${journal.path} are done; the same command without --backend writes the tables`,
      );
    const folder = resolve(journal.path);
    const script = join(folder, "slurm.sh");
    const { threads } = journal.plan;
    const started = [process.execPath, resolve(program)];
    await writeFileAtomic(
      script,
      slurmScript({ units: todo, threads, folder, directory: process.cwd(), program: started, options }),
    );
    print(json, { script, units: todo }, () => [
      `${todo.length} ${todo.length === 1 ? "unit" : "units"} to do: sbatch ${script}`,
      "When they are done, the same command without --backend writes the tables.",
    ]);
  } finally {
    lock.release();
  }
}

export interface CoordinateOptions {
  readonly workers: number;
  /** Address of Redis, where workers at a queue do the units. */
  readonly redis: string | undefined;
  readonly cost: boolean;
  readonly json: boolean;
  /** The command line's own file. */
  readonly program: string;
}

/** Does all units that are not done, and writes the tables. */
export async function coordinate(
  given: Journal,
  { workers, redis, cost, json, program }: CoordinateOptions,
): Promise<void> {
  const lock = await given.claim();
  const progress = new ProgressLine();
  const interrupt = stopOnSignal(() => progress.clear());
  try {
    const journal = await withRates(given, workers);
    const units = journal.units();
    const before = await journal.results(units);
    const todo = open(units, before);
    say(design({ plan: journal.plan, rows: [], outcomes: [], images: imagesOf(journal) }));
    for (const { title, misfit } of units) if (misfit !== undefined) say(`${title}: ${misfit}`);
    if (todo.length > 0)
      say(
        `${todo.length} of ${units.length} units to do, ${redis ? `by those who run fovea compare worker ${journal.path}` : `${Math.min(workers, todo.length)} at a time, in ${journal.path}`}`,
      );
    const started = performance.now();
    const onProgress = (done: number, title = "") => {
      const left = ((performance.now() - started) / 1000) * (todo.length / Math.max(done, 1e-6) - 1);
      progress.draw(done / todo.length, `${Math.floor(done)} of ${todo.length} units  ${title}  ETA ${duration(left)}`);
    };
    const { signal } = interrupt;
    const argumentsOf = ({ unit }: JournaledUnit) => ["compare", "work", journal.path, "--unit", String(unit.index)];
    const failures =
      redis && todo.length > 0
        ? await fillQueue(journal, todo, { url: redis, signal, onProgress })
        : await runPool(todo, { workers, program, signal, argumentsOf, onProgress });
    progress.clear();
    const results = await journal.results(units);
    if (interrupt.signal.aborted) throw new FoveaError("stopped and saved; the same command goes on");
    const costs =
      cost && todo.length > 0 && failures.length === 0
        ? await withEngines(journal.plan.threads, 1, ([engine]) =>
            measureCosts(journal, units, engine!, {
              signal: interrupt.signal,
              onRound: (share) => progress.draw(share, "measuring speed"),
            }),
          )
        : undefined;
    progress.clear();
    const written = await writeTables(journal, units, results, costs);
    print(json, jsonOf(written, journal, failures), () => shown(written, journal));
    for (const { title, message } of failures) say(`${title}: ${message}`);
    if (failures.length > 0)
      throw new FoveaError(`${failures.length} of ${units.length} units failed; the same command tries them again`);
  } finally {
    interrupt.release();
    lock.release();
  }
}

const jsonOf = ({ comparison }: Written, { path }: Journal, failures: readonly object[]) => ({
  folder: path,
  rows: comparison.rows.map((row) => ({ ...row, verdict: verdict(row, baseOf(comparison.rows, row).entrant) })),
  notes: notes(comparison),
  failures,
});

function shown({ comparison }: Written, { path, plan }: Journal): string[] {
  const { rows } = comparison;
  const parts = plan.backbones.map(({ label }) => {
    const own = rows.filter(({ backbone }) => backbone === label);
    const some = columns.filter(
      ({ name }) => !["over seeds × images", "chosen epoch", "exact p", "correlation"].includes(name),
    );
    const cost = costColumns.filter(({ name }) => ["parameters", "MACs"].includes(name));
    return [
      ...table(
        own.map((row) => [...some, ...cost].map(({ cell }) => cell(row))),
        [...some, ...cost].map(({ name }) => (name === "entrant" ? label : name)),
      ),
      "",
      ...own
        .filter((row, i) => i > 0 || own.length === 1 || row.misfit !== null)
        .map((row) => `${row.entrant}: ${verdict(row, own[0]!.entrant)}`),
    ];
  });
  return paragraphs(...parts, ...notes(comparison), `${join(path, "report.html")}, table.md, results.csv, table.json`);
}
