import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { float32 } from "../../src/core/tensor.js";
import { writeSafetensors } from "../../src/formats/safetensors.js";
import { parseShardIndex, readShards } from "../../src/formats/shards.js";
import { resnet } from "../../src/models/index.js";
import { type Module, stateOf } from "../../src/nn/index.js";
import { weightsOf } from "../../src/train/index.js";
import { loadWeights, openCheckpoint } from "../../src/train/load-weights.js";
import { sharedFovea as fovea, temporaryFolder } from "../support/fovea.js";
import { archiveFile, bytes, int, rebuild, storageId, unicode } from "./torch-files.js";

const folder = temporaryFolder();
const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const indexOf = (map: Readonly<Record<string, unknown>>) => json({ metadata: { total_size: 8 }, weight_map: map });
const file = (...keys: string[]) => writeSafetensors(keys.map((key, i) => [key, float32([1], [i + 1])]));

/** A model's weights in three files and an index, in a folder of their own. */
function divided(model: Module, name: string): string {
  const path = join(folder, name);
  mkdirSync(path);
  const weights = [...weightsOf(model)];
  const map: Record<string, string> = {};
  for (let i = 0; i < 3; i++) {
    const shard = `model-0000${i + 1}-of-00003.safetensors`;
    const part = weights.filter((_, k) => k % 3 === i);
    for (const [key] of part) map[key] = shard;
    writeFileSync(join(path, shard), writeSafetensors(part));
  }
  writeFileSync(join(path, "model.safetensors.index.json"), indexOf(map));
  return path;
}

test("weights in several files load from their folder or index, as from one file", async () => {
  const model = resnet(20, { numClasses: 3, seed: 1 });
  const path = divided(model, "whole");
  for (const source of [path, join(path, "model.safetensors.index.json")]) {
    const loaded = resnet(20, { numClasses: 3, seed: 2 });
    await loadWeights(loaded, source);
    for (const [key, { value }] of stateOf(loaded)) assert.deepEqual(value.data, stateOf(model).get(key)!.value.data);
  }
  assert.deepEqual((await openCheckpoint(path)).metadata, { total_size: "8" });
  const { code, stdout, stderr } = await fovea(["inspect", path, "--json"]);
  assert.equal(code, 0, stderr);
  assert.equal(JSON.parse(stdout).network.model, "resnet20");
});

test("an index reaches for nothing outside of its folder", () => {
  for (const name of [
    "../secret",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "..",
    ".",
    "",
    "C:x",
    "nul",
    "COM1.safetensors",
    "a\u0000b",
    "x".repeat(256),
    3,
    ["a"],
  ])
    assert.throws(() => parseShardIndex(indexOf({ w: name })), {
      name: "FormatError",
      message: /^index: "w" must be in a file of the same folder, not /,
    });
});

test("what an index must be", async () => {
  const refused = (bytes: Uint8Array, message: RegExp) =>
    assert.throws(() => parseShardIndex(bytes), { name: "FormatError", message });
  refused(json([]), /must be a JSON object with a "weight_map"/);
  refused(json({ weight_map: ["a"] }), /must be a JSON object with a "weight_map"/);
  refused(json({ weight_map: {} }), /names no tensors/);
  refused(new TextEncoder().encode('{"weight_map":{"a":"x","a":"y"}}'), /the key "a" appears twice/);
  refused(
    indexOf(Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`w${i}`, `f${i}`]))),
    /more than 1000 files/,
  );
});

test("files must hold what the index says, no less and no more", async () => {
  const read = async (name: string) => (name === "a" ? file("w", "v") : file("u"));
  const from = (map: Record<string, string>) => readShards(indexOf(map), read);
  assert.deepEqual([...(await from({ w: "a", v: "a", u: "b" })).tensors.keys()], ["w", "v", "u"]);
  await assert.rejects(
    from({ w: "a", v: "a", u: "b", t: "b" }),
    /^FormatError: b: has no "t", although index lists it/,
  );
  await assert.rejects(from({ w: "a", u: "b" }), /^FormatError: a: holds "v", which index does not list/);
  await assert.rejects(from({ u: "a" }), /^FormatError: a: has no "u"/);
});

test("a folder without weights, and a file that is missing, are named", async () => {
  await assert.rejects(openCheckpoint(join(folder, "nowhere")), /^FileError: .*nowhere cannot be read: no such file$/);
  const empty = join(folder, "empty");
  mkdirSync(empty);
  await assert.rejects(openCheckpoint(empty), /empty has no weights: there is no model\.safetensors, /);
  writeFileSync(join(empty, "model.safetensors.index.json"), indexOf({ w: "model-1.safetensors" }));
  await assert.rejects(
    openCheckpoint(empty),
    /^FormatError: .*index\.json names model-1\.safetensors, which cannot be read: no such file\. Is the download complete\?$/,
  );
  writeFileSync(join(empty, "model-1.safetensors"), "<!doctype html>");
  await assert.rejects(openCheckpoint(empty), /^FormatError: model-1\.safetensors: .*HTML or XML/);
});

test("objects that were not read are named with their file, by inspect too", async () => {
  const path = join(folder, "objects");
  mkdirSync(path);
  const data = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
  const map: Record<string, string> = {};
  for (const name of ["one", "two"]) {
    const saved = bytes(
      ...["}(", unicode("state_dict"), "}(", unicode(`${name}.weight`), rebuild(storageId("0", 4), 0, [4], [1]), "u"],
      ...[unicode("config"), `cproject.config\nConfig${name}\n`, ")R", unicode("epoch"), int(3), "u"],
    );
    writeFileSync(join(path, `${name}.bin`), archiveFile(saved, { "data/0": data }));
    map[`${name}.weight`] = `${name}.bin`;
  }
  writeFileSync(join(path, "pytorch_model.bin.index.json"), indexOf(map));
  const { placeholders } = await openCheckpoint(path);
  assert.deepEqual(placeholders, [
    { where: "one.bin: config", type: "project.config.Configone" },
    { where: "two.bin: config", type: "project.config.Configtwo" },
  ]);
  const { code, stdout } = await fovea(["inspect", path]);
  assert.equal(code, 0);
  assert.match(stdout, /not read: one\.bin: config \(project\.config\.Configone\), two\.bin: config/);
});
