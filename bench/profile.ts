/**
 * The time of one training step, or with --inference of predictions, by operator and by node, from ONNX Runtime's profiler; or, with --suite
 * and --case, of what that suite measures. Compiles and runs as the engine does, with the profiler switched on.
 */
import { copyFile, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { InferenceSession } from "onnxruntime-node";
import type { Graph } from "../src/engine.js";
import { compile } from "../src/engines/ort/compile.js";
import { encode } from "../src/engines/ort/passes/encode.js";
import type { Module } from "../src/engines/ort/passes/pass.js";
import { SessionHost } from "../src/engines/ort/session.js";
import { type CpuFacts, cpuBackend } from "../src/engines/ort/targets/cpu.js";
import { type Arrays, createModelByName } from "../src/index.js";
import { trace } from "../src/nn.js";
import { suiteOf } from "./suites/index.js";
import { count, normal, randomStep, varied } from "./workload.js";

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
    /** The network's predictions instead of a training step. */
    inference: { type: "boolean", default: false },
    /** `blocked` or `plain`. */
    layout: { type: "string", default: "blocked" },
    /** `float32` or `fast`. */
    precision: { type: "string", default: "float32" },
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
const options = {
  numClasses: classes,
  attention: values.attention,
  ...(values.stem === "auto" ? {} : { stem: values.stem }),
};

/** What to run. */
function workload(): { readonly title: string; readonly graph: Graph; readonly feeds: Arrays } {
  const { model: name, attention, input, suite } = values;
  if (!suite) {
    const title = `${name}, attention ${attention}, batch ${batch}, ${input}`;
    const shape = [batch, channels, height, width] as const;
    const model = createModelByName(name, options);
    return values.inference
      ? { title, graph: trace(varied(model), [...shape]), feeds: { input: normal("input", shape) } }
      : { title, ...randomStep(model, shape, classes) };
  }
  const { cases, measures } = suiteOf(suite);
  if (!cases.includes(values.case))
    throw new RangeError(`--case must be one of ${cases.join(", ")}, got ${values.case}`);
  const [measure] = measures(values.case, "measure");
  return { title: `${suite}, ${values.case}, ${measure!.name}`, graph: measure!.graph, feeds: measure!.feeds };
}

const { title, graph, feeds } = workload();

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
  const backend = cpuBackend({
    layout: values.layout === "blocked" ? "blocked" : "plain",
    precision: values.precision === "fast" ? "fast" : "float32",
  });
  const { ort, options } = await backend.load(count("threads", values.threads));
  const facts = await backend.probe(ort);
  const target = await backend.targetFor(graph, async (): Promise<CpuFacts> => facts);
  const compiled = compile(graph, target);
  const spec = encode(compiled, target);
  /** The session, which the host keeps to itself, for the end of its profile. */
  let profiled: InferenceSession | undefined;
  const create = async (model: Uint8Array, settings: InferenceSession.SessionOptions) =>
    (profiled = await InferenceSession.create(model, settings));
  const load = async () => ({
    ort: { ...ort, InferenceSession: { create } as unknown as typeof InferenceSession },
    options: { ...options, enableProfiling: true, profileFilePrefix: join(folder, "trace") },
  });
  const host = new SessionHost({ ...backend, load });
  const session = 0;
  await host.ask({ kind: "create", session, spec });
  let fastest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) {
    const started = performance.now();
    await host.ask({ kind: "run", session, inputs: feeds });
    fastest = Math.min(fastest, performance.now() - started);
  }
  profiled!.endProfiling();
  await host.stop();
  const file = join(folder, (await readdir(folder))[0]!);
  if (values.trace) await copyFile(file, values.trace);
  print(compiled, timings(JSON.parse(await readFile(file, "utf8")) as Event[]), fastest);
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

function print({ lowered, sentinel }: Module, nodes: readonly Timing[], fastest: number): void {
  const total = sum(nodes);
  const line = (ms: number, text: string) =>
    console.log(`${ms.toFixed(2).padStart(9)} ms ${((100 * ms) / total).toFixed(1).padStart(5)} %  ${text}`);
  const types = [...new Set(nodes.map(({ type }) => type))];
  const byType = types
    .map((type) => [type, nodes.filter((node) => node.type === type)] as const)
    .sort(([, a], [, b]) => sum(b) - sum(a));
  const how = sentinel ? "state updated in place" : "results copied";
  console.log(`${title}; ${how}: ${graph.nodes.length} graph nodes,`);
  console.log(`${lowered.nodes.length} ONNX nodes, ${nodes.length} kernels; the shortest of ${runs} runs of each\n`);
  console.log(`fastest whole run ${fastest.toFixed(1)} ms, sum of kernels ${total.toFixed(1)} ms\n`);
  for (const [type, members] of byType) line(sum(members), `${type} (${members.length})`);
  console.log("");
  for (const { name, shape, milliseconds } of nodes.slice(0, 20)) line(milliseconds, `${name} → ${shape}`);
}

function sum(nodes: readonly Timing[]): number {
  return nodes.reduce((total, { milliseconds }) => total + milliseconds, 0);
}
