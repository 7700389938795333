import type { Env } from "onnxruntime-common";
import { unusable } from "../../../core/errors.js";
import { inferenceRules } from "../../../formats/onnx/lower.js";
import type { Rules } from "../../../formats/onnx/writer.js";
import { trainingRules } from "../rules/training.js";
import { webRules } from "../rules/web.js";
import { withWinograd } from "../winograd/plain.js";
import type { Backend, OrtModule, Target } from "./target.js";

/** Standard ONNX, replaced where something is faster as WebAssembly. */
export const wasmRules: Rules = withWinograd(new Map([...inferenceRules, ...trainingRules, ...webRules]));

/** WebAssembly as a target. Its build has no blocked operators, and its binding returns new arrays for all results. */
export const wasmTarget = (rules: Rules = new Map()): Target => ({
  name: "wasm",
  rules: new Map([...wasmRules, ...rules]),
  blocks: undefined,
  writesInPlace: false,
  readsInPlace: false,
});

/** The WebAssembly build of ONNX Runtime; `load` imports its entry point for browsers or for Node. */
export const wasmBackend = (
  load: () => Promise<OrtModule & { readonly env: Env }>,
  rules: Rules = new Map(),
): Backend => ({
  name: "ort-web",
  async load(threads) {
    const ort = await load().catch(unusable("ortWebEngine", "onnxruntime-web", "1.30.0"));
    ort.env.logLevel = "error";
    if (threads) ort.env.wasm.numThreads = threads;
    return { ort };
  },
  probe: async () => undefined,
  targetFor: async () => wasmTarget(rules),
});
