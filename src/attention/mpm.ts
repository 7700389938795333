import { defineOptions, type OptionsOf } from "../core/options.js";
import type { Value } from "../graph/graph.js";
import { Module, type Sequential } from "../nn/index.js";
import { adaptiveAveragePool, add, concat, mapSize, relu, resize } from "../ops/index.js";
import { convNorm, dividedWidth, integerPair, stripMeans } from "./parts.js";
import { defineAttention } from "./spec.js";

const options = defineOptions({
  poolSize: {
    default: [20, 12] as readonly number[],
    doc: "sides of the two square grids of averages",
  },
  alignCorners: { default: true, doc: "align corners when resizing the averages to the map (bilinear)" },
});

/**
 * Mixed Pooling Module: y = ReLU(x + conv₃[a; b]), where a pools over squares and b over whole rows and columns, on C/4 channels:
 * a = f(x₁ ∗ w₀ + up(pool₁(x₁) ∗ w₁) + up(pool₂(x₁) ∗ w₂)), b = f(mean over H of x₂ ∗ w₃ + mean over W of x₂ ∗ w₄),
 * f(t) = ReLU(BN(conv3×3(ReLU(t)))), x₁ and x₂ 1×1 projections of x; every convolution has a batch norm and no bias.
 * [N,C,H,W] → the same. A residual, not a gate: it publishes its contexts, `squares` and `strips`, both [N,C/4,H,W].
 *
 * Hou et al.: Strip Pooling, CVPR 2020, figure 4. The map may be smaller than the grids, whose cells then overlap.
 * Keys: `conv1_1`, `conv1_2`, `conv2_0` … `conv2_6`, `conv3`, each with `.0` (convolution) and `.1` (norm).
 *
 * @example
 * const module = createAttention("mpm", 64, { poolSize: [6, 4] });
 */
export class MixedPooling extends Module {
  static override readonly kind: string = "MixedPooling";

  readonly conv1_1: Sequential;
  readonly conv1_2: Sequential;
  readonly conv2_0: Sequential;
  readonly conv2_1: Sequential;
  readonly conv2_2: Sequential;
  readonly conv2_3: Sequential;
  readonly conv2_4: Sequential;
  readonly conv2_5: Sequential;
  readonly conv2_6: Sequential;
  readonly conv3: Sequential;
  readonly #grids: readonly [number, number];
  readonly #alignCorners: boolean;

  constructor(channels: number, { poolSize, alignCorners }: OptionsOf<typeof options>) {
    super();
    const hidden = dividedWidth("MixedPooling", channels, 4);
    const square = () => convNorm(hidden, hidden, { kernelSize: 3, padding: 1 });
    this.conv1_1 = convNorm(channels, hidden, { kernelSize: 1 });
    this.conv1_2 = convNorm(channels, hidden, { kernelSize: 1 });
    this.conv2_0 = square();
    this.conv2_1 = square();
    this.conv2_2 = square();
    this.conv2_3 = convNorm(hidden, hidden, { kernelSize: [1, 3], padding: [0, 1] });
    this.conv2_4 = convNorm(hidden, hidden, { kernelSize: [3, 1], padding: [1, 0] });
    this.conv2_5 = square();
    this.conv2_6 = square();
    this.conv3 = convNorm(2 * hidden, channels, { kernelSize: 1 });
    this.#grids = integerPair("MixedPooling", "poolSize", poolSize);
    this.#alignCorners = alignCorners;
  }

  override forward(x: Value): Value {
    const size = mapSize(x, "MixedPooling");
    const context = (grid: number, conv: Sequential, value: Value) =>
      resize(conv.call(adaptiveAveragePool(value, grid)), size, { mode: "bilinear", alignCorners: this.#alignCorners });
    const x1 = relu(this.conv1_1.call(x));
    const x2 = relu(this.conv1_2.call(x));
    const coarse = context(this.#grids[0], this.conv2_1, x1);
    const fine = context(this.#grids[1], this.conv2_2, x1);
    const squares = relu(add(add(this.conv2_0.call(x1), coarse), fine));
    // Broadcasting a strip of one row or column is the same as resizing it to the map.
    const { rows, columns } = stripMeans(x2);
    const strips = relu(add(this.conv2_3.call(columns), this.conv2_4.call(rows)));
    x.graph.tap("squares", squares, "3-D");
    x.graph.tap("strips", strips, "3-D");
    const joined = concat([relu(this.conv2_5.call(squares)), relu(this.conv2_6.call(strips))], 1);
    return relu(add(x, this.conv3.call(joined)));
  }
}

export const mpm = defineAttention({
  name: "mpm",
  title: "Mixed Pooling Module",
  paper: {
    title: "Strip Pooling: Rethinking Spatial Pooling for Scene Parsing",
    venue: "CVPR 2020",
    url: "https://arxiv.org/abs/2003.13328",
  },
  formula: [
    "x₁, x₂ = 1×1 projections of x to C/4 channels",
    "a = f(x₁ ∗ w₀ + up(pool₁(x₁) ∗ w₁) + up(pool₂(x₁) ∗ w₂))",
    "b = f(mean over H of x₂ ∗ w₃ + mean over W of x₂ ∗ w₄)",
    "f(t) = ReLU(conv3×3(ReLU(t)))",
    "y = ReLU(x + conv1×1([a; b]))",
  ],
  notes: [
    "A residual, not a gate. The sums in a and b are taken before any ReLU.",
    "The grids may be finer than the map; cells then overlap, as in PyTorch's adaptive pooling.",
  ],
  kind: "gate",
  attends: "spatial",
  placement: "residual",
  field: "strip_pool",
  options,
  create: (channels, resolved) => new MixedPooling(channels, resolved),
});
