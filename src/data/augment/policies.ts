import type { Rng } from "../../core/rng.js";
import { that } from "../../core/schema.js";
import type { RgbImage } from "../dataset.js";
import { rotate, shearX, shearY, translateX, translateY } from "./affine.js";
import {
  adjustBrightness,
  adjustContrast,
  adjustHue,
  adjustSaturation,
  adjustSharpness,
  autoContrast,
  equalize,
  posterize,
  solarize,
} from "./enhance.js";

/** Strengths of a change: from the first to the last in equal steps. */
type Range = readonly [first: number, last: number];

interface Change {
  readonly name: string;
  apply(image: RgbImage, strength: number): RgbImage;
  /** Null for a change that has no strength. */
  readonly range: Range | null;
  /** Whether either direction is drawn. */
  readonly signed?: boolean;
  /** Whether strengths are whole numbers. */
  readonly whole?: boolean;
}

/** Strengths that are told apart, as in torchvision. */
export const magnitudes = 31;

type Enhancer = (image: RgbImage, factor: number) => RgbImage;
const around =
  (enhance: Enhancer): Enhancer =>
  (image, strength) =>
    enhance(image, 1 + strength);

interface Ranges {
  readonly shear: number;
  readonly shift: readonly [x: number, y: number];
  readonly degrees: number;
  readonly color: number;
  /** Bits that the strongest posterization keeps. */
  readonly bits: number;
}

const changes = ({ shear, shift, degrees, color, bits }: Ranges): readonly Change[] => {
  const signed = (name: string, apply: Enhancer, last: number): Change => ({
    name,
    apply,
    range: [0, last],
    signed: true,
  });
  return [
    { name: "identity", apply: (image) => image, range: null },
    signed("shearX", shearX, shear),
    signed("shearY", shearY, shear),
    signed("translateX", translateX, shift[0]),
    signed("translateY", translateY, shift[1]),
    signed("rotate", rotate, degrees),
    signed("brightness", around(adjustBrightness), color),
    signed("color", around(adjustSaturation), color),
    signed("contrast", around(adjustContrast), color),
    signed("sharpness", around(adjustSharpness), color),
    { name: "posterize", apply: posterize, range: [8, bits], whole: true },
    { name: "solarize", apply: solarize, range: [255, 0] },
    { name: "autoContrast", apply: autoContrast, range: null },
    { name: "equalize", apply: equalize, range: null },
  ];
};

/** TrivialAugment's wide space (Müller and Hutter, ICCV 2021), as torchvision has it. */
export const trivialChanges = changes({ shear: 0.99, shift: [32, 32], degrees: 135, color: 0.99, bits: 2 });

/** RandAugment's space (Cubuk et al., 2020), as torchvision has it. Shifts are shares of the image. */
export const randChanges = ({ width, height }: { readonly width: number; readonly height: number }) =>
  changes({ shear: 0.3, shift: [(150 / 331) * width, (150 / 331) * height], degrees: 30, color: 0.9, bits: 4 });

/** The strength at a step, 0 to 30, of a change: those of torch.linspace, float32 included. */
export function strengthAt({ range, whole }: Change, magnitude: number): number {
  if (!range) return 0;
  const [first, last] = range.map(Math.fround) as [number, number];
  const step = Math.fround((last - first) / (magnitudes - 1));
  const left = magnitudes - 1 - magnitude;
  const strength = Math.fround(magnitude <= left ? first + step * magnitude : last - step * left);
  return whole ? Math.round(strength) : strength;
}

function changed(image: RgbImage, change: Change, magnitude: number, rng: Rng): RgbImage {
  const strength = strengthAt(change, magnitude);
  return change.apply(image, change.signed && rng.int(2) === 1 ? -strength : strength);
}

/** The name of a policy: `trivialaugment`, `randaugment`, or `randaugment-nN-mM`. */
export type AutoAugment = "trivialaugment" | "randaugment" | `randaugment-n${number}-m${number}`;

const randName = /^randaugment(?:-n([1-9]|1\d)-m(\d|[12]\d|30))?$/;

export const autoAugmentSchema = that<AutoAugment>(
  "trivialaugment, randaugment or randaugment-nN-mM with N changes (1 to 19) of magnitude M (0 to 30)",
  (x) => typeof x === "string" && (x === "trivialaugment" || randName.test(x)),
);

/** An image changed by a policy. RandAugment without numbers makes two changes of magnitude 9. */
export function autoAugmented(image: RgbImage, policy: AutoAugment, rng: Rng): RgbImage {
  if (policy === "trivialaugment") {
    const change = trivialChanges[rng.int(trivialChanges.length)]!;
    return changed(image, change, change.range ? rng.int(magnitudes) : 0, rng);
  }
  const [, count = "2", magnitude = "9"] = randName.exec(policy)!;
  const space = randChanges(image);
  let result = image;
  for (let i = 0; i < Number(count); i++)
    result = changed(result, space[rng.int(space.length)]!, Number(magnitude), rng);
  return result;
}

/** How far brightness, contrast and saturation move from 1, and hue from 0. */
export type ColorJitter = readonly [brightness: number, contrast: number, saturation: number, hue: number];

export const colorJitterSchema = that<ColorJitter>(
  "[brightness, contrast, saturation, hue], not negative, hue at most 0.5",
  (x) => Array.isArray(x) && x.length === 4 && x.every((v) => Number.isFinite(v) && v >= 0) && x[3] <= 0.5,
);

/** torchvision's ColorJitter: factors from max(0, 1 − b) to 1 + b, hue from −h to h, in random order. */
export function colorJittered(
  image: RgbImage,
  [brightness, contrast, saturation, hue]: ColorJitter,
  rng: Rng,
): RgbImage {
  const factor = (amount: number) => (amount === 0 ? 1 : rng.uniform(Math.max(0, 1 - amount), 1 + amount));
  const order = rng.permutation(4);
  const [b, c, s] = [brightness, contrast, saturation].map(factor) as [number, number, number];
  const turn = hue === 0 ? 0 : rng.uniform(-hue, hue);
  const steps: readonly ((image: RgbImage) => RgbImage)[] = [
    (x) => (brightness ? adjustBrightness(x, b) : x),
    (x) => (contrast ? adjustContrast(x, c) : x),
    (x) => (saturation ? adjustSaturation(x, s) : x),
    (x) => (hue ? adjustHue(x, turn) : x),
  ];
  return Array.from(order).reduce((x, step) => steps[step]!(x), image);
}
