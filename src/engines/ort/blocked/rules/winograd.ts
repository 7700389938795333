import type { Node, Value } from "../../../../graph/graph.js";
import type { WinogradTile } from "../../regimes.js";
import { alongAxis, overTaps, type WinogradPoints } from "../../winograd.js";
import { type BlockedLayer, layerOf } from "../conv-layer.js";
import type { BlockedRule, Forms } from "../forms.js";
import { layoutOf } from "../layout.js";
import type { Maps } from "../writer.js";

type Pass = "forward" | "gradient";

/**
 * Winograd's F(m×m,3×3): a tile of p×p pixels, p = m + 2, is transformed to p² numbers for each channel, of which each is multiplied by a
 * matrix [C,O] of its own, and the p² sums for each filter are transformed to m×m outputs: y = Aᵀ[(G w Gᵀ) ⊙ (Bᵀ x B)]A. That is 4/9 of
 * the multiplications for m = 2 and a quarter for m = 4. The first rounds as the convolution itself does, the second ten times more.
 *
 * With the positions before the images and channels each transformation is a product with one matrix along the rows and one along the
 * columns, which stands for all tiles, their overlap and the border. The gradients do the same with dy, and once more with x.
 */
class Winograd {
  readonly #points: number;

  constructor(
    private readonly tile: WinogradTile,
    private readonly pass: Pass,
    private readonly forms: Forms,
  ) {
    this.#points = tile + 2;
  }

  /** What is multiplied by the weight, x or, for the input's gradient, dy: [p, tiles, p, tiles·N, C]. */
  tiles(x: Maps): string {
    return this.forms.memo(`winograd ${this.tile} ${this.pass} ${x.name}`, () => {
      const [n, channels, height, width] = x.shape;
      const [down, across] = [this.#count(height), this.#count(width)];
      const both = this.forms.write.emit("MatMul", [this.#along("input", width), this.#rows(x, "input")]);
      return this.#view(both, [this.#points, down, this.#points, across * n, channels]);
    });
  }

  /** What is multiplied for the weight's gradient, whose products sum over all tiles, x or dy as the sums see it: [p, p, tiles·tiles·N, C]. */
  points(x: Maps, as: WinogradPoints): string {
    const [n, channels, height, width] = x.shape;
    const [down, across] = [this.#count(height), this.#count(width)];
    const columns = this.forms.write.reshape(this.#along(as, width), [this.#points, 1, across, width]);
    const rows = this.#view(this.#rows(x, as), [this.#points, 1, down, width, n * channels]);
    const both = this.forms.write.emit("MatMul", [columns, rows]);
    return this.#view(both, [this.#points, this.#points, down * across * n, channels]);
  }

  /** The sums [p, tiles, p, tiles·N, C] as blocked maps. */
  outputs(sums: string, [n, channels, height, width]: Maps["shape"]): Maps {
    const { write, block } = this.forms;
    const [down, across] = [this.#points * this.#count(height), this.#points * this.#count(width)];
    const columns = this.#back(this.#along("gradient", width), this.#view(sums, [down, across, n * channels]));
    const rows = this.#back(this.#along("gradient", height), this.#view(columns, [down, width * n * channels]));
    const apart = this.#view(rows, [height * width, n, channels / block, block]);
    const shape = [n, channels, height, width] as const;
    return { name: write.reshape(write.transpose(apart, [1, 2, 0, 3]), shape), shape };
  }

  /** [p, 1, p, C, O] of a weight in the layout `taps`; for the input's gradient with its taps turned around. */
  weight(w: Value, { channels, filters }: BlockedLayer): string {
    const taps = this.#view(this.forms.weight(w, "taps"), [9, channels * filters]);
    const both = this.forms.write.emit("MatMul", [this.#taps(this.pass === "gradient"), taps]);
    return this.#view(both, [this.#points, 1, this.#points, channels, filters]);
  }

  /** The way back of the weight's gradient: [p, p, C, O] as [9, C·O]. */
  taps(products: string, { channels, filters }: BlockedLayer): string {
    return this.#back(this.#taps(false), this.#view(products, [this.#points ** 2, channels * filters]));
  }

  #along(as: WinogradPoints, size: number): string {
    return alongAxis(this.tile, as, size, this.forms.write);
  }

  #taps(turned: boolean): string {
    return overTaps(this.tile, turned, this.forms.write);
  }

  /** The transposed matrix times an array. */
  #back(matrix: string, array: string): string {
    return this.forms.write.emit("FusedMatMul", [matrix, array], { transA: 1 }, "com.microsoft");
  }

  #count(size: number): number {
    return Math.ceil(size / this.tile);
  }

  /** Rows of maps as rows of tiles: [p·tiles, W, N·C]. */
  #rows(x: Maps, as: WinogradPoints): string {
    const [n, channels, height, width] = x.shape;
    const flat = this.#view(this.#positionsFirst(x), [height, width * n * channels]);
    const rows = this.forms.write.emit("MatMul", [this.#along(as, height), flat]);
    return this.#view(rows, [this.#points * this.#count(height), width, n * channels]);
  }

  /** [N, C/b, H, W, b] → [H·W, N, C/b, b]: rows of b numbers are moved. */
  #positionsFirst(x: Maps): string {
    return this.forms.memo(`positions ${this.pass} ${x.name}`, () => {
      const [n, channels, height, width] = x.shape;
      const { block } = this.forms;
      const blocks = this.#view(x.name, [n, channels / block, height * width, block]);
      return this.forms.write.transpose(blocks, [2, 0, 1, 3]);
    });
  }

  /**
   * The same elements under a shape that ONNX Runtime learns in each run only, and in each pass from other nodes. Knowing shapes, it keeps
   * an array's memory for the next array of the same shape, even if all other layers come between; and it computes equal nodes once, so that Bᵀ x B, with
   * m = 2 four times as large as x, would stay from the forward pass on. In ResNet-18 either takes as much as all that the algorithm needs.
   */
  #view(name: string, shape: readonly number[]): string {
    const { write } = this.forms;
    const open = this.forms.memo(`open ${this.pass} ${shape}`, () =>
      write.emit("Add", [write.ints(shape), this.#zero(name)]),
    );
    return write.reshape(name, open);
  }

  /** Zero, computed from any array in a way that depends on none of its numbers. */
  #zero(name: string): string {
    const { forms } = this;
    const { write } = forms;
    const [start, end] = [write.ints([0]), write.ints([1])];
    const first = forms.memo("winograd first", () =>
      write.emit("Slice", [write.reshape(name, [-1]), start, end, start]),
    );
    return forms.memo(`winograd zero ${this.pass}`, () => {
      const never = write.emit(this.pass === "forward" ? "Less" : "Greater", [first, first]);
      return write.emit("Cast", [never], { to: 7 });
    });
  }
}

/** The layer and its transformations, if it goes by Winograd's algorithm. */
function winogradOf(node: Node, forms: Forms, pass: Pass) {
  const layer = layerOf(node, forms);
  return layer?.tile && { layer, winograd: new Winograd(layer.tile, pass, forms) };
}

const conv: BlockedRule = (node, forms) => {
  const by = winogradOf(node, forms, "forward");
  const [x, w, bias] = node.inputs;
  if (!by || !forms.canBeMaps(x!)) return false;
  const { layer, winograd } = by;
  const sums = forms.write.emit("MatMul", [winograd.tiles(forms.maps(x!)), winograd.weight(w!, layer)]);
  const y = winograd.outputs(sums, [layer.n, layer.filters, layer.oh, layer.ow]);
  const b = bias && forms.vector(bias);
  forms.setMaps(node.outputs[0]!, b ? forms.to.affine(y, forms.to.ones(layer.filters), { bias: b }) : y);
  return true;
};

const inputGrad: BlockedRule = (node, forms) => {
  const by = winogradOf(node, forms, "gradient");
  const [dy, w] = node.inputs;
  if (!by || !forms.canBeMaps(dy!)) return false;
  const { layer, winograd } = by;
  const factors = [winograd.tiles(forms.maps(dy!)), winograd.weight(w!, layer)];
  const sums = forms.write.emit("FusedMatMul", factors, { transB: 1 }, "com.microsoft");
  forms.setMaps(node.outputs[0]!, winograd.outputs(sums, [layer.n, layer.channels, layer.height, layer.width]));
  return true;
};

const weightGrad: BlockedRule = (node, forms) => {
  const by = winogradOf(node, forms, "gradient");
  const [x, dy] = node.inputs;
  if (!by || !forms.canBeMaps(x!) || !forms.canBeMaps(dy!)) return false;
  const { layer, winograd } = by;
  const factors = [winograd.points(forms.maps(x!), "input"), winograd.points(forms.maps(dy!), "gradient")];
  const products = forms.write.emit("FusedMatMul", factors, { transA: 1 }, "com.microsoft");
  const result = node.outputs[0]!;
  const layout = layoutOf("taps", result.shape as readonly number[], forms.block);
  forms.setPacked(result, layout, forms.write.reshape(winograd.taps(products, layer), layout.shape));
  return true;
};

export const winogradRules = new Map<string, BlockedRule>([
  ["Conv", conv],
  ["ConvInputGrad", inputGrad],
  ["ConvWeightGrad", weightGrad],
]);
