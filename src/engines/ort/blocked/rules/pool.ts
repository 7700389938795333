import { attributesOf } from "../../../../formats/onnx/writer.js";
import type { Value } from "../../../../graph/graph.js";
import type { MaxPoolAttributes } from "../../../../ops/pool.js";
import type { ResampleAttributes } from "../../../../ops/resample.js";
import { exactMaximum } from "../../rules/training.js";
import type { BlockedRule } from "../forms.js";

/** Windows stay within a channel, so lanes do not matter. A last block that is not full goes plain. */
const maxPool: BlockedRule = (node, forms) => {
  const [x] = node.inputs as [Value];
  const { kernel, strides, pads, dilations } = attributesOf<MaxPoolAttributes>(node);
  if (!forms.isMaps(x) || forms.isPadded(x) || dilations.some((d) => d > 1)) return false;
  const pool = (kind: "MaxPool" | "AveragePool") => forms.to.pool(kind, forms.maps(x), kernel, { strides, pads });
  const { name, shape } = pool("MaxPool");
  forms.setMaps(node.outputs[0]!, { name: exactMaximum(name, pool("AveragePool").name, forms.write), shape });
  return true;
};

/** Average pooling; other maps of rows and columns are products with matrices, which want plain arrays. */
const resample: BlockedRule = (node, forms) => {
  const [x] = node.inputs as [Value];
  const { rows, columns, transposed } = attributesOf<ResampleAttributes>(node);
  if (transposed || rows.kind !== "window" || columns.kind !== "window" || rows.countPadding !== columns.countPadding)
    return false;
  if (!forms.isMaps(x) || forms.isPadded(x)) return false;
  const strides = [rows.stride, columns.stride] as const;
  const pads = [rows.padding, columns.padding, rows.padding, columns.padding] as const;
  const kernel = [rows.kernel, columns.kernel] as const;
  const maps = forms.to.pool("AveragePool", forms.maps(x), kernel, { strides, pads }, rows.countPadding);
  forms.setMaps(node.outputs[0]!, maps);
  return true;
};

/** Pooling over windows. */
export const poolRules = new Map<string, BlockedRule>([
  ["MaxPool", maxPool],
  ["Resample", resample],
]);
