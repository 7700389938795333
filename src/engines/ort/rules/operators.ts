import type { TypeRules } from "../../../formats/onnx/ir.js";
import { productShape, standardTypes } from "../../../formats/onnx/types.js";

/** Types of what standard operators and ONNX Runtime's own compute. */
export const ortTypes: TypeRules = new Map([
  ...standardTypes,
  [
    "com.microsoft.FusedMatMul",
    (inputs, attributes) => [{ dtype: inputs[0]!.type.dtype, shape: productShape(inputs, attributes) }],
  ],
]);
