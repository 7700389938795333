import { gradients } from "../../autodiff/gradients.js";
import { FormatError } from "../../core/errors.js";
import { sizeOf, type Tensor, tensor, toFloat64 } from "../../core/tensor.js";
import type { Engine } from "../../engines/engine.js";
import type { Heatmap } from "../../explain/heatmap.js";
import {
  confidenceChange,
  deletion,
  type Example,
  entropy,
  gini,
  impute,
  infidelity,
  insertion,
  type LogitsOf,
  locate,
  maxSensitivity,
  openLogits,
  rankPositions,
  road,
  spearman,
} from "../../explain/metrics/index.js";
import { graphFor, type Module } from "../../nn/index.js";
import { mul, reduceSum } from "../../ops/index.js";
import { Comparison } from "./comparison.js";
import type { GoldenFile } from "./file.js";
import { explainedNetwork } from "./seeing-network.js";
import type { TrainedData } from "./trained.js";

/** One image of a file, and the map to evaluate. */
interface Case extends Example {
  readonly map: Heatmap;
}

/** Checks the metrics of maps: faithfulness, localization, robustness, complexity and rank correlation. */
export async function checkMetricsFile(file: GoldenFile, engine: Engine, data: TrainedData): Promise<Comparison> {
  const comparison = new Comparison(engine, file);
  const { model } = await explainedNetwork(file, data);
  const x = toFloat64(file.tensor("x"));
  const [count, channels, height, width] = x.shape as [number, number, number, number];
  const targets = toFloat64(file.tensor("class")).data;
  if (targets.length !== count || x.shape.length !== 4) throw new FormatError("golden file: a class for each image");
  const cases = Array.from({ length: count }, (_, i): Case => {
    const map = { height, width, data: row(file.tensor("map"), i).data };
    return { input: row(x, i), target: targets[i]!, map };
  });
  const { logitsOf, release } = await openLogits(model, [channels, height, width], engine);
  const gradient = await openGradient(model, x.shape, engine);
  try {
    comparison.check("logits", await logitsOf(x), file.tensor("logits"), "logits");
    await checkConfidence(file, comparison, logitsOf, cases);
    await checkRoad(file, comparison, logitsOf, cases);
    await checkRobustness(file, comparison, logitsOf, cases, gradient.of);
  } finally {
    await release();
    await gradient.release();
  }
  checkMaps(file, comparison, cases);
  return comparison;
}

async function checkConfidence(file: GoldenFile, comparison: Comparison, logitsOf: LogitsOf, cases: readonly Case[]) {
  const counts = [...toFloat64(file.tensor("deletion/counts")).data];
  const curves = { deletion: [] as number[][], insertion: [] as number[][] };
  const areas = { deletion: [] as number[], insertion: [] as number[] };
  const rows: number[][] = [];
  for (const each of cases) {
    for (const [name, run] of [["deletion", deletion] as const, ["insertion", insertion] as const]) {
      const { scores, area } = await run(logitsOf, each, each.map, { counts });
      curves[name].push([...scores]);
      areas[name].push(area);
    }
    const { before, masked, drop, increased } = await confidenceChange(logitsOf, each, each.map);
    rows.push([before, masked, drop, Number(increased)]);
  }
  for (const name of ["deletion", "insertion"] as const) {
    compare(file, comparison, `${name}/curve`, curves[name].flat());
    compare(file, comparison, `${name}/auc`, areas[name]);
  }
  const column = (k: number) => rows.map((values) => values[k]!);
  compare(file, comparison, "confidence/before", column(0));
  compare(file, comparison, "confidence/masked", column(1));
  // Differences of probabilities round like probabilities.
  compare(file, comparison, "average-drop", column(2), 1);
  compare(file, comparison, "increase", column(3));
}

async function checkRoad(file: GoldenFile, comparison: Comparison, logitsOf: LogitsOf, cases: readonly Case[]) {
  const fractions = [...toFloat64(file.tensor("road/fractions")).data];
  const found = { morf: [] as number[], lerf: [] as number[], combined: [] as number[] };
  const logits = { morf: [] as number[], lerf: [] as number[] };
  for (const each of cases) {
    const measured = await road(logitsOf, each, each.map, { fractions, noise: 0 });
    found.combined.push(measured.combined);
    for (const order of ["morf", "lerf"] as const) {
      found[order].push(...measured[order].probabilities);
      logits[order].push(...measured[order].logits);
    }
  }
  for (const order of ["morf", "lerf"] as const) {
    compare(file, comparison, `road/${order}-probability`, found[order]);
    compare(file, comparison, `road/${order}-logit`, logits[order]);
    for (const [fraction] of file.group(`road/${order}-imputed-`)) {
      const images = cases.flatMap(({ input, map }) => {
        const pixels = order === "morf" ? rankPositions(map) : rankPositions(map).reverse();
        const missing = pixels.subarray(0, Math.round(Number(fraction) * pixels.length));
        return [...impute(toFloat64(input).data, map.height, map.width, missing)];
      });
      compare(file, comparison, `road/${order}-imputed-${fraction}`, images);
    }
  }
  compare(file, comparison, "road/combined-probability", found.combined, 1);
}

async function checkRobustness(
  file: GoldenFile,
  comparison: Comparison,
  logitsOf: LogitsOf,
  cases: readonly Case[],
  gradientOf: (inputs: Tensor, targets: readonly number[]) => Promise<Tensor>,
) {
  const errors: number[] = [];
  const sensitivities: { max: number; mean: number; each: readonly number[] }[] = [];
  let scale = 0;
  for (const [i, { input, target }] of cases.entries()) {
    const explain = (at: Tensor) => gradientOf(at, [target]);
    const gradient = row(await explain({ ...input, shape: [1, ...input.shape] } as Tensor), 0);
    const disturbances = ofImage(file.tensor("infidelity/noise"), i);
    errors.push(await infidelity(logitsOf, { input, target }, gradient, { noise: disturbances }));
    scale = Math.max(scale, foretold(disturbances, gradient));
    const noise = ofImage(file.tensor("sensitivity/noise"), i);
    sensitivities.push(await maxSensitivity(async (at) => toFloat64(await explain(at)).data, input, { noise }));
  }
  // A small difference of two numbers: in float32 it rounds like those numbers.
  compare(file, comparison, "infidelity/gradient", errors, scale);
  compare(
    file,
    comparison,
    "sensitivity/max",
    sensitivities.map(({ max }) => max),
  );
  compare(
    file,
    comparison,
    "sensitivity/mean",
    sensitivities.map(({ mean }) => mean),
  );
  const each = sensitivities[0]!.each.flatMap((_, k) => sensitivities.map((of) => of.each[k]!));
  compare(file, comparison, "sensitivity/each", each);
}

function checkMaps(file: GoldenFile, comparison: Comparison, cases: readonly Case[]) {
  compare(
    file,
    comparison,
    "order",
    cases.flatMap(({ map }) => [...rankPositions(map)]),
  );
  compare(
    file,
    comparison,
    "gini",
    cases.map(({ map }) => gini(map.data)),
  );
  compare(
    file,
    comparison,
    "entropy",
    cases.map(({ map }) => entropy(map.data)),
  );
  const located = cases.flatMap(({ map }, i) => {
    const mask = { ...map, data: Uint8Array.from(row(file.tensor("mask"), i).data) };
    const { pointing, energy, rankAccuracy, bestIou, auc, share } = locate(map, mask);
    return [Number(pointing), energy, rankAccuracy, bestIou, auc, share];
  });
  compare(file, comparison, "localisation", located);
  const correlations = cases.flatMap(({ map }, i) => {
    const maps = row(file.tensor("randomisation/maps"), i);
    return Array.from({ length: maps.shape[0]! }, (_, stage) => spearman(map.data, row(maps, stage).data));
  });
  compare(file, comparison, "randomisation/spearman", correlations);
}

/**
 * Compares numbers, row-major, with a tensor of the file. `floor` is the least magnitude that a float32 error is relative to, where
 * the numbers are small differences of larger ones.
 */
function compare(file: GoldenFile, comparison: Comparison, name: string, values: readonly number[], floor?: number) {
  const expected = file.tensor(name);
  const actual =
    values.length === sizeOf(expected.shape) ? tensor("float64", expected.shape, Float64Array.from(values)) : undefined;
  comparison.check(name, actual, expected, name, comparison.exact ? undefined : floor);
}

/** Element i of the first axis. */
function row(t: Tensor, i: number): Tensor<"float64"> {
  const shape = t.shape.slice(1);
  const each = sizeOf(shape);
  return tensor("float64", shape, toFloat64(t).data.slice(i * each, (i + 1) * each));
}

/** [K,N,C,H,W] → [K,C,H,W] of image i. */
function ofImage(noise: Tensor, i: number): Tensor<"float64"> {
  const parts = Array.from({ length: noise.shape[0]! }, (_, k) => row(row(noise, k), i));
  const data = new Float64Array(parts.reduce((sum, part) => sum + part.data.length, 0));
  parts.forEach((part, k) => data.set(part.data, k * part.data.length));
  return tensor("float64", [parts.length, ...parts[0]!.shape], data);
}

/** Mean square of what a gradient predicts for perturbations. */
function foretold(noise: Tensor<"float64">, gradient: Tensor<"float64">): number {
  const each = gradient.data.length;
  let sum = 0;
  for (let k = 0; k < noise.shape[0]!; k++)
    sum += gradient.data.reduce((dot, g, j) => dot + g * noise.data[k * each + j]!, 0) ** 2;
  return sum / noise.shape[0]!;
}

/** Gradients of logits with respect to inputs. */
async function openGradient(model: Module, shape: readonly number[], engine: Engine) {
  const graph = graphFor(model);
  const input = graph.input("input", { dtype: "float", shape: [1, ...shape.slice(1)] });
  const logits = model.call(input);
  const chosen = graph.input("chosen", { dtype: "float", shape: logits.shape });
  const [dx] = gradients(reduceSum(mul(logits, chosen), [0, 1], { keepdims: false }), [input]);
  graph.output("dx", dx!);
  const executable = await engine.compile(graph);
  const classes = logits.shape[1] as number;
  return {
    release: () => executable.release(),
    of: async (inputs: Tensor, [target]: readonly number[]) => {
      const one = Float64Array.from({ length: classes }, (_, k) => (k === target ? 1 : 0));
      const { dx } = await executable.run({ input: inputs, chosen: tensor("float64", [1, classes], one) });
      return dx!;
    },
  };
}
