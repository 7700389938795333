import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { FoveaError, messageOf, OptionError } from "../../core/errors.js";
import { Lock, ownerOf } from "../../files/lock.js";
import { readWhole, unlessMissing } from "../../files/read.js";
import { isTemporary, makeFolder, writeFileAtomic } from "../../files/write.js";
import { canonical } from "../plan.js";
import type { UnitResult } from "../results.js";
import {
  checkSearch,
  planOf,
  promoted,
  type Rung,
  rungsOf,
  type Search,
  type TrialSettings,
  trialsOf,
} from "../tune.js";
import {
  type SearchResult,
  searchMarkdown,
  searchReport,
  type TrialRow,
  trialsCsv,
  winnerPlan,
} from "../tune-tables.js";
import { Journal, type JournaledUnit } from "./journal.js";
import { type PoolFailure, runPool } from "./pool.js";

const searchFile = "search.json";

/** The unit of a trial in a rung, and the comparison of one unit that it is. */
interface Entry {
  readonly trial: TrialSettings;
  readonly journal: Journal;
  readonly entry: JournaledUnit;
}

export interface TuneOptions {
  readonly workers: number;
  readonly program: string;
  readonly signal: AbortSignal;
  readonly onRung: (rung: number, rungs: readonly Rung[], remaining: number) => void;
  readonly onProgress: (done: number, total: number, title: string) => void;
}

/**
 * A search on disk: `search.json`, and a comparison of one unit for each trial of each rung. There is no other record, so it can resume
 * after any interruption: the results decide which trials advance.
 */
export class SearchJournal {
  private constructor(
    readonly path: string,
    readonly search: Search,
    readonly base: Journal,
    readonly trials: readonly TrialSettings[],
    readonly rungs: readonly Rung[],
  ) {}

  /** @throws OptionError for an impossible search. */
  static async open(path: string, search: Search): Promise<SearchJournal> {
    checkSearch(search);
    const trials = trialsOf(search);
    if (trials.length < 2) throw new OptionError(`a search needs at least two trials, got ${trials.length}`);
    const plans = trials.map((trial) => planOf(search, trial, search.epochs));
    const base = await Journal.open(path, plans[0]!);
    // One of each network: what cannot be built is a mistake in the search.
    const networks = new Map(plans.map((plan) => [canonical(plan.entrants), plan]));
    for (const plan of networks.values()) {
      const [{ misfit, unit }] = base.with(path, plan).units() as [JournaledUnit];
      if (misfit !== undefined)
        throw new OptionError(
          `--search: ${search.module.name} with ${JSON.stringify(unit.entrant.options)}: ${misfit}`,
        );
    }
    return new SearchJournal(path, search, base, trials, rungsOf(search, trials.length));
  }

  /**
   * Takes the folder for this process alone, and writes the search down.
   *
   * @throws FoveaError if another process has it, or there is another search or something else in it.
   */
  async claim(): Promise<Lock> {
    const file = join(this.path, ".lock");
    await makeFolder(this.path).catch((error) => {
      throw new FoveaError(`--out: cannot create ${this.path}: ${messageOf(error)}`);
    });
    const lock = await Lock.tryAcquire(file);
    if (!lock)
      throw new FoveaError(
        `${this.path} is in use: ${await ownerOf(file)} is searching in it. Wait until it ends, or choose another --out`,
      );
    try {
      const names = (await readdir(this.path)).filter((name) => name !== ".lock" && !isTemporary(name));
      const written = canonical(this.search);
      const bytes = await readWhole(join(this.path, searchFile), 1_000_000).catch(unlessMissing);
      if (!bytes && names.length > 0)
        throw new FoveaError(`--out ${this.path} is neither empty nor the folder of a search. Choose another --out`);
      if (bytes && new TextDecoder().decode(bytes).trim() !== written)
        throw new FoveaError(`--out ${this.path} has another search. Choose another --out`);
      if (!bytes) await writeFileAtomic(join(this.path, searchFile), `${written}\n`);
    } catch (error) {
      lock.release();
      throw error;
    }
    return lock;
  }

  /** Runs the remaining trials, rung by rung. */
  async run(
    options: TuneOptions,
  ): Promise<{ readonly result: SearchResult; readonly failures: readonly PoolFailure[] }> {
    const rows = new Map<number, UnitResult[]>(this.trials.map(({ number }) => [number, []]));
    let alive = this.trials;
    for (const [k, rung] of this.rungs.entries()) {
      const entries = alive.map((trial) => this.#entry(trial, k));
      const failures = await this.#train(entries, k, options);
      if (options.signal.aborted || failures.length > 0) return { result: this.#result(rows), failures };
      const scores: (readonly [number, UnitResult])[] = [];
      for (const { trial, journal, entry } of entries) {
        const [result] = await journal.results([entry]);
        rows.get(trial.number)!.push(result!);
        scores.push([trial.number, result!]);
      }
      const best = promoted(
        scores.map(([number, result]) => [number, result.last?.validation ?? null] as const),
        this.rungs[k + 1]?.trials ?? rung.trials,
      );
      alive = best.map((number) => this.trials[number - 1]!);
    }
    return { result: this.#result(rows, alive[0]), failures: [] };
  }

  /** A trial in a rung: its own small comparison, with the data that is open already. */
  #entry(trial: TrialSettings, rung: number): Entry {
    const plan = planOf(this.search, trial, this.rungs[rung]!.epochs);
    const journal = this.base.with(
      join(this.path, `rung-${rung + 1}`, `trial-${String(trial.number).padStart(3, "0")}`),
      plan,
    );
    return { trial, journal, entry: journal.units()[0]! };
  }

  async #train(entries: readonly Entry[], rung: number, options: TuneOptions): Promise<PoolFailure[]> {
    const { workers, program, signal, onRung, onProgress } = options;
    const remaining: Entry[] = [];
    for (const one of entries) {
      const [result] = await one.journal.results([one.entry]);
      if (result) continue;
      (await one.journal.claim()).release(); // writes the plan down
      remaining.push(one);
    }
    onRung(rung, this.rungs, remaining.length);
    const folders = new Map(remaining.map(({ entry, journal }) => [entry, journal.path]));
    return runPool(
      remaining.map(({ entry }) => entry),
      {
        workers,
        program,
        signal,
        argumentsOf: (entry) => ["compare", "work", folders.get(entry)!, "--unit", "0"],
        onProgress: (done, title) => onProgress(done, remaining.length, title),
      },
    );
  }

  #result(rows: ReadonlyMap<number, readonly UnitResult[]>, best?: TrialSettings): SearchResult {
    const all: TrialRow[] = this.trials.map((trial) => ({ trial, results: rows.get(trial.number)! }));
    const winner = best && all[best.number - 1]!;
    return {
      search: this.search,
      rungs: this.rungs,
      rows: all,
      winner: winner?.results.length === this.rungs.length && winner.results.at(-1)?.last ? winner : null,
      images: this.base.images,
    };
  }

  /** Writes `trials.csv`, `table.md`, `report.html`, and the best settings of a module as `best.json`, a plan for `compare`. */
  async write(result: SearchResult): Promise<void> {
    const best = winnerPlan(result);
    const contents = {
      "trials.csv": trialsCsv(result),
      "table.md": searchMarkdown(result),
      "report.html": searchReport(result),
      ...(best ? { "best.json": `${JSON.stringify(best, null, 2)}\n` } : {}),
    };
    for (const [name, content] of Object.entries(contents)) await writeFileAtomic(join(this.path, name), content);
  }
}
