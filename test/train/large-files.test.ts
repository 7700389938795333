import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, open, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { float32, tensor } from "../../src/core/tensor.js";
import { withFile } from "../../src/files/read.js";
import { blobSource } from "../../src/formats/byte-source.js";
import { encodeSafetensors, openSafetensors, writeSafetensors } from "../../src/formats/safetensors.js";
import type { Value } from "../../src/graph/graph.js";
import { constant, Module, Param } from "../../src/nn/index.js";
import { restoreCheckpoint, writeCheckpoint } from "../../src/train/checkpoint.js";
import { openCheckpoint } from "../../src/train/load-weights.js";
import { RunFolder } from "../../src/train/run-folder.js";
import { fovea } from "../support/fovea.js";
import { ifLong } from "../support/long.js";
import { runConfig } from "./support.js";

const folder = await mkdtemp(join(tmpdir(), "fovea-files-"));
after(() => rm(folder, { recursive: true, force: true }));

/** A safetensors file with `count` tensors of `bytes` each, all zero, that takes no room on the disk. */
async function sparse(name: string, count: number, bytes: number): Promise<string> {
  const entries = Array.from({ length: count }, (_, i) => [
    `layer${i}.weight`,
    { dtype: "U8", shape: [bytes], data_offsets: [i * bytes, (i + 1) * bytes] },
  ]);
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const path = join(folder, name);
  const file = await open(path, "w");
  await file.write(Buffer.concat([length, header]));
  await file.truncate(8 + header.length + count * bytes);
  await file.close();
  return path;
}

test("of a safetensors file over 4 GiB one tensor can be read, and inspect reads all", { skip: ifLong }, async (t) => {
  const path = await sparse("large.safetensors", 33, 2 ** 27);
  if ((await stat(path)).blocks * 512 > 2 ** 30) return t.skip("the file system keeps no sparse files");
  await withFile(path, async (file) => {
    const { read } = await openSafetensors(file);
    assert.equal((await read("layer32.weight")).data.length, 2 ** 27);
  });
  const { code, stdout } = await fovea(["inspect", path, "--json"]);
  assert.equal(code, 0);
  assert.equal((JSON.parse(stdout) as { elements: number }).elements, 33 * 2 ** 27);
});

test("a checkpoint of 300 MB is written without more memory than the model has", async (t) => {
  const entry = (name: string) => JSON.stringify(new URL(`../../src/${name}.js`, import.meta.url).href);
  const script = `
    const { writeFileAtomic } = await import(${entry("index")});
    const { writeCheckpoint } = await import(${entry("engine")});
    const { initialize, stateOf, Param, Module, constant } = await import(${entry("nn")});
    class Wide extends Module {
      layers = Array.from({ length: 30 }, () => Object.assign(new (class extends Module {})(), { weight: new Param([2621440], constant(1)) }));
    }
    const model = initialize(new Wide());
    for (const { value } of stateOf(model).values()) value.data.fill(2);
    const before = process.memoryUsage.rss();
    let most = before;
    const look = () => { most = Math.max(most, process.memoryUsage.rss()); };
    const timer = setInterval(look, 1);
    const progress = { epoch: 1, batch: 0, lossSum: 0, correct: 0, count: 0, history: [] };
    await writeFileAtomic(process.argv[1], writeCheckpoint(model, new Map(), 0, progress, ["a", "b"]));
    clearInterval(timer);
    look();
    console.log(most - before);`;
  const path = join(folder, "300");
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script, path], {
    encoding: "utf8",
  });
  assert.equal(stderr, "");
  const { size } = await stat(path);
  assert.ok(size > 300_000_000);
  await rm(path);
  const piece = 2_621_440 * 4;
  t.diagnostic(`${(Number(stdout) / 2 ** 20).toFixed(1)} MiB more than before`);
  assert.ok(stdout !== "" && Number(stdout) < piece + 2 ** 25, `${stdout} bytes more than before`);
});

test("a file over 4 GiB is written piece by piece, without a copy of any tensor", async () => {
  const zeros = new Float32Array(2 ** 25);
  const weights = Array.from(
    { length: 33 },
    (_, i) => [`layer${i}`, tensor("float32", [zeros.length], zeros)] as const,
  );
  const file = encodeSafetensors([...weights, ["last", float32([1], [7])]], { epoch: "3" });
  assert.throws(() => file.bytes(), /a file of \d+ bytes does not fit an array/);
  let written = 0;
  const ends: Uint8Array[] = [];
  for (const piece of file) {
    assert.ok(piece.buffer === zeros.buffer || piece.length < 10_000);
    if (piece.buffer !== zeros.buffer) ends.push(piece);
    written += piece.length;
  }
  assert.equal(written, file.byteLength);
  assert.ok(written > 33 * 2 ** 27);
  // What was written is what is read.
  const [head, tail] = ends as [Uint8Array, Uint8Array];
  const read = async (offset: number, length: number) =>
    offset < head.length ? head.subarray(offset, offset + length) : offset === written - 4 ? tail : new Uint8Array();
  const opened = await openSafetensors({ size: written, read });
  assert.deepEqual([opened.entries.size, opened.metadata], [34, { epoch: "3" }]);
  assert.equal((await opened.read("last")).data[0], 7);
});

test("a training goes on from a checkpoint over 4 GiB, of which it reads what it needs", async (t) => {
  const path = join(folder, "resumed");
  const run = await RunFolder.create(path, runConfig);
  const { cells, model } = tinyState(3);
  const progress = { epoch: 2, batch: 1, lossSum: 1, correct: 1, count: 1, history: [] };
  await run.write("last", writeCheckpoint(model, cells, 5, progress, ["a", "b"]));
  const small = await readFile(join(path, "last.safetensors"));

  // The same with arrays before it that nobody asks for, so that all that is wanted lies beyond 4 GiB.
  const headerLength = Number(small.readBigUInt64LE(0));
  const header = JSON.parse(small.subarray(8, 8 + headerLength).toString());
  const [unused, size] = [33, 2 ** 27];
  for (const [name, entry] of Object.entries(header))
    if (name !== "__metadata__")
      (entry as { data_offsets: number[] }).data_offsets = (entry as { data_offsets: number[] }).data_offsets.map(
        (at) => at + unused * size,
      );
  for (let i = 0; i < unused; i++)
    header[`optimizer/unused${i}`] = { dtype: "U8", shape: [size], data_offsets: [i * size, (i + 1) * size] };
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const file = await open(join(path, "last.safetensors"), "w");
  await file.write(Buffer.concat([length, text]));
  await file.write(small, 8 + headerLength, undefined, 8 + text.length + unused * size);
  const { blocks } = await file.stat();
  await file.close();
  if (blocks * 512 > 2 ** 30) return t.skip("the file system keeps no sparse files");

  const restored = tinyState(0);
  const source = await run.checkpoint();
  assert.ok(source!.size > 2 ** 32);
  assert.deepEqual(await restoreCheckpoint(source!, restored.model, restored.cells, 5, ["a", "b"]), progress);
  assert.deepEqual(restored.model.weight.value.data, model.weight.value.data);
  assert.deepEqual(restored.cells.get("optimizer/weight")!.value.data, new Float32Array([3, 3]));
  assert.deepEqual([...(await run.weights("last")).keys()], ["weight"]);
  run.release();
});

/** A model of one parameter, and what an optimizer keeps of it. */
function tinyState(value: number) {
  class Net extends Module {
    readonly weight = new Param([2], constant(0));
    forward(x: Value): Value {
      return x;
    }
  }
  const model = new Net();
  model.weight.value = float32([2], [value, value + 1]);
  const slot = new Param([2], constant(0));
  slot.value = float32([2], [value, value]);
  return { model, cells: new Map([["optimizer/weight", slot]]) };
}

test("a Blob is read tensor by tensor", async () => {
  const bytes = writeSafetensors([
    ["a", float32([2], [1, 2])],
    ["b", float32([1], [3])],
  ]);
  const file = await openSafetensors(blobSource(new Blob([new Uint8Array(bytes)])));
  assert.deepEqual([...file.entries.keys()], ["a", "b"]);
  assert.deepEqual([...(await file.read("b")).data], [3]);
  await assert.rejects(file.read("c"), /there is no tensor "c"/);
});

const cut = join(folder, "cut.safetensors");
const whole = writeSafetensors([["weight", float32([4], [1, 2, 3, 4])]]);
await writeFile(cut, whole.subarray(0, whole.length - 4));
await writeFile(join(folder, "empty.safetensors"), "");
await mkdir(join(folder, "folder.safetensors"));
await symlink("loop", join(folder, "loop"));

const unreadable: readonly (readonly [file: string, message: RegExp])[] = [
  ["missing.safetensors", /cannot be read: no such file/],
  ["cut.safetensors/x", /cannot be read: part of its path is not a folder/],
  ["loop", /cannot be read: its links lead in a circle/],
  ["folder.safetensors", /has no weights/],
  ["cut.safetensors", /the tensors take 16 bytes, the file holds 12/],
  ["empty.safetensors", /empty/],
];
for (const [file, message] of unreadable)
  test(`openCheckpoint says why it cannot read ${file}`, () =>
    assert.rejects(openCheckpoint(join(folder, file)), { message }));

test("what is no regular file is not waited for", () =>
  assert.rejects(openCheckpoint("/dev/zero"), /cannot be read: it is not a regular file/));

test("only a run without a checkpoint starts anew", async () => {
  const path = join(folder, "run");
  const run = await RunFolder.create(path, runConfig);
  assert.equal(await run.checkpoint(), undefined);
  await mkdir(join(path, "last.safetensors"));
  await assert.rejects(run.checkpoint(), /last\.safetensors cannot be read: it is a folder/);
  await assert.rejects(run.weights("last"), /last\.safetensors cannot be read: it is a folder/);
  await rm(join(path, "last.safetensors"), { recursive: true });
  for (const bytes of [new Uint8Array(), whole.subarray(0, whole.length - 1), Buffer.concat([whole, whole])]) {
    await writeFile(join(path, "last.safetensors"), bytes);
    for (const reading of [() => run.checkpoint(), () => run.weights("last")])
      await assert.rejects(reading, { name: "FormatError", message: /run\/last\.safetensors: safetensors: / });
  }
});
