/**
 * How exact is a training step (docs/lab/winograd.md)? Loss and gradients of a network on random images: here in float32 and in the fast mode,
 * by PyTorch in float32 and with autocast to bfloat16, all against PyTorch in float64 (tools/pytorch-precision.py).
 *
 *     node dist/tools/precision.js --model resnet18 --batch 32 [--seed 0] [--python /usr/bin/python3]
 */
import { parseArgs } from "node:util";
import { count } from "../bench/workload.js";
import { gradients, Rng, zeros } from "../src/engine.js";
import { createModelByName, type Module, ortEngine, type Tensor, weightsOf } from "../src/index.js";
import { crossEntropy, graphFor, initialize, parametersOf } from "../src/nn.js";
import { compareWithPyTorch } from "./pytorch-precision.js";

const { values } = parseArgs({
  options: {
    model: { type: "string", default: "resnet18" },
    batch: { type: "string", default: "32" },
    seed: { type: "string", default: "0" },
    python: { type: "string", default: "/usr/bin/python3" },
  },
});
const shape = [count("batch", values.batch), 3, 32, 32] as const;
const classes = 10;

/** Cross entropy and its gradients, `grad/KEY`. */
function gradientGraph(network: Module) {
  const graph = graphFor(network, { training: true });
  const images = graph.input("images", { dtype: "float", shape });
  const targets = graph.input("targets", { dtype: "float", shape: [shape[0], classes] });
  const loss = crossEntropy(network.call(images), targets);
  graph.output("loss", loss);
  const parameters = [...parametersOf(network)];
  for (const [i, gradient] of gradients(
    loss,
    parameters.map(([, param]) => graph.state(param)),
  ).entries())
    graph.output(`grad/${parameters[i]![0]}`, gradient!);
  return graph;
}

const stem = values.model === "resnet18" ? { stem: "cifar" } : {};
const network = createModelByName(values.model, { numClasses: classes, ...stem });
initialize(network);
const rng = new Rng(Number(values.seed), "images");
const images = zeros("float32", shape);
for (let i = 0; i < images.data.length; i++) images.data[i] = rng.normal();
const targets = zeros("float32", [shape[0], classes]);
for (let i = 0; i < shape[0]; i++) targets.data[i * classes + rng.int(classes)] = 1;
const arrays: [string, Tensor][] = [
  ["images", images],
  ["targets", targets],
];
for (const [key, value] of weightsOf(network)) arrays.push([`state/${key}`, value]);
for (const precision of ["float32", "fast"] as const) {
  const engine = ortEngine({ precision });
  const results = await (await engine.compile(gradientGraph(network))).run({ images, targets });
  for (const [name, value] of Object.entries(results)) arrays.push([`${precision}/${name}`, value]);
  await engine.release();
}
compareWithPyTorch(values.python, arrays, values.model);
