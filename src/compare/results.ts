import { FormatError } from "../core/errors.js";
import {
  check,
  fieldsOf,
  finite,
  fraction,
  maybe,
  nonNegative,
  oneOf,
  orNull,
  parseJson,
  type Schema,
  text,
  that,
  whole,
} from "../core/schema.js";
import { type MainScore, mainScore, mainScores } from "../core/tasks.js";

/** Hashes that units must have in common to be in one table. */
export interface Hashes {
  /** Of the unit's own configuration: network, data and its division, preprocessing, training, steps, threads. */
  readonly config: string;
  /** Of the bytes of the data. */
  readonly data: string;
  /** Of the program. */
  readonly code: string;
}

/** Scores of a network, of which its task's main one is there. `top1` is the share of correct images, pixels or labels. */
export type Compared = Readonly<Partial<Record<MainScore, number>>>;

/** Metrics of a network on the test images. Shares are between 0 and 1. */
export interface Measured {
  readonly epoch: number;
  /** On the validation images; it may have chosen the epoch. */
  readonly validation: Compared & { readonly loss: number };
  readonly test: Compared & {
    readonly count: number;
    /** Mean cross entropy, in nats; of labels, binary cross entropy. */
    readonly nll?: number;
    /** Of regression: the mean squared error of the normalized targets, and errors in the data's units. */
    readonly loss?: number;
    readonly mae?: number;
    readonly rmse?: number;
    /** Of segmentation only. */
    readonly boundaryF?: number;
    /** Of labels only. */
    readonly f1Macro?: number;
    readonly f1Micro?: number;
    /** Of classifiers only. */
    readonly ece?: number;
    readonly adaptiveEce?: number;
    readonly brier?: number;
    /** One digit per image, 1 if the network is correct. */
    readonly right?: string;
  };
}

/** What networks are compared by: the main score of their task. */
export const scoreOf = (measured: Compared): number => mainScore(measured)!.value;

/** `result.json` of a unit. The same when the unit is repeated. */
export interface UnitResult {
  readonly format: "fovea.result.1";
  readonly hashes: Hashes;
  readonly backbone: string;
  readonly entrant: string;
  readonly seed: number;
  readonly setting: number;
  /** `diverged`: the loss, the weights or the logits were no longer finite. */
  readonly status: "done" | "diverged";
  readonly message?: string;
  readonly parameters: number;
  readonly macs: number;
  readonly stepMacs: number;
  readonly steps: number;
  readonly epochs: number;
  readonly batch: number;
  /** Number of classes: a random guess is correct once in so many. */
  readonly numClasses: number;
  /** What a training that diverged counts as. Default: a random guess among the classes. */
  readonly guess?: number;
  /** Of the last epoch, and of the one that was best on the validation images; null where it diverged. */
  readonly last: Measured | null;
  readonly chosen: Measured | null;
}

/** The score of a training after the last epoch. */
export const lastScore = ({ last, guess, numClasses }: UnitResult, which: "validation" | "test"): number =>
  last ? scoreOf(last[which]) : (guess ?? 1 / numClasses);

const scores = { top1: maybe(fraction), miou: maybe(fraction), map: maybe(fraction), r2: maybe(finite) };
const measured = fieldsOf<Measured>({
  epoch: whole(1),
  validation: fieldsOf<Measured["validation"]>({ ...scores, loss: finite }),
  test: fieldsOf<Measured["test"]>({
    ...scores,
    count: whole(1),
    nll: maybe(finite),
    loss: maybe(finite),
    mae: maybe(nonNegative),
    rmse: maybe(nonNegative),
    boundaryF: maybe(fraction),
    f1Macro: maybe(fraction),
    f1Micro: maybe(fraction),
    ece: maybe(fraction),
    adaptiveEce: maybe(fraction),
    brier: maybe(nonNegative),
    right: maybe(that<string>("a digit for each image, 0 or 1", (x) => typeof x === "string" && /^[01]+$/.test(x))),
  }),
});

const resultSchema: Schema<UnitResult> = fieldsOf<UnitResult>({
  format: oneOf("fovea.result.1"),
  hashes: fieldsOf<Hashes>({ config: text, data: text, code: text }),
  backbone: text,
  entrant: text,
  seed: whole(0),
  setting: whole(0),
  status: oneOf("done", "diverged"),
  message: maybe(text),
  parameters: whole(0),
  macs: whole(0),
  stepMacs: whole(0),
  steps: whole(1),
  epochs: nonNegative,
  batch: whole(1),
  numClasses: whole(1),
  guess: maybe(finite),
  last: orNull(measured),
  chosen: orNull(measured),
});

/** Reads a `result.json`. @throws FormatError that names the field, what it must be and what it is. */
export function parseResult(json: string, file: string): UnitResult {
  const value = parseJson(json, file);
  check(file, "", resultSchema, value, FormatError);
  const result = value as UnitResult;
  for (const which of [result.last, result.chosen]) {
    if ((which === null) !== (result.status === "diverged"))
      throw new FormatError(`${file}: a unit that is ${result.status} ${which ? "has" : "lacks"} measurements`);
    if (!which) continue;
    const { validation, test } = which;
    const [chosenBy, score] = [mainScore(validation), mainScore(test)];
    if (!score || score.field !== chosenBy?.field)
      throw new FormatError(
        `${file}: validation and test must have one of ${Object.keys(mainScores).join(", ")} in common`,
      );
    if (score.field === "top1" && test.right === undefined)
      throw new FormatError(`${file}: test has neither right, as of classifiers, nor another score than top1`);
    if (test.right !== undefined && test.right.length !== test.count)
      throw new FormatError(`${file}: test.right has ${test.right.length} digits for ${test.count} images`);
  }
  return result;
}
