import { FormatError } from "../../core/errors.js";
import { type Tensor, tensor, toFloat64 } from "../../core/tensor.js";
import { type Normalization, normalizations } from "../../data/index.js";
import type { Engine } from "../../engines/engine.js";
import { type Explanation, type MethodChoice, openExplainer } from "../../explain/index.js";
import { magnitude } from "../compare.js";
import type { Comparison } from "./comparison.js";
import type { GoldenFile } from "./file.js";
import { explainedBy, inProbabilities, SeeingComparison, slices, stacked, stackedMaps } from "./seeing.js";
import type { TrainedData } from "./trained.js";

/** One array of a file: how it is computed, and which part of the explanation it holds. */
interface Entry {
  readonly method: (image: number) => MethodChoice;
  readonly score?: "logit" | "probability";
  readonly layer?: string;
  /**
   * Why float32 loses more in it than in a gradient. `differences` of scores lose more the smaller they are; `probabilities` have a relative
   * error as large as the logits' absolute error; `quotients` of differences lose a digit. Of `n` averaged gradients, some are taken where a
   * ReLU's input is within rounding of 0 and falls on the other side: that may cost half of one of them.
   */
  readonly loses?: "differences" | "probabilities" | "quotients" | number;
  /** The arrays of the file that this explains, with their contents. */
  readonly holds: Readonly<Record<string, (found: readonly Explanation[]) => Tensor>>;
}

const shares = (found: readonly Explanation[]): Tensor =>
  stacked(
    found[0]!.attribution!.shape,
    found.map(({ attribution }) => attribution!.data),
  );
const maps = (found: readonly Explanation[]): Tensor => stackedMaps(found.map(({ map }) => map));
const samples = (found: readonly Explanation[]): Tensor =>
  stacked(
    found[0]!.samples!.shape,
    found.map((explanation) => explanation.samples!.data),
  );
const numbers = (found: readonly Explanation[], of: (found: Explanation) => number): Tensor =>
  tensor("float64", [found.length], Float64Array.from(found, of));

const plain = (name: string, method: MethodChoice, more: Partial<Entry> = {}): Entry => ({
  method: () => method,
  holds: { [name]: shares },
  ...more,
});

/** Baselines by their name in files. */
type Baseline = "zero" | "black";

/** Everything a file can hold, and how it is computed. */
function entriesOf(file: GoldenFile, inputShape: readonly [number, number, number]): Entry[] {
  const black = () => ({ baseline: blackOf(file, inputShape) });
  const from = (baseline: Baseline) => (baseline === "black" ? black() : { baseline: "zero" as const });
  const path = (baseline: Baseline): Entry[] => {
    const prefix = `integrated-gradients/${baseline}`;
    const rules = [...file.group(`${prefix}-`).keys()].flatMap((name) => {
      const found = /^(gauss|trapezoid|middle)(\d+)$/.exec(name);
      return found ? [{ name, rule: found[1]!, steps: Number(found[2]) }] : [];
    });
    return rules.map(({ name, rule, steps }, i) => ({
      method: () => ["ig", { variant: rule === "middle" ? "midpoint" : rule, steps, ...from(baseline) }],
      loses: steps,
      holds: {
        [`${prefix}-${name}`]: shares,
        ...(i === 0 && { [`${prefix}-difference`]: (found) => numbers(found, (e) => e.completeness!.difference) }),
      },
    }));
  };
  const noisy = file.has("smoothgrad/noise") ? ["mean", "mean-of-squares", "variance"] : [];
  const noise = (variant: string): Entry => ({
    method: (image) => ["smoothgrad", { variant, noise: rowsOf(file.tensor("smoothgrad/noise"), image) }],
    loses: file.tensor("smoothgrad/noise").shape[0]!,
    holds: { [`smoothgrad/${variant}`]: shares },
  });
  const { window, stride } = file.hasText("occlusion")
    ? file.json<{ window: number; stride: number }>("occlusion")
    : {};
  const keep = file.hasText("rise") ? file.json<{ p: number }>("rise").p : 0.5;
  return [
    plain("gradient", "gradient"),
    plain("gradient-softmax", "gradient", { score: "probability", loses: "probabilities" }),
    plain("input-x-gradient", "input-x-gradient"),
    ...path("zero"),
    ...path("black"),
    ...noisy.map(noise),
    plain("guided-backprop", "guided-backprop"),
    plain("deconvolution", "deconvolution"),
    ...[...file.group("guided-gradcam/").keys()].map((layer) =>
      plain(`guided-gradcam/${layer}`, "guided-gradcam", { layer }),
    ),
    plain("deeplift/zero", "deeplift", { loses: "quotients" }),
    plain("deeplift/black", ["deeplift", black()], { loses: "quotients" }),
    {
      method: () => ["occlusion", { ...(window && { window }), ...(stride && { stride }) }],
      holds: { "occlusion/map": maps, "occlusion/drop": samples },
      loses: "differences",
    },
    {
      method: () => ["rise", { keep, masks: file.tensor("rise/masks") }],
      holds: { "rise/map": maps, "rise/scores": (found) => transposed(samples(found)) },
      loses: "probabilities",
    },
    {
      method: () => ["rise", { variant: "normalized", keep, masks: file.tensor("rise/masks") }],
      holds: { "rise/map-normalised": maps },
      loses: "probabilities",
    },
    {
      method: () => ["fullgrad", { variant: "authors" }],
      holds: {
        "fullgrad/authors": maps,
        "fullgrad/sum": (found) => numbers(found, (e) => e.completeness!.sum - Number(e.settings.unplaced)),
      },
    },
    { method: () => ["fullgrad", { variant: "pytorch-grad-cam" }], holds: { "fullgrad/pytorch-grad-cam": maps } },
  ];
}

/** Black pixels as the network takes them; ImageNet's normalization unless the file says otherwise. */
function blackOf(file: GoldenFile, [channels, height, width]: readonly [number, number, number]): Tensor {
  const { mean, std } = file.hasText("preprocess") ? file.json<Normalization>("preprocess") : normalizations.imagenet;
  const area = height * width;
  const data = Float64Array.from({ length: channels * area }, (_, i) => {
    const c = Math.floor(i / area);
    return Math.fround(-mean[c]! / std[c]!);
  });
  return tensor("float64", [channels, height, width], data);
}

/** The part of [n,N,…] that belongs to one image: [n,…]. */
function rowsOf(t: Tensor, image: number): Tensor {
  const [count, , ...rest] = t.shape;
  const parts = slices(t).map((part) => toFloat64(slices(part)[image]!).data);
  return stacked(rest, parts.slice(0, count));
}

function transposed(t: Tensor): Tensor {
  const [rows, columns] = t.shape as [number, number];
  const { data } = toFloat64(t);
  const at = (i: number) => data[(i % rows) * columns + Math.floor(i / rows)]!;
  return tensor(
    "float64",
    [columns, rows],
    Float64Array.from({ length: data.length }, (_, i) => at(i)),
  );
}

/** Inputs of the methods, which are not computed. */
const given = new Set(["x", "class", "logits", "smoothgrad/noise", "rise/masks"]);

/** Checks attributions: gradients, paths, rules of backpropagation, occlusion, masks, FullGrad. */
export async function checkAttributionsFile(file: GoldenFile, engine: Engine, data: TrainedData): Promise<Comparison> {
  const comparison = new SeeingComparison(engine, file);
  const { model, images, classes, inputShape, layerOf } = await explainedBy(file, data);
  const names = new Set([...file.group("").keys()].filter((name) => !given.has(name)));
  const entries = entriesOf(file, inputShape).filter(({ holds }) => Object.keys(holds).some((name) => names.has(name)));
  for (const { holds } of entries) for (const name of Object.keys(holds)) names.delete(name);
  if (names.size) throw new FormatError(`golden file: nothing here computes ${[...names].join(", ")}`);
  for (const layer of layersIn(file))
    for (const score of ["logit", "probability"] as const) {
      const some = entries.filter((entry) => (entry.score ?? "logit") === score && (entry.layer ?? null) === layer);
      if (some.length === 0) continue;
      // All images share the methods except for their noise, so each image has its own explainer options.
      const found: Explanation[][] = some.map(() => []);
      for (const [i, image] of images.entries()) {
        const options = {
          engine,
          score,
          method: some.map(({ method }) => method(i)),
          ...(layer === null ? {} : { layer: layerOf(layer) }),
        };
        const explainer = await openExplainer({ model, inputShape }, options);
        const explanations = await explainer.explain(image, { class: classes[i]! }).finally(() => explainer.release());
        explanations.forEach((explanation, k) => {
          found[k]!.push(explanation);
        });
      }
      some.forEach(({ holds, loses }, k) => {
        for (const [name, of] of Object.entries(holds)) {
          if (!file.has(name)) continue;
          const expected = file.tensor(name);
          comparison.compare(name, of(found[k]!), expected, 1e-10, amplification(file, expected, loses, comparison));
        }
      });
    }
  return comparison;
}

function amplification(
  file: GoldenFile,
  expected: Tensor,
  loses: Entry["loses"],
  comparison: SeeingComparison,
): number {
  if (loses === "quotients") return 10;
  if (loses === "probabilities") return inProbabilities(file);
  if (loses === "differences") return Math.max(1, inProbabilities(file) / magnitude(toFloat64(expected)));
  return loses === undefined ? 1 : 0.5 / loses / comparison.rounding("gradient");
}

/** Layers of the entries; null for those that explain the input. */
const layersIn = (file: GoldenFile): (string | null)[] => [null, ...file.group("guided-gradcam/").keys()];
