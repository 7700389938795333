import { parseArgs } from "node:util";
import { count, randomStep } from "../bench/workload.js";
import { compile, passes } from "../src/engines/ort/compile.js";
import { cpuTarget } from "../src/engines/ort/targets/cpu.js";
import { wasmTarget } from "../src/engines/ort/targets/wasm.js";
import { printModule } from "../src/formats/onnx/print.js";
import { printGraph } from "../src/graph/print.js";
import { createModelByName, trace } from "../src/index.js";
import { initialize } from "../src/nn.js";

// Prints what a pass of the compiler returns: node dist/tools/print-lowering.js --model resnet20 --attention cbam --after emit

const names = Object.keys(passes);
const { values } = parseArgs({
  options: {
    model: { type: "string", default: "resnet20" },
    attention: { type: "string", default: "none" },
    batch: { type: "string", default: "32" },
    side: { type: "string", default: "32" },
    /** Print inference instead of a training step. */
    inference: { type: "boolean", default: false },
    /** `16` or `8` for blocks of that size, `plain` or `wasm`. */
    target: { type: "string", default: "16" },
    /** The pass. */
    after: { type: "string", default: names.at(-1)! },
  },
});
if (!names.includes(values.after))
  throw new RangeError(`--after must be one of ${names.join(", ")}, got ${values.after}`);

const network = createModelByName(values.model, { attention: values.attention, numClasses: 10 });
const [batch, side] = [count("batch", values.batch), count("side", values.side)];
const shape = [batch, 3, side, side] as const;
const graph = values.inference ? trace(initialize(network), [...shape]) : randomStep(network, shape, 10).graph;
const blockSize = ["plain", "wasm"].includes(values.target) ? undefined : count("target", values.target);
const target = values.target === "wasm" ? wasmTarget() : cpuTarget({ blockSize, writesInPlace: true });
compile(graph, target, (pass, { graph, lowered }) => {
  if (pass !== values.after) return;
  process.stdout.write(lowered.nodes.length === 0 ? printGraph(graph) : printModule(lowered, { types: true }));
});
