/** The table of a comparison: what `fovea compare` says of the same accuracies. */

/** One training of it. */
export interface Unit {
  /** Null: the network without a module. */
  readonly module: string | null;
  readonly seed: number;
  /** The share of right answers after the last epoch: no epoch is picked. Of a network that diverged, that of answers at random. */
  readonly top1: number;
  readonly diverged: boolean;
}

/** What is compared, as far as the table needs it. */
export interface Compared {
  /** The others are measured against the first. */
  readonly modules: readonly (string | null)[];
  readonly seeds: number;
}

export type Interval = readonly [number, number];

/** How a module differs from the first, seed by seed. */
export interface Difference {
  readonly pairs: number;
  readonly mean: number;
  readonly interval: Interval | null;
  readonly p: number | null;
  readonly pHolm: number | null;
  readonly detectable: number | null;
  readonly withoutDiverged: number | null;
}

/** A module's row. */
export interface Row {
  readonly entrant: string;
  readonly units: readonly Unit[];
  readonly seeds: number;
  readonly diverged: number;
  /** Trainings that are not done yet. */
  readonly missing: number;
  readonly mean: number | null;
  readonly interval: Interval | null;
  /** Null for the first module, and as long as it has no seed in common with it. */
  readonly difference: Difference | null;
  /** Why the network cannot be built with the module. */
  readonly misfit: string | null;
  /** All of this in words; empty for the first module, if there is nothing to say. */
  readonly verdict: string;
}

type Unjudged = Omit<Row, "verdict">;

/** A training as `statistics` takes it. */
export interface SeedScore {
  readonly seed: number;
  readonly score: number;
  readonly diverged: boolean;
}

/** `statistics` of the library, as far as it is needed. */
export interface Statistics {
  readonly fewestSeeds: number;
  mean(values: readonly number[]): number;
  tInterval(values: readonly number[]): Interval;
  seedDifference(own: readonly SeedScore[], base: readonly SeedScore[]): Difference | null;
  correctedForTests(
    rows: readonly Unjudged[],
    scoresOf: (row: Unjudged) => readonly [own: readonly SeedScore[], base: readonly SeedScore[]],
  ): Unjudged[];
  verdict(row: Unjudged, base: string): string;
}

export const named = (module: string | null): string => module ?? "none";

/** The table. Differences are taken seed by seed, so that what a seed does to all modules cancels. */
export function rowsOf(
  { modules, seeds }: Compared,
  units: readonly Unit[],
  misfits: Readonly<Record<string, string>>,
  { fewestSeeds, mean, tInterval, seedDifference, correctedForTests, verdict }: Statistics,
): Row[] {
  const of = (module: string | null) => units.filter((unit) => unit.module === module).sort((a, b) => a.seed - b.seed);
  const [first = null] = modules;
  const scored = (some: readonly Unit[]) => some.map(({ seed, top1, diverged }) => ({ seed, score: top1, diverged }));
  const base = scored(of(first));
  const rows = modules.map((module, i): Unjudged => {
    const own = of(module);
    const entrant = named(module);
    const misfit = misfits[entrant] ?? null;
    const scores = own.map(({ top1 }) => top1);
    return {
      entrant,
      units: own,
      seeds: own.length,
      diverged: own.filter(({ diverged }) => diverged).length,
      missing: misfit === null ? seeds - own.length : 0,
      mean: scores.length ? mean(scores) : null,
      interval: scores.length >= fewestSeeds ? tInterval(scores) : null,
      difference: i === 0 ? null : seedDifference(scored(own), base),
      misfit,
    };
  });
  return correctedForTests(rows, ({ units: own }) => [scored(own), base]).map((row) => ({
    ...row,
    verdict: verdict(row, named(first)),
  }));
}
