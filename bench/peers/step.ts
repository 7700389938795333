/** Our side of bench/peers.ts: one network through the public API. Same arguments and same line of JSON as step.py. */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { type AttentionChoice, ortEngine, resnet, trace, version } from "../../src/index.js";
import { count, medianSeconds, randomStep } from "../workload.js";

const nets: Readonly<Record<string, { readonly depth: number; readonly batch: number }>> = {
  resnet20: { depth: 20, batch: 128 },
  resnet18: { depth: 18, batch: 32 },
};

const { values } = parseArgs({
  options: {
    net: { type: "string", default: "resnet20" },
    steps: { type: "string", default: "7" },
    threads: { type: "string", default: `${availableParallelism()}` },
  },
});
const steps = count("steps", values.steps);
const [name = "", attention] = values.net.split("+");
const net = nets[name];
if (!net) throw new RangeError(`--net must be one of ${Object.keys(nets).join(", ")}, got ${name}`);
const { depth, batch } = net;
const choice: AttentionChoice | null = attention === "cbam" ? ["cbam", { variant: "plain" }] : null;
const model = resnet(depth, { classes: 10, stem: "cifar", attention: choice });
const engine = ortEngine({ threads: count("threads", values.threads) });

const { graph, feeds } = randomStep(model, [batch, 3, 32, 32], 10);
const step = await engine.compile(graph);
const training = await medianSeconds(() => step.run(feeds), steps);
const peak = process.resourceUsage().maxRSS * 1024;
await step.release();

const forward = await engine.compile(trace(model, [batch, 3, 32, 32]));
const inference = await medianSeconds(() => forward.run({ input: feeds.images! }), steps);
await engine.release();
const figures = { training: batch / training, inference: batch / inference, peakMemoryBytes: peak };
console.log(JSON.stringify({ side: `fovea ${version}`, ...figures }));
