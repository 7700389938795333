import type { LoweredValue } from "../../../formats/onnx/ir.js";
import { findRule, type OnnxWriter, type Rules, ruleFor } from "../../../formats/onnx/writer.js";
import type { Attributes, Each, Inputs, Op } from "../../../graph/op.js";
import { convInputGradOp, convOp, convWeightGradOp } from "../../../ops/conv.js";
import { type ConvLayer, layerShape } from "../conv-layer.js";
import { asMaps } from "../maps.js";
import { Winograd, type WinogradLayout, type WinogradPolicy, winogradTile } from "./winograd.js";

/** Plain maps and weights. */
const plainLayout = (write: OnnxWriter): WinogradLayout => ({
  write,
  weights: "OIHW",
  positionsFirst: (x) => {
    const [n, channels, height, width] = x.shape;
    return write.transpose(write.reshape(x, [n * channels, height * width]), [1, 0]);
  },
  mapsOf: (positions, shape) => {
    const [n, channels, height, width] = shape;
    const apart = write.reshape(positions, [height * width, n * channels]);
    return write.reshape(write.transpose(apart, [1, 0]), shape);
  },
  view: (array, shape) => write.reshape(array, shape),
  once: (_key, emit) => emit(),
});

/**
 * `rules` with Winograd's algorithm for the output and both gradients of the layers that the policy chooses. Measured with 64 to 512 channels,
 * it was faster below a share of 0.85.
 */
export function withWinograd(rules: Rules, policy: WinogradPolicy = { share: 0.8 }): Rules {
  /** The rule of `rules`, or the algorithm where it is chosen. */
  const by = <A extends Attributes, I extends Inputs>(
    op: Op<A, I>,
    compute: (inputs: Each<I, LoweredValue>, winograd: Winograd, layer: ConvLayer, write: OnnxWriter) => LoweredValue,
  ) =>
    ruleFor(op, (node, inputs, write) => {
      const layer = layerShape(node);
      const tile = layer && winogradTile(layer, policy);
      if (!tile) return findRule(rules, op)(node, inputs, write);
      return [compute(inputs, new Winograd(tile, plainLayout(write)), layer, write)];
    });
  return new Map([
    ...rules,
    by(convOp, ([x, w, bias], winograd, layer, write) => {
      const y = winograd.output(asMaps(x), w, layer);
      return bias ? write.emit("Add", [y, write.reshape(bias, [layer.filters, 1, 1])]) : y;
    }),
    by(convInputGradOp, ([dy, w], winograd, layer) => winograd.inputGradient(asMaps(dy), w, layer)),
    by(convWeightGradOp, ([x, dy], winograd, layer, write) =>
      write.reshape(winograd.weightGradient(asMaps(x), asMaps(dy), layer), [layer.filters, layer.channels, 3, 3]),
    ),
  ]);
}
