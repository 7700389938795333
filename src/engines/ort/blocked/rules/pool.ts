import type { LoweredValue } from "../../../../formats/onnx/ir.js";
import { maxPoolOp } from "../../../../ops/pool.js";
import { resampleOp } from "../../../../ops/resample.js";
import { asMaps } from "../../maps.js";
import { exactMaximum } from "../../rules/training.js";
import { type BlockedRule, reasons, rule } from "../rule.js";

/** Pooling works lane by lane. A padded last block falls back to the plain rule. */
const maxPool = rule("pool", [maxPoolOp], ({ inputs: [x], outputs: [y], attributes }, context) => {
  const { kernel, strides, pads, dilations } = attributes;
  if (!context.isBlocked(x)) return reasons.plain;
  if (context.isPadded(x)) return reasons.padded;
  if (dilations.some((d) => d > 1)) return "its windows are dilated";
  return (table) => {
    const from = table.blocked(x);
    const pool = (kind: "MaxPool" | "AveragePool", maps = from) =>
      table.nchwc.pool(kind, maps, kernel, { strides, pads });
    const [array, mean] = [pool("MaxPool"), pool("AveragePool")];
    const of = (other: LoweredValue) => pool("MaxPool", asMaps(other));
    table.setBlocked(y, exactMaximum({ array, mean, from, of }, table.write));
  };
});

/** Average pooling; other resampling is matrix products, which take plain arrays. */
const resample = rule("pool", [resampleOp], ({ inputs: [x], outputs: [y], attributes }, context) => {
  const { rows, columns, transposed } = attributes;
  if (transposed || rows.kind !== "window" || columns.kind !== "window" || rows.countPadding !== columns.countPadding)
    return "resampling is a product of matrices";
  if (!context.isBlocked(x)) return reasons.plain;
  if (context.isPadded(x)) return reasons.padded;
  return (table) => {
    const strides = [rows.stride, columns.stride] as const;
    const pads = [rows.padding, columns.padding, rows.padding, columns.padding] as const;
    const kernel = [rows.kernel, columns.kernel] as const;
    table.setBlocked(
      y,
      table.nchwc.pool("AveragePool", table.blocked(x), kernel, { strides, pads }, rows.countPadding),
    );
  };
});

/** Pooling. */
export const poolRules: readonly BlockedRule[] = [maxPool, resample];
