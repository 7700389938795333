import type { LoweredValue } from "../../../../formats/onnx/ir.js";
import { maxPoolOp } from "../../../../ops/pool.js";
import { resampleOp } from "../../../../ops/resample.js";
import { asMaps } from "../../maps.js";
import { exactMaximum } from "../../rules/training.js";
import { type BlockedRule, reasons, rule } from "../rule.js";

/** Pooling works lane by lane. A padded last block falls back to the plain rule. */
const maxPool = rule("pool", [maxPoolOp], (node, { kernel, strides, pads, dilations }, layouts) => {
  const [x] = node.inputs;
  if (!layouts.isBlocked(x)) return reasons.plain;
  if (layouts.isPadded(x)) return reasons.padded;
  if (dilations.some((d) => d > 1)) return "its windows are dilated";
  return (table) => {
    const maps = table.blocked(x);
    const pool = (kind: "MaxPool" | "AveragePool", from: LoweredValue = maps) =>
      table.nchwc.pool(kind, asMaps(from), kernel, { strides, pads });
    const of = (from: LoweredValue) => pool("MaxPool", from);
    const array = pool("MaxPool");
    const mean = pool("AveragePool");
    table.setBlocked(
      node.outputs[0]!,
      asMaps(exactMaximum({ array, shape: array.shape, mean, from: maps, of }, table.write)),
    );
  };
});

/** Average pooling; other resampling is matrix products, which take plain arrays. */
const resample = rule("pool", [resampleOp], (node, { rows, columns, transposed }, layouts) => {
  const [x] = node.inputs;
  if (transposed || rows.kind !== "window" || columns.kind !== "window" || rows.countPadding !== columns.countPadding)
    return "resampling is a product of matrices";
  if (!layouts.isBlocked(x)) return reasons.plain;
  if (layouts.isPadded(x)) return reasons.padded;
  return (table) => {
    const strides = [rows.stride, columns.stride] as const;
    const pads = [rows.padding, columns.padding, rows.padding, columns.padding] as const;
    const kernel = [rows.kernel, columns.kernel] as const;
    const maps = table.nchwc.pool("AveragePool", table.blocked(x), kernel, { strides, pads }, rows.countPadding);
    table.setBlocked(node.outputs[0]!, maps);
  };
});

/** Pooling. */
export const poolRules: readonly BlockedRule[] = [maxPool, resample];
