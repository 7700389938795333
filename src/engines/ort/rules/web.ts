import type { Rule, Rules } from "../../../formats/onnx/writer.js";

/** Rules that are faster than the standard ones on the WebAssembly build of ONNX Runtime. */
export const webRules: Rules = new Map<string, Rule>([]);
