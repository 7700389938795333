import { join } from "node:path";
import { baseOf, columnsFor, costColumns, design, lookColumns, notes, verdict } from "../compare/index.js";
import {
  fillQueue,
  type Journal,
  type JournaledUnit,
  lookedAt,
  measureCosts,
  measureLooks,
  readCosts,
  runPool,
  type Written,
  writeTables,
} from "../compare/node/index.js";
import { messageOf } from "../core/errors.js";
import { type Engine, FoveaError, ortEngine } from "../index.js";
import { open, withRates } from "./compare-run.js";
import { stopOnSignal } from "./signals.js";
import { duration, ProgressLine, paragraphs, print, say, table } from "./terminal.js";

export interface CoordinateOptions {
  readonly workers: number;
  /** Address of Redis, if workers on a queue run the units. */
  readonly redis: string | undefined;
  readonly cost: boolean;
  readonly looks: boolean;
  readonly json: boolean;
  /** The command line's own file. */
  readonly program: string;
}

/** Runs the remaining units, and writes the tables. */
export async function coordinate(given: Journal, options: CoordinateOptions): Promise<void> {
  const { workers, redis, json, program } = options;
  const lock = await given.claim();
  const progress = new ProgressLine();
  const interrupt = stopOnSignal(() => progress.clear());
  const { signal } = interrupt;
  try {
    const journal = await withRates(given, workers);
    const units = journal.units();
    const remaining = open(units, await journal.results(units));
    say(design({ plan: journal.plan, rows: [], outcomes: [], images: journal.images }));
    for (const { title, misfit } of units) if (misfit !== undefined) say(`${title}: ${misfit}`);
    if (remaining.length > 0)
      say(
        `${remaining.length} of ${units.length} units to do, ${redis ? `by fovea compare worker ${journal.path}` : `${Math.min(workers, remaining.length)} at a time, in ${journal.path}`}`,
      );
    const started = performance.now();
    const onProgress = (done: number, title = "") => {
      const left = ((performance.now() - started) / 1000) * (remaining.length / Math.max(done, 1e-6) - 1);
      progress.draw(
        done / remaining.length,
        `${Math.floor(done)} of ${remaining.length} units  ${title}  ETA ${duration(left)}`,
      );
    };
    const argumentsOf = ({ unit }: JournaledUnit) => ["compare", "work", journal.path, "--unit", String(unit.index)];
    const failures =
      redis && remaining.length > 0
        ? await fillQueue(journal, remaining, { url: redis, signal, onProgress })
        : await runPool(remaining, { workers, program, signal, argumentsOf, onProgress });
    progress.clear();
    if (signal.aborted) throw stopped();
    const written = await tabulate(journal, units, { ...options, cost: options.cost && failures.length === 0, signal });
    print(json, jsonOf(written, journal, failures), () => shown(written, journal));
    for (const { title, message } of failures) say(`${title}: ${message}`);
    if (failures.length > 0)
      throw new FoveaError(`${failures.length} of ${units.length} units failed; the same command tries them again`);
  } finally {
    progress.clear();
    interrupt.release();
    lock.release();
  }
}

const stopped = () => new FoveaError("stopped and saved; the same command resumes");

export interface TabulateOptions {
  readonly workers: number;
  readonly cost: boolean;
  readonly looks: boolean;
  readonly signal: AbortSignal;
  readonly anyVersion?: boolean;
}

/** Measures where the networks look and what they cost, unless that was done before, and writes the tables. Trains nothing. */
export async function tabulate(
  journal: Journal,
  units: readonly JournaledUnit[],
  { workers, cost, looks: looking, signal, anyVersion = false }: TabulateOptions,
): Promise<Written> {
  const progress = new ProgressLine();
  const { threads } = journal.plan;
  const results = await journal.results(units, anyVersion);
  const done = results.filter((result) => result?.last).length;
  try {
    const looks =
      looking && done > 0 && lookedAt(journal) > 0
        ? await withEngines(threads, Math.min(workers, done), (engines) =>
            measureLooks(journal, units, results, engines, {
              signal,
              onUnit: (share) => progress.draw(share, "finding where the networks look"),
            }),
          ).catch((error) => {
            if (!(error instanceof FoveaError)) throw error;
            say(`cannot find where the networks look: ${messageOf(error)}`);
            return undefined;
          })
        : undefined;
    const costs =
      cost && !(await readCosts(journal.path))
        ? await withEngines(threads, 1, ([engine]) =>
            measureCosts(journal, units, engine!, {
              signal,
              onPart: (share) => progress.draw(share, "measuring speed and memory"),
            }),
          )
        : undefined;
    progress.clear();
    return await writeTables(journal, units, results, { looks, costs });
  } catch (error) {
    throw signal.aborted ? stopped() : error;
  } finally {
    progress.clear();
  }
}

/** Engines like those of the workers, as many as run at the same time. */
async function withEngines<T>(threads: number, workers: number, use: (engines: Engine[]) => Promise<T>): Promise<T> {
  const engines = Array.from({ length: workers }, () => ortEngine({ threads }));
  try {
    return await use(engines);
  } finally {
    for (const engine of engines) await engine.release();
  }
}

export const jsonOf = ({ comparison }: Written, { path }: Journal, failures: readonly object[] = []) => ({
  folder: path,
  rows: comparison.rows.map((row) => ({ ...row, verdict: verdict(row, baseOf(comparison.rows, row).entrant) })),
  notes: notes(comparison),
  failures,
});

/** A comparison for the terminal. */
export function shown({ comparison }: Written, { path, plan }: Journal): string[] {
  const { rows } = comparison;
  const parts = plan.backbones.map(({ label }) => {
    const own = rows.filter(({ backbone }) => backbone === label);
    const some = columnsFor(own).filter(
      ({ name }) => !["over seeds × images", "chosen epoch", "exact p", "correlation"].includes(name),
    );
    const cost = costColumns.filter(({ name }) => ["parameters", "MACs"].includes(name));
    const look = own.some((row) => row.look) ? lookColumns.filter(({ name }) => name === "energy ÷ area") : [];
    const all = [...some, ...cost, ...look];
    return [
      ...table(
        own.map((row) => all.map(({ cell }) => cell(row))),
        all.map(({ name }) => (name === "entrant" ? label : name)),
      ),
      "",
      ...own
        .filter((row, i) => i > 0 || own.length === 1 || row.misfit !== null)
        .map((row) => `${row.entrant}: ${verdict(row, own[0]!.entrant)}`),
    ];
  });
  return paragraphs(...parts, ...notes(comparison), `${join(path, "report.html")}, table.md, results.csv, table.json`);
}
