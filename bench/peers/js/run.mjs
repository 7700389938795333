/**
 * Other JavaScript engines' side of bench/peers.ts, suites js and gpu-js: a small network, its training step and inference. WebGPU in Chromium.
 *
 *     npm ci --prefix bench/peers/js
 *     node bench/peers/js/run.mjs ENGINE js small-cnn [--steps 15] [--threads 2] [--software-gpu] [--check FILE]
 *
 * Prints what ../pytorch.py prints; what an engine cannot do has an `error` in place of `seconds`.
 */
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { medianSeconds, secondCompilation } from "../../../dist/bench/timing.js";
import { jax, randomArrays, tensorflow } from "./engines.mjs";
import { inPage } from "./page.mjs";

async function tensorflowHere(backend, arrays, threads) {
  const tf = await import("@tensorflow/tfjs");
  if (backend === "wasm") (await import("@tensorflow/tfjs-backend-wasm")).setThreadsCount(threads);
  return tensorflow(tf, backend, arrays);
}

const jaxVersion = async () =>
  JSON.parse(await readFile(new URL("node_modules/@jax-js/jax/package.json", import.meta.url), "utf8")).version;

const engines = {
  "tfjs-wasm": (arrays, threads) => tensorflowHere("wasm", arrays, threads),
  "tfjs-cpu": (arrays) => tensorflowHere("cpu", arrays),
  "jax-js": async (arrays) => jax(await import("@jax-js/jax"), await jaxVersion(), "wasm", arrays),
  "tfjs-webgpu": (arrays) => inPage("tensorflow", "", arrays, values["software-gpu"]),
  "jax-js-webgpu": async (arrays) => inPage("jax", await jaxVersion(), arrays, values["software-gpu"]),
};

async function measureAll(create, batch, steps) {
  const engine = await create(randomArrays(batch));
  const measures = {};
  for (const name of ["training", "inference"])
    try {
      const seconds = engine.seconds
        ? await engine.seconds(name, steps, secondCompilation)
        : await medianSeconds(engine[name], steps, secondCompilation);
      // Of a page this process knows no memory.
      measures[name] = engine.seconds
        ? { seconds }
        : { seconds, peakMemoryBytes: process.resourceUsage().maxRSS * 1024 };
    } catch (error) {
      measures[name] = { error: error.message.split("\n")[0] };
    }
  return { side: engine.side, measures };
}

/** The largest relative differences from what Fovea computed with the same weights and inputs. */
async function check(create, file) {
  const { readSafetensors } = await import("../../../dist/src/index.js");
  const { tensors } = readSafetensors(await readFile(file));
  const errors = {};
  let side;
  for (const [measure, input, output] of [
    ["training", "images", "loss"],
    ["inference", "input", "output"],
  ]) {
    const under = (prefix) =>
      [...tensors].flatMap(([key, v]) => (key.startsWith(prefix) ? [[key.slice(prefix.length), v]] : []));
    const inputs = Object.fromEntries(under(`${measure}/input/`));
    const arrays = {
      ...randomArrays(batch),
      ...Object.fromEntries(under(`${measure}/state/`)),
      ...inputs,
      images: inputs[input],
    };
    const engine = await create(arrays);
    side = engine.side;
    for (let run = 1; tensors.has(`${measure}/output/${run}/${output}`); run++)
      try {
        const ours = tensors.get(`${measure}/output/${run}/${output}`).data;
        const theirs = await engine[measure]();
        const square = (values) => values.reduce((sum, v) => sum + v * v, 0);
        errors[`${measure}, ${output} of run ${run}`] = Math.sqrt(
          square(ours.map((v, i) => v - theirs[i])) / square(ours),
        );
      } catch (error) {
        errors[`${measure}: ${error.message.split("\n")[0]}`] = null;
        break;
      }
  }
  return { side, errors };
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    steps: { type: "string", default: "15" },
    threads: { type: "string", default: `${availableParallelism()}` },
    /** For engines on WebGPU: a GPU emulated in software will do. */
    "software-gpu": { type: "boolean", default: false },
    /** Fail if this engine cannot be run here. */
    probe: { type: "boolean", default: false },
    check: { type: "string" },
  },
});
const engine = engines[positionals[0]];
if (!engine)
  throw new RangeError(`the engine must be one of ${Object.keys(engines).join(", ")}, got ${positionals[0]}`);
/** Images by case. */
const batch = { tiny: 4, "small-cnn/b512": 512 }[positionals[2]] ?? 32;
const create = (arrays) => engine(arrays, Number(values.threads));
const answer = () => {
  if (values.probe) return create(randomArrays(1));
  return values.check ? check(create, values.check) : measureAll(create, batch, Number(values.steps));
};
console.log(JSON.stringify(await answer()));
process.exit(); // engines leave threads behind
