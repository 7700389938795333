import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import * as everything from "../src/index.js";
import * as web from "../src/web.js";

/** What a compiled module imports, now or later: types are gone. */
const importsOf = (file: string) =>
  [...readFileSync(file, "utf8").matchAll(/(?:\bfrom|\bimport\(|\bimport)\s*"([^"]+)"/g)].map(([, target]) => target!);

test("fovea/web, fovea/nn, fovea/explain and fovea/engine need no Node: all that their modules import is what browsers have", () => {
  const entries = ["web", "nn", "explain", "engine"].map((name) =>
    fileURLToPath(new URL(`../src/${name}.js`, import.meta.url)),
  );
  const files = new Set(entries);
  const packages = new Set<string>();
  for (const file of files)
    for (const target of importsOf(file))
      if (target.startsWith(".")) files.add(fileURLToPath(new URL(target, `file://${file}`)));
      else packages.add(target);
  assert.ok(files.size > 100, `${files.size} modules found`);
  assert.deepEqual([...packages].sort(), ["fflate", "onnxruntime-web/wasm", "onnxruntime-web/webgpu", "valibot"]);
});

test("fovea has everything that fovea/web has", () => {
  assert.deepEqual(
    Object.keys(web).filter((name) => !(name in everything)),
    [],
  );
  assert.notEqual(web.ortWebEngine, everything.ortWebEngine, "in Node it has a worker thread");
});
