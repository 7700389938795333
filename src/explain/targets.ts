/**
 * A score to explain: a function of the logits of one image, z [K·P], K classes at P positions (1 for classifiers). Since scores
 * depend on the network through its logits alone, one compiled gradient serves them all: its upstream gradient is `gradient(z)`.
 */
export interface Target {
  /** Key under which its results are cached. */
  readonly name: string;
  value(z: Float64Array): number;
  gradient(z: Float64Array): Float64Array;
  /** The Hessian with respect to the logits times `dz`; undefined where it is 0. */
  readonly curvature: ((z: Float64Array, dz: Float64Array) => Float64Array) | undefined;
}

/** Which class, and where. */
export interface Aim {
  readonly classes: number;
  readonly index: number;
  /** Positions of the output that count, of `classes.length / K`. */
  readonly positions: readonly number[];
  /** P. */
  readonly count: number;
}

/** The score of a class: its logit, its probability, or its logit plus the logarithm of its probability (the residual of Shapley-CAM). */
export type Score = "logit" | "probability" | "rest";

const rowOf = (z: Float64Array, { classes, count }: Aim, p: number): Float64Array =>
  Float64Array.from({ length: classes }, (_, k) => z[k * count + p]!);

/** Softmax; for a single logit the sigmoid. */
function softmax(row: Float64Array): Float64Array {
  if (row.length === 1) return Float64Array.of(1 / (1 + Math.exp(-row[0]!)));
  const top = Math.max(...row);
  const exps = row.map((v) => Math.exp(v - top));
  const total = exps.reduce((sum, v) => sum + v, 0);
  return exps.map((v) => v / total);
}

/** For one position: value, gradient, and the derivative of the gradient along dz. */
interface RowScore {
  value(row: Float64Array): number;
  gradient(row: Float64Array): Float64Array;
  curvature?(row: Float64Array, dz: Float64Array): Float64Array;
}

/** A target that sums the scores of positions. */
function summed(name: string, aim: Aim, score: RowScore): Target {
  const spread = (z: Float64Array, of: (row: Float64Array, p: number) => Float64Array) => {
    const out = new Float64Array(z.length);
    for (const p of aim.positions)
      of(rowOf(z, aim, p), p).forEach((v, k) => {
        out[k * aim.count + p] = v;
      });
    return out;
  };
  const { curvature } = score;
  return {
    name: `${name} of ${aim.index}`,
    value: (z) => aim.positions.reduce((sum, p) => sum + score.value(rowOf(z, aim, p)), 0),
    gradient: (z) => spread(z, (row) => score.gradient(row)),
    curvature: curvature && ((z, dz) => spread(z, (row, p) => curvature(row, rowOf(dz, aim, p)))),
  };
}

/** dp along dz: p∘dz − p (p·dz); for a sigmoid p(1 − p)dz. */
function movedProbabilities(p: Float64Array, dz: Float64Array): Float64Array {
  if (p.length === 1) return Float64Array.of(p[0]! * (1 - p[0]!) * dz[0]!);
  const mean = p.reduce((sum, v, k) => sum + v * dz[k]!, 0);
  return p.map((v, k) => v * (dz[k]! - mean));
}

/** The score of a class. */
export function scoreOf(score: Score, aim: Aim): Target {
  const { index } = aim;
  const oneHot = (row: Float64Array, scale = 1) => row.map((_, k) => (k === index ? scale : 0));
  if (score === "logit") return summed("logit", aim, { value: (row) => row[index]!, gradient: (row) => oneHot(row) });
  if (score === "probability")
    return summed("probability", aim, {
      value: (row) => softmax(row)[index]!,
      gradient: (row) => {
        const p = softmax(row);
        const at = p[index]!;
        return p.length === 1 ? Float64Array.of(at * (1 - at)) : p.map((v, k) => at * ((k === index ? 1 : 0) - v));
      },
      curvature: (row, dz) => {
        const p = softmax(row);
        const dp = movedProbabilities(p, dz);
        const at = p[index]!;
        if (p.length === 1) return Float64Array.of(dp[0]! * (1 - 2 * at));
        return p.map((v, k) => dp[index]! * ((k === index ? 1 : 0) - v) - at * dp[k]!);
      },
    });
  // z_c + log p_c; for a sigmoid log p = −log(1 + e^−z).
  return summed("rest", aim, {
    value: (row) => row[index]! + Math.log(softmax(row)[index]!),
    gradient: (row) => {
      const p = softmax(row);
      return p.length === 1 ? Float64Array.of(2 - p[0]!) : p.map((v, k) => (k === index ? 2 : 0) - v);
    },
    curvature: (row, dz) => movedProbabilities(softmax(row), dz).map((v) => -v),
  });
}

/** The `count` classes whose logits are nearest to that of class `index`, nearest first; the first if tied. */
export function nearestClasses(row: Float64Array, index: number, count = 3): number[] {
  const distance = (k: number) => Math.abs(row[k]! - row[index]!);
  return Array.from(row.keys())
    .filter((k) => k !== index)
    .sort((a, b) => distance(a) - distance(b) || a - b)
    .slice(0, count);
}

/**
 * Finer-CAM's scores: how far the class is ahead of similar ones, r. `pytorch-grad-cam`: Σ p_r (z_c − z_r) / Σ p_r, differentiated in p too;
 * `torch-cam`: z_c − 0.6 · mean z_r.
 */
export function finerTarget(variant: "pytorch-grad-cam" | "torch-cam", aim: Aim, z: Float64Array): Target {
  if (aim.classes === 1) return scoreOf("logit", aim);
  const { index } = aim;
  // The similar classes are those of the original image.
  const total = new Float64Array(aim.classes);
  for (const p of aim.positions)
    rowOf(z, aim, p).forEach((v, k) => {
      total[k]! += v;
    });
  const near = nearestClasses(total, index);
  if (variant === "torch-cam") {
    const share = 0.6 / Math.max(1, near.length);
    return summed("finer, torch-cam", aim, {
      value: (row) => row[index]! - near.reduce((sum, r) => sum + share * row[r]!, 0),
      gradient: (row) => row.map((_, k) => (k === index ? 1 : near.includes(k) ? -share : 0)),
    });
  }
  const parts = (row: Float64Array) => {
    const p = softmax(row);
    const sum = near.reduce((s, r) => s + p[r]!, 0) + epsilon;
    const value = near.reduce((s, r) => s + p[r]! * (row[index]! - row[r]!), 0) / sum;
    return { p, sum, value };
  };
  return summed("finer, pytorch-grad-cam", aim, {
    value: (row) => parts(row).value,
    gradient: (row) => {
      const { p, sum, value } = parts(row);
      // With d_r = z_c − z_r: ∂/∂p_r is (d_r − value) / Σ, and ∂p_r/∂z_j = p_r (δ_rj − p_j); Σ p_r (d_r − value) is value · ε.
      const gradient = row.map((_, j) => ((j === index ? sum - epsilon : 0) - p[j]! * value * epsilon) / sum);
      for (const r of near) gradient[r]! += (p[r]! * (row[index]! - row[r]! - value - 1)) / sum;
      return gradient;
    },
  });
}

/** pytorch-grad-cam adds this to the sum of probabilities. */
const epsilon = 1e-9;
