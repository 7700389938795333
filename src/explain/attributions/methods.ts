import { gradients } from "../../autodiff/gradients.js";
import { tensor, toFloat64 } from "../../core/tensor.js";
import { gradCam, weighed } from "../cams/weights.js";
import { enlarge } from "../enlarge.js";
import { completenessOf, type Finding, type Subject } from "../subject.js";
import { fullGrad } from "./full-grad.js";
import { type AttributionOptions, baselineOf } from "./options.js";
import { gradientsAt, type QuadratureName, withError, withPoints } from "./path.js";
import { deconvolution, guided, isRectifier, replay, rescale } from "./rules.js";
import { occlusion, overColors, rise, smoothGrad } from "./sampled.js";

/** An attribution method: a number per pixel of the input. */
export type AttributionMethod<V extends string = string> = {
  readonly title: string;
  /** The first is the default. */
  readonly variants: readonly V[];
  /** The options that it takes. */
  readonly options: readonly (keyof AttributionOptions)[];
  /** Whether it explains a layer as well. */
  readonly layer?: boolean;
  /** Whether it has been shown to give much the same map for a network with random weights (Adebayo et al., 2018). */
  readonly failsSanityChecks?: boolean;
  run(subject: Subject, variant: V, options: AttributionOptions): Promise<Finding>;
};

const attribution = <const V extends string>(method: AttributionMethod<V>): AttributionMethod<V> => method;

const found = (subject: Subject, data: Float64Array, more: Partial<Finding> = {}): Finding => ({
  map: overColors(data, subject.probe.inputShape),
  attribution: data,
  ...more,
});

/** The gradient of the score with respect to the input. */
async function inputGradient(subject: Subject): Promise<Float64Array> {
  const [gradient] = await gradientsAt(subject, subject.target, 1, (_, into) => into.set(subject.head.image));
  return gradient!;
}

/** The gradient with another rule for ReLUs. */
async function rectified(subject: Subject, name: string, rule: typeof guided) {
  const { probe, head, target } = subject;
  const result = await probe.whole(name, head.image, target.gradient(head.logits), ({ graph, input, score }) => {
    const [gradient] = gradients(score, [input], { rule });
    if (gradient) graph.output("gradient", gradient);
  });
  const data = result.gradient ? toFloat64(result.gradient).data : new Float64Array(head.image.length);
  const notes = probe.some(isRectifier) ? [] : ["the network has no ReLUs, so this is its gradient"];
  return { data, notes };
}

/** Guided backpropagation times the positive part of Grad-CAM, upsampled (Selvaraju et al., 2017). */
async function guidedGradCam(subject: Subject): Promise<Finding> {
  const { probe, layer } = subject;
  const { channels, height, width } = probe.layers[layer]!;
  const maps = { channels, positions: height * width, a: subject.activation, g: await subject.gradient() };
  const map = weighed(maps, gradCam(maps)).map((v) => Math.max(0, v));
  const [, high, wide] = probe.inputShape as [number, number, number];
  const large = enlarge(map, [height, width], [high, wide]);
  const { data, notes } = await rectified(subject, "guided", guided);
  return found(
    subject,
    data.map((v, k) => v * large[k % large.length]!),
    { notes },
  );
}

/** The score of another input than the image. */
async function scoreAt({ probe, target }: Subject, input: Float64Array): Promise<number> {
  const [logits] = await probe.forward(1, (_, into) => into.set(input));
  return target.value(logits!);
}

/** Integrated gradients (Sundararajan et al., 2017). */
async function integrated(subject: Subject, rule: QuadratureName, options: AttributionOptions): Promise<Finding> {
  const baseline = baselineOf(subject, options);
  const { error = 0.01, steps } = options;
  const difference = subject.target.value(subject.head.logits) - (await scoreAt(subject, baseline));
  const isEnough = (data: Float64Array) => completenessOf(data, difference).error <= error;
  const { attribution: data, points } =
    steps === undefined
      ? await withError(subject, baseline, rule, isEnough)
      : await withPoints(subject, baseline, rule, steps);
  const completeness = completenessOf(data, difference);
  const missed = steps === undefined && !(completeness.error <= error);
  const notes = missed
    ? [`the error is ${completeness.error.toPrecision(2)} after ${points} steps, more than ${error}`]
    : [];
  return found(subject, data, { completeness, settings: { steps: points }, notes });
}

/** DeepLIFT with the rescale rule (Shrikumar et al., 2017). */
async function deepLift(subject: Subject, options: AttributionOptions): Promise<Finding> {
  const { probe, head, target } = subject;
  const baseline = baselineOf(subject, options);
  const shape = [1, ...probe.inputShape];
  const result = await probe.whole(
    "deeplift",
    head.image,
    target.gradient(head.logits),
    ({ graph, input, score }) => {
      const reference = graph.input("baseline", input.type);
      const baselineOf = replay(graph, new Map([[input, reference]]));
      const [multipliers] = gradients(score, [input], { rule: rescale(baselineOf) });
      if (multipliers) graph.output("multipliers", multipliers);
    },
    { baseline: tensor("float64", shape, baseline) },
  );
  const multipliers = toFloat64(result.multipliers!).data;
  const data = multipliers.map((v, k) => v * (head.image[k]! - baseline[k]!));
  const difference = target.value(head.logits) - (await scoreAt(subject, baseline));
  return found(subject, data, { completeness: completenessOf(data, difference) });
}

/** Attribution methods by name. */
export const attributions = {
  gradient: attribution({
    title: "Gradient",
    variants: [],
    options: [],
    run: async (subject) => found(subject, await inputGradient(subject)),
  }),
  "input-x-gradient": attribution({
    title: "Input × gradient",
    variants: [],
    options: [],
    run: async (subject) => {
      const { image } = subject.head;
      return found(
        subject,
        (await inputGradient(subject)).map((v, k) => v * image[k]!),
      );
    },
  }),
  smoothgrad: attribution({
    title: "SmoothGrad",
    variants: ["mean", "mean-of-squares", "variance"],
    options: ["sigma", "samples", "seed", "noise"],
    run: smoothGrad,
  }),
  ig: attribution({
    title: "Integrated gradients",
    variants: ["trapezoid", "gauss", "midpoint"],
    options: ["baseline", "steps", "error"],
    run: integrated,
  }),
  "guided-backprop": attribution({
    title: "Guided backpropagation",
    variants: [],
    options: [],
    failsSanityChecks: true,
    run: async (subject) => {
      const { data, notes } = await rectified(subject, "guided", guided);
      return found(subject, data, { notes });
    },
  }),
  deconvolution: attribution({
    title: "Deconvolution",
    variants: [],
    options: [],
    failsSanityChecks: true,
    run: async (subject) => {
      const { data, notes } = await rectified(subject, "deconvolution", deconvolution);
      return found(subject, data, { notes });
    },
  }),
  "guided-gradcam": attribution({
    title: "Guided Grad-CAM",
    variants: [],
    options: [],
    layer: true,
    failsSanityChecks: true,
    run: guidedGradCam,
  }),
  deeplift: attribution({
    title: "DeepLIFT",
    variants: [],
    options: ["baseline"],
    run: (subject, _variant, options) => deepLift(subject, options),
  }),
  occlusion: attribution({
    title: "Occlusion",
    variants: [],
    options: ["window", "stride", "baseline"],
    run: (subject, _variant, options) => occlusion(subject, options),
  }),
  rise: attribution({
    title: "RISE",
    variants: ["authors", "normalized"],
    options: ["samples", "seed", "cells", "keep", "masks"],
    run: rise,
  }),
  fullgrad: attribution({
    title: "FullGrad",
    variants: ["authors", "pytorch-grad-cam"],
    options: [],
    run: (subject, variant) => fullGrad(subject, variant),
  }),
} as const;
