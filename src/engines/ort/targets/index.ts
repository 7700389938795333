import { cpuBackend } from "./cpu.js";
import { wasmBackend } from "./wasm.js";

/** The backends that run in a worker thread of Node, by name. */
export const backends = {
  cpu: () => cpuBackend(),
  wasm: () => wasmBackend(() => import("onnxruntime-web")),
};
