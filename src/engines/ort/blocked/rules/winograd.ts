import type { LoweredValue } from "../../../../formats/onnx/ir.js";
import type { Node, Value } from "../../../../graph/graph.js";
import { convInputGradOp, convOp, convWeightGradOp } from "../../../../ops/conv.js";
import type { WinogradTile } from "../../tuning.js";
import { alongAxis, overKernel, type WinogradPoints } from "../../winograd.js";
import { type BlockedLayer, blockedLayerOf } from "../conv-layer.js";
import { layoutOf } from "../layout.js";
import type { LayoutTable } from "../layout-table.js";
import { type BlockedRule, type Layouts, reasons, rule } from "../rule.js";

import { asMaps, type BlockedTensor } from "../writer.js";

type Pass = "forward" | "gradient";

/**
 * Winograd's F(m×m,3×3): a tile of p×p pixels, p = m + 2, is transformed to p² points per channel, each multiplied by its own matrix
 * [C,O], and the p² sums per filter are transformed back to m×m outputs: y = Aᵀ[(G w Gᵀ) ⊙ (Bᵀ x B)]A. That takes 4/9 of the
 * multiplications for m = 2 and 1/4 for m = 4. The former rounds like the convolution itself, the latter ten times more.
 *
 * With positions before images and channels, each transform is a product with one matrix along the rows and one along the columns,
 * covering all tiles, their overlap and the border. The gradients do the same with dy, and once more with x.
 */
class Winograd {
  readonly #points: number;

  constructor(
    private readonly tile: WinogradTile,
    private readonly pass: Pass,
    private readonly table: LayoutTable,
  ) {
    this.#points = tile + 2;
  }

  /** x (for the input gradient, dy), transformed for the product with the weight: [p, tiles, p, tiles·N, C]. */
  tiles(x: BlockedTensor): LoweredValue {
    return this.table.memo(`winograd ${this.tile} ${this.pass} ${x.name}`, () => {
      const [n, channels, height, width] = x.shape;
      const [down, across] = [this.#count(height), this.#count(width)];
      const both = this.table.write.emit("MatMul", [this.#along("input", width), this.#rows(x, "input")]);
      return this.#view(both, [this.#points, down, this.#points, across * n, channels]);
    });
  }

  /** x or dy, transformed for the weight gradient, whose product sums over all tiles: [p, p, tiles·tiles·N, C]. */
  points(x: BlockedTensor, as: WinogradPoints): LoweredValue {
    const [n, channels, height, width] = x.shape;
    const [down, across] = [this.#count(height), this.#count(width)];
    const columns = this.table.write.reshape(this.#along(as, width), [this.#points, 1, across, width]);
    const rows = this.#view(this.#rows(x, as), [this.#points, 1, down, width, n * channels]);
    const both = this.table.write.emit("MatMul", [columns, rows]);
    return this.#view(both, [this.#points, this.#points, down * across * n, channels]);
  }

  /** The sums [p, tiles, p, tiles·N, C], transformed back and in NCHWc. */
  outputs(sums: LoweredValue, [n, channels, height, width]: BlockedTensor["shape"]): BlockedTensor {
    const { write, block } = this.table;
    const [down, across] = [this.#points * this.#count(height), this.#points * this.#count(width)];
    const columns = this.#back(this.#along("gradient", width), this.#view(sums, [down, across, n * channels]));
    const rows = this.#back(this.#along("gradient", height), this.#view(columns, [down, width * n * channels]));
    const apart = this.#view(rows, [height * width, n, channels / block, block]);
    const shape = [n, channels, height, width] as const;
    return asMaps(write.reshape(write.transpose(apart, [1, 2, 0, 3]), shape));
  }

  /** A weight in HWIO, flipped for the input gradient, transformed: [p, 1, p, C, O]. */
  weight(w: Value, { channels, filters }: BlockedLayer): LoweredValue {
    const kernel = this.#view(this.table.weight(w, "HWIO"), [9, channels * filters]);
    const both = this.table.write.emit("MatMul", [this.#kernelMatrix(this.pass === "gradient"), kernel]);
    return this.#view(both, [this.#points, 1, this.#points, channels, filters]);
  }

  /** The weight gradient transformed back: [p, p, C, O] → [9, C·O]. */
  kernelGradient(products: LoweredValue, { channels, filters }: BlockedLayer): LoweredValue {
    return this.#back(this.#kernelMatrix(false), this.#view(products, [this.#points ** 2, channels * filters]));
  }

  #along(as: WinogradPoints, size: number): LoweredValue {
    return alongAxis(this.tile, as, size, this.table.write);
  }

  #kernelMatrix(flipped: boolean): LoweredValue {
    return overKernel(this.tile, flipped, this.table.write);
  }

  /** The transposed matrix times an array. */
  #back(matrix: LoweredValue, array: LoweredValue): LoweredValue {
    return this.table.write.emit("FusedMatMul", [matrix, array], { transA: 1 }, "com.microsoft");
  }

  #count(size: number): number {
    return Math.ceil(size / this.tile);
  }

  /** The rows of x transformed to points: [p·tiles, W, N·C]. */
  #rows(x: BlockedTensor, as: WinogradPoints): LoweredValue {
    const [n, channels, height, width] = x.shape;
    const flat = this.#view(this.#positionsFirst(x), [height, width * n * channels]);
    const rows = this.table.write.emit("MatMul", [this.#along(as, height), flat]);
    return this.#view(rows, [this.#points * this.#count(height), width, n * channels]);
  }

  /** [N, C/b, H, W, b] → [H·W, N, C/b, b]. */
  #positionsFirst(x: BlockedTensor): LoweredValue {
    return this.table.memo(`positions ${this.pass} ${x.name}`, () => {
      const [n, channels, height, width] = x.shape;
      const { block } = this.table;
      const blocks = this.#view(x, [n, channels / block, height * width, block]);
      return this.table.write.transpose(blocks, [2, 0, 1, 3]);
    });
  }

  /**
   * A Reshape whose shape ONNX Runtime learns only at run time, and from other nodes in each pass. With static shapes it would hold a
   * buffer for the next array of the same shape, however far away; and common-subexpression elimination would keep Bᵀ x B, with m = 2
   * four times the size of x, alive from the forward pass. In ResNet-18 either takes as much memory as the algorithm itself.
   */
  #view(array: LoweredValue, shape: readonly number[]): LoweredValue {
    const { write } = this.table;
    const open = this.table.memo(`open ${this.pass} ${shape}`, () =>
      write.emit("Add", [write.ints(shape), this.#zero(array)]),
    );
    return write.reshapeTo(array, open, shape);
  }

  /** Zero, computed at run time from any array. */
  #zero(array: LoweredValue): LoweredValue {
    const { table } = this;
    const { write } = table;
    const [start, end] = [write.ints([0]), write.ints([1])];
    const first = table.memo("winograd first", () =>
      write.emit("Slice", [write.reshape(array, [-1]), start, end, start]),
    );
    return table.memo(`winograd zero ${this.pass}`, () => {
      const never = write.emit(this.pass === "forward" ? "Less" : "Greater", [first, first]);
      return write.emit("Cast", [never], { to: 7 });
    });
  }
}

/** The layer, if it uses Winograd's algorithm. */
function winogradLayerOf(node: Node, layouts: Layouts) {
  const layer = blockedLayerOf(node, layouts);
  return layer?.tile ? { ...layer, tile: layer.tile } : undefined;
}

const notFaster = "Winograd's algorithm does not apply, or is not faster";

const conv = rule("winograd", [convOp], (node, _attributes, layouts) => {
  const layer = winogradLayerOf(node, layouts);
  const [x, w, bias] = node.inputs;
  if (!layer) return notFaster;
  if (!layouts.canBlock(x!)) return reasons.plain;
  return (table) => {
    const winograd = new Winograd(layer.tile, "forward", table);
    const sums = table.write.emit("MatMul", [winograd.tiles(table.blocked(x!)), winograd.weight(w!, layer)]);
    const y = winograd.outputs(sums, [layer.n, layer.filters, layer.oh, layer.ow]);
    const b = bias && table.vector(bias);
    table.setBlocked(node.outputs[0]!, b ? table.nchwc.affine(y, table.nchwc.ones(layer.filters), { bias: b }) : y);
  };
});

const inputGrad = rule("winograd", [convInputGradOp], (node, _attributes, layouts) => {
  const layer = winogradLayerOf(node, layouts);
  const [dy, w] = node.inputs;
  if (!layer) return notFaster;
  if (!layouts.canBlock(dy!)) return reasons.plain;
  return (table) => {
    const winograd = new Winograd(layer.tile, "gradient", table);
    const factors = [winograd.tiles(table.blocked(dy!)), winograd.weight(w!, layer)];
    const sums = table.write.emit("FusedMatMul", factors, { transB: 1 }, "com.microsoft");
    table.setBlocked(node.outputs[0]!, winograd.outputs(sums, [layer.n, layer.channels, layer.height, layer.width]));
  };
});

const weightGrad = rule("winograd", [convWeightGradOp], (node, _attributes, layouts) => {
  const layer = winogradLayerOf(node, layouts);
  const [x, dy] = node.inputs;
  if (!layer) return notFaster;
  if (!layouts.canBlock(x!) || !layouts.canBlock(dy!)) return reasons.plain;
  return (table) => {
    const winograd = new Winograd(layer.tile, "gradient", table);
    const factors = [winograd.points(table.blocked(x!), "input"), winograd.points(table.blocked(dy!), "gradient")];
    const products = table.write.emit("FusedMatMul", factors, { transA: 1 }, "com.microsoft");
    const result = node.outputs[0]!;
    const layout = layoutOf("HWIO", result.shape as readonly number[], table.block);
    table.setPacked(result, layout, table.write.reshape(winograd.kernelGradient(products, layer), layout.shape));
  };
});

export const winogradRules: readonly BlockedRule[] = [conv, inputGrad, weightGrad];
