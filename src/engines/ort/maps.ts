import type { LoweredValue } from "../../formats/onnx/ir.js";

/** Maps in any layout, of the shape that operators see. */
export type Maps = LoweredValue & {
  readonly shape: readonly [n: number, channels: number, height: number, width: number];
};

/** Takes an array for maps. @throws Error if it does not have four known dimensions: a fault of a rule. */
export function asMaps(array: LoweredValue): Maps {
  const { name, shape } = array;
  if (shape?.length !== 4 || !shape.every((d) => typeof d === "number"))
    throw new Error(`${name} is [${shape}], not maps`);
  return array as Maps;
}
