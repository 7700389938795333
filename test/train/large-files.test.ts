import assert from "node:assert/strict";
import { mkdir, mkdtemp, open, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { float32 } from "../../src/core/tensor.js";
import { blobSource } from "../../src/formats/byte-source.js";
import { openSafetensors, writeSafetensors } from "../../src/formats/safetensors.js";
import { withFile } from "../../src/train/files.js";
import { openCheckpoint } from "../../src/train/load-weights.js";
import { type RunConfig, RunFolder } from "../../src/train/run-folder.js";
import { fovea } from "../support/fovea.js";

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

test("of a safetensors file over 4 GiB one tensor can be read, and inspect reads all", async (t) => {
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
  ["missing.safetensors", /cannot be read: there is no such file/],
  ["cut.safetensors/x", /cannot be read: a part of its path is no folder/],
  ["loop", /cannot be read: its links lead in a circle/],
  ["folder.safetensors", /holds no weights/],
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
  const run = await RunFolder.create(path, {} as RunConfig);
  assert.equal(await run.checkpoint(), undefined);
  await mkdir(join(path, "last.safetensors"));
  await assert.rejects(run.checkpoint(), /last\.safetensors cannot be read: it is a folder/);
  await assert.rejects(run.weights("last"), /last\.safetensors cannot be read: it is a folder/);
});
