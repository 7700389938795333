import {
  bcaInterval,
  benjaminiHochberg,
  bonferroni,
  calibration,
  clopperPearsonInterval,
  deviation,
  friedman,
  holm,
  leastP,
  mcnemar,
  mean,
  pairedT,
  percentileInterval,
  signFlipP,
  tCdf,
  tInterval,
  tQuantile,
  welchP,
  wilcoxonP,
  wilsonInterval,
} from "../../compare/statistics/index.js";
import { FormatError } from "../../core/errors.js";
import { toFloat64 } from "../../core/tensor.js";
import type { Engine } from "../../engines/engine.js";
import { Comparison } from "./comparison.js";
import type { GoldenFile } from "./file.js";

/** Relative to each number, of intervals to the largest of all bounds. */
const tolerance = 1e-9;
const calibrationTolerance = 1e-12;
/**
 * SciPy 1.10's t quantiles are off by up to 4.6e-9, as closed forms show: for 2 degrees of freedom, t(0.975) = 0.95 / √(2 · 0.975 · 0.025).
 * Their probabilities, `t-of/…`, must be right to 1e-9.
 */
const quantileTolerance = 1e-8;

/** Checks a golden file of statistics. They are computed in float64 whatever the engine is. */
export async function checkStatisticsFile(file: GoldenFile, engine: Engine): Promise<Comparison> {
  const comparison = new Comparison(engine, file);
  for (const [name, actual] of Object.entries(statisticsOf(file))) {
    const expected = numbers(file, name);
    if (expected.length !== actual.length)
      throw new FormatError(`golden file: "${name}" has ${expected.length} numbers, not ${actual.length}`);
    const scale = name.endsWith("interval") ? Math.max(...expected.map(Math.abs)) : undefined;
    const error = actual.reduce((worst, x, i) => Math.max(worst, errorOf(x, expected[i]!, scale)), 0);
    comparison.record(name, error, toleranceOf(name));
  }
  const dfs = numbers(file, "t/df");
  for (const p of levels) {
    const quantiles = numbers(file, `t/${p}`);
    comparison.record(`t-of/${p}`, Math.max(...dfs.map((df, i) => Math.abs(tCdf(quantiles[i]!, df) - p))), tolerance);
  }
  return comparison;
}

const levels = [0.975, 0.995, 0.95];

const toleranceOf = (name: string): number =>
  name.startsWith("calibration/") ? calibrationTolerance : name.startsWith("t/") ? quantileTolerance : tolerance;

const numbers = (file: GoldenFile, name: string): number[] => [...toFloat64(file.tensor(name)).data];

const errorOf = (actual: number, expected: number, scale = expected === 0 ? 1 : Math.abs(expected)): number => {
  if (Object.is(actual, expected) || actual === expected) return 0;
  const error = Math.abs(actual - expected) / scale;
  return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
};

/** The rows of an array of two dimensions. */
function rows(file: GoldenFile, name: string): number[][] {
  const { shape } = file.tensor(name);
  const all = numbers(file, name);
  const [count = 0, length = 0] = shape;
  if (shape.length !== 2) throw new FormatError(`golden file: "${name}" must have two dimensions, has ${shape.length}`);
  return Array.from({ length: count }, (_, r) => all.slice(r * length, (r + 1) * length));
}

/** Every array that follows from others of the file. */
function statisticsOf(file: GoldenFile): Record<string, number[]> {
  const [base, ...others] = rows(file, "accuracy");
  if (!base) throw new FormatError('golden file: "accuracy" is empty');
  const all = [base, ...others];
  const paired = others.map((row) => pairedT(row, base));
  const p = paired.map((test) => test.p);
  const { p: friedmanP, ranks } = friedman(all);
  const last = others.at(-1)!.map((x, i) => x - base[i]!);
  const resamples = { size: last.length, indices: numbers(file, "bootstrap/indices") };
  const dfs = numbers(file, "t/df");
  const counts = rows(file, "binomial/kn") as [number, number][];
  const [b, c] = numbers(file, "mcnemar");
  const discordant = mcnemar(b!, c!);
  const found = calibration(rows(file, "calibration/logits"), numbers(file, "calibration/labels"));
  return {
    mean: all.map(mean),
    sd: all.map(deviation),
    "t-interval": all.flatMap((row) => tInterval(row)),
    "paired/mean": paired.map((test) => test.mean),
    "paired/interval": paired.flatMap((test) => test.interval),
    "paired/t": paired.map((test) => test.t),
    "paired/p": p,
    "welch/p": others.map((row) => welchP(row, base)),
    "wilcoxon/p": others.map((row) => wilcoxonP(row, base)),
    "sign-flip/p": others.map((row) => signFlipP(row, base)),
    holm: holm(p),
    bonferroni: bonferroni(p),
    "benjamini-hochberg": benjaminiHochberg(p),
    "friedman/p": [friedmanP],
    ranks,
    "bootstrap/percentile": [...percentileInterval(last, resamples)],
    "bootstrap/bca": [...bcaInterval(last, resamples)],
    ...Object.fromEntries(levels.map((q) => [`t/${q}`, dfs.map((df) => tQuantile(q, df))])),
    "t-cdf": numbers(file, "t-cdf/df").flatMap((df) => numbers(file, "t-cdf/x").map((x) => tCdf(x, df))),
    "binomial/wilson": counts.flatMap(([k, n]) => wilsonInterval(k, n)),
    "binomial/clopper-pearson": counts.flatMap(([k, n]) => clopperPearsonInterval(k, n)),
    mcnemar: [b!, c!, discordant.exact, discordant.chiSquare],
    "least-p": numbers(file, "least-p/n").map(leastP),
    "calibration/bins": found.bins.flatMap(({ count, accuracy, confidence }) => [count, accuracy, confidence]),
    "calibration/ece15-adaptive15-mce15-brier-nll": [found.ece, found.adaptiveEce, found.mce, found.brier, found.nll],
  };
}
