import { OptionError, ShapeError } from "../core/errors.js";
import { defineOptions, integer, type OptionsOf } from "../core/options.js";
import { formatShape } from "../core/shape.js";
import type { Value } from "../graph/graph.js";
import { BatchNorm, Conv2d, Lambda, Module, Sequential } from "../nn/index.js";
import { add, mapSize, maxPool, mul, relu, resize, sigmoid } from "../ops/index.js";
import { dividedWidth, integerPair } from "./parts.js";
import { defineAttention } from "./spec.js";

const paper = {
  title: "Residual Attention Network for Image Classification",
  venue: "CVPR 2017",
  url: "https://arxiv.org/abs/1704.06904",
};

const blockOptions = defineOptions({
  outChannels: {
    default: null as number | null,
    kind: "number",
    doc: "output channels (null: as many as the input)",
  },
  stride: { default: 1, doc: "stride of the 3×3 convolution" },
});

/**
 * The pre-activation bottleneck that makes up Residual Attention Networks:
 * y = conv₃(ReLU(BN(conv₂(ReLU(BN(conv₁(a))))))) + shortcut, a = ReLU(BN(x)); the shortcut is x, or conv₄(a) where the shape changes.
 * [N,C,H,W] → [N,O,⌈H/stride⌉,⌈W/stride⌉]. Publishes no map.
 *
 * He et al.: Identity Mappings in Deep Residual Networks, ECCV 2016. `conv4` is in the state even where it is unused, as in the
 * reference code, and then gets no gradient.
 * Keys: `bn1`, `conv1` (1×1), `bn2`, `conv2` (3×3), `bn3`, `conv3` (1×1), `conv4` (1×1).
 *
 * @example
 * const block = createAttention("residual-block", 64, { outChannels: 128, stride: 2 });
 */
export class ResidualBlock extends Module {
  static override readonly kind: string = "ResidualBlock";

  readonly bn1: BatchNorm;
  readonly conv1: Conv2d;
  readonly bn2: BatchNorm;
  readonly conv2: Conv2d;
  readonly bn3: BatchNorm;
  readonly conv3: Conv2d;
  readonly conv4: Conv2d;
  readonly #reshapes: boolean;

  constructor(channels: number, { outChannels, stride }: OptionsOf<typeof blockOptions>) {
    super();
    const outputs = integer("ResidualBlock", "outChannels", outChannels ?? channels);
    if (outputs < 4) throw new OptionError(`ResidualBlock: needs at least 4 output channels, got ${outputs}`);
    const hidden = Math.floor(outputs / 4);
    integer("ResidualBlock", "stride", stride);
    this.bn1 = new BatchNorm(channels);
    this.conv1 = new Conv2d(channels, hidden, { kernelSize: 1, bias: false });
    this.bn2 = new BatchNorm(hidden);
    this.conv2 = new Conv2d(hidden, hidden, { kernelSize: 3, stride, padding: 1, bias: false });
    this.bn3 = new BatchNorm(hidden);
    this.conv3 = new Conv2d(hidden, outputs, { kernelSize: 1, bias: false });
    this.conv4 = new Conv2d(channels, outputs, { kernelSize: 1, stride, bias: false });
    this.#reshapes = channels !== outputs || stride !== 1;
  }

  override forward(x: Value): Value {
    const a = relu(this.bn1.call(x));
    const b = relu(this.bn2.call(this.conv1.call(a)));
    const c = relu(this.bn3.call(this.conv2.call(b)));
    return add(this.conv3.call(c), this.#reshapes ? this.conv4.call(a) : x);
  }
}

/** Shape of the mask branch of each published module. */
interface Layout {
  /** How often the map is halved. */
  readonly pools: number;
  /** Whether the downward features, and the trunk, are added again on the way up. */
  readonly readds: boolean;
  /** Field names of the mask branch. */
  readonly names: (pools: number) => {
    readonly down: (level: number) => string;
    readonly middle: string;
    readonly up: (level: number) => string;
    readonly mask: string;
  };
}

/** Blocks of the mask branch are numbered in order: down, middle, up, mask. */
const numbered: Layout["names"] = (pools) => ({
  down: (level) => `softmax${level}_blocks`,
  middle: `softmax${pools}_blocks`,
  up: (level) => `softmax${2 * pools - level}_blocks`,
  mask: `softmax${2 * pools}_blocks`,
});
const spoken: Layout["names"] = () => ({
  down: (level) => `down_residual_blocks${level}`,
  middle: "middle_2r_blocks",
  up: (level) => `up_residual_blocks${level}`,
  mask: "conv1_1_blocks",
});

const layouts = {
  stage0: { pools: 4, readds: true, names: numbered },
  stage1: { pools: 3, readds: true, names: numbered },
  stage2: { pools: 2, readds: true, names: numbered },
  stage3: { pools: 1, readds: true, names: numbered },
  pre: { pools: 3, readds: false, names: numbered },
  cifar1: { pools: 2, readds: true, names: spoken },
  cifar2: { pools: 1, readds: true, names: spoken },
  cifar3: { pools: 0, readds: false, names: spoken },
} satisfies Record<string, Layout>;
type Stage = keyof typeof layouts;

const options = defineOptions({
  stage: {
    default: "stage1",
    choices: Object.keys(layouts) as Stage[],
    doc: "published variant, by how often it halves the map (stage0 4, stage1 and pre 3, stage2 and cifar1 2, stage3 and cifar2 1, cifar3 0)",
  },
  size: {
    default: [] as readonly number[],
    doc: "[height, width] of the maps, to refuse others; optional, any size works",
  },
});

/**
 * Attention module of Residual Attention Networks: y = last((1 + M) · T), T = r(r(x′)) the trunk, x′ = first(x), and M the mask of an
 * hourglass: max pooling and residual blocks down, bilinear upsampling (corners aligned) and residual blocks up, with a skip block at
 * each level, then BN–ReLU–conv1×1 twice and σ. All blocks are {@link ResidualBlock}s of C channels.
 * [N,C,H,W] → the same; the map `attention` [N,C,H,W] is M, in (0, 1).
 *
 * Wang et al.: Residual Attention Network, CVPR 2017, equation 3 and figure 2. Keys and topology are those of the PyTorch code that
 * published CIFAR results; except for `pre` and `cifar3` it adds the downward features (and the trunk before the mask) a second time,
 * which the authors' own networks do not: `pre` has their topology. Sizes come from the input: each level is ⌈h/2⌉.
 * Keys: `first_residual_blocks`, `trunk_branches.{0,1}`, `softmax<i>_blocks` (or `down_residual_blocks<i>`, `middle_2r_blocks`,
 * `up_residual_blocks<i>`, `conv1_1_blocks`), `skip<i>_connection_residual_block`, `last_blocks`.
 *
 * @example
 * const module = createAttention("residual-attention", 64, { stage: "cifar1" });
 */
export class ResidualAttention extends Module {
  static override readonly kind: string = "ResidualAttention";

  readonly #layout: Layout;
  readonly #size: readonly number[];
  declare readonly first_residual_blocks: ResidualBlock;
  declare readonly trunk_branches: Sequential;
  declare readonly last_blocks: ResidualBlock;
  readonly #blocks: { readonly [name: string]: Module };

  constructor(channels: number, { stage, size }: OptionsOf<typeof options>) {
    super();
    dividedWidth("ResidualAttention", channels, 4);
    this.#size = size.length === 0 ? [] : integerPair("ResidualAttention", "size", size);
    const layout: Layout = layouts[stage];
    const { pools } = layout;
    const names = layout.names(pools);
    const block = () => new ResidualBlock(channels, { outChannels: channels, stride: 1 });
    const blocks: Record<string, Module> = {
      first_residual_blocks: block(),
      trunk_branches: new Sequential([block(), block()]),
    };
    for (let level = 1; level < pools; level++) {
      blocks[names.down(level)] = block();
      blocks[skip(level)] = block();
    }
    blocks[names.middle] = new Sequential([block(), block()]);
    for (let level = pools - 1; level >= 1; level--) blocks[names.up(level)] = block();
    const pointwise = () => new Conv2d(channels, channels, { kernelSize: 1, bias: false });
    const rectifier = () => new Lambda(relu);
    blocks[names.mask] = new Sequential([
      new BatchNorm(channels),
      rectifier(),
      pointwise(),
      new BatchNorm(channels),
      rectifier(),
      pointwise(),
      new Lambda(sigmoid),
    ]);
    blocks.last_blocks = block();
    this.addParts(blocks);
    this.#layout = layout;
    this.#blocks = blocks;
  }

  override forward(x: Value): Value {
    const size = mapSize(x, "ResidualAttention");
    if (this.#size.length && String(size) !== String(this.#size))
      throw new ShapeError(
        `ResidualAttention: built for maps of ${this.#size.join("×")}, got ${formatShape(x.shape)}; leave out size to accept any`,
      );
    const input = this.first_residual_blocks.call(x);
    const trunk = this.trunk_branches.call(input);
    const mask = this.mask(input, trunk);
    x.graph.tap("attention", mask, "3-D");
    return this.last_blocks.call(mul(add(1, mask), trunk));
  }

  private mask(input: Value, trunk: Value): Value {
    const { pools, readds, names: namesFor } = this.#layout;
    const names = namesFor(pools);
    const run = (name: string, value: Value) => this.#blocks[name]!.call(value);
    // levels[0] is the input, levels[i] the features after i poolings.
    const levels = [input];
    for (let level = 1; level < pools; level++) levels.push(run(names.down(level), halve(levels[level - 1]!)));
    let y = run(names.middle, pools > 0 ? halve(levels.at(-1)!) : input);
    for (let level = pools - 1; level >= 1; level--) {
      const features = levels[level]!;
      y = enlarge(y, features);
      if (readds) y = add(y, features);
      y = run(names.up(level), add(y, run(skip(level), features)));
    }
    if (pools > 0) y = enlarge(y, trunk);
    return run(names.mask, readds ? add(y, trunk) : y);
  }
}

const skip = (level: number) => `skip${level}_connection_residual_block`;
const halve = (x: Value) => maxPool(x, { kernelSize: 3, stride: 2, padding: 1 });
const enlarge = (x: Value, like: Value) =>
  resize(x, mapSize(like, "ResidualAttention"), { mode: "bilinear", alignCorners: true });

export const residualAttention = defineAttention({
  name: "residual-attention",
  title: "Residual Attention",
  paper,
  formula: [
    "x′ = r(x), T = r(r(x′)), each r a residual block",
    "M = σ(conv1×1(ReLU(BN(conv1×1(ReLU(BN(hourglass(x′))))))))",
    "y = r((1 + M) · T)",
  ],
  notes: [
    'The PyTorch code with published CIFAR results adds the features of the way down, and the trunk before the mask, a second time on the way up. The authors\' Caffe networks do not: `stage: "pre"` has their topology.',
    "That code hard-codes the map sizes; here they come from the input, so any size works.",
    "Another module in circulation named ResidualAttention is an unrelated classifier head.",
  ],
  kind: "gate",
  attends: "both",
  placement: "stage",
  field: "attention_module",
  options,
  create: (channels, resolved) => new ResidualAttention(channels, resolved),
});

export const residualBlock = defineAttention({
  name: "residual-block",
  title: "Pre-activation residual block",
  paper,
  formula: [
    "a = ReLU(BN(x))",
    "y = conv1×1(ReLU(BN(conv3×3(ReLU(BN(conv1×1(a))))))) + (x, or conv1×1(a) where the shape changes)",
  ],
  notes: [
    "`conv4`, the shortcut's convolution, is in the state even where it is unused; its weights then get no gradient. Parameter counts include it.",
  ],
  kind: "block",
  attends: "none",
  placement: "stage",
  field: "residual_block",
  options: blockOptions,
  create: (channels, resolved) => new ResidualBlock(channels, resolved),
});
