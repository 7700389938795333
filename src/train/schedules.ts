import { check, positive, whole } from "../core/schema.js";
import { constantOptions, cosineOptions, scheduleSchema, stepEpochs, stepScheduleOptions } from "./checks.js";

/** How the learning rate changes: plain data, so that a run can be stored and repeated. */
export type Schedule =
  | { readonly kind: "constant"; readonly warmupEpochs?: number }
  | {
      readonly kind: "step";
      readonly epochs: readonly number[];
      readonly factor: number;
      readonly warmupEpochs?: number;
    }
  | { readonly kind: "cosine"; readonly warmupEpochs?: number; readonly minFactor?: number };

/** Options that all schedules have. */
export interface ScheduleOptions {
  /** Epochs of linear warm-up from 0. Default 0. */
  readonly warmupEpochs?: number;
}

/** Options of {@link stepSchedule}. */
export interface StepScheduleOptions extends ScheduleOptions {
  /** What the rate is multiplied by at each step. Default 0.1. */
  readonly factor?: number;
}

/** Options of {@link cosineSchedule}. */
export interface CosineOptions extends ScheduleOptions {
  /** Final rate, as a share of the full one. Default 0. */
  readonly minFactor?: number;
}

/** A constant rate. */
export function constantSchedule(options: ScheduleOptions = {}): Schedule {
  check("constantSchedule", "options", constantOptions, options);
  return { kind: "constant", ...options };
}

/** Multiplies the rate by `factor` after each of the given epochs. */
export function stepSchedule(epochs: readonly number[], options: StepScheduleOptions = {}): Schedule {
  check("stepSchedule", "epochs", stepEpochs, epochs);
  check("stepSchedule", "options", stepScheduleOptions, options);
  return { kind: "step", epochs, factor: 0.1, ...options };
}

/** Half a cosine from the full rate down to `minFactor` of it (default 0) at the end (Loshchilov and Hutter, 2017). */
export function cosineSchedule(options: CosineOptions = {}): Schedule {
  check("cosineSchedule", "options", cosineOptions, options);
  return { kind: "cosine", ...options };
}

/**
 * The factor on the learning rate at a step (counted from 0) of a training of `epochs` epochs (2.5 if the third ends early) of `stepsPerEpoch` steps.
 * During warm-up it rises linearly, reaching 1 with the first step after it.
 */
export function learningRateFactor(schedule: Schedule, step: number, stepsPerEpoch: number, epochs: number): number {
  check("learningRateFactor", "schedule", scheduleSchema, schedule);
  check("learningRateFactor", "step", whole(0), step);
  check("learningRateFactor", "stepsPerEpoch", whole(1), stepsPerEpoch);
  check("learningRateFactor", "epochs", positive, epochs);
  const warmup = (schedule.warmupEpochs ?? 0) * stepsPerEpoch;
  if (step < warmup) return (step + 1) / (warmup + 1);
  switch (schedule.kind) {
    case "constant":
      return 1;
    case "step":
      return schedule.factor ** schedule.epochs.filter((epoch) => step >= epoch * stepsPerEpoch).length;
    case "cosine": {
      const total = Math.max(1, epochs * stepsPerEpoch - warmup);
      const low = schedule.minFactor ?? 0;
      return low + ((1 - low) * (1 + Math.cos((Math.PI * (step - warmup)) / total))) / 2;
    }
  }
}
