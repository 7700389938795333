/**
 * Our side of bench/peers.ts: measures one case of one suite through the public API, so with the way to the worker thread and back.
 *
 *     node dist/bench/peers/ours.js SUITE CASE [--steps 7] [--threads 2] [--engine native] [--save FILE]
 *
 * Prints what pytorch.py prints. With --save it computes each measure once instead and writes weights, inputs and results to a safetensors
 * file, `MEASURE/state/KEY`, `MEASURE/input/NAME` and `MEASURE/output/RUN/NAME`, for a peer to compute the same.
 */
import { writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { Rng, toFloat32 } from "../../src/engine.js";
import { openOnnxNetwork } from "../../src/engines/ort/onnx-file.js";
import {
  calibrate,
  createDataset,
  type Engine,
  type Executable,
  exportOnnx,
  type Module,
  type OrtOptions,
  ortEngine,
  ortWebEngine,
  type Tensor,
  trace,
  version,
  writeSafetensors,
} from "../../src/index.js";
import { stateOf } from "../../src/nn.js";
import { resultPrefix } from "../suites/alone.js";
import { suiteOf } from "../suites/index.js";
import type { Measure } from "../suites/suite.js";
import { medianSeconds, secondCompilation } from "../timing.js";
import { count } from "../workload.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    steps: { type: "string", default: "7" },
    threads: { type: "string", default: `${availableParallelism()}` },
    engine: { type: "string", default: "native" },
    /** With --engine webgpu: a GPU emulated in software will do. */
    "software-gpu": { type: "boolean", default: false },
    save: { type: "string" },
  },
});
/** Makers of our engines. With int8 the native one runs the network of a measure as a file that computes in 8-bit integers. */
const engines: Readonly<Record<string, (options: OrtOptions) => Engine>> = {
  native: ortEngine,
  wasm: ortWebEngine,
  int8: ortEngine,
  webgpu: () => ortEngine({ device: "webgpu", allowSoftware: values["software-gpu"] }),
};

const suite = suiteOf(positionals[0]);
const name = positionals[1] ?? "";
if (!suite.cases.includes(name)) throw new RangeError(`the case must be one of ${suite.cases.join(", ")}, got ${name}`);
const create = engines[values.engine];
if (!create)
  throw new RangeError(`this build has no engine "${values.engine}", only ${Object.keys(engines).join(", ")}`);
const isInt8 = values.engine === "int8";
const threads = count("threads", values.threads);
const engine = create({ threads });
const steps = count("steps", values.steps);
const warmUp = values.engine === "wasm" ? secondCompilation : 0;

/** What the first runs of a measure give: outputs, and the cells that hold results. */
async function results({ feeds, graph, runs = 1 }: Measure, executable: Executable): Promise<[string, Tensor][]> {
  const all: [string, Tensor][] = [];
  for (let run = 1; run <= runs; run++) {
    const outputs = await executable.run(feeds);
    for (const [output, value] of Object.entries(outputs)) all.push([`output/${run}/${output}`, value]);
  }
  const state = await executable.readState();
  for (const { name: path, cell } of graph.updates)
    if (path.startsWith(resultPrefix)) all.push([`output/1/${path.slice(resultPrefix.length)}`, state.get(cell)!]);
  return all;
}

/** A network as `export --precision int8 --calibrate` writes it, calibrated on random images. */
async function compileInt8({ model, graph, feeds }: Measure): Promise<Executable> {
  const network = model as Module;
  const [, , height = 0, width = 0] = feeds.input!.shape;
  const rng = new Rng(0, "pixels");
  const labels = new Uint8Array(8);
  const pixels = Uint8Array.from({ length: labels.length * 3 * height * width }, () => rng.int(256));
  const random = createDataset({ name: "random", classes: ["any"], height, width, labels, pixels });
  const calibration = await calibrate(network, random, { engine });
  const file = exportOnnx(trace(network, ["N", 3, height, width]), { precision: "int8", calibration });
  const opened = await openOnnxNetwork(file, "int8.onnx", threads);
  const executable = await opened.engine.compile(graph);
  return { ...executable, release: () => opened.engine.release() };
}

const measures: Record<string, { readonly seconds: number; readonly peakMemoryBytes?: number }> = {};
const saved: [string, Tensor][] = [];
for (const measure of suite.measures(name, values.save ? "check" : "measure")) {
  const { name: title, graph, feeds, model, given = {}, peerKey = (key: string) => key } = measure;
  const executable = await (isInt8 ? compileInt8(measure) : engine.compile(graph));
  if (values.save) {
    const inputs = Object.entries({ ...feeds, ...given }).map(([key, v]): [string, Tensor] => [`input/${key}`, v]);
    const state = [...stateOf(model)].map(([key, { value }]): [string, Tensor] => [`state/${peerKey(key)}`, value]);
    for (const [key, value] of [...state, ...inputs, ...(await results(measure, executable))])
      saved.push([`${title}/${key}`, value.dtype === "float64" ? toFloat32(value) : value]);
  } else {
    const seconds = await medianSeconds(() => executable.run(feeds), steps, warmUp);
    // Kilobytes, on every platform. The peak of calibrating says nothing of running.
    measures[title] = isInt8 ? { seconds } : { seconds, peakMemoryBytes: process.resourceUsage().maxRSS * 1024 };
  }
  await executable.release();
}
await engine.release();
if (values.save) await writeFile(values.save, writeSafetensors(saved));
console.log(JSON.stringify({ side: `fovea ${version}`, measures }));
