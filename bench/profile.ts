/**
 * The time of one training step by operator and by node, from ONNX Runtime's profiler; or, with --suite and --case, of what that suite
 * measures. Runs what the engine runs: state is updated in place, and swapped where it cannot be.
 */
import { copyFile, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { type Graph, toFloat32, zeros } from "../src/engine.js";
import { lower, nodeRules } from "../src/engines/ort/engine.js";
import { outputAliasing } from "../src/engines/ort/output-aliasing.js";
import { runInto, SessionHost } from "../src/engines/ort/session.js";
import { defaultTuning, upToTile } from "../src/engines/ort/tuning.js";
import { encodeOnnx } from "../src/formats/onnx/proto.js";
import { type Arrays, createModelByName, type Tensor } from "../src/index.js";
import { suiteOf } from "./suites/index.js";
import { count, randomStep } from "./workload.js";

const { values } = parseArgs({
  options: {
    model: { type: "string", default: "resnet20" },
    attention: { type: "string", default: "none" },
    /** A suite of `peers.ts` and one of its cases, instead of the training step of a model. */
    suite: { type: "string" },
    case: { type: "string", default: "" },
    batch: { type: "string", default: "128" },
    input: { type: "string", default: "3x32x32" },
    stem: { type: "string", default: "auto" },
    /** `blocked` or `plain`. */
    layout: { type: "string", default: "blocked" },
    /** Also allow Winograd's algorithm with 4×4 tiles. */
    winograd: { type: "boolean", default: false },
    classes: { type: "string", default: "10" },
    runs: { type: "string", default: "8" },
    threads: { type: "string", default: `${availableParallelism()}` },
    /** Write ONNX Runtime's trace to this file, for chrome://tracing or Perfetto. */
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

/** What to run. */
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
const writesInPlace = graph.updates.length > 0 && (await host.ask({ kind: "writesInPlace" }));
const aliased = writesInPlace ? outputAliasing(lowered) : undefined;
const model = aliased?.model ?? lowered.model;

const toOrt = ({ dtype, data, shape }: Tensor) => new OrtTensor(dtype as "float32", data as Float32Array, shape);
const ortFeeds = Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, toOrt(value)]));
/** The state by input name, and the arrays that a run writes the new state to. */
let state: Record<string, OrtTensor> = {};
let next: Record<string, OrtTensor> = {};
for (const { before, cell, layout } of lowered.states) {
  const plain = cell.dtype === "float" ? toFloat32(cell.value) : cell.value;
  const initial = layout ? layout.fromPlain(plain) : plain;
  state[before.name] = toOrt(initial);
  next[before.name] = aliased?.inPlace.has(before.name)
    ? state[before.name]!
    : toOrt(zeros(initial.dtype, initial.shape));
}
const results = lowered.model.outputs
  .filter(({ name }) => graph.outputs.has(name))
  .map(({ name, dtype, shape }) => [name, toOrt(zeros(dtype as Tensor["dtype"], shape as readonly number[]))] as const);

/** One run, as the engine's own. */
async function step(session: InferenceSession): Promise<void> {
  if (!aliased) {
    await session.run({ ...ortFeeds, ...state });
    return;
  }
  const written = lowered.states.map(({ before, after }) => [after.name, next[before.name]!] as const);
  const into = { [aliased.sentinel]: null, ...Object.fromEntries([...results, ...written]) };
  await runInto(session, { ...ortFeeds, ...state }, into);
  [state, next] = [next, state];
}

/** A kernel run in ONNX Runtime's trace. */
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

/** A node's shortest run, in milliseconds: disturbances only add. */
interface Timing {
  readonly name: string;
  readonly type: string;
  readonly shape: string;
  readonly milliseconds: number;
}

const folder = await mkdtemp(join(tmpdir(), "fovea-profile-"));
try {
  const session = await InferenceSession.create(encodeOnnx(model), {
    enableMemPattern: false,
    enableProfiling: true,
    intraOpNumThreads: count("threads", values.threads),
    logSeverityLevel: 3,
    profileFilePrefix: join(folder, "trace"),
  });
  let fastest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) {
    const started = performance.now();
    await step(session);
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
  const how = aliased ? "state updated in place" : "results copied";
  console.log(`${title}; ${how}: ${graph.nodes.length} graph nodes,`);
  console.log(`${model.nodes.length} ONNX nodes, ${nodes.length} kernels; the shortest of ${runs} runs of each\n`);
  console.log(`fastest whole run ${fastest.toFixed(1)} ms, sum of kernels ${total.toFixed(1)} ms\n`);
  for (const [type, members] of byType) line(sum(members), `${type} (${members.length})`);
  console.log("");
  for (const { name, shape, milliseconds } of nodes.slice(0, 20)) line(milliseconds, `${name} → ${shape}`);
}

function sum(nodes: readonly Timing[]): number {
  return nodes.reduce((total, { milliseconds }) => total + milliseconds, 0);
}
