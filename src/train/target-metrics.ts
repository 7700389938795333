import { DataError, ShapeError } from "../core/errors.js";
import { requireFinite } from "../core/finite.js";
import { check, classList, numberList } from "../core/schema.js";
import type { LabelMetrics, MultiLabelMetrics, RegressionMetrics, TargetMetrics } from "../core/target-evaluation.js";
import { tensor } from "../core/tensor.js";

/** Outputs and targets of images, one by one: a row of each. */
class Rows {
  readonly outputs: Float64Array[] = [];
  readonly targets: Float64Array[] = [];

  constructor(
    readonly owner: string,
    readonly names: readonly string[],
  ) {
    check(owner, "names", classList, names);
  }

  add(outputs: ArrayLike<number>, targets: ArrayLike<number>): void {
    for (const [name, row] of [["outputs", outputs] as const, ["targets", targets] as const]) {
      check(this.owner, name, numberList, row);
      if (row.length !== this.names.length)
        throw new ShapeError(`${this.owner}: ${row.length} ${name} for ${this.names.length} names`);
      requireFinite(this.owner, [[name, tensor("float64", [row.length], Float64Array.from(row))]]);
    }
    this.outputs.push(Float64Array.from(outputs));
    this.targets.push(Float64Array.from(targets));
  }

  get count(): number {
    if (this.outputs.length === 0) throw new DataError(`${this.owner}: there is nothing to measure`);
    return this.outputs.length;
  }

  /** [output, target] of every image, for one name. */
  column(k: number): [number, number][] {
    return this.outputs.map((row, i) => [row[k]!, this.targets[i]![k]!]);
  }
}

const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;
const ratio = (a: number, b: number): number | null => (b > 0 ? a / b : null);

/**
 * Measures multi-label answers image by image: logits z, of which z > 0 means that the label is there, with targets of 0 and 1. Average precision as
 * scikit-learn's `average_precision_score`.
 */
export class LabelTally {
  readonly #rows: Rows;

  constructor(names: readonly string[]) {
    this.#rows = new Rows("LabelTally", names);
  }

  /** @throws ShapeError if the lengths are not that of the names. @throws FoveaError if a number is not finite. */
  add(logits: ArrayLike<number>, targets: ArrayLike<number>): void {
    this.#rows.add(logits, targets);
  }

  /** The metrics so far. @throws DataError if nothing was added. */
  metrics(): MultiLabelMetrics {
    const { count, names } = this.#rows;
    const total = { loss: 0, tp: 0, fp: 0, fn: 0, right: 0 };
    const labels = names.map((name, k): LabelMetrics => {
      const column = this.#rows.column(k);
      let [tp, fp, fn] = [0, 0, 0];
      for (const [z, t] of column) {
        const found = z > 0;
        if (found && t === 1) tp++;
        else if (found) fp++;
        else if (t === 1) fn++;
        total.loss += Math.max(z, 0) - z * t + Math.log1p(Math.exp(-Math.abs(z)));
      }
      total.tp += tp;
      total.fp += fp;
      total.fn += fn;
      total.right += count - fp - fn;
      return {
        name,
        count: tp + fn,
        ap: averagePrecision(column),
        f1: f1(tp, fp, fn),
        precision: ratio(tp, tp + fp),
        recall: ratio(tp, tp + fn),
      };
    });
    const known = labels.flatMap(({ ap }) => (ap === null ? [] : [ap]));
    return {
      count,
      loss: total.loss / (count * names.length),
      top1: total.right / (count * names.length),
      map: known.length > 0 ? mean(known) : 0,
      f1Micro: f1(total.tp, total.fp, total.fn),
      f1Macro: mean(labels.map((label) => label.f1)),
      labels,
    };
  }
}

const f1 = (tp: number, fp: number, fn: number): number => (tp + fp + fn > 0 ? (2 * tp) / (2 * tp + fp + fn) : 0);

/** Σ (Rₙ − Rₙ₋₁) Pₙ over the distinct scores, from the highest on; null without a match. */
function averagePrecision(column: readonly (readonly [score: number, target: number])[]): number | null {
  const ranked = [...column].sort(([a], [b]) => b - a);
  const matches = column.filter(([, t]) => t === 1).length;
  if (matches === 0) return null;
  let [found, before, sum] = [0, 0, 0];
  ranked.forEach(([score, t], i) => {
    found += t;
    // Equal scores are one step.
    if (ranked[i + 1]?.[0] === score) return;
    sum += ((found - before) * found) / (i + 1);
    before = found;
  });
  return sum / matches;
}

/** Measures predicted numbers image by image. Figures as scikit-learn's, the mean over targets (`uniform_average`). */
export class ValueTally {
  readonly #rows: Rows;
  readonly #deviation: readonly number[];

  /** @param deviation of each target, by which differences are divided in the loss */
  constructor(names: readonly string[], deviation: readonly number[]) {
    this.#rows = new Rows("ValueTally", names);
    check("ValueTally", "deviation", numberList, deviation);
    if (deviation.length !== names.length)
      throw new ShapeError(`ValueTally: ${deviation.length} deviations for ${names.length} names`);
    this.#deviation = deviation;
  }

  /** @throws ShapeError if the lengths are not that of the names. @throws FoveaError if a number is not finite. */
  add(values: ArrayLike<number>, targets: ArrayLike<number>): void {
    this.#rows.add(values, targets);
  }

  /** The metrics so far. @throws DataError if nothing was added. */
  metrics(): RegressionMetrics {
    const { count, names } = this.#rows;
    const losses: number[] = [];
    const targets = names.map((name, k): TargetMetrics => {
      const column = this.#rows.column(k);
      const squares = column.reduce((sum, [y, t]) => sum + (y - t) ** 2, 0);
      losses.push(squares / count / this.#deviation[k]! ** 2);
      const center = mean(column.map(([, t]) => t));
      // By rounding, the mean of equal numbers may be another.
      const constant = column.every(([, t]) => t === column[0]![1]);
      const spread = column.reduce((sum, [, t]) => sum + (t - center) ** 2, 0);
      return {
        name,
        mae: mean(column.map(([y, t]) => Math.abs(y - t))),
        rmse: Math.sqrt(squares / count),
        r2: !constant && spread > 0 ? 1 - squares / spread : squares === 0 ? 1 : 0,
      };
    });
    const figure = (of: "mae" | "rmse" | "r2") => mean(targets.map((target) => target[of]));
    return { count, loss: mean(losses), mae: figure("mae"), rmse: figure("rmse"), r2: figure("r2"), targets };
  }
}
