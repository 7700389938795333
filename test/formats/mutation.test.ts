import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { float32, tensor } from "../../src/core/tensor.js";
import { readCheckpoint } from "../../src/formats/checkpoint.js";
import { readSafetensors, writeSafetensors } from "../../src/formats/safetensors.js";
import { parseShardIndex } from "../../src/formats/shards.js";
import { parseStrictJson } from "../../src/formats/strict-json.js";
import { readTorch } from "../../src/formats/torch/index.js";
import { damaged, said, survives } from "./mutation.js";
import { zipFile } from "./torch-files.js";
import { openZip } from "./zip.js";

const folder = "test/fixtures/torch";
const torchFiles = readdirSync(folder)
  .filter((name) => name.endsWith(".pt"))
  .map((name) => new Uint8Array(readFileSync(`${folder}/${name}`)));
const archives = torchFiles.filter((file) => file[0] === 0x50);
const legacy = torchFiles.filter((file) => file[0] === 0x80);

const safetensors = writeSafetensors(
  [
    ["conv.weight", float32([2, 3], [1, 2, 3, 4, 5, 6])],
    ["steps", tensor("int64", [], BigInt64Array.of(7n))],
    ["mask", tensor("bool", [3], Uint8Array.of(1, 0, 1))],
    ["__proto__", float32([0], [])],
  ],
  { epoch: "3", "a\nb": "é" },
);

const content = new TextEncoder().encode("what torch saves ".repeat(40));
const zips = [false, true].map((zip64) =>
  zipFile(
    [
      ["a/data.pkl", content, { deflate: true }],
      ["a/data/0", content],
      ["a/empty", new Uint8Array()],
    ],
    { zip64, comment: "c" },
  ),
);

const index = new TextEncoder().encode(
  JSON.stringify({
    metadata: { total_size: 28 },
    weight_map: { "conv.weight": "model-00001-of-00002.safetensors", bias: "model-00002-of-00002.safetensors" },
  }),
);

function readAll(bytes: Uint8Array): void {
  const zip = openZip(bytes);
  for (const name of zip.names) zip.read(name);
}

const readers: Record<string, [files: Uint8Array[], read: (bytes: Uint8Array) => void]> = {
  safetensors: [[safetensors], (bytes) => writeSafetensors(readSafetensors(bytes).tensors)],
  json: [
    [safetensors.slice(8, 8 + Number(new DataView(safetensors.buffer).getBigUint64(0, true)))],
    (bytes) => parseStrictJson(bytes, "header"),
  ],
  "shard-index": [[index], parseShardIndex],
  zip: [zips, readAll],
  "torch-zip": [archives, readTorch],
  "torch-legacy": [legacy, readTorch],
  checkpoint: [[safetensors, ...torchFiles], (bytes) => readCheckpoint(bytes)],
};
for (const [name, [files, read]] of Object.entries(readers))
  test(`${name}: damaged files are read or refused, never more`, (t) => {
    const outcome = survives(damaged(files), read);
    t.diagnostic(said(outcome));
  });
