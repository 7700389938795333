/**
 * Perceptually uniform color maps: equal steps in value look equal, also in gray. `inferno` and `viridis` are matplotlib's; `diverging` goes
 * from blue through near-white, at 0.5, to red.
 */
export type ColormapName = keyof typeof coefficients | "diverging";

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

export const colormapNames = [...Object.keys(coefficients), "diverging"] as ColormapName[];

/**
 * The color of `t`, from 0 to 1, as three bytes.
 *
 * @example
 * colormap("viridis", 1); // close to [253, 231, 37], yellow
 */
export function colormap(name: ColormapName, t: number): [red: number, green: number, blue: number] {
  const clamped = Math.min(1, Math.max(0, t));
  if (name === "diverging") return diverging(2 * clamped - 1);
  const channel = (c: 0 | 1 | 2) => {
    const value = coefficients[name].reduceRight((sum, row) => sum * clamped + row[c], 0);
    return Math.round(255 * Math.min(1, Math.max(0, value)));
  };
  return [channel(0), channel(1), channel(2)];
}

/** −1 is blue, 1 is red: lightness falls evenly on both sides of 0, at constant hue, in OKLab. */
function diverging(t: number): [red: number, green: number, blue: number] {
  const size = Math.abs(t);
  const hue = ((t < 0 ? 255 : 28) * Math.PI) / 180;
  const chroma = 0.17 * size;
  return fromOklab(0.97 - 0.5 * size, chroma * Math.cos(hue), chroma * Math.sin(hue));
}

/** Björn Ottosson's OKLab (public domain) to sRGB bytes, clipped to the gamut. */
function fromOklab(lightness: number, a: number, b: number): [red: number, green: number, blue: number] {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const byte = (linear: number) => {
    const light = Math.min(1, Math.max(0, linear));
    return Math.round(255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055));
  };
  return [
    byte(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    byte(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    byte(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}
