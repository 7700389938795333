import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { randomStep } from "../../bench/workload.js";
import { createAttentionByName } from "../../src/attention/index.js";
import type { BlockedTarget } from "../../src/engines/ort/blocked/conv-layer.js";
import { convRules } from "../../src/engines/ort/blocked/rules/conv.js";
import { convWeightGradRules } from "../../src/engines/ort/blocked/rules/conv-weight-grad.js";
import { elementwiseRules } from "../../src/engines/ort/blocked/rules/elementwise.js";
import { movementRules } from "../../src/engines/ort/blocked/rules/movement.js";
import { normRules } from "../../src/engines/ort/blocked/rules/norm.js";
import { planeRules } from "../../src/engines/ort/blocked/rules/planes.js";
import { poolRules } from "../../src/engines/ort/blocked/rules/pool.js";
import { reduceRules } from "../../src/engines/ort/blocked/rules/reduce.js";
import { winogradRules } from "../../src/engines/ort/blocked/rules/winograd.js";
import { lower, nodeRules, wasmRules } from "../../src/engines/ort/engine.js";
import { outputAliasing } from "../../src/engines/ort/output-aliasing.js";
import { defaultTuning, upToTile } from "../../src/engines/ort/tuning.js";
import { printOnnxNodes } from "../../src/formats/onnx/print.js";
import type { Rules } from "../../src/formats/onnx/writer.js";
import { Graph, liveProgram, type Node, type Value } from "../../src/graph/graph.js";
import { createModelByName } from "../../src/models/index.js";
import { BatchNorm, Conv2d, initialize, Linear, Module, trace } from "../../src/nn/index.js";
import * as o from "../../src/ops/index.js";
import { random } from "../support/random.js";
import { layerTable } from "./layer-table.js";

// A change that is not meant to change what ONNX Runtime runs leaves these texts alone. UPDATE_GRAPHS=1 writes them anew.
const folder = new URL("../../../test/golden/lowerings/", import.meta.url);

/** A small network in which every blocked rule has something to do. */
class Tour extends Module {
  readonly stem = new Conv2d(3, 16, { kernelSize: 3, padding: 1, bias: false });
  readonly norm = new BatchNorm(16);
  readonly block1 = new ResidualUnit(16, 16, 1);
  readonly attention = createAttentionByName("cbam", 16, {}) as Module;
  readonly block2 = new ResidualUnit(16, 32, 2);
  readonly depthwise = new Conv2d(32, 32, { kernelSize: 5, padding: 2, groups: 32 });
  readonly grouped = new Conv2d(32, 32, { kernelSize: 1, groups: 2 });
  readonly head = new Linear(32, 10);

  forward(x: Value): Value {
    const pooled = o.maxPool(o.relu(this.norm.call(this.stem.call(x))), { kernelSize: 2 });
    const gated = this.attention.call(this.block1.call(pooled));
    const y = this.block2.call(gated);
    const both = o.concat([this.depthwise.call(y), this.grouped.call(y)], 1);
    const joined = o.averagePool(o.add(o.slice(both, 1, 0, 32), o.barrier(o.slice(both, 1, 32, 64), y)), {
      kernelSize: 2,
    });
    const rows = o.reduceMean(joined, [3], { keepdims: true });
    const scaled = o.mul(joined, o.sigmoid(rows));
    const features = o.add(o.reduceMax(scaled, [2, 3]), o.reduceMean(o.relu(joined), [2, 3]));
    return this.head.call(o.reshape(features, [x.shape[0]!, 32]));
  }
}

class ResidualUnit extends Module {
  readonly conv1: Conv2d;
  readonly norm1: BatchNorm;
  readonly conv2: Conv2d;
  readonly norm2: BatchNorm;
  readonly shortcut: Conv2d | undefined;

  constructor(inChannels: number, outChannels: number, stride: number) {
    super();
    this.conv1 = new Conv2d(inChannels, outChannels, { kernelSize: 3, padding: 1, stride, bias: false });
    this.norm1 = new BatchNorm(outChannels);
    this.conv2 = new Conv2d(outChannels, outChannels, { kernelSize: 3, padding: 1, bias: false });
    this.norm2 = new BatchNorm(outChannels);
    this.shortcut =
      stride > 1 ? new Conv2d(inChannels, outChannels, { kernelSize: 1, stride, bias: false }) : undefined;
  }

  forward(x: Value): Value {
    const y = this.norm2.call(this.conv2.call(o.relu(this.norm1.call(this.conv1.call(x)))));
    return o.relu(o.add(y, this.shortcut ? this.shortcut.call(x) : x));
  }
}

const shape = [4, 3, 16, 16] as const;
const training = () => randomStep(new Tour(), shape, 10).graph;
const inference = () => trace(initialize(new Tour()), [...shape]);

/** Every elementwise operator on blocked maps, as outputs. */
function elementwise(): Graph {
  const graph = new Graph();
  const x = graph.input("x", { dtype: "float", shape: [...shape.with(1, 16)] });
  const [a, b] = [1, 2].map((seed) =>
    o.conv(x, graph.constant(random([16, 16, 3, 3], { seed })), undefined, { padding: 1 }),
  );
  const unary = [o.leakyRelu, o.neg, o.abs, o.sign, o.sqrt, o.tanh, o.erf, o.sigmoid, o.hardSigmoid, o.softplus, o.exp];
  const more = [o.log, o.reciprocal, o.relu6];
  const binary = [o.add, o.sub, o.mul, o.maximum, o.minimum, o.div, o.greater, o.equal];
  const results = [
    ...[...unary, ...more].map((op) => op(a!)),
    ...binary.map((op) => op(a!, b!)),
    o.pow(a!, 3),
    o.where(o.greater(a!, b!), a!, b!),
  ];
  results.forEach((y, i) => {
    graph.output(`y${i}`, y.type.dtype === "bool" ? o.cast(y) : y);
  });
  return graph;
}

const winograd = { positions: 0, 2: { 32: 4 }, 4: { 16: 8 } };
const never = { positions: 0, 2: {}, 4: {} };

/** What is lowered, by which rules, and for which blocks. */
const cases: Readonly<Record<string, readonly [graph: () => Graph, rules: Rules, target?: BlockedTarget]>> = {
  "training-blocked-16": [training, nodeRules, { block: 16, winograd: never }],
  "training-blocked-8": [training, nodeRules, { block: 8, winograd: never }],
  "training-winograd": [training, nodeRules, { block: 16, winograd }],
  "training-plain": [training, nodeRules],
  "training-wasm": [training, wasmRules],
  "inference-blocked-16": [inference, nodeRules, { block: 16, winograd: never }],
  "inference-plain": [inference, nodeRules],
  "elementwise-blocked-16": [elementwise, nodeRules, { block: 16, winograd: never }],
};

/** The networks of the benchmarks, as tables of their layers. */
const network = (name: string, attention = "none") => createModelByName(name, { attention, numClasses: 10 });
const step = (name: string, attention: string, batch: number, side: number) => () =>
  randomStep(network(name, attention), [batch, 3, side, side], 10).graph;
const forward = (name: string, attention: string, side: number) => () =>
  trace(initialize(network(name, attention)), [1, 3, side, side]);
const blocks = (block: number): BlockedTarget => ({ block, winograd: upToTile(defaultTuning.winograd, 2) });

const networks: typeof cases = {
  "resnet20-training-blocked-16": [step("resnet20", "none", 32, 32), nodeRules, blocks(16)],
  "resnet20-training-blocked-8": [step("resnet20", "none", 32, 32), nodeRules, blocks(8)],
  "resnet20-training-plain": [step("resnet20", "none", 32, 32), nodeRules],
  "resnet20-training-wasm": [step("resnet20", "none", 32, 32), wasmRules],
  "resnet20-cbam-training-blocked-16": [step("resnet20", "cbam", 32, 32), nodeRules, blocks(16)],
  "resnet18-training-blocked-16": [step("resnet18", "none", 32, 32), nodeRules, blocks(16)],
  "mbv2_ca-training-blocked-16": [step("mbv2_ca", "coord", 8, 64), nodeRules, blocks(16)],
  "van_b0-training-blocked-16": [step("van_b0", "none", 8, 64), nodeRules, blocks(16)],
  "resnet20-cbam-inference-plain": [forward("resnet20", "cbam", 32), nodeRules],
  "resnet18-inference-blocked-8": [forward("resnet18", "none", 64), nodeRules, blocks(8)],
  "mbv2_ca-inference-wasm": [forward("mbv2_ca", "coord", 64), wasmRules],
  "van_b0-inference-plain": [forward("van_b0", "none", 64), nodeRules],
};

const families = {
  winograd: winogradRules,
  conv: convRules,
  convWeightGrad: convWeightGradRules,
  planes: planeRules,
  norm: normRules,
  elementwise: elementwiseRules,
  reduce: reduceRules,
  pool: poolRules,
  movement: movementRules,
};

/** The rule that emitted each node: `conv.Conv`. Nodes that are not here went plain. */
const emittedBy = new Map<Node, string>();
const entries = Object.entries(families).flatMap(([family, rules]) => [...rules.keys()].map((op) => `${family}.${op}`));
for (const [family, rules] of Object.entries(families))
  for (const [op, rule] of rules)
    rules.set(op, (node, table) => {
      const done = rule(node, table);
      if (done) emittedBy.set(node, `${family}.${op}`);
      return done;
    });
/** The rules that emitted nodes of the small graphs. */
const fired = new Set<string>();

/** The rules that emitted the nodes of each module, sorted. */
function rulesByLayer(graph: Graph): Map<string, string[]> {
  const rules = new Map<string, string[]>();
  for (const node of liveProgram(graph).nodes) {
    const layer = node.scope.path || "(step)";
    rules.set(layer, [...(rules.get(layer) ?? []), emittedBy.get(node) ?? `plain.${node.op.name}`].sort());
  }
  return rules;
}

function compareWithCommitted(name: string, printed: string): void {
  const file = new URL(name, folder);
  if (process.env.UPDATE_GRAPHS) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, printed);
  }
  assert.ok(existsSync(file), `${file.pathname} is missing: run with UPDATE_GRAPHS=1`);
  const committed = readFileSync(file, "utf8").split("\n");
  const changed = printed.split("\n").findIndex((line, i) => line !== committed[i]);
  assert.equal(printed.split("\n")[changed], committed[changed], `line ${changed + 1} of ${name}`);
  assert.equal(printed.split("\n").length, committed.length, `${name}: number of lines`);
}

for (const [name, [graph, rules, target]] of Object.entries(cases))
  test(`lowering: ${name}`, () => {
    const { graph: fused, lowered } = lower(graph(), rules, target);
    for (const node of fused.nodes) fired.add(emittedBy.get(node) ?? "plain");
    const model = lowered.states.length > 0 ? outputAliasing(lowered).model : lowered.model;
    compareWithCommitted(`${name}.onnx.txt`, printOnnxNodes(model, { checksums: true }));
  });

for (const [name, [graph, rules, target]] of Object.entries(networks))
  test(`lowering: ${name}`, () => {
    const { graph: fused, lowered } = lower(graph(), rules, target);
    const model = lowered.states.length > 0 ? outputAliasing(lowered).model : lowered.model;
    compareWithCommitted(`${name}.layers.txt`, layerTable(model, rulesByLayer(fused)));
  });

test("every blocked rule emits nodes of the small graphs", () => {
  assert.deepEqual(
    entries.filter((entry) => !fired.has(entry)),
    [],
  );
});

test("every committed lowering belongs to a case", () => {
  const known = new Set([
    ...Object.keys(cases).map((name) => `${name}.onnx.txt`),
    ...Object.keys(networks).map((name) => `${name}.layers.txt`),
  ]);
  assert.deepEqual(
    readdirSync(folder).filter((name) => !known.has(name)),
    [],
  );
});
