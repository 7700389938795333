import { OptionError } from "../core/errors.js";
import { check, positive, whole } from "../core/schema.js";
import {
  constantOptions,
  cosineOptions,
  oneCycleOptions,
  scheduleSchema,
  stepEpochs,
  stepScheduleOptions,
  warmRestartOptions,
} from "./checks.js";

/** How the learning rate changes: plain data, so that a run can be stored and repeated. */
export type Schedule =
  | { readonly kind: "constant"; readonly warmupEpochs?: number }
  | {
      readonly kind: "step";
      readonly epochs: number | readonly number[];
      readonly factor: number;
      readonly warmupEpochs?: number;
    }
  | { readonly kind: "cosine"; readonly warmupEpochs?: number; readonly minFactor?: number }
  | {
      readonly kind: "one-cycle";
      readonly riseShare?: number;
      readonly startFactor?: number;
      readonly endFactor?: number;
      readonly warmupEpochs?: undefined;
    }
  | {
      readonly kind: "warm-restarts";
      readonly cycleEpochs: number;
      readonly cycleFactor?: number;
      readonly minFactor?: number;
      readonly warmupEpochs?: number;
    };

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

/** Options of {@link oneCycleSchedule}. */
export interface OneCycleOptions {
  /** Share of the training in which the rate rises. Default 0.3. */
  readonly riseShare?: number;
  /** First rate, as a share of the full one. Default 1/25. */
  readonly startFactor?: number;
  /** Last rate, as a share of the full one. Default 1/250000. */
  readonly endFactor?: number;
}

/** Options of {@link warmRestartSchedule}. */
export interface WarmRestartOptions extends CosineOptions {
  /** Each cycle is this many times as long as the one before. Default 1. */
  readonly cycleFactor?: number;
}

/** A constant rate. */
export function constantSchedule(options: ScheduleOptions = {}): Schedule {
  check("constantSchedule", "options", constantOptions, options);
  return { kind: "constant", ...options };
}

/**
 * Multiplies the rate by `factor` after each of the given epochs. A number means again and again, every so many epochs, as PyTorch's StepLR.
 * Epochs count from the start, warm-up included.
 */
export function stepSchedule(epochs: number | readonly number[], options: StepScheduleOptions = {}): Schedule {
  check("stepSchedule", "epochs", stepEpochs, epochs);
  check("stepSchedule", "options", stepScheduleOptions, options);
  return { kind: "step", epochs, factor: 0.1, ...options };
}

/** Half a cosine from the full rate down to `minFactor` of it (default 0) at the end (Loshchilov and Hutter, 2017). */
export function cosineSchedule(options: CosineOptions = {}): Schedule {
  check("cosineSchedule", "options", cosineOptions, options);
  return { kind: "cosine", ...options };
}

/** Up along half a cosine, then down along another one, as PyTorch's OneCycleLR with a constant momentum (Smith and Topin, 2018). */
export function oneCycleSchedule(options: OneCycleOptions = {}): Schedule {
  check("oneCycleSchedule", "options", oneCycleOptions, options);
  return { kind: "one-cycle", ...options };
}

/** Half a cosine, again and again, as PyTorch's CosineAnnealingWarmRestarts (SGDR; Loshchilov and Hutter, 2017). The first takes `cycleEpochs`. */
export function warmRestartSchedule(cycleEpochs: number, options: WarmRestartOptions = {}): Schedule {
  check("warmRestartSchedule", "cycleEpochs", positive, cycleEpochs);
  check("warmRestartSchedule", "options", warmRestartOptions, options);
  return { kind: "warm-restarts", cycleEpochs, ...options };
}

export const scheduleNames = [
  "cosine",
  "step",
  "constant",
  "one-cycle",
  "warm-restarts",
] as const satisfies readonly Schedule["kind"][];

/** What is chosen of a schedule by name. */
export interface ScheduleChoice {
  readonly schedule?: Schedule["kind"] | undefined;
  readonly warmup?: number | undefined;
  /** Default: half and three quarters of the epochs. */
  readonly stepEpochs?: readonly number[] | undefined;
  /** In place of `stepEpochs`: the rate drops again and again, every so many epochs. */
  readonly decayEpochs?: number | undefined;
  /** What the rate is multiplied by when it drops. Default 0.1. */
  readonly decayRate?: number | undefined;
  readonly cycleEpochs?: number | undefined;
  readonly cycleFactor?: number | undefined;
}

/** Choices that belong to one kind of schedule. */
export const choicesOf = {
  step: ["stepEpochs", "decayEpochs", "decayRate"],
  "warm-restarts": ["cycleEpochs", "cycleFactor"],
} as const satisfies Partial<Record<Schedule["kind"], readonly (keyof ScheduleChoice)[]>>;

/**
 * The schedule that is chosen of a training of so many epochs. By default `cosine`.
 *
 * @throws OptionError for a choice without effect, or one that lacks what it needs. `called` says what choices are called in messages.
 */
export function scheduleBy(
  { schedule = "cosine", warmup = 0, ...choice }: ScheduleChoice,
  epochs: number,
  called: (name: keyof ScheduleChoice) => string = (name) => name,
): Schedule {
  for (const [owner, names] of Object.entries(choicesOf))
    for (const name of names)
      if (choice[name] !== undefined && schedule !== owner)
        throw new OptionError(`${called(name)} needs ${called("schedule")} ${owner}`);
  const { stepEpochs, decayEpochs, decayRate, cycleEpochs, cycleFactor } = choice;
  const warmupEpochs = warmup;
  switch (schedule) {
    case "cosine":
      return cosineSchedule({ warmupEpochs });
    case "constant":
      return constantSchedule({ warmupEpochs });
    case "one-cycle":
      if (warmup > 0)
        throw new OptionError(
          `${called("warmup")} has no effect on ${called("schedule")} one-cycle, which begins with a rise`,
        );
      return oneCycleSchedule();
    case "warm-restarts":
      if (cycleEpochs === undefined)
        throw new OptionError(`${called("schedule")} warm-restarts needs ${called("cycleEpochs")}`);
      return warmRestartSchedule(cycleEpochs, { warmupEpochs, ...(cycleFactor !== undefined && { cycleFactor }) });
    case "step":
      if (stepEpochs && decayEpochs !== undefined)
        throw new OptionError(
          `${called("stepEpochs")} and ${called("decayEpochs")} both say when the rate drops; leave one out`,
        );
      return stepSchedule(decayEpochs ?? stepEpochs ?? [Math.floor(epochs / 2), Math.floor((epochs * 3) / 4)], {
        warmupEpochs,
        ...(decayRate !== undefined && { factor: decayRate }),
      });
  }
}

/** From `high` at 0 to `low` at 1 along half a cosine. */
const halfCosine = (high: number, low: number, share: number): number =>
  low + ((high - low) * (1 + Math.cos(Math.PI * share))) / 2;

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
  const total = epochs * stepsPerEpoch;
  switch (schedule.kind) {
    case "constant":
      return 1;
    case "step": {
      const { epochs: at, factor } = schedule;
      const reached = (epoch: number) => step >= epoch * stepsPerEpoch;
      return factor ** (typeof at === "number" ? Math.floor(step / (at * stepsPerEpoch)) : at.filter(reached).length);
    }
    case "cosine":
      return halfCosine(1, schedule.minFactor ?? 0, (step - warmup) / Math.max(1, total - warmup));
    case "one-cycle": {
      const { riseShare = 0.3, startFactor = 1 / 25, endFactor = startFactor / 1e4 } = schedule;
      const top = riseShare * total - 1;
      if (step <= top) return halfCosine(startFactor, 1, top > 0 ? step / top : 1);
      return halfCosine(1, endFactor, Math.min(1, (step - top) / (total - 1 - top)));
    }
    case "warm-restarts": {
      const { cycleEpochs, cycleFactor = 1, minFactor = 0 } = schedule;
      let length = cycleEpochs * stepsPerEpoch;
      let at = step - warmup;
      if (cycleFactor === 1) at %= length;
      while (at >= length) {
        at -= length;
        length *= cycleFactor;
      }
      return halfCosine(1, minFactor, at / length);
    }
  }
}
