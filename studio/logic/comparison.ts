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
  /** Seeds that both have. */
  readonly pairs: number;
  readonly mean: number;
  /** 95 % t interval; null with fewer than three seeds. */
  readonly interval: Interval | null;
  /** Of the paired t test, after Holm's correction over all modules. */
  readonly p: number | null;
  /** The difference that these seeds would have found in 80 % of cases. */
  readonly detectable: number | null;
  /** Mean where networks that diverged are left out; null where none did. */
  readonly withoutDiverged: number | null;
}

/** A module's row. */
export interface Row {
  readonly module: string | null;
  readonly units: readonly Unit[];
  /** Trainings that are not done yet. */
  readonly missing: number;
  readonly mean: number | null;
  readonly interval: Interval | null;
  /** Null for the first module, and as long as it has no seed in common with it. */
  readonly difference: Difference | null;
  /** Why the network cannot be built with the module. */
  readonly misfit: string | null;
}

/** `statistics` of the library, as far as it is needed. */
export interface Statistics {
  mean(values: readonly number[]): number;
  deviation(values: readonly number[]): number;
  tInterval(values: readonly number[]): Interval;
  pairedT(a: readonly number[], b: readonly number[]): { readonly interval: Interval; readonly p: number };
  holm(p: readonly number[]): readonly number[];
  smallestDetectable(sd: number, n: number, options: { readonly alpha: number }): number;
}

/** With fewer there is no interval. */
const fewestSeeds = 3;

/** The table. Differences are taken seed by seed, so that what a seed does to all modules cancels. */
export function rowsOf(
  { modules, seeds }: Compared,
  units: readonly Unit[],
  misfits: Readonly<Record<string, string>>,
  statistics: Statistics,
): Row[] {
  const of = (module: string | null) => units.filter((unit) => unit.module === module).sort((a, b) => a.seed - b.seed);
  const base = of(modules[0] ?? null);
  const rows = modules.map((module, i): Row => {
    const own = of(module);
    const misfit = misfits[named(module)] ?? null;
    const scores = own.map(({ top1 }) => top1);
    return {
      module,
      units: own,
      missing: misfit === null ? seeds - own.length : 0,
      mean: scores.length ? statistics.mean(scores) : null,
      interval: scores.length >= fewestSeeds ? statistics.tInterval(scores) : null,
      difference: i === 0 ? null : differenceOf(own, base, statistics),
      misfit,
    };
  });
  return corrected(rows, base, statistics);
}

type Pair = readonly [own: Unit, base: Unit];

const pairsOf = (own: readonly Unit[], base: readonly Unit[]): Pair[] =>
  own.flatMap((unit) => base.filter(({ seed }) => seed === unit.seed).map((other) => [unit, other] as const));

const gains = (pairs: readonly Pair[]) => pairs.map(([own, base]) => own.top1 - base.top1);

function differenceOf(own: readonly Unit[], base: readonly Unit[], statistics: Statistics): Difference | null {
  const pairs = pairsOf(own, base);
  if (pairs.length === 0) return null;
  const sides = [0, 1].map((side) => pairs.map((pair) => pair[side]!.top1));
  const test = pairs.length >= fewestSeeds ? statistics.pairedT(sides[0]!, sides[1]!) : null;
  const finished = pairs.filter((pair) => !pair.some(({ diverged }) => diverged));
  const some = finished.length < pairs.length && finished.length > 0;
  return {
    pairs: pairs.length,
    mean: statistics.mean(gains(pairs)),
    interval: test?.interval ?? null,
    p: test?.p ?? null,
    detectable: null,
    withoutDiverged: some ? statistics.mean(gains(finished)) : null,
  };
}

/** The rows with Holm's correction over all tests, and what could have been found. */
function corrected(rows: readonly Row[], base: readonly Unit[], statistics: Statistics): Row[] {
  const tested = rows.filter(({ difference }) => difference?.p != null);
  const adjusted = statistics.holm(tested.map(({ difference }) => difference!.p!));
  return rows.map((row) => {
    const at = tested.indexOf(row);
    if (at < 0) return row;
    const d = gains(pairsOf(row.units, base));
    const detectable = statistics.smallestDetectable(statistics.deviation(d), d.length, {
      alpha: 0.05 / tested.length,
    });
    return { ...row, difference: { ...row.difference!, p: adjusted[at]!, detectable } };
  });
}

export const named = (module: string | null): string => module ?? "none";

/** A share as percentage points, such as `+0.40` or `−1.20`. */
export function points(share: number, signed = false): string {
  const text = (100 * share).toFixed(2);
  const plain = Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
  return signed && Number(text) > 0 ? `+${plain}` : plain;
}

const pText = (p: number): string => (p < 0.001 ? "p < .001" : `p = ${p.toFixed(3).replace(/^0/, "")}`);

const seedsText = (n: number) => `${n} ${n === 1 ? "seed" : "seeds"}`;

/** What a row says, in words. */
export function verdict(row: Row, base: string): string {
  const { misfit, difference, units, missing, module } = row;
  if (misfit !== null) return `does not fit: ${misfit}`;
  if (units.length === 0) return "not done yet";
  const sentences: string[] = [];
  if (difference) sentences.push(...differenceText(difference, base));
  else if (named(module) !== base) sentences.push("no seed in common with the first yet");
  else if (units.length < fewestSeeds)
    sentences.push(`${seedsText(units.length)}: no interval with fewer than ${fewestSeeds}`);
  const diverged = units.filter((unit) => unit.diverged).length;
  if (diverged > 0) {
    const without = difference?.withoutDiverged ?? null;
    const rest = without === null ? "" : `; without them the difference is ${points(without, true)} points`;
    sentences.push(`${diverged} of ${units.length} diverged, counted as answers at random${rest}`);
  }
  if (missing > 0) sentences.push(`${missing} not done yet`);
  return sentences.join(". ");
}

function differenceText({ pairs, mean, interval, p, detectable }: Difference, base: string): string[] {
  if (!interval || p === null)
    return [
      `${points(mean, true)} points from ${base} in ${seedsText(pairs)}: no interval with fewer than ${fewestSeeds}`,
    ];
  const [low, high] = interval;
  const judged = `(${points(low, true)} to ${points(high, true)}), ${pText(p)} after Holm`;
  if (p < 0.05) return [`${mean > 0 ? "better" : "worse"} than ${base} by ${points(Math.abs(mean))} points ${judged}`];
  const largest = points(Math.max(Math.abs(low), Math.abs(high)));
  return [
    `no difference larger than ${largest} points ${judged}`,
    ...(detectable === null ? [] : [`${seedsText(pairs)} would most likely have found one of ${points(detectable)}`]),
  ];
}
