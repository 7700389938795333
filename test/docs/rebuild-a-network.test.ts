import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { MiniFASNet } from "../../examples/networks/minifasnet.js";
import { SqueezeNet } from "../../examples/networks/squeezenet.js";
import { tensor } from "../../src/core/tensor.js";
import { referenceEngine } from "../../src/engines/reference.js";
import { writeSafetensors } from "../../src/formats/safetensors.js";
import * as nn from "../../src/nn/index.js";
import { type Module, stateOf, trace } from "../../src/nn/index.js";
import * as ops from "../../src/ops/index.js";
import { relativeError } from "../../src/testing/compare.js";
import { fillInput, fillState } from "../../src/testing/golden/filler.js";
import { loadState } from "../../src/train/weights.js";
import { noWeb, ortPlain, ortWeb } from "../support/engines.js";
import { temporaryFolder } from "../support/fovea.js";

const page = readFileSync("docs/rebuild-a-network.md", "utf8");

// Written by tools/golden/rebuilt.py.
const golden: Record<string, { keys: string[]; input: number[]; output: number[][] }> = JSON.parse(
  readFileSync("test/golden/rebuilt.json", "utf8"),
);
const stateOfGolden = (name: string) => {
  const keys = golden[name]!.keys.map((line) => line.split(" "));
  return fillState(
    keys.map(([key, ...shape]) => [key!, shape.map(Number)] as const),
    1,
  );
};

const networks: Record<string, () => Module> = {
  squeezenet: () => new SqueezeNet(10),
  minifasnet: () => new MiniFASNet(),
};
for (const [name, build] of Object.entries(networks))
  test(`the page's ${name} has PyTorch's keys in PyTorch's order, and its outputs with the same weights`, async () => {
    const { keys, input, output } = golden[name]!;
    const network = build();
    assert.deepEqual(
      [...stateOf(network)].map(([key, { shape }]) => [key, ...shape].join(" ")),
      keys,
    );
    loadState(network, stateOfGolden(name));
    const expected = tensor("float64", [output.length, output[0]!.length], Float64Array.from(output.flat()));
    const graph = trace(network, input);
    for (const engine of [referenceEngine(), ortPlain, ...(noWeb ? [] : [ortWeb])]) {
      const executable = await engine.compile(graph);
      const [actual] = Object.values(await executable.run({ input: fillInput(input, 7) }));
      await executable.release();
      const error = relativeError(actual!, expected);
      assert.ok(error <= (engine.name === "reference" ? 1e-10 : 1e-4), `${engine.name}: ${error}`);
    }
  });

test("the page's code is that of examples/networks", () => {
  const blocks = [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code!);
  const files = readdirSync("examples/networks").map((file) => readFileSync(`examples/networks/${file}`, "utf8"));
  assert.deepEqual(blocks.toSorted(), files.toSorted());
});

test("examples/networks/load.ts loads renamed keys and exports", async () => {
  const before = process.cwd();
  const compiled = pathToFileURL(resolve("dist/examples/networks/load.js")).href;
  const folder = temporaryFolder();
  const theirs = [...stateOfGolden("squeezenet")].map(
    ([key, value]) => [key.replace("features.", "backbone.").replace("classifier.", "head."), value] as const,
  );
  process.chdir(folder);
  try {
    writeFileSync("weights.safetensors", writeSafetensors(new Map(theirs)));
    await import(compiled);
    assert.ok(statSync("squeezenet.onnx").size > 2e6);
  } finally {
    process.chdir(before);
  }
});

test("every layer and operator of the page's tables exists, and every one that exists is in them", () => {
  const named = new Set([...page.matchAll(/`(\w+)[^`\n]*`/g)].map(([, name]) => name));
  const layers = Object.entries(nn).flatMap(([name, value]) => (isModule(value) ? [name] : []));
  const functions = Object.entries(ops).flatMap(([name, value]) => (typeof value === "function" ? [name] : []));
  assert.ok(layers.length > 10 && functions.length > 40);
  assert.deepEqual(
    [...layers, ...functions].filter((name) => !named.has(name)),
    [],
  );
  const rows = [...page.matchAll(/^\| [^|]+ \| (`.+?) \|$/gm)].flatMap(([, cell]) => [...cell!.matchAll(/`(\w+)/g)]);
  const known = new Set([...Object.keys(nn), ...Object.keys(ops)]);
  assert.deepEqual(
    rows.map(([, name]) => name).filter((name) => !known.has(name!)),
    [],
  );
});

const isModule = (value: unknown): boolean =>
  typeof value === "function" && value.prototype instanceof nn.Module && value !== nn.Module;
