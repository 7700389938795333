import { OptionError } from "../../core/errors.js";

/** Weights of the four edge neighbors and the four corner ones; those before a pixel, row by row, come first. */
const [side, corner] = [1 / 6, 1 / 12];
const around = [
  [-1, -1, corner],
  [-1, 0, side],
  [-1, 1, corner],
  [0, -1, side],
  [0, 1, side],
  [1, -1, corner],
  [1, 0, side],
  [1, 1, corner],
] as const;

/** The equations of the missing pixels, row by row: the diagonal, and minus the weight of each missing neighbor. */
interface System {
  readonly diagonal: Float64Array;
  /** The neighbors of unknown i are `columns[start[i] … start[i + 1] − 1]`; those before `middle[i]` have smaller numbers than i. */
  readonly start: Uint32Array;
  readonly middle: Uint32Array;
  readonly columns: Uint32Array;
  readonly weights: Float64Array;
}

/**
 * Noisy linear imputation (Rong et al., 2022, "ROAD"), without the noise: each missing pixel is the mean of its eight neighbors, edge
 * neighbors weighing 1/6 and corner ones 1/12, missing ones included; at the border the weights are normalized to sum to 1. The linear
 * system is solved to float64 accuracy, one channel at a time.
 *
 * @param planes channels of `height * width` values, one after the other
 * @param missing positions in a plane, each once
 *
 * @throws OptionError if every pixel is missing.
 */
export function impute(
  planes: Float64Array,
  height: number,
  width: number,
  missing: Iterable<number> & ArrayLike<number>,
): Float64Array<ArrayBuffer> {
  const plane = height * width;
  const filled = Float64Array.from(planes);
  if (missing.length === 0) return filled;
  if (missing.length >= plane) throw new OptionError("impute: all pixels are missing; at least one must be known");
  const holes = Uint32Array.from(missing).sort();
  const unknown = new Int32Array(plane).fill(-1);
  for (let i = 0; i < holes.length; i++) unknown[holes[i]!] = i;
  const system = equations(height, width, holes, unknown);
  for (let offset = 0; offset < planes.length; offset += plane) {
    const right = new Float64Array(holes.length);
    for (let i = 0; i < holes.length; i++)
      eachNeighbor(holes[i]!, height, width, (at, weight) => {
        if (unknown[at]! < 0) right[i]! += weight * planes[offset + at]!;
      });
    const values = solve(system, right);
    for (let i = 0; i < holes.length; i++) filled[offset + holes[i]!] = values[i]!;
  }
  return filled;
}

function eachNeighbor(at: number, height: number, width: number, visit: (at: number, weight: number) => void): void {
  const [y, x] = [Math.floor(at / width), at % width];
  for (const [dy, dx, weight] of around)
    if (y + dy >= 0 && y + dy < height && x + dx >= 0 && x + dx < width) visit(at + dy * width + dx, weight);
}

function equations(height: number, width: number, holes: Uint32Array, unknown: Int32Array): System {
  const n = holes.length;
  const diagonal = new Float64Array(n);
  const start = new Uint32Array(n + 1);
  const middle = new Uint32Array(n);
  const columns = new Uint32Array(8 * n);
  const weights = new Float64Array(8 * n);
  let count = 0;
  for (let i = 0; i < n; i++) {
    middle[i] = count;
    eachNeighbor(holes[i]!, height, width, (at, weight) => {
      diagonal[i]! += weight;
      if (unknown[at]! < 0) return;
      columns[count] = unknown[at]!;
      weights[count++] = weight;
      if (at < holes[i]!) middle[i] = count;
    });
    start[i + 1] = count;
  }
  return { diagonal, start, middle, columns, weights };
}

/**
 * Conjugate gradients: the matrix is symmetric and, as every region of missing pixels touches a known one, positive definite. Preconditioned
 * by symmetric successive over-relaxation: holes a hundred pixels across take a few hundred steps.
 */
function solve(system: System, right: Float64Array): Float64Array {
  const n = right.length;
  const relaxation = 2 / (1 + (2 * Math.PI) / Math.max(6, Math.sqrt(n)));
  const solution = new Float64Array(n);
  const [rest, better, image] = [right.slice(), new Float64Array(n), new Float64Array(n)];
  precondition(system, relaxation, rest, better);
  const direction = better.slice();
  let energy = dot(rest, better);
  const enough = 1e-31 * energy;
  // In exact arithmetic n steps suffice; rounding may take more.
  for (let step = 0; step < 2 * n + 20 && energy > enough; step++) {
    multiply(system, direction, image);
    const length = energy / dot(direction, image);
    for (let i = 0; i < n; i++) {
      solution[i]! += length * direction[i]!;
      rest[i]! -= length * image[i]!;
    }
    precondition(system, relaxation, rest, better);
    const next = dot(rest, better);
    const turn = next / energy;
    for (let i = 0; i < n; i++) direction[i] = better[i]! + turn * direction[i]!;
    energy = next;
  }
  return solution;
}

/** `out` = the inverse of (D/ω + L)·(ω/D)·(D/ω + Lᵀ), times `x`. */
function precondition(system: System, relaxation: number, x: Float64Array, out: Float64Array): void {
  const { diagonal, start, middle, columns, weights } = system;
  for (let i = 0; i < x.length; i++) {
    let sum = x[i]!;
    for (let k = start[i]!; k < middle[i]!; k++) sum += weights[k]! * out[columns[k]!]!;
    out[i] = (sum * relaxation) / diagonal[i]!;
  }
  for (let i = x.length - 1; i >= 0; i--) {
    let sum = (out[i]! * diagonal[i]!) / relaxation;
    for (let k = middle[i]!; k < start[i + 1]!; k++) sum += weights[k]! * out[columns[k]!]!;
    out[i] = (sum * relaxation) / diagonal[i]!;
  }
}

function multiply({ diagonal, start, columns, weights }: System, x: Float64Array, out: Float64Array): void {
  for (let i = 0; i < x.length; i++) {
    let sum = diagonal[i]! * x[i]!;
    for (let k = start[i]!; k < start[i + 1]!; k++) sum -= weights[k]! * x[columns[k]!]!;
    out[i] = sum;
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
