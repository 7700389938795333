import { after } from "node:test";
import { ortEngine } from "../../src/engines/ort/node.js";

/** One ONNX Runtime engine for a test file, released at its end. */
export const ort = ortEngine({ threads: 1 });
after(() => ort.release());
