/** Runs all sides round-robin, each in a fresh process, so that disturbances hit all; and measures the machine before, between and after. */

import { messageOf } from "../src/core/errors.js";
import { bestOf, type Calibration, calibrate, formatCalibration, isQuiet } from "./machine.js";
import { answer, type Side } from "./sides.js";

/** What a side's process prints for one measure; `error` says why there is nothing. */
export interface Figure {
  readonly seconds?: number;
  /** Peak of the process so far. */
  readonly peakMemoryBytes?: number;
  readonly error?: string;
}

/** What a side's process prints; `error` if it failed, by running out of memory for example. */
export interface Figures {
  /** Name and version. */
  readonly side?: string;
  readonly error?: string;
  readonly measures: Readonly<Record<string, Figure>>;
}

/** Every side once. */
export interface Turn {
  readonly case: string;
  /** By the sides' names. */
  readonly figures: ReadonlyMap<string, Figures>;
  readonly machine: readonly Calibration[];
}

export interface AlternationOptions {
  readonly suite: string;
  readonly cases: readonly string[];
  readonly sides: readonly Side[];
  readonly rounds: number;
  /** The most attempts at a turn on a noisy machine. */
  readonly attempts: number;
  /** Passed on to the sides, such as --steps. */
  readonly options: readonly string[];
  /** Every calibration of this run so far; new ones are appended. */
  readonly calibrations: Calibration[];
  readonly report: (text: string) => void;
}

/** Takes turns for all cases and rounds, repeating those on a noisy machine. The last attempt counts. */
export async function alternate({
  cases,
  rounds,
  attempts,
  calibrations,
  ...how
}: AlternationOptions): Promise<Turn[]> {
  const turns: Turn[] = [];
  for (let round = 1; round <= rounds; round++)
    for (const name of cases)
      for (let attempt = 1; attempt <= attempts; attempt++) {
        const turn = await takeTurn(name, how, calibrations.at(-1)!);
        calibrations.push(...turn.machine.slice(1));
        const calm = isCalm(turn, calibrations);
        const machine = turn.machine.map(formatCalibration).join(" | ");
        how.report(`${how.suite}, round ${round}, ${name}: ${machine}${calm ? "" : ", noisy"}`);
        if (!calm && attempt < attempts) continue;
        turns.push(turn);
        break;
      }
  return turns;
}

/** Whether the machine was quiet throughout, compared with its best calibration. */
export const isCalm = (turn: Turn, calibrations: readonly Calibration[]): boolean =>
  turn.machine.every((now) => isQuiet(now, bestOf(calibrations)));

async function takeTurn(
  name: string,
  { suite, sides, options, report }: Pick<AlternationOptions, "suite" | "sides" | "options" | "report">,
  before: Calibration,
): Promise<Turn> {
  const machine = [before];
  const figures = new Map<string, Figures>();
  for (const side of sides) {
    const failed = (error: unknown): Figures => {
      report(messageOf(error));
      return { error: "failed", measures: {} };
    };
    figures.set(side.name, await answer<Figures>([...side.command, suite, name, ...options]).catch(failed));
    machine.push(await calibrate());
  }
  return { case: name, figures, machine };
}
