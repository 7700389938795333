import { test } from "node:test";
import type fc from "fast-check";
import { readCheckpoint } from "../../src/formats/checkpoint.js";
import { readSafetensors, writeSafetensors } from "../../src/formats/safetensors.js";
import { parseShardIndex } from "../../src/formats/shards.js";
import { readTorch } from "../../src/formats/torch/index.js";
import { damaged, said, survives } from "./mutation.js";
import { safetensorsFiles, shardIndexes, torchArchives, zipFiles } from "./structured.js";
import { openZip } from "./zip.js";

function readAll(file: Uint8Array): void {
  const zip = openZip(file);
  for (const name of zip.names) zip.read(name);
}

const readers: Record<string, [files: fc.Arbitrary<Uint8Array>, read: (file: Uint8Array) => void]> = {
  safetensors: [safetensorsFiles, (file) => writeSafetensors(readSafetensors(file).tensors)],
  "shard-index": [shardIndexes, parseShardIndex],
  zip: [zipFiles, readAll],
  "torch-zip": [torchArchives, readTorch],
  checkpoint: [torchArchives, readCheckpoint],
  "checkpoint, damaged": [torchArchives.chain((file) => damaged([file])), readCheckpoint],
};
for (const [name, [files, read]] of Object.entries(readers))
  test(`${name}: files whose parts lie are read or refused, never more`, (t) =>
    t.diagnostic(said(survives(files, read))));
