import { OptionError, ShapeError } from "../core/errors.js";
import { defineOptions, type OptionsOf } from "../core/options.js";
import { formatShape } from "../core/shape.js";
import type { Value } from "../graph/graph.js";
import { BatchNorm, Conv2d, Lambda, Module, Sequential } from "../nn/index.js";
import { concat, mapSize, matMul, reduceMean, relu, reshape, sigmoid, transpose } from "../ops/index.js";
import { applyGate, convNormRelu, integerPair, positions, reducedWidth } from "./parts.js";
import { defineAttention } from "./spec.js";

const options = defineOptions({
  size: {
    default: [] as readonly number[],
    // Channels have positions as features and, in both directions, relations.
    traces: (sizes: readonly number[]) =>
      [...new Set(sizes.flatMap((n) => (n % 2 ? [n] : [n, n / 2])))].map(nearSquare),
    doc: "[height, width] of the maps; the weights depend on height · width",
  },
  spatial: { default: true, doc: "use the spatial gate" },
  channel: { default: true, doc: "use the channel gate, after the spatial one" },
  channelRatio: { default: 8, doc: "channels ÷ embedding width of the channels, or a fraction: width ÷ channels" },
  spatialRatio: {
    default: 8,
    doc: "positions ÷ embedding width of the positions, or a fraction: width ÷ positions",
  },
  downRatio: { default: 8, doc: "reduction in the layers that compute the gate, a divisor or a fraction" },
});

/** The most nearly square [height, width] of an area, height ≥ width. */
function nearSquare(area: number): readonly number[] {
  let width = Math.floor(Math.sqrt(area));
  while (area % width !== 0) width--;
  return [area / width, width];
}

/** One gate: its five layers, which the module registers under its own names. */
type RelationGate = { readonly [layer in "gx" | "gg" | "W" | "theta" | "phi"]: Sequential };

/** Layers for nodes of `features` features, embedded in `inner`; the relations of `nodes` nodes are embedded in `outer`. */
function relationGate(features: number, nodes: number, inner: number, outer: number, down: number): RelationGate {
  const hidden = reducedWidth("RelationAwareGlobalAttention", 1 + outer, down, "downRatio");
  const embedding = (inputs: number, outputs: number) => convNormRelu(inputs, outputs, { kernelSize: 1 });
  return {
    gx: embedding(features, inner),
    gg: embedding(2 * nodes, outer),
    W: new Sequential([
      new Conv2d(1 + outer, hidden, { kernelSize: 1, bias: false }),
      new BatchNorm(hidden),
      new Lambda(relu),
      new Conv2d(hidden, 1, { kernelSize: 1, bias: false }),
      new BatchNorm(1),
    ]),
    theta: embedding(features, inner),
    phi: embedding(features, inner),
  };
}

/**
 * The gate over nodes in a plane, [N,F,P,Q] with F features each: σ(W[mean(gx(x)); gg[Gᵀ; G]]), [N,1,P,Q],
 * G the relations θᵢ · φⱼ [N,PQ,PQ]. Node i is described by its relations to all others, from them (Gᵀ) and to them (G).
 */
function relate(
  { gx, gg, W, theta, phi }: RelationGate,
  x: Value,
): { readonly gate: Value; readonly relations: Value } {
  const [n, , height, width] = x.shape;
  const relations = matMul(positions(theta.call(x)), positions(phi.call(x)), { transA: true });
  const asMaps = (matrix: Value) => reshape(matrix, [n!, matrix.shape[1]!, height!, width!]);
  const described = gg.call(concat([asMaps(transpose(relations, [0, 2, 1])), asMaps(relations)], 1));
  return { gate: sigmoid(W.call(concat([reduceMean(gx.call(x), [1]), described], 1))), relations };
}

/**
 * Relation-Aware Global Attention: a gate for every position from its relations to all other positions, then the same for channels:
 * g = σ(W[mean(e(x)); e(Gᵀ); e(G)]), Gᵢⱼ = θ(xᵢ) · φ(xⱼ), e, θ and φ being 1×1 convolution, batch norm and ReLU; y = x · g.
 * [N,C,H,W] → the same; the maps are `spatial` [N,1,H,W] and `channel` [N,C,1,1], and the relations `spatial-relations` [N,HW,HW] and
 * `channel-relations` [N,C,C].
 *
 * Zhang et al.: Relation-Aware Global Attention, CVPR 2020, equations 1 to 6. The weights' shapes depend on the number of positions, so
 * `size` is required and maps of another size are refused. The authors put one after each stage of a ResNet-50.
 * Keys: `{gx,gg,theta,phi}_{spatial,channel}.{0,1}`, `W_{spatial,channel}.{0,1,3,4}`.
 *
 * @example
 * const gate = createAttention("rga", 64, { size: [16, 8] });
 */
export class RelationAwareGlobalAttention extends Module {
  static override readonly kind: string = "RelationAwareGlobalAttention";

  readonly #size: readonly [number, number];
  readonly #spatial: RelationGate | undefined;
  readonly #channel: RelationGate | undefined;

  constructor(channels: number, given: OptionsOf<typeof options>) {
    super();
    const owner = "RelationAwareGlobalAttention";
    if (!given.spatial && !given.channel)
      throw new OptionError(`${owner}: spatial and channel are both off; nothing would be left`);
    if (given.size.length === 0)
      throw new OptionError(`${owner}: size, [height, width] of the maps, is required: the weights depend on it`);
    this.#size = integerPair(owner, "size", given.size);
    const area = this.#size[0] * this.#size[1];
    const byChannel = reducedWidth(owner, channels, given.channelRatio, "channelRatio");
    const bySpace = reducedWidth(owner, area, given.spatialRatio, "spatialRatio");
    this.#spatial = given.spatial ? relationGate(channels, area, byChannel, bySpace, given.downRatio) : undefined;
    this.#channel = given.channel ? relationGate(area, channels, bySpace, byChannel, given.downRatio) : undefined;
    for (const layer of ["gx", "gg", "W", "theta", "phi"] as const) {
      if (this.#spatial) this.addPart(`${layer}_spatial`, this.#spatial[layer]);
      if (this.#channel) this.addPart(`${layer}_channel`, this.#channel[layer]);
    }
  }

  override forward(x: Value): Value {
    const [n, channels, height, width] = x.shape;
    const [builtHeight, builtWidth] = this.#size;
    mapSize(x, "RelationAwareGlobalAttention");
    if ((height as number) * (width as number) !== builtHeight * builtWidth)
      throw new ShapeError(
        `RelationAwareGlobalAttention: built for maps of ${builtHeight}×${builtWidth}, got ${formatShape(x.shape)}; set size to [${height},${width}]`,
      );
    let y = x;
    if (this.#spatial) {
      const { gate, relations } = relate(this.#spatial, y);
      x.graph.tap("spatial-relations", relations, "pairwise");
      y = applyGate(y, gate, "spatial");
    }
    if (this.#channel) {
      // Channels become nodes, positions their features.
      const nodes = reshape(transpose(positions(y), [0, 2, 1]), [n!, builtHeight * builtWidth, channels!, 1]);
      const { gate, relations } = relate(this.#channel, nodes);
      x.graph.tap("channel-relations", relations, "pairwise");
      y = applyGate(y, reshape(gate, [n!, channels!, 1, 1]), "channel");
    }
    return y;
  }
}

export const rga = defineAttention({
  name: "rga",
  title: "Relation-Aware Global Attention",
  paper: {
    title: "Relation-Aware Global Attention for Person Re-identification",
    venue: "CVPR 2020",
    url: "https://arxiv.org/abs/1904.02998",
  },
  formula: [
    "G = θ(x)ᵀ · φ(x), the relations of all nodes, [nodes, nodes]",
    "g = σ(W([mean(e(x)); e([Gᵀ; G])])), e, θ, φ: conv1×1, BN, ReLU",
    "x′ = x · g with positions as nodes, then y = x′ · g with channels as nodes",
  ],
  notes: [
    "The weights' shapes depend on the number of positions: `size` is required, and another image size needs new weights.",
    "Every division is rounded down. With few channels the hidden width is 1, and its ReLU may be dead from the start.",
    "G is neither scaled nor passed through a softmax.",
  ],
  kind: "gate",
  attends: "both",
  placement: "stage",
  field: "rga_att",
  sized: true,
  options,
  create: (channels, resolved) => new RelationAwareGlobalAttention(channels, resolved),
});
