/** From turns to the figures that are stored and printed. */

import { type Figure, isCalm, type Turn } from "./alternate.js";
import type { Calibration } from "./machine.js";
import { configurationOf, peerOf } from "./sides.js";
import type { Suite } from "./suites/suite.js";
import { median } from "./timing.js";

/** Over the turns. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Results of one peer, or ours, in one measure of one case. */
export interface SideResult {
  /** The fastest of the peer's configurations, whose results these are. */
  readonly configuration?: string;
  readonly seconds?: Spread;
  /** This side's time ÷ ours, turn by turn: above 1 we are faster. Of peers only. */
  readonly ratio?: Spread;
  /** Time added to the suite's baseline, as a share of it. */
  readonly added?: Spread;
  readonly peakMemoryBytes?: number;
  readonly error?: string;
}

/** One measure of one case. */
export interface Row {
  readonly case: string;
  readonly measure: string;
  /** Day of the measurement. */
  readonly date: string;
  /** Turns behind the figures: the quiet ones, if any. */
  readonly turns: number;
  readonly quiet: boolean;
  /** By the peers' names. */
  readonly sides: Readonly<Record<string, SideResult>>;
}

/** The latest results of a suite, and their conditions. */
export interface SuiteResults {
  readonly command: string;
  readonly machine: string;
  readonly calibration: string;
  readonly threads: number;
  readonly steps: number;
  /** Name and version of each side that took part. */
  readonly versions: Readonly<Record<string, string>>;
  readonly rows: readonly Row[];
}

const spread = (numbers: readonly number[]): Spread | undefined =>
  numbers.length ? { median: median(numbers), min: Math.min(...numbers), max: Math.max(...numbers) } : undefined;

/** The rows of a suite's turns, in the order of its cases and measures. Of a peer's configurations, the fastest in the measure counts. */
export function rowsOf(
  { baseline }: Suite,
  turns: readonly Turn[],
  calibrations: readonly Calibration[],
  date: string,
): Row[] {
  const rows: Row[] = [];
  for (const name of new Set(turns.map((turn) => turn.case))) {
    const all = turns.filter((turn) => turn.case === name);
    const calm = all.filter((turn) => isCalm(turn, calibrations));
    const used = calm.length ? calm : all;
    const figure = (turn: Turn, side: string, measure: string): Figure | undefined =>
      turn.figures.get(side)?.measures[measure];
    const [first] = used;
    const [own, ...peers] = first!.figures.keys();
    for (const measure of new Set([...first!.figures.values()].flatMap(({ measures }) => Object.keys(measures)))) {
      const seconds = (side: string, of = measure) => used.map((turn) => figure(turn, side, of)?.seconds ?? Number.NaN);
      const quotients = (above: readonly number[], below: readonly number[]) =>
        spread(above.map((a, i) => a / below[i]!).filter(Number.isFinite));
      const result = (side: string): SideResult => ({
        configuration: configurationOf(side),
        seconds: spread(seconds(side).filter(Number.isFinite)),
        ratio: peers.includes(side) ? quotients(seconds(side), seconds(own!)) : undefined,
        added:
          baseline && measure !== baseline
            ? quotients(
                seconds(side).map((s, i) => s - seconds(side, baseline)[i]!),
                seconds(side, baseline),
              )
            : undefined,
        peakMemoryBytes: spread(used.flatMap((turn) => figure(turn, side, measure)?.peakMemoryBytes ?? []))?.median,
        error: figure(first!, side, measure)?.error ?? first!.figures.get(side)?.error,
      });
      const slowness = ({ seconds }: SideResult) => seconds?.median ?? Number.POSITIVE_INFINITY;
      const sides: Record<string, SideResult> = {};
      for (const side of [own!, ...peers]) {
        const [best, next] = [sides[peerOf(side)], result(side)];
        if (!best || slowness(next) < slowness(best)) sides[peerOf(side)] = next;
      }
      rows.push({ case: name, measure, date, turns: used.length, quiet: calm.length > 0, sides });
    }
  }
  return rows;
}

/** Merges the results of a new run of a suite: rows of the same case and measure are replaced, others stay. */
export function merge(before: SuiteResults | undefined, suite: Suite, fresh: SuiteResults): SuiteResults {
  const key = (row: Row) => `${row.case}\n${row.measure}`;
  const replaced = new Set(fresh.rows.map(key));
  const place = (row: Row) => suite.cases.indexOf(row.case);
  // Without cases that the suite no longer has. The sort is stable, so measures keep their order.
  const rows = [...(before?.rows ?? []).filter((row) => !replaced.has(key(row))), ...fresh.rows]
    .filter((row) => place(row) >= 0)
    .sort((a, b) => place(a) - place(b));
  return { ...fresh, rows };
}
