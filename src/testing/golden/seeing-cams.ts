import { FormatError } from "../../core/errors.js";
import { type Floats, toFloat64 } from "../../core/tensor.js";
import type { Engine } from "../../engines/engine.js";
import { enlarge } from "../../explain/enlarge.js";
import { type Explanation, explanationMethods, type MethodChoice, openExplainer } from "../../explain/index.js";
import { Probe } from "../../explain/probe.js";
import { nearestClasses, scoreOf } from "../../explain/targets.js";
import type { Comparison } from "./comparison.js";
import type { GoldenFile } from "./file.js";
import {
  type Explained,
  explainEach,
  explainedBy,
  inProbabilities,
  SeeingComparison,
  scaled,
  shown,
  slices,
  stacked,
  stackedMaps,
} from "./seeing.js";
import type { TrainedData } from "./trained.js";

/** Methods whose name in files implies a variant with another name here. */
const variants: Readonly<Record<string, MethodChoice>> = {
  "gradcam++-eps1e-6": ["gradcam++", { variant: "pytorch-grad-cam" }],
  "gradcam++-authors": ["gradcam++", { variant: "authors" }],
  "eigencam-uncentered": ["eigencam", { variant: "uncentered" }],
  "eigengradcam-uncentered": ["eigengradcam", { variant: "uncentered" }],
  "shapleycam-logit": ["shapleycam", { variant: "logit" }],
  "shapleycam-rest": ["shapleycam", { variant: "rest" }],
  finercam: ["finercam", { variant: "pytorch-grad-cam" }],
  "finercam-mean0.6": ["finercam", { variant: "torch-cam" }],
  "scorecam-pgc": ["scorecam", { variant: "pytorch-grad-cam" }],
  "scorecam-authors": ["scorecam", { variant: "authors" }],
  "ablationcam-pgc": ["ablationcam", { variant: "pytorch-grad-cam" }],
};

function choiceOf(name: string): MethodChoice {
  const choice = Object.hasOwn(variants, name) ? variants[name] : undefined;
  if (choice) return choice;
  if (explanationMethods.get(name)?.kind !== "activation")
    throw new FormatError(`golden file: class activation method "${name}" is not known`);
  return name as MethodChoice;
}

/** The reference engine's tolerance: components are found by iteration. */
const exactOf = (name: string): number => (name.startsWith("kpca") ? 1e-6 : name.startsWith("eigen") ? 1e-8 : 1e-10);

/** The maps come from code that adds small numbers, upsampled with float32 coefficients. */
const mapTolerance = 1e-6;

/** Checks class activation maps of one layer: activation, gradient, weights, raw maps, and maps as displayed. */
export async function checkCamsFile(file: GoldenFile, engine: Engine, data: TrainedData): Promise<Comparison> {
  const comparison = new SeeingComparison(engine, file);
  const explained = await explainedBy(file, data);
  const layer = explained.layerOf(file.text("layer"));
  await checkLayer(file, engine, explained, comparison);

  const groups = ["cam/", "map/", "weights/"].map((prefix) => file.group(prefix));
  const names = [...new Set(groups.flatMap((group) => [...group.keys()]))];
  const { model, images, classes, inputShape } = explained;
  const method = names.map(choiceOf);
  const explainer = await openExplainer({ model, inputShape }, { engine, layer, method });
  const found = await explainEach(explainer, images, classes).finally(() => explainer.release());
  const [cams, maps, weights] = groups;
  const amplified = (name: string) => {
    if (name.startsWith("ablationcam")) return cancellation(file, classes);
    return /^(scorecam|finercam|shapleycam-rest)/.test(name) ? inProbabilities(file) : 1;
  };
  names.forEach((name, k) => {
    const mine = found.filter((_, i) => i % names.length === k);
    const exact = exactOf(name);
    if (cams!.has(name))
      comparison.compare(
        `cam/${name}`,
        stackedMaps(mine.map(({ map }) => map)),
        cams!.get(name)!,
        exact,
        amplified(name),
      );
    if (maps!.has(name))
      comparison.compare(
        `map/${name}`,
        shownMaps(name, mine, inputShape),
        maps!.get(name)!,
        Math.max(exact, mapTolerance),
        amplified(name),
      );
    if (weights!.has(name)) {
      const rows = mine.map((explanation) => explanation.weights ?? new Float64Array());
      comparison.compare(
        `weights/${name}`,
        stacked([rows[0]!.length], rows),
        weights!.get(name)!,
        exact,
        amplified(name),
      );
    }
  });
  return comparison;
}

/**
 * How much more float32 loses in Ablation-CAM than in the logits z: weights are (y − y′) / y, off by rounding · max |z| / |y|, and a map
 * Σ w·A is off by that times Σ |A|. The worst image counts.
 */
function cancellation(file: GoldenFile, classes: readonly number[]): number {
  if (!file.has("cam/ablationcam")) return 1;
  const [activation, cam, logits] = ["activation", "cam/ablationcam", "logits"].map((name) =>
    slices(file.tensor(name)),
  );
  const largest = (data: Float64Array) => data.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  const ratios = classes.map((k, n) => {
    const [z, map] = [toFloat64(logits![n]!).data, toFloat64(cam![n]!).data];
    const sums = new Float64Array(map.length);
    toFloat64(activation![n]!).data.forEach((v, i) => {
      sums[i % sums.length]! += Math.abs(v);
    });
    return ((largest(z) / Math.abs(z[k]!)) * largest(sums)) / largest(map);
  });
  return Math.max(1, ...ratios);
}

/** Maps at the input's size: Score-CAM's authors sum upsampled channels, which is the same as upsampling their sum. */
function shownMaps(name: string, found: readonly Explanation[], [, height, width]: readonly [number, number, number]) {
  const size = [height, width] as const;
  return stacked(
    size,
    found.map(({ map }) => {
      if (name !== "scorecam-authors") return shown(map, size);
      const large = enlarge(map.data, [map.height, map.width], size);
      return scaled(
        large.map((v) => Math.max(0, v)),
        0,
      );
    }),
  );
}

/** Logits, activation, gradient, and the nearest classes. */
async function checkLayer(file: GoldenFile, engine: Engine, explained: Explained, comparison: SeeingComparison) {
  const { model, images, classes, inputShape, layerOf } = explained;
  const probe = new Probe(model, inputShape, [layerOf(file.text("layer"))], engine);
  const { channels, height, width } = probe.layers[0]!;
  const [logits, activations, gradients, nearest]: Floats[][] = [[], [], [], []];
  try {
    for (const [i, image] of images.entries()) {
      const head = await probe.head(image);
      const aim = { classes: probe.classes, index: classes[i]!, positions: [0], count: 1 };
      logits!.push(head.logits);
      activations!.push(head.activations[0]!);
      gradients!.push((await probe.gradients(head, scoreOf("logit", aim).gradient(head.logits)))[0]!);
      nearest!.push(Float64Array.from(nearestClasses(head.logits, classes[i]!)));
    }
  } finally {
    await probe.release();
  }
  const shape = [channels, height, width];
  comparison.compare("logits", stacked([probe.classes], logits!), file.tensor("logits"));
  comparison.compare("activation", stacked(shape, activations!), file.tensor("activation"));
  comparison.compare("gradient", stacked(shape, gradients!), file.tensor("gradient"));
  if (file.has("finercam/references"))
    comparison.compare(
      "finercam/references",
      stacked([nearest![0]!.length], nearest!),
      file.tensor("finercam/references"),
    );
}
