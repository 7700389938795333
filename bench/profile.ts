/**
 * Where the time of one training step goes, by operator and by node, as ONNX Runtime's profiler sees it. Or, with --suite and --case, the time
 * of what that suite measures.
 */
import { copyFile, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { type Graph, toFloat32 } from "../src/engine.js";
import { lower, nodeRules } from "../src/engines/ort/engine.js";
import { SessionHost } from "../src/engines/ort/session.js";
import { defaultTuning, upToTile } from "../src/engines/ort/tuning.js";
import { encodeOnnx } from "../src/formats/onnx/proto.js";
import { type Arrays, createModelByName, type Tensor } from "../src/index.js";
import { suiteOf } from "./suites/index.js";
import { count, randomStep } from "./workload.js";

const { values } = parseArgs({
  options: {
    model: { type: "string", default: "resnet20" },
    attention: { type: "string", default: "none" },
    /** A suite of `peers.ts` and one of its cases, in place of the training step of a model. */
    suite: { type: "string" },
    case: { type: "string", default: "" },
    batch: { type: "string", default: "128" },
    input: { type: "string", default: "3x32x32" },
    stem: { type: "string", default: "auto" },
    /** How arrays lie in memory: `blocked` or `plain`. */
    layout: { type: "string", default: "blocked" },
    /** Allows Winograd's algorithm with tiles of 4×4, too. */
    winograd: { type: "boolean", default: false },
    classes: { type: "string", default: "10" },
    runs: { type: "string", default: "8" },
    threads: { type: "string", default: `${availableParallelism()}` },
    /** Keeps ONNX Runtime's trace, for chrome://tracing or Perfetto. */
    trace: { type: "string" },
  },
});
const [batch, classes, runs] = [
  count("batch", values.batch),
  count("classes", values.classes),
  count("runs", values.runs),
];
const [channels = 3, height = 32, width = 32] = values.input.split("x").map((n) => count("input", n));
const options = { classes, attention: values.attention, ...(values.stem === "auto" ? {} : { stem: values.stem }) };

/** What is run, and what to call it. */
function workload(): { readonly title: string; readonly graph: Graph; readonly feeds: Arrays } {
  const { model: name, attention, input, suite } = values;
  if (!suite) {
    const title = `${name}, attention ${attention}, batch ${batch}, ${input}`;
    return { title, ...randomStep(createModelByName(name, options), [batch, channels, height, width], classes) };
  }
  const { cases, measures } = suiteOf(suite);
  if (!cases.includes(values.case))
    throw new RangeError(`--case must be one of ${cases.join(", ")}, got ${values.case}`);
  const [measure] = measures(values.case, "measure");
  return { title: `${suite}, ${values.case}, ${measure!.name}`, graph: measure!.graph, feeds: measure!.feeds };
}

const { title, graph, feeds } = workload();
const host = new SessionHost({ InferenceSession, Tensor: OrtTensor });
const block = values.layout === "blocked" ? await host.ask({ kind: "blockSize" }) : undefined;
const { lowered } = lower(
  graph,
  nodeRules,
  typeof block === "number"
    ? { block, winograd: upToTile(defaultTuning.winograd, values.winograd ? 4 : 2) }
    : undefined,
);
const inputs: Record<string, Tensor> = { ...feeds };
for (const { before, cell, layout } of lowered.states) {
  const plain = cell.dtype === "float" ? toFloat32(cell.value) : cell.value;
  inputs[before.name] = layout ? layout.fromPlain(plain) : plain;
}
const toOrt = ({ dtype, data, shape }: Tensor) => new OrtTensor(dtype as "float32", data as Float32Array, shape);
const ortInputs = Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, toOrt(value)]));

/** A kernel's run in ONNX Runtime's trace. */
interface Event {
  readonly cat: string;
  readonly name: string;
  /** Microseconds. */
  readonly dur: number;
  readonly args: {
    readonly op_name?: string;
    readonly output_type_shape?: readonly Record<string, readonly number[]>[];
  };
}

/** A node's shortest run, in milliseconds: others on the machine only ever add. */
interface Timing {
  readonly name: string;
  readonly type: string;
  readonly shape: string;
  readonly milliseconds: number;
}

const folder = await mkdtemp(join(tmpdir(), "fovea-profile-"));
try {
  const session = await InferenceSession.create(encodeOnnx(lowered.model), {
    enableMemPattern: false,
    enableProfiling: true,
    intraOpNumThreads: count("threads", values.threads),
    logSeverityLevel: 3,
    profileFilePrefix: join(folder, "trace"),
  });
  let fastest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) {
    const started = performance.now();
    await session.run(ortInputs);
    fastest = Math.min(fastest, performance.now() - started);
  }
  session.endProfiling();
  await session.release();
  const file = join(folder, (await readdir(folder))[0]!);
  if (values.trace) await copyFile(file, values.trace);
  print(timings(JSON.parse(await readFile(file, "utf8")) as Event[]), fastest);
} finally {
  await rm(folder, { recursive: true, force: true });
}

function timings(events: readonly Event[]): Timing[] {
  const byName = new Map<string, Timing>();
  for (const { cat, name, dur, args } of events) {
    if (cat !== "Node" || !name.endsWith("_kernel_time")) continue;
    const node = name.slice(0, -"_kernel_time".length);
    const milliseconds = Math.min(dur / 1000, byName.get(node)?.milliseconds ?? Number.POSITIVE_INFINITY);
    const shape = Object.values(args.output_type_shape?.[0] ?? {})[0] ?? [];
    byName.set(node, { name: node, type: args.op_name ?? "?", shape: shape.join("×"), milliseconds });
  }
  return [...byName.values()].sort((a, b) => b.milliseconds - a.milliseconds);
}

function print(nodes: readonly Timing[], fastest: number): void {
  const total = sum(nodes);
  const line = (ms: number, text: string) =>
    console.log(`${ms.toFixed(2).padStart(9)} ms ${((100 * ms) / total).toFixed(1).padStart(5)} %  ${text}`);
  const types = [...new Set(nodes.map(({ type }) => type))];
  const byType = types
    .map((type) => [type, nodes.filter((node) => node.type === type)] as const)
    .sort(([, a], [, b]) => sum(b) - sum(a));
  console.log(`${title}: ${graph.nodes.length} nodes of our graph,`);
  console.log(`${lowered.model.nodes.length} of ONNX, ${nodes.length} kernels; shortest of ${runs} runs of each\n`);
  console.log(`fastest whole run ${fastest.toFixed(1)} ms, kernels together ${total.toFixed(1)} ms\n`);
  for (const [type, members] of byType) line(sum(members), `${type} (${members.length})`);
  console.log("");
  for (const { name, shape, milliseconds } of nodes.slice(0, 20)) line(milliseconds, `${name} → ${shape}`);
}

function sum(nodes: readonly Timing[]): number {
  return nodes.reduce((total, { milliseconds }) => total + milliseconds, 0);
}
