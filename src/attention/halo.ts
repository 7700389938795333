import { defineOptions, integer, type OptionsOf } from "../core/options.js";
import { float32, type Tensor } from "../core/tensor.js";
import type { Value } from "../graph/graph.js";
import { Conv2d, Module, normal } from "../nn/index.js";
import {
  add,
  concat,
  mapSize,
  matMul,
  mul,
  pad,
  reduceMean,
  reduceSum,
  reshape,
  slice,
  softmax,
  transpose,
} from "../ops/index.js";
import { headWidth, RelativePositions } from "./relative.js";
import { defineAttention } from "./spec.js";

/** Side of the blocks in all published networks. */
const usualBlock = 8;

const options = defineOptions({
  haloSize: {
    default: 3,
    // Shapes tell the side of the window only.
    traces: (sizes: readonly number[]) =>
      sizes.filter((n) => n % 4 === 3 && n > 2 * usualBlock).map((n) => ((n + 1) / 2 - usualBlock) / 2),
    doc: "positions that a window reaches beyond its block, on every side",
  },
  blockSize: { default: usualBlock, doc: "side of the blocks whose positions attend to the same window" },
  heads: { default: 8, doc: "attention heads; they divide the channels" },
});

/** How one side of a map is cut: `count` blocks, and a window around each; the last block may reach beyond the map. */
interface Cut {
  readonly side: number;
  readonly block: number;
  readonly count: number;
  readonly window: number;
}

/** Zeros along an axis. */
const padded = (x: Value, axis: number, before: number, after: number): Value =>
  before + after > 0 ? pad(x, { axis, before, after }) : x;

/** How far the last block reaches beyond the map. */
const excess = ({ side, block, count }: Cut): number => count * block - side;

/** The windows along an axis, one after the other: … → [count · window]. */
const windows = (x: Value, axis: 2 | 3, { block, count, window }: Cut): Value =>
  concat(
    Array.from({ length: count }, (_, i) => slice(x, axis, i * block, i * block + window)),
    axis,
  );

/** The sum of overlapping windows in their places, the transpose of {@link windows}. */
const overlapped = (x: Value, axis: 2 | 3, { block, count, window }: Cut): Value =>
  Array.from({ length: count }, (_, i) =>
    padded(slice(x, axis, i * window, (i + 1) * window), axis, i * block, (count - 1 - i) * block),
  ).reduce((sum, part) => add(sum, part));

/**
 * Halo attention: the map is cut into blocks, and every position of a block attends to a window around it, the block and a halo:
 * y = Σⱼ Aᵢⱼ · vⱼ, A = softmax over the window's j of qᵢ · kⱼ / √d + qᵢ · (a[row of j − row of i] + b[column of j − column of i]), in each head.
 * [N,C,H,W] → the same; the map `received` [N,1,H,W] is how much each position is attended to, Σᵢ Aᵢⱼ, the mean of the heads.
 *
 * Vaswani et al.: Scaling Local Self-Attention, CVPR 2021, in place of a 3×3 convolution. The authors published no code; this is timm's
 * `HaloAttn`. Beyond the border are zeros, which take part in the softmax. timm refuses maps whose sides are not multiples of the block;
 * here such zeros fill them, and a side shorter than a block is one block. Cost grows with H · W · (blockSize + 2 · haloSize)².
 * Keys: `q`, `kv`, `pos_embed.height_rel`, `pos_embed.width_rel` [2·window − 1, d].
 *
 * @example
 * const gate = createAttention("halo", 64, { blockSize: 4, haloSize: 2 });
 */
export class HaloAttention extends Module {
  static override readonly kind: string = "HaloAttention";

  readonly q: Conv2d;
  readonly kv: Conv2d;
  readonly pos_embed: RelativePositions;
  readonly #block: number;
  readonly #halo: number;
  readonly #heads: number;
  readonly #width: number;

  constructor(channels: number, { blockSize, haloSize, heads }: OptionsOf<typeof options>) {
    super();
    this.#block = integer("HaloAttention", "blockSize", blockSize);
    this.#halo = integer("HaloAttention", "haloSize", haloSize, 0);
    this.#heads = heads;
    this.#width = headWidth("HaloAttention", channels, heads, true);
    const queried = heads * this.#width;
    const projection = (outputs: number) =>
      new Conv2d(channels, outputs, { kernelSize: 1, bias: false, weightInit: normal(1 / Math.sqrt(channels)) });
    this.q = projection(queried);
    this.kv = projection(queried + channels);
    const window = blockSize + 2 * haloSize;
    this.pos_embed = new RelativePositions(["height_rel", "width_rel"], [window, window], this.#width);
  }

  override forward(x: Value): Value {
    const [n, channels] = x.shape as [number, number];
    const [heads, d] = [this.#heads, this.#width];
    const [rows, columns] = mapSize(x, "HaloAttention").map((side) => this.cut(side)) as [Cut, Cut];
    const blocks = rows.count * columns.count;
    const projected = padded(padded(this.q.call(x), 2, 0, excess(rows)), 3, 0, excess(columns));
    const apart = reshape(projected, [n, heads, d, rows.count, rows.block, columns.count, columns.block]);
    const ordered = transpose(apart, [0, 1, 3, 5, 4, 6, 2]);
    const queries = reshape(ordered, [n, heads * blocks, rows.block, columns.block, d]);
    const [keys, values] = this.windowsOf(x, rows, columns);
    const flat = reshape(queries, [n, heads * blocks, rows.block * columns.block, d]);
    const content = mul(matMul(flat, keys, { transB: true }), 1 / Math.sqrt(d));
    const relative = this.pos_embed.call(queries, [rows.window, columns.window]);
    const affinity = softmax(add(content, relative), 3);
    x.graph.tap("received", this.received(affinity, rows, columns), "spatial");
    const seen = matMul(affinity, values);
    const inBlocks = reshape(seen, [n, heads, rows.count, columns.count, rows.block, columns.block, -1]);
    const map = transpose(inBlocks, [0, 1, 6, 2, 4, 3, 5]);
    const whole = reshape(map, [n, channels, rows.count * rows.block, columns.count * columns.block]);
    return slice(slice(whole, 2, 0, rows.side), 3, 0, columns.side);
  }

  private cut(side: number): Cut {
    const block = Math.min(this.#block, side);
    return { side, block, count: Math.ceil(side / block), window: block + 2 * this.#halo };
  }

  /** Keys and values of all windows, [N,heads·blocks,window,·]. */
  private windowsOf(x: Value, rows: Cut, columns: Cut): readonly [keys: Value, values: Value] {
    const [n] = x.shape as [number];
    const high = padded(this.kv.call(x), 2, this.#halo, this.#halo + excess(rows));
    const wide = padded(high, 3, this.#halo, this.#halo + excess(columns));
    const cut = windows(windows(wide, 2, rows), 3, columns);
    const apart = reshape(cut, [n, this.#heads, -1, rows.count, rows.window, columns.count, columns.window]);
    const all = reshape(transpose(apart, [0, 1, 3, 5, 4, 6, 2]), [
      n,
      this.#heads * rows.count * columns.count,
      rows.window * columns.window,
      -1,
    ]);
    return [slice(all, 3, 0, this.#width), slice(all, 3, this.#width)];
  }

  /** How much each position is attended to: the affinities [N,heads·blocks,block,window] summed over i in their places, [N,1,H,W]. */
  private received(affinity: Value, rows: Cut, columns: Cut): Value {
    const [n] = affinity.shape as [number];
    const blocks = rows.count * columns.count;
    const perBlock = reshape(affinity, [n, this.#heads, blocks, ...affinity.shape.slice(2)]);
    const real = affinity.graph.constant(realPositions(rows, columns));
    const sums = reduceMean(reduceSum(mul(perBlock, real), [3]), [1], { keepdims: false }); // [N,blocks,1,window]
    const apart = reshape(sums, [n, rows.count, columns.count, rows.window, columns.window]);
    const lines = transpose(apart, [0, 1, 3, 2, 4]);
    const side = reshape(lines, [n, 1, rows.count * rows.window, columns.count * columns.window]);
    const whole = overlapped(overlapped(side, 3, columns), 2, rows);
    return slice(slice(whole, 2, this.#halo, this.#halo + rows.side), 3, this.#halo, this.#halo + columns.side);
  }
}

/** 1 for the positions of blocks that are on the map, 0 for those beyond it: [blocks,block,1]. */
function realPositions(rows: Cut, columns: Cut): Tensor {
  const area = rows.block * columns.block;
  const flags = Array.from({ length: rows.count * columns.count * area }, (_, i) => {
    const [block, within] = [Math.floor(i / area), i % area];
    const y = Math.floor(block / columns.count) * rows.block + Math.floor(within / columns.block);
    const x = (block % columns.count) * columns.block + (within % columns.block);
    return Number(y < rows.side && x < columns.side);
  });
  return float32([rows.count * columns.count, area, 1], flags);
}

export const halo = defineAttention({
  name: "halo",
  title: "Halo attention",
  paper: {
    title: "Scaling Local Self-Attention for Parameter Efficient Visual Backbones",
    venue: "CVPR 2021",
    url: "https://arxiv.org/abs/2103.12731",
  },
  formula: [
    "q, k, v = conv1×1(x), cut into heads of d channels and blocks of positions; k and v with a halo around each block",
    "A = softmax over the window's j of qᵢ · kⱼ / √d + qᵢ · (a[row of j − row of i] + b[column of j − column of i])",
    "y = A · v",
  ],
  notes: [
    "The authors published no code. This is timm's, whose published weights (halonet26t, sehalonet33ts) load: the relative positions are not divided by √d, and zeros beyond the border take part in the softmax.",
    "lucidrains/halonet-pytorch, which External-Attention-pytorch copies, masks the positions on the map instead of those beyond it, so that inner blocks weigh all of their window alike.",
    "Weights tell blockSize + 2 · haloSize but not the two: a checkpoint without metadata is read as one with blocks of 8, as in all of timm's networks.",
    "timm refuses maps whose sides are not multiples of the block size; here they are filled with zeros, and a side shorter than a block is one block.",
  ],
  kind: "gate",
  attends: "spatial",
  placement: "convolution",
  field: "halo",
  options,
  create: (channels, resolved) => new HaloAttention(channels, resolved),
});
