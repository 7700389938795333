import type { Env } from "onnxruntime-common";
import { FoveaError } from "../../core/errors.js";
import { check } from "../../core/schema.js";
import type { Engine } from "../engine.js";
import { engineIn, noBlocks, type OrtOptions, ortWebOptions, wasmRules } from "./engine.js";
import { type OrtModule, SessionHost } from "./session.js";

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
  const { threads, rules = new Map() } = options;
  let host: Promise<SessionHost> | undefined;
  return engineIn(
    {
      ask: async (request) => (await (host ??= wasmHost(() => import("onnxruntime-web/wasm"), threads))).ask(request),
      stop: async () => (await host)?.stop(),
    },
    "ort-web",
    new Map([...wasmRules, ...rules]),
    noBlocks,
  );
}

/**
 * A host on onnxruntime-web; `load` imports its browser or Node entry point.
 * @throws FoveaError if it is not installed.
 */
export async function wasmHost(load: () => Promise<OrtModule & { readonly env: Env }>, threads?: number) {
  const ort = await load().catch(() => {
    throw new FoveaError("ortWebEngine needs the package onnxruntime-web: npm install onnxruntime-web@1.30.0");
  });
  ort.env.logLevel = "error";
  if (threads) ort.env.wasm.numThreads = threads;
  return new SessionHost(ort);
}
