import { FoveaError, OptionError } from "../../core/errors.js";
import type { Floats } from "../../core/tensor.js";
import { enlarge, rangeOf } from "../enlarge.js";
import type { Finding, Subject } from "../subject.js";
import { finerTarget, scoreOf, type Target } from "../targets.js";
import { centered, firstComponent, firstKernelComponent, mostKernelPositions } from "./components.js";
import * as w from "./weights.js";

/** A class activation method: from a subject and a variant to a map of the layer's size. */
export type CamMethod<V extends string = string> = {
  readonly title: string;
  /** The first is the default. */
  readonly variants: readonly V[];
  run(subject: Subject, variant: V): Promise<Finding>;
};

const cam = <const V extends string>(method: CamMethod<V>): CamMethod<V> => method;

function sizeOfLayer({ probe, layer }: Subject) {
  const { channels, height, width } = probe.layers[layer]!;
  return { channels, height, width, positions: height * width };
}

const finding = (subject: Subject, data: Float64Array, weights?: Float64Array): Finding => {
  const { height, width } = sizeOfLayer(subject);
  return { map: { height, width, data }, ...(weights && { weights }) };
};

async function mapsOf(subject: Subject, target?: Target): Promise<w.Maps> {
  const { channels, positions } = sizeOfLayer(subject);
  return { channels, positions, a: subject.activation, g: await subject.gradient(target) };
}

/** A method that weights channels. */
const weighing =
  (weigh: (maps: w.Maps, subject: Subject) => Float64Array | Promise<Float64Array>, target?: (s: Subject) => Target) =>
  async (subject: Subject): Promise<Finding> => {
    const maps = await mapsOf(subject, target?.(subject));
    const weights = await weigh(maps, subject);
    return finding(subject, w.weighed(maps, weights), weights);
  };

/** A method that sums an elementwise function over channels. */
const elementwise = (f: (a: number, g: number) => number) => async (subject: Subject) =>
  finding(subject, w.overChannels(await mapsOf(subject), f));

/** Positions as samples: the activations, or activations times gradients. */
async function samplesOf(subject: Subject, withGradient: boolean, center: boolean) {
  const { channels, positions } = sizeOfLayer(subject);
  const data = Float64Array.from(subject.activation);
  if (withGradient) {
    const gradient = await subject.gradient();
    for (let i = 0; i < data.length; i++) data[i]! *= gradient[i]!;
  }
  const samples = { channels, positions, data };
  return center ? centered(samples) : samples;
}

/** Shapley-CAM's weights: mean of G − ½ H·A. */
async function shapley(maps: w.Maps, subject: Subject, target: Target): Promise<Float64Array> {
  const { probe, head, layer } = subject;
  if (probe.isAffine(layer) && !target.curvature) return w.gradCam(maps);
  const { product, moved } = await probe.curvature(head, layer, target.gradient(head.logits), maps.a);
  const bent = target.curvature?.(head.logits, moved);
  const rest = bent && (await probe.gradients(head, bent))[layer]!;
  return w.gradCam({ ...maps, g: Float64Array.from(maps.g, (v, i) => v - (product[i]! + (rest?.[i] ?? 0)) / 2) });
}

/** Ablation-CAM's weights, (y − y without the channel) / y. */
async function ablation(subject: Subject, variant: "paper" | "pytorch-grad-cam"): Promise<Finding> {
  const { channels, positions } = sizeOfLayer(subject);
  const { target, activation: a, probe } = subject;
  const y = target.value(subject.head.logits);
  if (y === 0) throw new FoveaError("ablationcam: the score is 0, and weights are relative to it");
  const from = { channels, positions, a };
  const notes = y < 0 ? ["the score is negative, so channels that lower it have positive weights"] : [];
  const done = (drops: Float64Array): Finding => {
    const weights = drops.map((drop) => drop / y);
    return { ...finding(subject, w.weighed(from, weights), weights), notes };
  };
  // An affine tail loses exactly what a channel contributes to the score: no run is needed.
  if (variant === "paper" && probe.isAffine(subject.layer) && !target.curvature) {
    return done(w.contributions({ ...from, g: await subject.gradient() }));
  }
  const low = rangeOf(a)[0];
  const value = (c: number) => (variant === "paper" || low === 0 ? 0 : low - 1e7 * ((c % pgcBatch) + 1));
  const { probe: single, head } = await subject.alone();
  const logits = await single.tail(head, channels, (c, into) => {
    into.set(a);
    into.fill(value(c), c * positions, (c + 1) * positions);
  });
  return done(Float64Array.from(logits, (z) => y - target.value(z)));
}

/** pytorch-grad-cam ablates 32 channels at a time, and lowers the smallest value from one to the next. */
const pgcBatch = 32;

/** Score-CAM: the network sees the image through each channel, upsampled and scaled to 0 … 1. */
async function scoreCam(subject: Subject, variant: "authors" | "pytorch-grad-cam"): Promise<Finding> {
  const { channels, positions, height, width } = sizeOfLayer(subject);
  const { probe, head, activation: a, aim } = subject;
  const [, high, wide] = probe.inputShape as [number, number, number];
  const pixels = high * wide;
  const authors = variant === "authors";
  const maskOf = (c: number): Float64Array => {
    const plane = Float64Array.from(a.subarray(c * positions, (c + 1) * positions));
    const mask = enlarge(plane, [height, width], [high, wide], authors ? "half-pixel" : "align-corners");
    const [least, most] = rangeOf(mask);
    const size = authors ? most - least : most - least + 1e-8;
    return mask.map((v) => (size === 0 ? 0 : (v - least) / size));
  };
  const logits = await probe.forward(channels, (c, into) => {
    const mask = maskOf(c);
    for (let i = 0; i < into.length; i++) into[i] = head.image[i]! * mask[i % pixels]!;
  });
  const target = scoreOf(authors ? "probability" : subject.score, aim);
  const scores = Float64Array.from(logits, (z) => target.value(z));
  const weights = authors ? constantsZeroed(scores, a, positions) : softmax(scores);
  return finding(subject, w.weighed({ channels, positions, a }, weights), weights);
}

/** The authors skip constant channels. */
const constantsZeroed = (scores: Float64Array, a: Floats, positions: number): Float64Array =>
  scores.map((score, c) => {
    const [least, most] = rangeOf(a.subarray(c * positions, (c + 1) * positions));
    return least === most ? 0 : score;
  });

function softmax(z: Float64Array): Float64Array {
  const [, top] = rangeOf(z);
  const exps = z.map((v) => Math.exp(v - top));
  const total = exps.reduce((sum, v) => sum + v, 0);
  return exps.map((v) => v / total);
}

/** Class activation methods by name. */
export const cams = {
  gradcam: cam({ title: "Grad-CAM", variants: [], run: weighing(w.gradCam) }),
  "gradcam++": cam({
    title: "Grad-CAM++",
    variants: ["paper", "authors", "pytorch-grad-cam"],
    run: (subject, variant) => weighing((maps) => w.gradCamPlusPlus(maps, variant))(subject),
  }),
  hirescam: cam({ title: "HiResCAM", variants: [], run: elementwise((a, g) => a * g) }),
  "gradcam-elementwise": cam({
    title: "Grad-CAM, element by element",
    variants: [],
    run: elementwise((a, g) => Math.max(0, a * g)),
  }),
  layercam: cam({ title: "LayerCAM", variants: [], run: elementwise((a, g) => Math.max(0, g) * a) }),
  xgradcam: cam({ title: "XGrad-CAM", variants: [], run: weighing(w.xGradCam) }),
  eigencam: cam({
    title: "Eigen-CAM",
    variants: ["centered", "uncentered"],
    run: async (subject, variant) =>
      finding(subject, firstComponent(await samplesOf(subject, false, variant === "centered"))),
  }),
  eigengradcam: cam({
    title: "EigenGradCAM",
    variants: ["centered", "uncentered"],
    run: async (subject, variant) =>
      finding(subject, firstComponent(await samplesOf(subject, true, variant === "centered"))),
  }),
  "kpca-cam": cam({
    title: "KPCA-CAM",
    variants: [],
    run: async (subject) => {
      const { positions, height, width } = sizeOfLayer(subject);
      if (positions > mostKernelPositions)
        throw new OptionError(
          `kpca-cam: a kernel matrix of ${positions} positions is too large; choose a layer of at most ${mostKernelPositions}, this one is ${height}×${width}`,
        );
      return finding(subject, firstKernelComponent(await samplesOf(subject, false, true)));
    },
  }),
  scorecam: cam({ title: "Score-CAM", variants: ["authors", "pytorch-grad-cam"], run: scoreCam }),
  ablationcam: cam({ title: "Ablation-CAM", variants: ["paper", "pytorch-grad-cam"], run: ablation }),
  shapleycam: cam({
    title: "Shapley-CAM",
    variants: ["logit", "rest"],
    run: (subject, variant) => {
      const target = scoreOf(variant, subject.aim);
      return weighing(
        (maps) => shapley(maps, subject, target),
        () => target,
      )(subject);
    },
  }),
  finercam: cam({
    title: "Finer-CAM",
    variants: ["pytorch-grad-cam", "torch-cam"],
    run: (subject, variant) => weighing(w.gradCam, ({ aim, head }) => finerTarget(variant, aim, head.logits))(subject),
  }),
  fem: cam({
    title: "FEM",
    variants: [],
    run: async (subject) => {
      const { channels, positions } = sizeOfLayer(subject);
      const maps = { channels, positions, a: subject.activation };
      const weights = w.fem(maps);
      return finding(subject, w.weighed(maps, weights), weights);
    },
  }),
} as const;
