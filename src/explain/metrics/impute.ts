import { OptionError } from "../../core/errors.js";

/** Weights of the four neighbors at a side, and the four at a corner. */
const [side, corner] = [1 / 6, 1 / 12];
const around = [
  [0, 1, side],
  [0, -1, side],
  [1, 0, side],
  [-1, 0, side],
  [1, 1, corner],
  [1, -1, corner],
  [-1, 1, corner],
  [-1, -1, corner],
] as const;

/** The equations of the missing pixels in rows: the diagonal, and minus the weight of each missing neighbor. */
interface System {
  readonly diagonal: Float64Array;
  /** The neighbors of unknown i are `columns[start[i] … start[i + 1] − 1]`. */
  readonly start: Uint32Array;
  readonly columns: Uint32Array;
  readonly weights: Float64Array;
}

/**
 * Noisy linear imputation (Rong et al., 2022, "ROAD"), without the noise: each missing pixel is the mean of its eight neighbors, those
 * at a side weighing 1/6 and those at a corner 1/12, missing ones included; at the border the weights that there are count as 1 together. The linear system
 * is solved to the accuracy of float64, a channel at a time.
 *
 * @param planes channels of `height * width` values, one after the other
 * @param missing positions in a plane, each once
 *
 * @throws OptionError if every pixel is missing: there is nothing to go by.
 */
export function impute(
  planes: Float64Array,
  height: number,
  width: number,
  missing: ArrayLike<number>,
): Float64Array<ArrayBuffer> {
  const plane = height * width;
  const filled = Float64Array.from(planes);
  if (missing.length === 0) return filled;
  if (missing.length >= plane) throw new OptionError("impute: all pixels are missing; at least one must be known");
  const unknown = new Int32Array(plane).fill(-1);
  for (let i = 0; i < missing.length; i++) unknown[missing[i]!] = i;
  const system = equations(height, width, missing, unknown);
  for (let offset = 0; offset < planes.length; offset += plane) {
    const right = new Float64Array(missing.length);
    for (let i = 0; i < missing.length; i++)
      eachNeighbor(missing[i]!, height, width, (at, weight) => {
        if (unknown[at]! < 0) right[i]! += weight * planes[offset + at]!;
      });
    const values = solve(system, right);
    for (let i = 0; i < missing.length; i++) filled[offset + missing[i]!] = values[i]!;
  }
  return filled;
}

function eachNeighbor(at: number, height: number, width: number, visit: (at: number, weight: number) => void): void {
  const [y, x] = [Math.floor(at / width), at % width];
  for (const [dy, dx, weight] of around)
    if (y + dy >= 0 && y + dy < height && x + dx >= 0 && x + dx < width) visit(at + dy * width + dx, weight);
}

function equations(height: number, width: number, missing: ArrayLike<number>, unknown: Int32Array): System {
  const n = missing.length;
  const diagonal = new Float64Array(n);
  const start = new Uint32Array(n + 1);
  const columns = new Uint32Array(8 * n);
  const weights = new Float64Array(8 * n);
  let count = 0;
  for (let i = 0; i < n; i++) {
    eachNeighbor(missing[i]!, height, width, (at, weight) => {
      diagonal[i]! += weight;
      if (unknown[at]! < 0) return;
      columns[count] = unknown[at]!;
      weights[count++] = weight;
    });
    start[i + 1] = count;
  }
  return { diagonal, start, columns, weights };
}

/**
 * Conjugate gradients with the diagonal as preconditioner: the matrix is symmetric and, as every region of missing pixels touches a known
 * one, positive definite. A second pass on what is left of the right side takes the rounding of the first away.
 */
function solve(system: System, right: Float64Array): Float64Array {
  const solution = new Float64Array(right.length);
  for (let pass = 0; pass < 2; pass++) {
    const rest = multiply(system, solution).map((value, i) => right[i]! - value);
    const correction = conjugateGradients(system, rest);
    for (let i = 0; i < solution.length; i++) solution[i]! += correction[i]!;
  }
  return solution;
}

function conjugateGradients(system: System, right: Float64Array): Float64Array {
  const n = right.length;
  const solution = new Float64Array(n);
  const rest = right.slice();
  const direction = rest.map((value, i) => value / system.diagonal[i]!);
  let energy = dot(rest, direction);
  const enough = 1e-28 * energy;
  // In exact arithmetic n steps end it; rounding may ask for more.
  for (let step = 0; step < 2 * n + 20 && energy > enough; step++) {
    const image = multiply(system, direction);
    const length = energy / dot(direction, image);
    for (let i = 0; i < n; i++) {
      solution[i]! += length * direction[i]!;
      rest[i]! -= length * image[i]!;
    }
    let next = 0;
    for (let i = 0; i < n; i++) next += rest[i]! ** 2 / system.diagonal[i]!;
    const turn = next / energy;
    for (let i = 0; i < n; i++) direction[i] = rest[i]! / system.diagonal[i]! + turn * direction[i]!;
    energy = next;
  }
  return solution;
}

function multiply({ diagonal, start, columns, weights }: System, x: Float64Array): Float64Array {
  const product = new Float64Array(x.length);
  for (let i = 0; i < x.length; i++) {
    let sum = diagonal[i]! * x[i]!;
    for (let k = start[i]!; k < start[i + 1]!; k++) sum -= weights[k]! * x[columns[k]!]!;
    product[i] = sum;
  }
  return product;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
