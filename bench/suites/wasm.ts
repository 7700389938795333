import { nets } from "./nets.js";
import type { Suite } from "./suite.js";

/** What WebAssembly costs: the networks that the native engine is measured on. */
export const wasm: Suite = {
  ...nets,
  name: "wasm",
  title: "WebAssembly beside native",
  about:
    "The networks of the first table on ONNX Runtime's WebAssembly build in Node, with as many threads: what a browser can reach. " +
    "Its registers hold 4 numbers where AVX-512's hold 16, and multiplication and addition are two instructions.",
  peers: ["fovea-wasm"],
  rounds: 1,
  steps: 3,
};
