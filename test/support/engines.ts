import { after } from "node:test";
import { ortEngine } from "../../src/engines/ort/node.js";

/** ONNX Runtime for a test file, released at its end: as users get it, and with each lowering alone. */
export const ort = ortEngine({ threads: 1 });
export const ortPlain = ortEngine({ threads: 1, layout: "plain" });
export const ortBlocked = ortEngine({ threads: 1, layout: "blocked" });
after(() => Promise.all([ort, ortPlain, ortBlocked].map((engine) => engine.release())));
