import { OptionError } from "../core/errors.js";
import { defineOptions, type OptionsOf } from "../core/options.js";
import type { Value } from "../graph/graph.js";
import { BatchNorm, Conv2d, constant, kaimingNormal, Lambda, Module, normal, Sequential } from "../nn/index.js";
import { add, conv, mapSize, matMul, maxPool, mul, relu, reshape, resize, slice, softmax } from "../ops/index.js";
import { divisibleWidth, positions, reduced } from "./parts.js";
import { defineAttention } from "./spec.js";

const options = defineOptions({
  pairwise: {
    default: "embedded-gaussian",
    choices: ["embedded-gaussian", "gaussian", "dot-product", "concatenation"],
    when: { variant: ["authors", "port"] },
    doc: "f, which compares two positions",
  },
  reduction: {
    default: 2,
    when: { variant: ["authors", "port"] },
    doc: "channels ÷ width of the projections, or a fraction: width ÷ channels",
  },
  subsample: {
    default: true,
    when: { variant: ["authors", "port"] },
    doc: "compare with the maxima of 2×2 squares: a quarter of the pairs",
  },
  norm: {
    default: true,
    when: { variant: ["authors", "port"] },
    doc: "batch norm after the last projection",
  },
  variant: {
    default: "authors",
    choices: ["authors", "port", "timm"],
    doc: "port: AlexHex7's, pools after the projections and never divides by √d; timm: embedded Gaussian, width C/8, no pooling, divides by √C",
  },
});
type Options = OptionsOf<typeof options>;
type Layer = Conv2d | Sequential;

/** 2×2 maxima; a remainder is dropped. */
const squareMaxima = (x: Value) => maxPool(x, { kernelSize: 2 });

/** Every weight starts at N(0, 0.01²) and every bias at 0, as in the authors' code; timm draws as for a ReLU. */
const projection = (channels: number, outChannels: number, { variant }: Options) =>
  new Conv2d(channels, outChannels, {
    kernelSize: 1,
    weightInit: variant === "timm" ? kaimingNormal("out") : normal(0.01),
    biasInit: constant(0),
  });

/**
 * Non-local block: every position gets a weighted mean of all others: z = x + BN(W · Σⱼ fᵢⱼ · g(x̂ⱼ)), x̂ the maxima of 2×2 squares.
 * With θ, φ and g 1×1 projections to C/2 channels, f is: embedded Gaussian, softmax over j of (θ(xᵢ) · φ(x̂ⱼ) / √d); Gaussian, softmax
 * of xᵢ · x̂ⱼ; dot product, θ(xᵢ) · φ(x̂ⱼ) / n for n positions j; concatenation, ReLU(w · [θ(xᵢ); φ(x̂ⱼ)]) / n.
 * [N,C,H,W] → the same, H, W ≥ 2 with `subsample`; the map `affinity` [N,HW,HW] is f, that of a square shown at each of its positions.
 *
 * Wang et al.: Non-local Neural Networks, CVPR 2018, equations 1 to 6. The batch norm's gain starts at 0, or W without one: the block is the
 * identity at first. The division by √d is the authors' code's; the paper has none. Their code is in Caffe2 and has the embedded Gaussian
 * and the dot product; the keys are those of AlexHex7's PyTorch port (variant `port`), which has all four.
 * Biases that shift a whole softmax (φ's) have no gradient. Time and memory grow with (HW)², a quarter of it with `subsample`.
 * Keys: `g`, `W.0`, `W.1` (`W` without norm), `theta`, `phi`, `concat_project.0`; in `port` with `subsample` `g.0`, `phi.0`; in timm
 * `t`, `p`, `g`, `z`, `norm`.
 *
 * @example
 * const block = createAttention("non-local", 256, { pairwise: "dot-product", subsample: false });
 */
export class NonLocal extends Module {
  static override readonly kind: string = "NonLocal";

  readonly #options: Options;
  readonly #theta: Layer | undefined;
  readonly #phi: Layer | undefined;
  readonly #g: Layer;
  readonly #output: Module;
  readonly #compare: Conv2d | undefined;
  /** What a softmax's logits are multiplied by. */
  readonly #scale: number;

  constructor(channels: number, given: Options) {
    super();
    const { pairwise, reduction, variant } = given;
    const isTimm = variant === "timm";
    this.#options = isTimm ? { ...given, subsample: false } : given;
    const width = isTimm ? divisibleWidth(channels / 8) : Math.max(1, reduced("NonLocal", channels, reduction));
    const project = () => projection(channels, width, given);
    // The port pools what was projected, so that its projections are in sequences.
    const pooled = () =>
      variant === "port" && given.subsample ? new Sequential([project(), new Lambda(squareMaxima)]) : project();
    if (isTimm) {
      this.#theta = this.addPart("t", project());
      this.#phi = this.addPart("p", project());
      this.#g = this.addPart("g", project());
      const last = this.addPart("z", projection(width, channels, given));
      this.#output = new Sequential([last, this.addPart("norm", new BatchNorm(channels, { weightInit: constant(0) }))]);
    } else {
      this.#g = this.addPart("g", pooled());
      this.#output = this.addPart("W", this.last(width, channels, given));
      if (pairwise !== "gaussian") {
        this.#theta = this.addPart("theta", project());
        this.#phi = this.addPart("phi", pooled());
      }
      if (pairwise === "concatenation") {
        this.#compare = new Conv2d(2 * width, 1, { kernelSize: 1, bias: false });
        this.addPart("concat_project", new Sequential([this.#compare]));
      }
    }
    this.#scale = isTimm ? channels ** -0.5 : variant === "authors" && pairwise !== "gaussian" ? width ** -0.5 : 1;
  }

  override forward(x: Value): Value {
    const { subsample, variant } = this.#options;
    const [height, width] = mapSize(x, "NonLocal");
    if (subsample && Math.min(height, width) < 2)
      throw new OptionError(
        `NonLocal: subsample needs maps of at least 2×2, got ${height}×${width}; set subsample to false`,
      );
    const seen = subsample && variant === "authors" ? squareMaxima(x) : x;
    const g = this.#g.call(seen);
    // The Gaussian compares the maps themselves.
    const theta = this.#theta?.call(x) ?? x;
    const phi = this.#phi?.call(seen) ?? (subsample && variant === "port" ? squareMaxima(x) : seen);
    const affinity = this.affinity(theta, phi); // [N,HW,n]
    this.publish(affinity, x, phi);
    const y = matMul(positions(g), affinity, { transB: true }); // [N,d,HW]
    return add(this.#output.call(reshape(y, [x.shape[0]!, y.shape[1]!, height, width])), x);
  }

  private affinity(theta: Value, phi: Value): Value {
    const { pairwise, variant } = this.#options;
    const [rows, columns] = [positions(theta), positions(phi)];
    const count = columns.shape[2] as number;
    if (this.#compare) return mul(this.concatenated(theta, phi, this.#compare), 1 / count);
    const products = matMul(rows, columns, { transA: true });
    if (pairwise === "dot-product" && variant !== "timm") return mul(products, 1 / count);
    return softmax(this.#scale === 1 ? products : mul(products, this.#scale), 2);
  }

  /** w · [θᵢ; φⱼ] is a number of each i and one of each j, summed. */
  private concatenated(theta: Value, phi: Value, { weight }: Conv2d): Value {
    const w = theta.graph.state(weight);
    const half = (weight.shape[1] as number) / 2;
    const [ofRows, ofColumns] = [conv(theta, slice(w, 1, 0, half)), conv(phi, slice(w, 1, half))];
    const n = theta.shape[0]!;
    return relu(add(reshape(ofRows, [n, -1, 1]), reshape(ofColumns, [n, 1, -1])));
  }

  private publish(affinity: Value, x: Value, phi: Value): void {
    const [n, height, width] = [x.shape[0]!, x.shape[2] as number, x.shape[3] as number];
    const all = height * width;
    const whole = this.#options.subsample
      ? reshape(
          resize(reshape(affinity, [n, all, phi.shape[2]!, phi.shape[3]!]), [height, width], { mode: "nearest" }),
          [n, all, all],
        )
      : affinity;
    x.graph.tap("affinity", whole, "pairwise");
  }

  private last(width: number, channels: number, given: Options): Module {
    const weightInit = constant(0);
    if (!given.norm) return new Conv2d(width, channels, { kernelSize: 1, weightInit, biasInit: constant(0) });
    return new Sequential([projection(width, channels, given), new BatchNorm(channels, { weightInit })]);
  }
}

export const nonLocal = defineAttention({
  name: "non-local",
  title: "Non-local block",
  paper: {
    title: "Non-local Neural Networks",
    venue: "CVPR 2018",
    url: "https://arxiv.org/abs/1711.07971",
  },
  formula: [
    "x̂ = maxima of x over 2×2 squares",
    "fᵢⱼ = softmax over j of (θ(xᵢ) · φ(x̂ⱼ) / √d), or xᵢ · x̂ⱼ in the softmax, or θ(xᵢ) · φ(x̂ⱼ) / n, or ReLU(w · [θ(xᵢ); φ(x̂ⱼ)]) / n",
    "z = x + BN(W · Σⱼ fᵢⱼ · g(x̂ⱼ)), θ, φ, g: conv1×1 to d = C/2 channels",
  ],
  notes: [
    "The paper does not divide by √d; the authors' code does (`NONLOCAL.USE_SCALE`).",
    'The authors pool x before φ and g. The PyTorch port that most copies come from (`variant: "port"`) pools what φ and g return, which is something else, and does not divide by √d. timm\'s block has width C/8, does not pool, and divides by √C instead of √d.',
    "The authors' code is in Caffe2. It has the embedded Gaussian and the dot product; the Gaussian and the concatenation follow the paper. Keys are the port's.",
    "The gain of the norm starts at 0, so the block is the identity at first. The bias of φ shifts whole rows of the softmax and has no effect.",
    "Memory grows with (H·W)². The authors put blocks into the middle stages, after a residual block.",
  ],
  kind: "gate",
  attends: "spatial",
  placement: "stage",
  field: "non_local",
  options,
  create: (channels, resolved) => new NonLocal(channels, resolved),
});
