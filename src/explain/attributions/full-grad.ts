import { gradients } from "../../autodiff/gradients.js";
import { toFloat64 } from "../../core/tensor.js";
import { enlarge, rangeOf } from "../enlarge.js";
import { completenessOf, type Finding, type Subject } from "../subject.js";
import { biasShares } from "./biases.js";

/** Shares of the score in an array [C,h,w], or [C] if it is not a map. */
interface Shares {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** |v| scaled to 0 … 1: (|v| − min) / (max − min + ε). */
function scaled(data: Float64Array, epsilon: number): Float64Array {
  const sizes = data.map(Math.abs);
  const [least, most] = rangeOf(sizes);
  return sizes.map((v) => (v - least) / (most - least + epsilon));
}

/** The map of an array of shares: rescaled as a whole (the authors) or per channel (pytorch-grad-cam), summed, upsampled. */
function mapOf(
  { shape, data }: Shares,
  [high, wide]: readonly [number, number],
  variant: "authors" | "pytorch-grad-cam",
) {
  const [channels, height, width] = shape as [number, number, number];
  const area = height * width;
  const authors = variant === "authors";
  const whole = authors ? scaled(data, 1e-6) : null;
  // Enlarging is linear, so the sum is enlarged instead of thousands of maps.
  const sum = new Float64Array(area);
  for (let c = 0; c < channels; c++) {
    const plane = (whole ?? data).subarray(c * area, (c + 1) * area);
    (whole ? plane : scaled(plane, 1e-7)).forEach((v, p) => {
      sum[p]! += v;
    });
  }
  return enlarge(sum, [height, width], [high, wide], authors ? "align-corners" : "half-pixel");
}

/**
 * FullGrad (Srinivas and Fleuret, 2019): input ∘ gradient, and every bias's share of the score; the magnitudes of each rescaled, upsampled and
 * summed. In a ReLU network the shares themselves add up to the score, which is its completeness; `unplaced` is the sum
 * of those that are not maps, such as the classifier bias's, and are not drawn.
 */
export async function fullGrad(subject: Subject, variant: "authors" | "pytorch-grad-cam"): Promise<Finding> {
  const { probe, head, target } = subject;
  const [, high, wide] = probe.inputShape as [number, number, number];
  const result = await probe.whole("fullgrad", head.image, target.gradient(head.logits), ({ graph, input, score }) => {
    biasShares(graph, input, score).forEach((share, i) => {
      graph.output(`bias/${i}`, share);
    });
    const [gradient] = gradients(score, [input]);
    if (gradient) graph.output("gradient", gradient);
  });
  const gradient = result.gradient ? toFloat64(result.gradient).data : new Float64Array(head.image.length);
  const input = { shape: probe.inputShape, data: gradient.map((v, k) => v * head.image[k]!) };
  const biases = Object.entries(result)
    .filter(([name]) => name.startsWith("bias/"))
    .map(([, t]): Shares => ({ shape: t.shape.slice(1), data: toFloat64(t).data }));
  const data = new Float64Array(high * wide);
  for (const shares of [input, ...biases])
    if (shares.shape.length === 3)
      mapOf(shares, [high, wide], variant).forEach((v, p) => {
        data[p]! += v;
      });
  const sums = (shares: readonly Shares[]) => shares.map((s) => s.data.reduce((sum, v) => sum + v, 0));
  const all = Float64Array.from(sums([input, ...biases]));
  const unplaced = sums(biases.filter(({ shape }) => shape.length !== 3)).reduce((sum, v) => sum + v, 0);
  return {
    map: { height: high, width: wide, data },
    completeness: completenessOf(all, target.value(head.logits)),
    settings: { unplaced },
  };
}
