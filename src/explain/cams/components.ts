import { largestEigenpair } from "./eigen.js";

/** Positions as samples, channels as features: [C·P]. */
export interface Samples {
  readonly channels: number;
  readonly positions: number;
  readonly data: Float64Array;
}

/** The same with every channel's mean subtracted. */
export function centered({ channels, positions, data }: Samples): Samples {
  const out = data.slice();
  for (let c = 0; c < channels; c++) {
    const row = out.subarray(c * positions, (c + 1) * positions);
    const mean = row.reduce((sum, v) => sum + v, 0) / positions;
    for (let p = 0; p < positions; p++) row[p]! -= mean;
  }
  return { channels, positions, data: out };
}

/** The sign of a principal component is arbitrary: here the largest magnitude is positive. */
export function signed(map: Float64Array): Float64Array {
  const largest = map.reduce((best, v) => (Math.abs(v) > Math.abs(best) ? v : best), 0);
  return largest < 0 ? map.map((v) => -v) : map;
}

/**
 * Eigen-CAM (Muhammad and Yeasin, 2020): every position's coordinate along the first principal component of the channels, with the sign
 * of {@link signed}. The paper does not center the data; pytorch-grad-cam does.
 */
export function firstComponent(samples: Samples): Float64Array {
  const { channels, positions, data } = samples;
  const at = (c: number, p: number) => data[c * positions + p]!;
  // From the smaller of the two Gram matrices.
  const toPositions = (v: Float64Array, out: Float64Array) => {
    out.fill(0);
    for (let c = 0; c < channels; c++) for (let p = 0; p < positions; p++) out[p]! += v[c]! * at(c, p);
  };
  const toChannels = (v: Float64Array, out: Float64Array) => {
    for (let c = 0; c < channels; c++) {
      let total = 0;
      for (let p = 0; p < positions; p++) total += v[p]! * at(c, p);
      out[c] = total;
    }
  };
  if (channels <= positions) {
    const between = new Float64Array(positions);
    const { vector } = largestEigenpair(channels, (v, out) => {
      toPositions(v, between);
      toChannels(between, out);
    });
    const scores = new Float64Array(positions);
    toPositions(vector, scores);
    return signed(scores);
  }
  const between = new Float64Array(channels);
  const { value, vector } = largestEigenpair(positions, (v, out) => {
    toChannels(v, between);
    toPositions(between, out);
  });
  const scale = Math.sqrt(Math.max(0, value));
  return signed(vector.map((v) => v * scale));
}

/** Beyond this many positions the kernel matrix would be too large. */
export const mostKernelPositions = 4096;

/**
 * The same with kernel PCA: kernel tanh(x·y/C + 1), centered; coordinates are eigenvector · √eigenvalue (KPCA-CAM, Karmani et al., 2024, as
 * pytorch-grad-cam and scikit-learn compute it).
 */
export function firstKernelComponent(samples: Samples): Float64Array {
  const { channels, positions, data } = samples;
  const kernel = new Float64Array(positions * positions);
  const products = new Float64Array(positions);
  for (let p = 0; p < positions; p++) {
    products.fill(0);
    for (let c = 0; c < channels; c++) {
      const factor = data[c * positions + p]!;
      for (let q = 0; q < positions; q++) products[q]! += factor * data[c * positions + q]!;
    }
    for (let q = 0; q < positions; q++) kernel[p * positions + q] = Math.tanh(products[q]! / channels + 1);
  }
  const means = Float64Array.from({ length: positions }, (_, p) => {
    let total = 0;
    for (let q = 0; q < positions; q++) total += kernel[p * positions + q]!;
    return total / positions;
  });
  const mean = means.reduce((sum, v) => sum + v, 0) / positions;
  for (let p = 0; p < positions; p++)
    for (let q = 0; q < positions; q++) kernel[p * positions + q]! += mean - means[p]! - means[q]!;
  const { value, vector } = largestEigenpair(positions, (v, out) => {
    for (let p = 0; p < positions; p++) {
      let total = 0;
      for (let q = 0; q < positions; q++) total += kernel[p * positions + q]! * v[q]!;
      out[p] = total;
    }
  });
  const scale = Math.sqrt(Math.max(0, value));
  return signed(vector.map((v) => v * scale));
}
