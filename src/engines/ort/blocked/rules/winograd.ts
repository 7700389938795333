import type { Node } from "../../../../graph/graph.js";
import { type Maps, Winograd, type WinogradLayout } from "../../winograd.js";
import { blockedLayerOf } from "../conv-layer.js";
import { layoutOf } from "../layout.js";
import type { BlockedRule, LayoutTable } from "../layout-table.js";

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

  once = (key: string, emit: () => string): string => this.table.memo(`${this.pass} ${key}`, emit);

  /** [N, C/b, H, W, b] → [H·W, N, C/b, b] */
  positionsFirst(x: Maps): string {
    return this.once(`positions ${x.name}`, () => {
      const [n, channels, height, width] = x.shape;
      const { block } = this.table;
      const blocks = this.view(x.name, [n, channels / block, height * width, block]);
      return this.write.transpose(blocks, [2, 0, 1, 3]);
    });
  }

  mapsOf(positions: string, shape: Maps["shape"]): Maps {
    const [n, channels, height, width] = shape;
    const { block } = this.table;
    const apart = this.view(positions, [height * width, n, channels / block, block]);
    return { name: this.write.reshape(this.write.transpose(apart, [1, 2, 0, 3]), shape), shape };
  }

  /**
   * A Reshape whose shape ONNX Runtime learns only at run time, and from other nodes in each pass. With static shapes it would hold a
   * buffer for the next array of the same shape, however far away; and common-subexpression elimination would keep Bᵀ x B, with m = 2
   * four times the size of x, alive from the forward pass. In ResNet-18 either takes as much memory as the algorithm itself.
   */
  view = (name: string, shape: readonly number[]): string => {
    const open = this.once(`open ${shape}`, () => this.write.emit("Add", [this.write.ints(shape), this.#zero(name)]));
    return this.write.reshape(name, open);
  };

  /** Zero, computed at run time from any array. */
  #zero(name: string): string {
    const { table, write } = this;
    const [start, end] = [write.ints([0]), write.ints([1])];
    const first = table.memo("winograd first", () =>
      write.emit("Slice", [write.reshape(name, [-1]), start, end, start]),
    );
    return this.once("winograd zero", () => {
      const never = write.emit(this.pass === "forward" ? "Less" : "Greater", [first, first]);
      return write.emit("Cast", [never], { to: 7 });
    });
  }
}

/** The layer and its algorithm, if it uses Winograd's. */
function winogradOf(node: Node, table: LayoutTable, pass: "forward" | "gradient") {
  const layer = blockedLayerOf(node, table);
  return layer?.tile && { layer, winograd: new Winograd(layer.tile, new BlockedLayout(table, pass)) };
}

const conv: BlockedRule = (node, table) => {
  const by = winogradOf(node, table, "forward");
  const [x, w, bias] = node.inputs;
  if (!by || !table.canBlock(x!)) return false;
  const { layer, winograd } = by;
  const y = winograd.output(table.blocked(x!), table.weight(w!, "HWIO"), layer);
  const b = bias && table.vector(bias);
  table.setBlocked(node.outputs[0]!, b ? table.nchwc.affine(y, table.nchwc.ones(layer.filters), { bias: b }) : y);
  return true;
};

const inputGrad: BlockedRule = (node, table) => {
  const by = winogradOf(node, table, "gradient");
  const [dy, w] = node.inputs;
  if (!by || !table.canBlock(dy!)) return false;
  const dx = by.winograd.inputGradient(table.blocked(dy!), table.weight(w!, "HWIO"), by.layer);
  table.setBlocked(node.outputs[0]!, dx);
  return true;
};

const weightGrad: BlockedRule = (node, table) => {
  const by = winogradOf(node, table, "gradient");
  const [x, dy] = node.inputs;
  if (!by || !table.canBlock(x!) || !table.canBlock(dy!)) return false;
  const dw = by.winograd.weightGradient(table.blocked(x!), table.blocked(dy!), by.layer);
  const result = node.outputs[0]!;
  const layout = layoutOf("HWIO", result.shape as readonly number[], table.block);
  table.setPacked(result, layout, table.write.reshape(dw, layout.shape));
  return true;
};

export const winogradRules = new Map<string, BlockedRule>([
  ["Conv", conv],
  ["ConvInputGrad", inputGrad],
  ["ConvWeightGrad", weightGrad],
]);
