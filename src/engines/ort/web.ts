import { unusable } from "../../core/errors.js";
import { check } from "../../core/schema.js";
import type { Engine } from "../engine.js";
import { engineIn, type OrtOptions, ortWebOptions } from "./engine.js";
import { SessionHost } from "./session.js";
import { openCaptured } from "./targets/captured.js";
import type { Backend } from "./targets/target.js";
import { wasmBackend } from "./targets/wasm.js";
import { checkDevice, findGpu, webgpuBackend } from "./targets/webgpu.js";

/**
 * ONNX Runtime as WebAssembly, or on a GPU by WebGPU, in float32. Needs the package `onnxruntime-web`, which is loaded when the first graph is compiled.
 * Sessions run on, and block, the calling thread: to keep a page responsive, use a Web Worker. More than one compute thread needs a
 * cross-origin isolated page. All such engines share one thread count.
 *
 * With `device: "webgpu"`, compiling a graph throws a FoveaError that says why if there is no GPU, or if WebGPU has no kernel for a part of the graph.
 *
 * @throws OptionError for an invalid option, or one without effect on the device.
 * @example
 * const engine = ortWebEngine();
 * const executable = await engine.compile(trace(model, [1, 3, 32, 32]));
 */
export function ortWebEngine(options: OrtOptions = {}): Engine {
  check("ortWebEngine", "options", ortWebOptions, options);
  checkDevice("ortWebEngine", options);
  const { device, threads, rules } = options;
  const gpu = async () => {
    await findGpu(); // 27 MB are not loaded for nothing
    return import("onnxruntime-web/webgpu").catch(unusable("ortWebEngine", "onnxruntime-web", "1.30.0"));
  };
  const open = <Facts>(backend: Backend<Facts>) => engineIn(new SessionHost(backend, threads), backend);
  return device === "webgpu"
    ? open(webgpuBackend(gpu, findGpu, options, openCaptured))
    : open(wasmBackend(() => import("onnxruntime-web/wasm"), rules));
}
