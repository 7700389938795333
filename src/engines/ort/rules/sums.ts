import { normalizeAxes } from "../../../core/shape.js";
import { sizeOf } from "../../../core/tensor.js";
import type { LoweredValue } from "../../../formats/onnx/ir.js";
import type { OnnxWriter, RuleFor } from "../../../formats/onnx/writer.js";
import type { ops, ReduceAttributes } from "../../../ops/reduce.js";

/**
 * The most numbers summed in one step: in rows of memory, which ONNX Runtime sums in several lanes, and in chains, which it sums one
 * number after another. Each addition rounds, and if many numbers are equal, as after a ReLU, it rounds the same way each time: the
 * mean of 131,072 numbers, half of them zero, had a relative error of 8e-4.
 */
const cpuLimits: SumLimits = { row: 512, chain: 128, whole: 16, longestPart: 256, matrixRow: 512, product: 0 };

/** How sums are taken. */
export interface SumLimits {
  /** The most numbers summed in one step. */
  readonly row: number;
  readonly chain: number;
  readonly whole: number;
  /** The longest part that a long row is cut into. */
  readonly longestPart: number;
  /** The longest row that is summed as that of a matrix, [rows, length]; longer ones are columns of one, [rows, length, 1]. */
  readonly matrixRow: number;
  /** The most rows of a matrix that are added up as a product with ones. */
  readonly product: number;
}

/** Over the first axis, [N, …] → […]. */
export const overImages: ReduceAttributes = { axes: [0], keepdims: false };

/** Adjacent axes that are all summed over, or all kept. */
interface Run {
  size: number;
  readonly summed: boolean;
}

function runsOf(shape: readonly number[], axes: readonly number[]): Run[] {
  const runs: Run[] = [];
  shape.forEach((size, axis) => {
    const summed = axes.includes(axis);
    const last = runs.at(-1);
    if (size === 1) return;
    if (last?.summed === summed) last.size *= size;
    else runs.push({ size, summed });
  });
  return runs;
}

/** The divisors of n, smallest first. */
export function divisorsOf(n: number): number[] {
  const small: number[] = [];
  for (let d = 1; d * d <= n; d++) if (n % d === 0) small.push(d);
  return [...new Set([...small, ...small.map((d) => n / d).reverse()])];
}

/**
 * How a run of n numbers is cut into consecutive parts: [count, length]. Without a suitable divisor it stays whole. A step that sums fewer
 * than `least` numbers would leave too large an array for the next pass.
 */
function cut(n: number, isRow: boolean, isAll: boolean, limits: SumLimits): readonly [count: number, length: number] {
  const least = 8;
  if (n <= (isAll ? limits.whole : isRow ? limits.row : limits.chain)) return [1, n];
  const lengths = divisorsOf(n).filter((d) => d > 1 && d < n);
  // The longest rows that are short enough; for chains, the shortest length whose count is.
  const length = isRow
    ? lengths.findLast((d) => d >= least && d <= limits.longestPart)
    : lengths.find((d) => n / d <= limits.chain && n / d >= least);
  return length === undefined ? [1, n] : [n / length, length];
}

/** How a row of n numbers is cut into parts that are summed separately: [count, length]. */
export const cutRow = (n: number): readonly [count: number, length: number] => cut(n, true, false, cpuLimits);

/**
 * The sum or mean of an array, in as many steps as keep rounding errors small if its shape is known. The first step costs as much as a
 * single reduction and leaves little for the others.
 */
export function sumOver(
  kind: "ReduceSum" | "ReduceMean",
  x: LoweredValue,
  { axes: given, keepdims }: ReduceAttributes,
  write: OnnxWriter,
  limits = cpuLimits,
): LoweredValue {
  const { shape } = x;
  if (!shape?.every((d) => typeof d === "number")) return write.reduce(kind, x, given, keepdims);
  const axes = normalizeAxes(given, shape.length);
  const runs = runsOf(shape, axes);
  const isSingle = runs.filter(({ summed }) => summed).length === 1;
  let y = x;
  for (let at: number; (at = runs.findLastIndex(({ summed }) => summed)) >= 0; ) {
    const [before, after] = [runs.slice(0, at), runs.slice(at + 1)].map((part) => sizeOf(part.map(({ size }) => size)));
    const [isRow, isAll] = [after === 1, before * after! === 1];
    const [count, length] = cut(runs[at]!.size, isRow, isAll, limits);
    const isProduct = !isRow && before === 1 && count === 1 && length <= limits.product;
    if (isSingle && y === x && count === 1 && !isProduct) return write.reduce(kind, x, axes, keepdims);
    const [rows, summed, columns] =
      isRow || count === 1 ? [before! * count, length, after!] : [before!, count, length * after!];
    // On a processor a column of one takes fifteen times as long, but holds more digits: long rows that cannot be cut need that.
    const view = columns === 1 && summed <= limits.matrixRow ? [rows, summed] : [rows, summed, columns];
    y = isProduct
      ? rowSum(kind, write.reshape(y, [length, after!]), write)
      : write.reduce(kind, write.reshape(y, view), [1], false);
    if (count > 1) runs[at]!.size = isRow ? count : length;
    else runs.splice(at, 1);
  }
  const left = shape.map((d, axis) => (axes.includes(axis) ? 1 : d));
  return write.reshape(y, keepdims ? left : left.filter((_, axis) => !axes.includes(axis)));
}

/** The sum or mean of the rows of a matrix, [1, columns]. */
function rowSum(kind: "ReduceSum" | "ReduceMean", matrix: LoweredValue, write: OnnxWriter): LoweredValue {
  const [rows] = matrix.shape as readonly [number];
  const weight = kind === "ReduceMean" ? 1 / rows : 1;
  return write.emit("Gemm", [write.filled(1, [1, rows]), matrix], { alpha: { float: weight } });
}

/** A rule of a reduction. */
export type ReductionRule = RuleFor<typeof ops.reduceSum>;

/** The rule of a sum or mean. */
export const sums =
  (kind: "ReduceSum" | "ReduceMean", limits = cpuLimits): ReductionRule =>
  ({ attributes }, [x], write) => [sumOver(kind, x, attributes, write, limits)];
