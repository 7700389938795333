import type { LoweredValue } from "../../../formats/onnx/ir.js";
import type { Node } from "../../../graph/graph.js";
import type { Attributes, Inputs, Op } from "../../../graph/op.js";
import { convInputGradOp, convOp, convWeightGradOp } from "../../../ops/conv.js";
import { layerRule } from "../blocked/blocked-layer.js";
import { layoutOf } from "../blocked/layout.js";
import type { LayoutTable } from "../blocked/layout-table.js";
import type { BlockedRule } from "../blocked/rule.js";
import { outputOfConstant, type WinogradLayer } from "./constant-weight.js";
import { Winograd, type WinogradLayout } from "./winograd.js";

type Pass = "forward" | "gradient";

/** Maps in NCHWc, weights in HWIO. */
function blockedLayout({ write, block }: LayoutTable, pass: Pass): WinogradLayout {
  const once = (key: string, emit: () => LoweredValue) => write.memo(`${pass} ${key}`, emit);

  /** By another comparison in each pass. */
  const zero = (array: LoweredValue) =>
    once("winograd zero", () => write.runtimeZero(array, "int64", pass === "forward" ? "Less" : "Greater"));

  /**
   * A Reshape whose shape ONNX Runtime learns only at run time, and from other nodes in each pass. With static shapes it would hold a
   * buffer for the next array of the same shape, however far away; and common-subexpression elimination would keep Bᵀ x B, with m = 2
   * four times the size of x, alive from the forward pass. In ResNet-18 either takes as much memory as the algorithm itself.
   */
  const view = (array: LoweredValue, shape: readonly number[]) => {
    const open = once(`open ${shape}`, () => write.emit("Add", [write.ints(shape), zero(array)]));
    return write.reshapeTo(array, open, shape);
  };

  return {
    write,
    weights: "HWIO",
    once,
    view,
    /** [N, C/b, H, W, b] → [H·W, N, C/b, b] */
    positionsFirst: (x) =>
      once(`positions ${x.name}`, () => {
        const [n, channels, height, width] = x.shape;
        return write.transpose(view(x, [n, channels / block, height * width, block]), [2, 0, 1, 3]);
      }),
    mapsOf: (positions, shape) => {
      const [n, channels, height, width] = shape;
      const apart = view(positions, [height * width, n, channels / block, block]);
      return write.reshape(write.transpose(apart, [1, 2, 0, 3]), shape);
    },
  };
}

/** A rule for the layers that use the algorithm. */
const winogradRule = <A extends Attributes, I extends Inputs>(
  op: Op<A, I>,
  pass: Pass,
  emit: (node: Node<A, I>, layer: WinogradLayer, winograd: Winograd, table: LayoutTable) => void,
): BlockedRule =>
  layerRule("winograd", op, (node, layer) => {
    const { tile } = layer;
    if (!tile) return "Winograd's algorithm does not apply, or is not faster";
    return (table) => emit(node, { ...layer, tile }, new Winograd(tile, blockedLayout(table, pass)), table);
  });

const conv = winogradRule(convOp, "forward", ({ inputs: [x, w, bias], outputs }, layer, winograd, table) => {
  const { nchwc } = table;
  const output = () => {
    const [maps, constant] = [table.blocked(x), table.constantOf(w)];
    if (!constant) return winograd.output(maps, table.weight(w, "HWIO"), layer);
    return outputOfConstant(maps, constant, layer, winograd.layout, table);
  };
  table.defer(outputs[0], {
    activates: true,
    emit: ({ sum, activation }) =>
      bias || sum || activation
        ? nchwc.affine(output(), nchwc.ones(layer.filters), { bias: bias && table.vector(bias), sum, activation })
        : output(),
  });
});

const inputGrad = winogradRule(convInputGradOp, "gradient", (node, layer, winograd, table) => {
  const [dy, w] = node.inputs;
  table.setBlocked(node.outputs[0], winograd.inputGradient(table.blocked(dy), table.weight(w, "HWIO"), layer));
});

const weightGrad = winogradRule(convWeightGradOp, "gradient", (node, layer, winograd, table) => {
  const [x, dy] = node.inputs;
  const dw = winograd.weightGradient(table.blocked(x), table.blocked(dy), layer);
  const layout = layoutOf("HWIO", node.outputs[0].shape, table.block);
  table.setPacked(node.outputs[0], layout, table.write.reshape(dw, layout.shape));
});

/** Winograd's algorithm in NCHWc. */
export const winogradRules: readonly BlockedRule[] = [conv, inputGrad, weightGrad];
