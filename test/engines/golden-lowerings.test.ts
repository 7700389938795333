import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { randomStep } from "../../bench/workload.js";
import { blockedRules } from "../../src/engines/ort/blocked/rules/index.js";
import { compile } from "../../src/engines/ort/compile.js";
import type { Module } from "../../src/engines/ort/passes/pass.js";
import { cpuTarget } from "../../src/engines/ort/targets/cpu.js";
import type { Target } from "../../src/engines/ort/targets/target.js";
import { wasmTarget } from "../../src/engines/ort/targets/wasm.js";
import { webgpuTarget } from "../../src/engines/ort/targets/webgpu.js";
import type { WinogradTuning } from "../../src/engines/ort/tuning.js";
import { printModule } from "../../src/formats/onnx/print.js";
import { type Graph, liveProgram, type Node } from "../../src/graph/graph.js";
import { createModelByName } from "../../src/models/index.js";
import { initialize, trace } from "../../src/nn/index.js";
import { ifLong } from "../support/long.js";
import { layerTable } from "./layer-table.js";
import { elementwise, inference, normOfRelu, training } from "./small-graphs.js";

// A change that is not meant to change what ONNX Runtime runs leaves these texts alone. UPDATE_GRAPHS=1 writes them anew.
const folder = new URL("../../../test/golden/lowerings/", import.meta.url);

const cpu = (blockSize?: number, winograd?: WinogradTuning): Target =>
  cpuTarget(
    { blockSize, writesInPlace: true },
    winograd ? { tuning: { fewImages: 0, winograd }, precision: "fast" } : {},
  );
const fast = cpuTarget({ blockSize: 16, writesInPlace: true }, { precision: "fast" });
const wasm: Target = { ...wasmTarget(), writesInPlace: true };

const winograd = { positions: 0, 2: { 32: 4 }, 4: { 16: 8 } };
const never = { positions: 0, 2: {}, 4: {} };

/** What is lowered, by which rules, and for which blocks. */
const cases: Readonly<Record<string, readonly [graph: () => Graph, target: Target]>> = {
  "training-blocked-16": [training, cpu(16, never)],
  "training-blocked-8": [training, cpu(8, never)],
  "training-winograd": [training, cpu(16, winograd)],
  "training-plain": [training, cpu()],
  "training-wasm": [training, wasm],
  "training-webgpu": [training, webgpuTarget()],
  "inference-blocked-16": [inference, cpu(16, never)],
  "inference-plain": [inference, cpu()],
  "norm-of-relu-blocked-16": [normOfRelu, cpu(16, never)],
  "elementwise-blocked-16": [elementwise, cpu(16, never)],
};

/** The networks of the benchmarks, as tables of their layers. */
const network = (name: string, attention = "none") => createModelByName(name, { attention, numClasses: 10 });
const step = (name: string, attention: string, batch: number, side: number) => () =>
  randomStep(network(name, attention), [batch, 3, side, side], 10).graph;
const forward = (name: string, attention: string, side: number) => () =>
  trace(initialize(network(name, attention)), [1, 3, side, side]);

const networks: typeof cases = {
  "resnet20-training-blocked-16": [step("resnet20", "none", 32, 32), cpu(16)],
  "resnet20-training-blocked-8": [step("resnet20", "none", 32, 32), cpu(8)],
  "resnet20-training-plain": [step("resnet20", "none", 32, 32), cpu()],
  "resnet20-training-wasm": [step("resnet20", "none", 32, 32), wasm],
  "resnet20-cbam-training-blocked-16": [step("resnet20", "cbam", 32, 32), cpu(16)],
  "resnet18-training-blocked-16": [step("resnet18", "none", 32, 32), cpu(16)],
  "resnet18-training-fast": [step("resnet18", "none", 32, 64), fast],
  "mbv2_ca-training-blocked-16": [step("mbv2_ca", "coord", 8, 64), cpu(16)],
  "van_b0-training-blocked-16": [step("van_b0", "none", 8, 64), cpu(16)],
  "resnet20-cbam-inference-plain": [forward("resnet20", "cbam", 32), cpu()],
  "resnet20-cbam-inference-blocked-16": [forward("resnet20", "cbam", 32), cpu(16)],
  "resnet18-inference-blocked-8": [forward("resnet18", "none", 64), cpu(8)],
  "mbv2_ca-inference-wasm": [forward("mbv2_ca", "coord", 64), wasm],
  "van_b0-inference-plain": [forward("van_b0", "none", 64), cpu()],
};

/** The rule that emitted a node, such as `conv.Conv`. */
const ruleOf = ({ decisions }: Module, node: Node) => `${decisions.get(node)?.rule ?? "plain"}.${node.op.name}`;
/** The rules that emitted nodes of the small graphs. */
const fired = new Set<string>();

/** The rules that emitted the nodes of each module, sorted. */
function rulesByLayer(module: Module): Map<string, string[]> {
  const rules = new Map<string, string[]>();
  for (const node of liveProgram(module.graph).nodes) {
    const layer = node.scope.path || "(step)";
    rules.set(layer, [...(rules.get(layer) ?? []), ruleOf(module, node)].sort());
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

for (const [name, [graph, target]] of Object.entries(cases))
  test(`lowering: ${name}`, () => {
    const module = compile(graph(), target);
    for (const node of module.graph.nodes) fired.add(ruleOf(module, node));
    compareWithCommitted(`${name}.onnx.txt`, printModule(module.lowered, { checksums: true }));
  });

for (const [name, [graph, target]] of Object.entries(networks))
  test(`lowering: ${name}`, { skip: name.startsWith("resnet18") && ifLong }, () => {
    const module = compile(graph(), target);
    compareWithCommitted(`${name}.layers.txt`, layerTable(module.lowered, rulesByLayer(module)));
  });

test("every blocked rule emits nodes of the small graphs", () => {
  const entries = blockedRules.flatMap(({ name, ops }) => ops.map((op) => `${name}.${op.name}`));
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
