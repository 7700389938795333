import type { Floats } from "../../core/tensor.js";

/** Activations of a layer for one image, and gradients of a score with respect to them: [C·P], P positions per channel. */
export interface Maps {
  readonly channels: number;
  readonly positions: number;
  readonly a: Floats;
  readonly g: Floats;
}

/** f for every channel, given the index of its first element and the one after its last. */
function perChannel(
  { channels, positions }: Omit<Maps, "a" | "g">,
  f: (start: number, end: number) => number,
): Float64Array {
  return Float64Array.from({ length: channels }, (_, c) => f(c * positions, (c + 1) * positions));
}

function sum(values: Floats, start: number, end: number): number {
  let total = 0;
  for (let i = start; i < end; i++) total += values[i]!;
  return total;
}

function dot(a: Floats, b: Floats, start: number, end: number): number {
  let total = 0;
  for (let i = start; i < end; i++) total += a[i]! * b[i]!;
  return total;
}

/** Σ over channels of w_c · A_c. */
export function weighed({ channels, positions, a }: Pick<Maps, "channels" | "positions" | "a">, w: Float64Array) {
  const map = new Float64Array(positions);
  for (let c = 0; c < channels; c++) {
    const [weight, first] = [w[c]!, c * positions];
    for (let p = 0; p < positions; p++) map[p]! += weight * a[first + p]!;
  }
  return map;
}

/** Σ over channels of f(A_c, G_c), position by position. */
export function overChannels({ channels, positions, a, g }: Maps, f: (a: number, g: number) => number): Float64Array {
  const map = new Float64Array(positions);
  for (let c = 0; c < channels; c++) {
    const first = c * positions;
    for (let p = 0; p < positions; p++) map[p]! += f(a[first + p]!, g[first + p]!);
  }
  return map;
}

/** Grad-CAM (Selvaraju et al., 2017): w_c = mean of G_c. */
export const gradCam = (maps: Maps): Float64Array =>
  perChannel(maps, (start, end) => sum(maps.g, start, end) / maps.positions);

/** XGrad-CAM (Fu et al., 2020): w_c = Σ G_c∘A_c / (Σ A_c + ε), ε = 1e-7. */
export const xGradCam = (maps: Maps): Float64Array =>
  perChannel(maps, (start, end) => dot(maps.g, maps.a, start, end) / (sum(maps.a, start, end) + 1e-7));

/**
 * Grad-CAM++ (Chattopadhyay et al., 2018): w_c = Σ α·relu(G_c), α = G²/(2G² + G³·ΣA_c), 0 where G is 0 (`paper`, equation 19); with + 1e-6 in
 * the denominator (`pytorch-grad-cam`); α divided by its sum over positions with G > 0 (`authors`).
 */
export function gradCamPlusPlus(maps: Maps, variant: "paper" | "authors" | "pytorch-grad-cam"): Float64Array {
  const { a, g } = maps;
  const epsilon = variant === "pytorch-grad-cam" ? 1e-6 : 0;
  return perChannel(maps, (start, end) => {
    const total = sum(a, start, end);
    let weight = 0;
    let norm = 0;
    // Elements with negative gradients have weight 0.
    for (let i = start; i < end; i++) {
      const gradient = g[i]!;
      if (gradient <= 0) continue;
      const square = gradient * gradient;
      const denominator = 2 * square + square * gradient * total + epsilon;
      const alpha = square / (denominator === 0 ? 1 : denominator);
      weight += alpha * gradient;
      norm += alpha;
    }
    return variant === "authors" ? weight / (norm === 0 ? 1 : norm) : weight;
  });
}

/** Feature explanation (Fuad et al., 2020): w_c = share of positions with A > mean + 2 · deviation of A_c. */
export const fem = ({ a, ...size }: Omit<Maps, "g">): Float64Array =>
  perChannel(size, (start, end) => {
    const mean = sum(a, start, end) / size.positions;
    let squares = 0;
    for (let i = start; i < end; i++) squares += (a[i]! - mean) ** 2;
    const threshold = mean + 2 * Math.sqrt(squares / size.positions);
    let count = 0;
    for (let i = start; i < end; i++) if (a[i]! > threshold) count++;
    return count / size.positions;
  });

/** Σ over positions of G_c∘A_c, for every channel. */
export const contributions = (maps: Maps): Float64Array =>
  perChannel(maps, (start, end) => dot(maps.g, maps.a, start, end));
