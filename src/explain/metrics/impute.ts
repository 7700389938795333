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

/** Neighbors of missing pixels: those of the i-th are `at[start[i] … start[i + 1] − 1]`. */
interface Neighbors {
  readonly start: Uint32Array;
  readonly at: Uint32Array;
  readonly weights: Float64Array;
}

/** The equations of the missing pixels, row by row: the diagonal, minus the weights of missing neighbors, and the known neighbors on the other side. */
interface System {
  readonly diagonal: Float64Array;
  /** By their numbers; those before `middle[i]` have smaller ones than i. */
  readonly missing: Neighbors;
  readonly middle: Uint32Array;
  /** By their positions. */
  readonly known: Neighbors;
}

/** Channels that are solved for at once: their numbers lie side by side, so that the equations are read once for all. */
const together = 3;

/**
 * Noisy linear imputation (Rong et al., 2022, "ROAD"), without the noise: each missing pixel is the mean of its eight neighbors, edge
 * neighbors weighing 1/6 and corner ones 1/12, missing ones included; at the border the weights are normalized to sum to 1. The linear
 * system is solved to float64 accuracy.
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
  for (let first = 0; first < planes.length; first += together * plane) {
    const offsets = Array.from({ length: together }, (_, c) => first + c * plane).filter((at) => at < planes.length);
    const right = new Float64Array(together * holes.length);
    const { start, at, weights } = system.known;
    for (const [c, offset] of offsets.entries())
      for (let i = 0; i < holes.length; i++)
        for (let k = start[i]!; k < start[i + 1]!; k++)
          right[together * i + c]! += weights[k]! * planes[offset + at[k]!]!;
    const values = solve(system, right);
    for (const [c, offset] of offsets.entries())
      for (let i = 0; i < holes.length; i++) filled[offset + holes[i]!] = values[together * i + c]!;
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
  const neighbors = (): Neighbors => ({
    start: new Uint32Array(n + 1),
    at: new Uint32Array(around.length * n),
    weights: new Float64Array(around.length * n),
  });
  const [missing, known] = [neighbors(), neighbors()];
  const diagonal = new Float64Array(n);
  const middle = new Uint32Array(n);
  let [isMissing, isKnown] = [0, 0];
  for (let i = 0; i < n; i++) {
    middle[i] = isMissing;
    eachNeighbor(holes[i]!, height, width, (at, weight) => {
      diagonal[i]! += weight;
      if (unknown[at]! < 0) {
        known.at[isKnown] = at;
        known.weights[isKnown++] = weight;
        return;
      }
      missing.at[isMissing] = unknown[at]!;
      missing.weights[isMissing++] = weight;
      if (at < holes[i]!) middle[i] = isMissing;
    });
    missing.start[i + 1] = isMissing;
    known.start[i + 1] = isKnown;
  }
  return { diagonal, missing, middle, known };
}

/** One number for each channel that is solved for. */
type Three = [number, number, number];

/**
 * Conjugate gradients: the matrix is symmetric and, as every region of missing pixels touches a known one, positive definite. Preconditioned
 * by symmetric successive over-relaxation: holes a hundred pixels across take a few hundred steps. A channel that is exact enough is left as it is.
 */
function solve(system: System, right: Float64Array): Float64Array {
  const n = system.diagonal.length;
  const relaxation = 2 / (1 + (2 * Math.PI) / Math.max(6, Math.sqrt(n)));
  const solution = new Float64Array(right.length);
  const [rest, better, image] = [right.slice(), new Float64Array(right.length), new Float64Array(right.length)];
  precondition(system, relaxation, rest, better);
  const direction = better.slice();
  let energy = dots(rest, better);
  const enough = energy.map((each) => 1e-31 * each);
  const isOpen = (c: number) => energy[c]! > enough[c]!;
  // In exact arithmetic n steps suffice; rounding may take more.
  for (let step = 0; step < 2 * n + 20 && [0, 1, 2].some(isOpen); step++) {
    multiply(system, direction, image);
    const [a, b, c] = dots(direction, image).map((each, k) => (isOpen(k) ? energy[k]! / each : 0)) as Three;
    for (let i = 0; i < right.length; i += together) {
      solution[i]! += a * direction[i]!;
      solution[i + 1]! += b * direction[i + 1]!;
      solution[i + 2]! += c * direction[i + 2]!;
      rest[i]! -= a * image[i]!;
      rest[i + 1]! -= b * image[i + 1]!;
      rest[i + 2]! -= c * image[i + 2]!;
    }
    precondition(system, relaxation, rest, better);
    const next = dots(rest, better);
    const [d, e, f] = next.map((each, k) => (isOpen(k) ? each / energy[k]! : 0)) as Three;
    for (let i = 0; i < right.length; i += together) {
      direction[i] = better[i]! + d * direction[i]!;
      direction[i + 1] = better[i + 1]! + e * direction[i + 1]!;
      direction[i + 2] = better[i + 2]! + f * direction[i + 2]!;
    }
    energy = next;
  }
  return solution;
}

/** `out` = the inverse of (D/ω + L)·(ω/D)·(D/ω + Lᵀ), times `x`. */
function precondition(system: System, relaxation: number, x: Float64Array, out: Float64Array): void {
  const { diagonal, middle } = system;
  const { start, at, weights } = system.missing;
  for (let i = 0; i < diagonal.length; i++) {
    const own = together * i;
    let a = x[own]!;
    let b = x[own + 1]!;
    let c = x[own + 2]!;
    for (let k = start[i]!; k < middle[i]!; k++) {
      const [weight, other] = [weights[k]!, together * at[k]!];
      a += weight * out[other]!;
      b += weight * out[other + 1]!;
      c += weight * out[other + 2]!;
    }
    out[own] = (a * relaxation) / diagonal[i]!;
    out[own + 1] = (b * relaxation) / diagonal[i]!;
    out[own + 2] = (c * relaxation) / diagonal[i]!;
  }
  for (let i = diagonal.length - 1; i >= 0; i--) {
    const own = together * i;
    let a = (out[own]! * diagonal[i]!) / relaxation;
    let b = (out[own + 1]! * diagonal[i]!) / relaxation;
    let c = (out[own + 2]! * diagonal[i]!) / relaxation;
    for (let k = middle[i]!; k < start[i + 1]!; k++) {
      const [weight, other] = [weights[k]!, together * at[k]!];
      a += weight * out[other]!;
      b += weight * out[other + 1]!;
      c += weight * out[other + 2]!;
    }
    out[own] = (a * relaxation) / diagonal[i]!;
    out[own + 1] = (b * relaxation) / diagonal[i]!;
    out[own + 2] = (c * relaxation) / diagonal[i]!;
  }
}

function multiply({ diagonal, missing: { start, at, weights } }: System, x: Float64Array, out: Float64Array): void {
  for (let i = 0; i < diagonal.length; i++) {
    const own = together * i;
    let a = diagonal[i]! * x[own]!;
    let b = diagonal[i]! * x[own + 1]!;
    let c = diagonal[i]! * x[own + 2]!;
    for (let k = start[i]!; k < start[i + 1]!; k++) {
      const [weight, other] = [weights[k]!, together * at[k]!];
      a -= weight * x[other]!;
      b -= weight * x[other + 1]!;
      c -= weight * x[other + 2]!;
    }
    out[own] = a;
    out[own + 1] = b;
    out[own + 2] = c;
  }
}

/** The product of two arrays, channel by channel. */
function dots(x: Float64Array, y: Float64Array): Three {
  let a = 0;
  let b = 0;
  let c = 0;
  for (let i = 0; i < x.length; i += together) {
    a += x[i]! * y[i]!;
    b += x[i + 1]! * y[i + 1]!;
    c += x[i + 2]! * y[i + 2]!;
  }
  return [a, b, c];
}
