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

/** Hashes that units must have in common to be in one table. */
export interface Hashes {
  /** Of the unit's own configuration: network, data and its division, preprocessing, training, steps, threads. */
  readonly config: string;
  /** Of the bytes of the data. */
  readonly data: string;
  /** Of the program. */
  readonly code: string;
}

/** Metrics of a network on the test images. Shares are between 0 and 1. */
export interface Measured {
  readonly epoch: number;
  /** On the validation images; it may have chosen the epoch. */
  readonly validation: { readonly top1: number; readonly loss: number; readonly miou?: number };
  readonly test: {
    readonly count: number;
    /** Of segmentation: the share of pixels. */
    readonly top1: number;
    readonly nll: number;
    /** Of segmentation only, by which its networks are compared. */
    readonly miou?: number;
    readonly boundaryF?: number;
    /** Of classifiers only. */
    readonly ece?: number;
    readonly adaptiveEce?: number;
    readonly brier?: number;
    /** One digit per image, 1 if the network is correct. */
    readonly right?: string;
  };
}

/** What networks are compared by: mean IoU of segmentation, top-1 of classification. */
export const scoreOf = ({ top1, miou }: { readonly top1: number; readonly miou?: number }): number => miou ?? top1;

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
  /** Of the last epoch, and of the one that was best on the validation images; null where it diverged. */
  readonly last: Measured | null;
  readonly chosen: Measured | null;
}

const measured = fieldsOf<Measured>({
  epoch: whole(1),
  validation: fieldsOf<Measured["validation"]>({ top1: fraction, loss: finite, miou: maybe(fraction) }),
  test: fieldsOf<Measured["test"]>({
    count: whole(1),
    top1: fraction,
    nll: finite,
    miou: maybe(fraction),
    boundaryF: maybe(fraction),
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
    if (which && which.test.miou === undefined && which.test.right === undefined)
      throw new FormatError(`${file}: test has neither right, as of classifiers, nor miou`);
    if (which?.test.right !== undefined && which.test.right.length !== which.test.count)
      throw new FormatError(`${file}: test.right has ${which.test.right.length} digits for ${which.test.count} images`);
  }
  return result;
}
