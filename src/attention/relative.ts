import { OptionError } from "../core/errors.js";
import type { Value } from "../graph/graph.js";
import { Module, normal, Param } from "../nn/index.js";
import { add, matMul, pad, reshape, slice, transpose } from "../ops/index.js";
import { divisibleWidth, divisorOf } from "./parts.js";

/** Channels of one head's queries and keys where all heads together have as many as x, or in timm the nearest multiple of 8. */
export function headWidth(owner: string, channels: number, heads: number, rounds: boolean): number {
  divisorOf(owner, "heads", channels, heads);
  if (!rounds) return channels / heads;
  const all = divisibleWidth(channels);
  const width = Math.floor(all / heads);
  if (width < 1) throw new OptionError(`${owner}: ${heads} heads leave no channel of ${all}; use at most ${all}`);
  return width;
}

/**
 * Logits of a window's columns by their distance: row y of `x` [N,P,L,2R−1] holds one for every distance −(R−1) … R−1, and position l wants
 * those of its own distances to R columns. [N,P,L,2R−1] → [N,P,L,R], by shifting row l by l: zeros are put between the rows, which are then cut at other places.
 */
function byColumn(x: Value): Value {
  const [n, planes, length, distances] = x.shape as [number, number, number, number];
  const columns = (distances + 1) / 2;
  const apart = reshape(pad(x, { axis: 3, before: 0, after: 1 }), [n, planes, length * (distances + 1)]);
  const filled = distances > length ? pad(apart, { axis: 2, before: 0, after: distances - length }) : apart;
  const shifted = reshape(filled, [n, planes, length + 1, distances]);
  return slice(slice(shifted, 2, 0, length), 3, columns - 1);
}

/**
 * Logits from relative positions (Bello et al.: Attention Augmented Convolutional Networks, 2019): a query at (y, x) gives the position (i, j)
 * of its window the logit q · (a[i − y] + b[j − x]), with a vector for every distance in height and in width.
 * Keys: two of [2·height − 1, d] and [2·width − 1, d], under names that the authors chose.
 */
export class RelativePositions extends Module<[queries: Value, window: readonly [number, number]]> {
  static override readonly kind: string = "RelativePositions";

  readonly #height: Param;
  readonly #width: Param;

  constructor(names: readonly [height: string, width: string], window: readonly [number, number], width: number) {
    super();
    const vectors = (side: number) => new Param([2 * side - 1, width], normal(1 / Math.sqrt(width)));
    [this.#height, this.#width] = window.map(vectors) as [Param, Param];
    Object.assign(this, { [names[0]]: this.#height, [names[1]]: this.#width });
  }

  /** Queries [N,G,h,w,d] → logits [N,G,h·w,height·width] for a window that all of a plane share, at most as large as the weights are for. */
  override forward(queries: Value, [height, width]: readonly [number, number]): Value {
    const [n, planes, h, w, d] = queries.shape as [number, number, number, number, number];
    const flat = reshape(queries, [n, planes * h * w, d]);
    const byDistance = (vectors: Param, side: number) => {
      const most = (vectors.shape[0]! + 1) / 2;
      const all = queries.graph.state(vectors);
      const near = side < most ? slice(all, 0, most - side, most + side - 1) : all;
      return reshape(matMul(flat, near, { transB: true }), [n, planes, h, w, 2 * side - 1]);
    };
    const across = byColumn(reshape(byDistance(this.#width, width), [n, planes * h, w, 2 * width - 1]));
    const upright = transpose(byDistance(this.#height, height), [0, 1, 3, 2, 4]); // [N,G,w,h,·]
    const down = byColumn(reshape(upright, [n, planes * w, h, 2 * height - 1]));
    const rows = transpose(reshape(down, [n, planes, w, h, height]), [0, 1, 3, 2, 4]);
    const logits = add(reshape(rows, [n, planes, h, w, height, 1]), reshape(across, [n, planes, h, w, 1, width]));
    return reshape(logits, [n, planes, h * w, height * width]);
  }
}
