/**
 * Other JavaScript engines' side of bench/peers.ts, suite js: a small network, its training step and inference.
 *
 *     npm ci --prefix bench/peers/js
 *     node bench/peers/js/run.mjs ENGINE js small-cnn [--steps 15] [--threads 2] [--check FILE]
 *
 * Prints what ../pytorch.py prints; what an engine cannot do has an `error` in place of `seconds`.
 */
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { medianSeconds, secondCompilation } from "../../../dist/bench/timing.js";

const rate = 0.1;
const layers = ["convs.0", "convs.2", "convs.4"];

/** Weights by Fovea's keys and inputs as flat arrays: random ones, unless a check brings its own. */
function randomArrays() {
  const shapes = {
    "convs.0.weight": [16, 3, 3, 3],
    "convs.0.bias": [16],
    "convs.2.weight": [32, 16, 3, 3],
    "convs.2.bias": [32],
    "convs.4.weight": [64, 32, 3, 3],
    "convs.4.bias": [64],
    "fc.weight": [10, 64],
    "fc.bias": [10],
    images: [32, 3, 32, 32],
    targets: [32, 10],
  };
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => {
      const size = shape.reduce((a, b) => a * b);
      const value = (i) => (name === "targets" ? Number(i % 10 === 0) : Math.random() - 0.5);
      return [name, { shape, data: Float32Array.from({ length: size }, (_, i) => value(i)) }];
    }),
  );
}

/** TensorFlow.js: maps are [N,H,W,C], kernels [H,W,C,O]. */
async function tensorflow(backend, arrays, threads) {
  const tf = await import("@tensorflow/tfjs");
  if (backend === "wasm") (await import("@tensorflow/tfjs-backend-wasm")).setThreadsCount(threads);
  if (!(await tf.setBackend(backend))) throw new Error(`TensorFlow.js has no backend ${backend} here`);
  await tf.ready();
  const array = (name, axes) => {
    const value = tf.tensor(arrays[name].data, arrays[name].shape);
    return axes ? tf.transpose(value, axes) : value;
  };
  const x = array("images", [0, 2, 3, 1]);
  const targets = array("targets");
  const convs = layers.map((layer) => ({
    kernel: tf.variable(array(`${layer}.weight`, [2, 3, 1, 0])),
    bias: tf.variable(array(`${layer}.bias`)),
  }));
  const fc = { weight: tf.variable(array("fc.weight", [1, 0])), bias: tf.variable(array("fc.bias")) };
  const border = [
    [0, 0],
    [1, 1],
    [1, 1],
    [0, 0],
  ];
  const logits = () => {
    const maps = convs.reduce((y, { kernel, bias }) => tf.relu(tf.add(tf.conv2d(y, kernel, 2, border), bias)), x);
    return tf.add(tf.matMul(tf.mean(maps, [1, 2]), fc.weight), fc.bias);
  };
  const optimizer = tf.train.sgd(rate);
  return {
    side: `TensorFlow.js ${tf.version.tfjs}, ${backend}`,
    async inference() {
      const output = tf.tidy(logits);
      const data = await output.data();
      output.dispose();
      return data;
    },
    async training() {
      const loss = optimizer.minimize(() => tf.losses.softmaxCrossEntropy(targets, logits()), true);
      const data = await loss.data();
      loss.dispose();
      return data;
    },
  };
}

/** jax-js: every use of an array but its last takes a reference. */
async function jax(arrays) {
  const { init, defaultDevice, jit, lax, nn, numpy: np, tree, valueAndGrad } = await import("@jax-js/jax");
  const { version } = JSON.parse(
    await readFile(new URL("node_modules/@jax-js/jax/package.json", import.meta.url), "utf8"),
  );
  await init("wasm");
  defaultDevice("wasm");
  const array = (name) => np.array(arrays[name].data).reshape(arrays[name].shape);
  const [x, targets] = [array("images"), array("targets")];
  let weights = Object.fromEntries(
    [...layers, "fc"].map((layer) => [layer, [array(`${layer}.weight`), array(`${layer}.bias`)]]),
  );
  const border = [
    [1, 1],
    [1, 1],
  ];
  const logits = (parameters, images) => {
    const maps = layers.reduce((y, layer) => {
      const [kernel, bias] = parameters[layer];
      return nn.relu(lax.conv(y, kernel, [2, 2], border).add(bias.reshape([1, -1, 1, 1])));
    }, images);
    const [weight, bias] = parameters.fc;
    return np.matmul(maps.mean([2, 3]), weight.transpose()).add(bias);
  };
  const lossOf = (parameters, images, wanted) =>
    nn
      .logSoftmax(logits(parameters, images), 1)
      .mul(wanted)
      .sum()
      .mul(-1 / arrays.images.shape[0]);
  const step = jit((parameters, images, wanted) => {
    const [loss, gradients] = valueAndGrad(lossOf)(tree.ref(parameters), images, wanted);
    return [loss, tree.map((value, gradient) => value.sub(gradient.mul(rate)), parameters, gradients)];
  });
  const forward = jit(logits);
  return {
    side: `jax-js ${version}, wasm`,
    inference: () => forward(tree.ref(weights), x.ref).data(),
    async training() {
      const [loss, next] = step(weights, x.ref, targets.ref);
      weights = next;
      return loss.data();
    },
  };
}

const engines = {
  "tfjs-wasm": (arrays, threads) => tensorflow("wasm", arrays, threads),
  "tfjs-cpu": (arrays) => tensorflow("cpu", arrays),
  "jax-js": (arrays) => jax(arrays),
};

async function measureAll(create, steps) {
  const engine = await create(randomArrays());
  const measures = {};
  for (const name of ["training", "inference"])
    try {
      const seconds = await medianSeconds(engine[name], steps, secondCompilation);
      measures[name] = { seconds, peakMemoryBytes: process.resourceUsage().maxRSS * 1024 };
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
      ...randomArrays(),
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
    check: { type: "string" },
  },
});
const engine = engines[positionals[0]];
if (!engine)
  throw new RangeError(`the engine must be one of ${Object.keys(engines).join(", ")}, got ${positionals[0]}`);
const create = (arrays) => engine(arrays, Number(values.threads));
console.log(
  JSON.stringify(values.check ? await check(create, values.check) : await measureAll(create, Number(values.steps))),
);
process.exit(); // engines leave threads behind
