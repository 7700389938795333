import { check } from "../../core/schema.js";
import type { Engine } from "../engine.js";
import { engineIn, type OrtOptions, ortWebOptions } from "./engine.js";
import { SessionHost } from "./session.js";
import { wasmBackend } from "./targets/wasm.js";

/**
 * ONNX Runtime as WebAssembly, in float32. Needs the package `onnxruntime-web`, which is loaded when the first graph is compiled.
 * Sessions run on, and block, the calling thread: to keep a page responsive, use a Web Worker. More than one compute thread needs a
 * cross-origin isolated page. All such engines share one thread count.
 *
 * @throws OptionError for an invalid option.
 * @example
 * const engine = ortWebEngine();
 * const executable = await engine.compile(trace(model, [1, 3, 32, 32]));
 */
export function ortWebEngine(options: OrtOptions = {}): Engine {
  check("ortWebEngine", "options", ortWebOptions, options);
  const { threads, rules } = options;
  const backend = wasmBackend(() => import("onnxruntime-web/wasm"), rules);
  return engineIn(new SessionHost(backend, threads), backend);
}
