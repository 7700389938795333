import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { randomStep } from "../../bench/workload.js";
import { createAttentionByName } from "../../src/attention/index.js";
import type { BlockedTarget } from "../../src/engines/ort/blocked/conv-layer.js";
import type { BlockedRule } from "../../src/engines/ort/blocked/layout-table.js";
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
import { printOnnxNodes } from "../../src/formats/onnx/print.js";
import type { Rules } from "../../src/formats/onnx/writer.js";
import type { Graph, Value } from "../../src/graph/graph.js";
import { BatchNorm, Conv2d, initialize, Linear, Module, trace } from "../../src/nn/index.js";
import {
  add,
  averagePool,
  barrier,
  concat,
  maxPool,
  mul,
  reduceMax,
  reduceMean,
  relu,
  reshape,
  sigmoid,
  slice,
} from "../../src/ops/index.js";

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
    const pooled = maxPool(relu(this.norm.call(this.stem.call(x))), { kernelSize: 2 });
    const gated = this.attention.call(this.block1.call(pooled));
    const y = this.block2.call(gated);
    const both = concat([this.depthwise.call(y), this.grouped.call(y)], 1);
    const joined = averagePool(add(slice(both, 1, 0, 32), barrier(slice(both, 1, 32, 64), y)), { kernelSize: 2 });
    const rows = reduceMean(joined, [3], { keepdims: true });
    const scaled = mul(joined, sigmoid(rows));
    const features = add(reduceMax(scaled, [2, 3]), reduceMean(relu(joined), [2, 3]));
    return this.head.call(reshape(features, [x.shape[0]!, 32]));
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
    const y = this.norm2.call(this.conv2.call(relu(this.norm1.call(this.conv1.call(x)))));
    return relu(add(y, this.shortcut ? this.shortcut.call(x) : x));
  }
}

const shape = [4, 3, 16, 16] as const;
const training = () => randomStep(new Tour(), shape, 10).graph;
const inference = () => trace(initialize(new Tour()), [...shape]);

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
};

const families = {
  winogradRules,
  convRules,
  convWeightGradRules,
  planeRules,
  normRules,
  elementwiseRules,
  reduceRules,
  poolRules,
  movementRules,
};

/** How often each blocked rule has written a node; several operators may share a rule. */
const fired = new Map<string, number>();
for (const [family, rules] of Object.entries(families)) {
  const labels = new Map<BlockedRule, string>();
  for (const [op, rule] of rules) {
    if (!labels.has(rule)) labels.set(rule, `${family}: ${op}`);
    const label = labels.get(rule)!;
    fired.set(label, 0);
    rules.set(op, (node, forms) => {
      const done = rule(node, forms);
      if (done) fired.set(label, fired.get(label)! + 1);
      return done;
    });
  }
}

for (const [name, [graph, rules, target]] of Object.entries(cases))
  test(`lowering: ${name}`, () => {
    const { lowered } = lower(graph(), rules, target);
    const model = lowered.states.length > 0 ? outputAliasing(lowered).model : lowered.model;
    const printed = printOnnxNodes(model, { checksums: true });
    const file = new URL(`${name}.onnx.txt`, folder);
    if (process.env.UPDATE_GRAPHS) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(file, printed);
    }
    assert.ok(existsSync(file), `${file.pathname} is missing: run with UPDATE_GRAPHS=1`);
    const committed = readFileSync(file, "utf8").split("\n");
    const changed = printed.split("\n").findIndex((line, i) => line !== committed[i]);
    assert.equal(printed.split("\n")[changed], committed[changed], `line ${changed + 1} of ${name}.onnx.txt`);
    assert.equal(printed.split("\n").length, committed.length, `${name}.onnx.txt: number of lines`);
  });

test("every blocked rule writes nodes of these lowerings", () => {
  const idle = [...fired].filter(([, count]) => count === 0).map(([label]) => label);
  assert.deepEqual(idle, []);
});

test("every committed lowering belongs to a case", () => {
  const stale = readdirSync(folder).filter((name) => !(name.replace(/\.onnx\.txt$/, "") in cases));
  assert.deepEqual(stale, []);
});
