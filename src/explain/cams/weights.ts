/** Activations of a layer for one image, and gradients of a score with respect to them: [C·P], P positions per channel. */
export interface Maps {
  readonly channels: number;
  readonly positions: number;
  readonly a: Float64Array;
  readonly g: Float64Array;
}

/** f for every channel, given the index of its first element and the one after its last. */
function perChannel({ channels, positions }: Maps, f: (start: number, end: number) => number): Float64Array {
  return Float64Array.from({ length: channels }, (_, c) => f(c * positions, (c + 1) * positions));
}

/** Σ of f(i) for i from `start` to `end` − 1. */
function sum(start: number, end: number, f: (i: number) => number): number {
  let total = 0;
  for (let i = start; i < end; i++) total += f(i);
  return total;
}

/** Σ over channels of w_c · A_c. */
export function weighed({ channels, positions, a }: Pick<Maps, "channels" | "positions" | "a">, w: Float64Array) {
  const map = new Float64Array(positions);
  for (let c = 0; c < channels; c++) for (let p = 0; p < positions; p++) map[p]! += w[c]! * a[c * positions + p]!;
  return map;
}

/** Σ over channels of f(i). */
export function overChannels({ channels, positions }: Maps, f: (i: number) => number): Float64Array {
  const map = new Float64Array(positions);
  for (let c = 0; c < channels; c++) for (let p = 0; p < positions; p++) map[p]! += f(c * positions + p);
  return map;
}

/** Grad-CAM (Selvaraju et al., 2017): w_c = mean of G_c. */
export const gradCam = (maps: Maps): Float64Array =>
  perChannel(maps, (from, to) => sum(from, to, (i) => maps.g[i]!) / maps.positions);

/** XGrad-CAM (Fu et al., 2020): w_c = Σ G_c∘A_c / (Σ A_c + ε), ε = 1e-7. */
export const xGradCam = (maps: Maps): Float64Array =>
  perChannel(
    maps,
    (from, to) => sum(from, to, (i) => maps.g[i]! * maps.a[i]!) / (sum(from, to, (i) => maps.a[i]!) + 1e-7),
  );

/**
 * Grad-CAM++ (Chattopadhyay et al., 2018): w_c = Σ α·relu(G_c), α = G²/(2G² + G³·ΣA_c), 0 where G is 0 (`paper`, equation 19); with + 1e-6 in
 * the denominator (`pytorch-grad-cam`); α divided by its sum over positions with G > 0 (`authors`).
 */
export function gradCamPlusPlus(maps: Maps, variant: "paper" | "authors" | "pytorch-grad-cam"): Float64Array {
  const { a, g } = maps;
  const epsilon = variant === "pytorch-grad-cam" ? 1e-6 : 0;
  return perChannel(maps, (from, to) => {
    const total = sum(from, to, (i) => a[i]!);
    const alpha = (i: number) => {
      if (g[i] === 0) return 0;
      const denominator = 2 * g[i]! ** 2 + g[i]! ** 3 * total + epsilon;
      return g[i]! ** 2 / (denominator === 0 ? 1 : denominator);
    };
    const weight = sum(from, to, (i) => alpha(i) * Math.max(0, g[i]!));
    if (variant !== "authors") return weight;
    const norm = sum(from, to, (i) => (g[i]! > 0 ? alpha(i) : 0));
    return weight / (norm === 0 ? 1 : norm);
  });
}

/** Feature explanation (Fuad et al., 2020): w_c = share of positions with A > mean + 2 · deviation of A_c. */
export const fem = (maps: Maps): Float64Array =>
  perChannel(maps, (from, to) => {
    const { a, positions } = maps;
    const mean = sum(from, to, (i) => a[i]!) / positions;
    const deviation = Math.sqrt(sum(from, to, (i) => (a[i]! - mean) ** 2) / positions);
    return sum(from, to, (i) => (a[i]! > mean + 2 * deviation ? 1 : 0)) / positions;
  });

/** Σ over positions of f(i), for every channel. */
export const channelSums = (maps: Maps, f: (i: number) => number): Float64Array =>
  perChannel(maps, (from, to) => sum(from, to, f));
