import { OptionError, ShapeError } from "../core/errors.js";
import { defineOptions, type OptionsOf } from "../core/options.js";
import { formatShape } from "../core/shape.js";
import type { Value } from "../graph/graph.js";
import { BatchNorm, Conv2d, constant, kaimingNormal, Lambda, Module, normal, Sequential } from "../nn/index.js";
import { averagePool, mapSize, reduceMean, relu, resize, sigmoid } from "../ops/index.js";
import { applyGate, integerPair, reduced, reducedWidth, roundedWidth, squaresOf } from "./parts.js";
import { defineAttention } from "./spec.js";

const options = defineOptions({
  form: {
    default: "theta-plus",
    choices: ["theta-plus", "theta", "theta-minus"],
    doc: "theta-minus: averages, nothing is learned; theta: depthwise convolutions; theta-plus: these and a bottleneck across channels",
  },
  extent: {
    default: 8,
    choices: [8, 4, 2, 0],
    doc: "side of the squares from which each gate value is gathered; 0: the whole map",
  },
  size: {
    default: [] as readonly number[],
    traces: squaresOf,
    doc: "[height, width] of the maps; needed for the kernel of theta and theta-plus with extent 0",
  },
  reduction: {
    default: 16,
    when: { form: ["theta-plus"] },
    doc: "channels ÷ hidden channels of the bottleneck, or a fraction: hidden ÷ channels",
  },
  variant: {
    default: "authors",
    choices: ["authors", "timm"],
    when: { form: ["theta-plus"] },
    doc: "timm: no ReLU before the bottleneck, hidden width rounded, a zero border around the whole map with extent 0",
  },
});
type Options = OptionsOf<typeof options>;

/** A depthwise convolution, which starts as Caffe's `msra` draws it. */
function depthwise(
  channels: number,
  geometry: Pick<ConstructorParameters<typeof Conv2d>[2], "kernelSize" | "stride" | "padding">,
): Conv2d {
  return new Conv2d(channels, channels, {
    ...geometry,
    groups: channels,
    bias: false,
    weightInit: kaimingNormal("in"),
  });
}

/** Convolutions of stride 2 until one value is left of each square of `extent`, or one over the whole map; a norm after each. */
function gathering(channels: number, { extent, variant }: Options, size: readonly number[]): Sequential {
  if (extent === 0) {
    const [height, width] = size as [number, number];
    const border = [(height - 1) >> 1, (width - 1) >> 1] as const;
    const conv = depthwise(channels, { kernelSize: [height, width], padding: variant === "timm" ? border : 0 });
    return new Sequential({ conv1: conv, norm1: new BatchNorm(channels) });
  }
  const layers: Record<string, Module> = {};
  for (let i = 1; 2 ** i <= extent; i++) {
    layers[`conv${i}`] = depthwise(channels, { kernelSize: 3, stride: 2, padding: 1 });
    layers[`norm${i}`] = new BatchNorm(channels);
    if (2 ** i < extent) layers[`act${i}`] = new Lambda(relu);
  }
  return new Sequential(layers);
}

/** Two 1×1 convolutions with biases, a ReLU between. */
function bottleneck(channels: number, hidden: number): Sequential {
  const layer = (inputs: number, outputs: number) =>
    new Conv2d(inputs, outputs, { kernelSize: 1, weightInit: normal(0.01), biasInit: constant(0) });
  return new Sequential({ fc1: layer(channels, hidden), act: new Lambda(relu), fc2: layer(hidden, channels) });
}

/**
 * Gather-Excite: y = x · σ(up(W₂ · ReLU(W₁ · ReLU(ξ(x))))), ξ gathers a value from each square of `extent`: by depthwise 3×3 convolutions of
 * stride 2, each with batch norm, ReLU between; up is nearest-neighbor upsampling. `theta` is without the bottleneck W; in `theta-minus` ξ is
 * a mean over squares of 2·extent − 1, and nothing is learned. With extent 0 ξ has one value: a depthwise kernel of the map's size, or the
 * mean of the map.
 * [N,C,H,W] → the same. The map is the gate: `attention` [N,C,H,W], or with extent 0 `channel` [N,C,1,1].
 *
 * Hu et al.: Gather-Excite, NeurIPS 2018, section 3. The authors published Caffe definitions of the networks with extent 0; the other extents
 * follow the paper and timm. The batch norm's momentum is PyTorch's 0.1 (theirs is 0.05). 9·C weights for each halving of the map, and H·W·C with
 * extent 0, where another size of the maps is refused.
 * Keys, as timm's: `gather.conv1`, `gather.norm1`, …, `mlp.fc1`, `mlp.fc2`.
 *
 * @example
 * const gate = createAttention("ge", 64, { form: "theta-plus", extent: 0, size: [14, 14] });
 */
export class GatherExcite extends Module {
  static override readonly kind: string = "GatherExcite";

  readonly gather: Sequential | null;
  readonly mlp: Sequential | null;
  readonly #options: Options;
  readonly #size: readonly number[];

  constructor(channels: number, given: Options) {
    super();
    const { form, extent, variant, reduction } = given;
    this.#options = given;
    this.#size = given.size.length === 0 ? [] : integerPair("GatherExcite", "size", given.size);
    const learns = form !== "theta-minus";
    if (learns && extent === 0 && this.#size.length === 0)
      throw new OptionError(
        `GatherExcite: size, [height, width] of the maps, is required for ${form} with extent 0: the weights depend on it`,
      );
    this.gather = learns ? gathering(channels, given, this.#size) : null;
    const hidden = () =>
      variant === "timm"
        ? Math.max(1, roundedReduction(channels, reduction))
        : reducedWidth("GatherExcite", channels, reduction);
    this.mlp = form === "theta-plus" ? bottleneck(channels, hidden()) : null;
  }

  override forward(x: Value): Value {
    const size = mapSize(x, "GatherExcite");
    if (this.#size.length && String(size) !== String(this.#size))
      throw new ShapeError(
        `GatherExcite: built for maps of ${this.#size.join("×")}, got ${formatShape(x.shape)}; set size to [${size}]`,
      );
    const gathered = this.gather ? this.gather.call(x) : this.mean(x);
    const gate = this.mlp ? this.mlp.call(this.#options.variant === "timm" ? gathered : relu(gathered)) : gathered;
    if (this.#options.extent === 0 && gate.shape[2] === 1 && gate.shape[3] === 1)
      return applyGate(x, sigmoid(gate), "channel");
    return applyGate(x, sigmoid(resize(gate, size, { mode: "nearest" })), "attention");
  }

  /** Means over overlapping squares, of what they cover of the map; or of the map. */
  private mean(x: Value): Value {
    const { extent } = this.#options;
    if (extent === 0) return reduceMean(x, [2, 3]);
    return averagePool(x, { kernelSize: 2 * extent - 1, stride: extent, padding: extent - 1, countPadding: false });
  }
}

/** timm rounds the hidden width to the nearest number. */
function roundedReduction(channels: number, reduction: number): number {
  reduced("GatherExcite", channels, reduction);
  return roundedWidth(reduction < 1 ? channels * reduction : channels / reduction, 1);
}

export const ge = defineAttention({
  name: "ge",
  title: "Gather-Excite",
  paper: {
    title: "Gather-Excite: Exploiting Feature Context in Convolutional Neural Networks",
    venue: "NeurIPS 2018",
    url: "https://arxiv.org/abs/1810.12348",
  },
  formula: [
    "ξ = three depthwise conv3×3 of stride 2 and BN, ReLU between (extent 8), or a mean over squares (theta-minus)",
    "g = W₂ · ReLU(W₁ · ReLU(ξ(x))), or ξ(x)",
    "y = x · σ(nearest-neighbor upsampling of g)",
  ],
  notes: [
    "The paper's best form gathers from the whole map (`extent: 0`); its kernel has the size of the map, so `size` is required, another image size needs new weights, and stages need sizes of their own. `theta-minus` takes any map.",
    "The authors' Caffe definitions have a ReLU between the gathering and the bottleneck, biases in the bottleneck alone, and a momentum of 0.05 in the norms. They cover extent 0.",
    'timm has no such ReLU, and pads the map before the kernel of its size, so that "extent 0" returns a whole map of gates (`variant: "timm"`). Its default, a mean and a bottleneck, is `se` with biases.',
    "Another port averages non-overlapping squares in theta-minus; the paper's overlap, with side 2·extent − 1.",
  ],
  kind: "gate",
  attends: "both",
  placement: "residual",
  field: "ge",
  options,
  create: (channels, resolved) => new GatherExcite(channels, resolved),
});
