/** Perceptually uniform color maps of matplotlib: equal steps of the value look equal, also in gray. */
export type ColormapName = keyof typeof coefficients;

/** Polynomials in t fitted to the maps by Matt Zucker (public domain, shadertoy.com/view/WlfXRN): a row per power, red, green, blue. */
const coefficients = {
  inferno: [
    [0.0002189403691192265, 0.001651004631001012, -0.01948089843709184],
    [0.1065134194856116, 0.5639564367884091, 3.932712388889277],
    [11.60249308247187, -3.972853965665698, -15.9423941062914],
    [-41.70399613139459, 17.43639888205313, 44.35414519872813],
    [77.162935699427, -33.40235894210092, -81.80730925738993],
    [-71.31942824499214, 32.62606426397723, 73.20951985803202],
    [25.13112622477341, -12.24266895238567, -23.07032500287172],
  ],
  viridis: [
    [0.2777273272234177, 0.005407344544966578, 0.3340998053353061],
    [0.1050930431085774, 1.404613529898575, 1.384590162594685],
    [-0.3308618287255563, 0.214847559468213, 0.09509516302823659],
    [-4.634230498983486, -5.799100973351585, -19.33244095627987],
    [6.228269936347081, 14.17993336680509, 56.69055260068105],
    [4.776384997670288, -13.74514537774601, -65.35303263337234],
    [-5.435455855934631, 4.645852612178535, 26.3124352495832],
  ],
} as const;

export const colormapNames = Object.keys(coefficients) as ColormapName[];

/**
 * The color of `t`, from 0 to 1, as three bytes.
 *
 * @example
 * colormap("viridis", 1); // close to [253, 231, 37], yellow
 */
export function colormap(name: ColormapName, t: number): [red: number, green: number, blue: number] {
  const clamped = Math.min(1, Math.max(0, t));
  const channel = (c: 0 | 1 | 2) => {
    const value = coefficients[name].reduceRight((sum, row) => sum * clamped + row[c], 0);
    return Math.round(255 * Math.min(1, Math.max(0, value)));
  };
  return [channel(0), channel(1), channel(2)];
}
