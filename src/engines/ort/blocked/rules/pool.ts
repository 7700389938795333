import type { LoweredValue } from "../../../../formats/onnx/ir.js";
import { attributesOf } from "../../../../formats/onnx/writer.js";
import type { Value } from "../../../../graph/graph.js";
import type { MaxPoolAttributes } from "../../../../ops/pool.js";
import type { ResampleAttributes } from "../../../../ops/resample.js";
import { exactMaximum } from "../../rules/training.js";
import type { BlockedRule } from "../layout-table.js";
import { asMaps } from "../writer.js";

/** Pooling works lane by lane. A padded last block falls back to the plain rule. */
const maxPool: BlockedRule = (node, table) => {
  const [x] = node.inputs as [Value];
  const { kernel, strides, pads, dilations } = attributesOf<MaxPoolAttributes>(node);
  if (!table.isBlocked(x) || table.isPadded(x) || dilations.some((d) => d > 1)) return false;
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
  return true;
};

/** Average pooling; other resampling is matrix products, which take plain arrays. */
const resample: BlockedRule = (node, table) => {
  const [x] = node.inputs as [Value];
  const { rows, columns, transposed } = attributesOf<ResampleAttributes>(node);
  if (transposed || rows.kind !== "window" || columns.kind !== "window" || rows.countPadding !== columns.countPadding)
    return false;
  if (!table.isBlocked(x) || table.isPadded(x)) return false;
  const strides = [rows.stride, columns.stride] as const;
  const pads = [rows.padding, columns.padding, rows.padding, columns.padding] as const;
  const kernel = [rows.kernel, columns.kernel] as const;
  const maps = table.nchwc.pool("AveragePool", table.blocked(x), kernel, { strides, pads }, rows.countPadding);
  table.setBlocked(node.outputs[0]!, maps);
  return true;
};

/** Pooling. */
export const poolRules = new Map<string, BlockedRule>([
  ["MaxPool", maxPool],
  ["Resample", resample],
]);
