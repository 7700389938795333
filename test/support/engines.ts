import type { Engine } from "../../src/engines/engine.js";
import { ortEngine, ortWebEngine } from "../../src/engines/ort/node.js";

/** ONNX Runtime for the tests of a process: as users get it, and with each lowering alone. An idle engine keeps no process from ending. */
export const ort = ortEngine({ threads: 1 });
export const ortPlain = ortEngine({ threads: 1, layout: "plain" });
export const ortBlocked = ortEngine({ threads: 1, layout: "blocked" });

/** The same as WebAssembly. */
export const ortWeb = ortWebEngine({ threads: 1 });

/** For `skip`: why tests of WebAssembly cannot run here, if they cannot. */
export const noWeb = await import("onnxruntime-web").then(
  () => false as const,
  () => "onnxruntime-web is not installed",
);

/** The builds of ONNX Runtime that are installed. */
export const ortEngines: readonly Engine[] = noWeb ? [ort] : [ort, ortWeb];
