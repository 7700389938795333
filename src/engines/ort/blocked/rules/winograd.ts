import type { LoweredValue } from "../../../../formats/onnx/ir.js";
import { convInputGradOp, convOp, convWeightGradOp } from "../../../../ops/conv.js";
import type { AnyNode } from "../../conv-layer.js";
import { asMaps, type Maps } from "../../maps.js";
import type { WinogradTile } from "../../tuning.js";
import { Winograd, type WinogradLayout } from "../../winograd.js";
import { blockedLayerOf } from "../conv-layer.js";
import { layoutOf } from "../layout.js";
import type { LayoutTable } from "../layout-table.js";
import { type BlockedRule, type Layouts, reasons, rule } from "../rule.js";

/** Maps in NCHWc, weights in HWIO. */
class BlockedLayout implements WinogradLayout {
  readonly weights = "HWIO";

  constructor(
    private readonly table: LayoutTable,
    private readonly pass: "forward" | "gradient",
  ) {}

  get write() {
    return this.table.write;
  }

  once = (key: string, emit: () => LoweredValue): LoweredValue => this.table.memo(`${this.pass} ${key}`, emit);

  /** [N, C/b, H, W, b] → [H·W, N, C/b, b] */
  positionsFirst(x: Maps): LoweredValue {
    return this.once(`positions ${x.name}`, () => {
      const [n, channels, height, width] = x.shape;
      const { block } = this.table;
      const blocks = this.view(x, [n, channels / block, height * width, block]);
      return this.write.transpose(blocks, [2, 0, 1, 3]);
    });
  }

  mapsOf(positions: LoweredValue, shape: Maps["shape"]): Maps {
    const [n, channels, height, width] = shape;
    const { block } = this.table;
    const apart = this.view(positions, [height * width, n, channels / block, block]);
    return asMaps(this.write.reshape(this.write.transpose(apart, [1, 2, 0, 3]), shape));
  }

  /**
   * A Reshape whose shape ONNX Runtime learns only at run time, and from other nodes in each pass. With static shapes it would hold a
   * buffer for the next array of the same shape, however far away; and common-subexpression elimination would keep Bᵀ x B, with m = 2
   * four times the size of x, alive from the forward pass. In ResNet-18 either takes as much memory as the algorithm itself.
   */
  view = (array: LoweredValue, shape: readonly number[]): LoweredValue => {
    const open = this.once(`open ${shape}`, () => this.write.emit("Add", [this.write.ints(shape), this.#zero(array)]));
    return this.write.reshapeTo(array, open, shape);
  };

  /** Zero, computed at run time from any array. */
  #zero(array: LoweredValue): LoweredValue {
    const { table, write } = this;
    const [start, end] = [write.ints([0]), write.ints([1])];
    const first = table.memo("winograd first", () =>
      write.emit("Slice", [write.reshape(array, [-1]), start, end, start]),
    );
    return this.once("winograd zero", () => {
      const never = write.emit(this.pass === "forward" ? "Less" : "Greater", [first, first]);
      return write.emit("Cast", [never], { to: 7 });
    });
  }
}

/** The layer, if it uses Winograd's algorithm. */
function winogradLayerOf(node: AnyNode, layouts: Layouts) {
  const layer = blockedLayerOf(node, layouts);
  return layer?.tile ? { ...layer, tile: layer.tile } : undefined;
}

const notFaster = "Winograd's algorithm does not apply, or is not faster";

/** The algorithm for a layer. */
const by = (layer: { readonly tile: WinogradTile }, pass: "forward" | "gradient", table: LayoutTable) =>
  new Winograd(layer.tile, new BlockedLayout(table, pass));

const conv = rule("winograd", [convOp], (node, _attributes, layouts) => {
  const layer = winogradLayerOf(node, layouts);
  const [x, w, bias] = node.inputs;
  if (!layer) return notFaster;
  if (!layouts.canBlock(x)) return reasons.plain;
  return (table) => {
    const y = by(layer, "forward", table).output(table.blocked(x), table.weight(w, "HWIO"), layer);
    const b = bias && table.vector(bias);
    table.setBlocked(node.outputs[0]!, b ? table.nchwc.affine(y, table.nchwc.ones(layer.filters), { bias: b }) : y);
  };
});

const inputGrad = rule("winograd", [convInputGradOp], (node, _attributes, layouts) => {
  const layer = winogradLayerOf(node, layouts);
  const [dy, w] = node.inputs;
  if (!layer) return notFaster;
  if (!layouts.canBlock(dy)) return reasons.plain;
  return (table) => {
    const dx = by(layer, "gradient", table).inputGradient(table.blocked(dy), table.weight(w, "HWIO"), layer);
    table.setBlocked(node.outputs[0]!, dx);
  };
});

const weightGrad = rule("winograd", [convWeightGradOp], (node, _attributes, layouts) => {
  const layer = winogradLayerOf(node, layouts);
  const [x, dy] = node.inputs;
  if (!layer) return notFaster;
  if (!layouts.canBlock(x) || !layouts.canBlock(dy)) return reasons.plain;
  return (table) => {
    const dw = by(layer, "gradient", table).weightGradient(table.blocked(x), table.blocked(dy), layer);
    const result = node.outputs[0]!;
    const layout = layoutOf("HWIO", result.shape as readonly number[], table.block);
    table.setPacked(result, layout, table.write.reshape(dw, layout.shape));
  };
});

/** Winograd's algorithm. */
export const winogradRules: readonly BlockedRule[] = [conv, inputGrad, weightGrad];
