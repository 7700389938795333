import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { bytesSource } from "../../src/formats/byte-source.js";
import { openTorchCheckpoint, readCheckpoint } from "../../src/formats/checkpoint.js";
import { openCheckpoint } from "../../src/index.js";
import { forEachTensor } from "../../src/train/load-weights.js";
import {
  archiveFile,
  bytes,
  int,
  legacyFile,
  rebuild,
  storageId,
  uint,
  unicode,
  zipFile,
} from "../formats/torch-files.js";
import { sharedFovea as fovea, temporaryFolder } from "../support/fovea.js";

const folder = temporaryFolder();
const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
const ramp = (length: number) => floats(...Array.from({ length }, (_, i) => i - 3));
const dict = (...items: Uint8Array[]) => bytes("}(", ...items, "u");
const view = (key: string, length: number, offset: number, shape: number[], strides: number[]) =>
  rebuild(storageId(key, length), offset, shape, strides);

const weights = dict(
  ...[unicode("conv.weight"), view("0", 24, 2, [3, 2], [2, 1])],
  ...[unicode("conv.turned.weight"), view("0", 24, 1, [2, 4], [1, 5])],
  ...[unicode("conv.bias"), view("1", 3, 0, [3], [1])],
  ...[unicode("conv.none.weight"), view("1", 3, 3, [0, 4], [4, 1])],
  ...[unicode("conv.same.weight"), view("0", 24, 2, [3, 2], [2, 1])],
);
const wrapped = dict(
  ...[unicode("state_dict"), weights],
  ...[unicode("epoch"), int(7)],
  ...[unicode("best"), view("2", 1, 0, [], [])],
);
const storages = { "data/0": ramp(24), "data/1": floats(1, 2, 3), "data/2": floats(0.25) };

const files: Readonly<Record<string, Uint8Array>> = {
  weights: archiveFile(weights, storages),
  wrapped: archiveFile(wrapped, { ...storages, byteorder: bytes("little") }),
  "before torch 1.6": legacyFile(wrapped, { 0: ramp(24), 1: floats(1, 2, 3), 2: floats(0.25) }),
  ...Object.fromEntries(
    [{ zip64: true }, { comment: "a comment" }].map((how) => [
      JSON.stringify(how),
      zipFile(
        [
          ["x/data.pkl", bytes(0x80, 2, wrapped, "."), { deflate: true }],
          ["x/data/0", ramp(24), { deflate: true }],
          ["x/data/1", floats(1, 2, 3)],
          ["x/odd", bytes("abc")],
          ["x/data/2", floats(0.25)],
        ],
        how,
      ),
    ]),
  ),
};

for (const [name, file] of Object.entries(files))
  test(`read by ranges from the disk a file is what it is in memory: ${name}`, async () => {
    const path = join(folder, "file.pth");
    writeFileSync(path, file);
    const expected = readCheckpoint(file, path);
    assert.equal(expected.tensors.size, 5);
    assert.deepEqual(await openCheckpoint(path), expected);
  });

const data = process.env.FOVEA_DATA ? join(process.env.FOVEA_DATA, "weights") : undefined;
const published = data && existsSync(data) ? readdirSync(data).filter((name) => /\.(pth|pt|th|tar)$/.test(name)) : [];
test("so are published checkpoints", { skip: published.length === 0 && "FOVEA_DATA has no weights" }, async () => {
  for (const name of published) {
    const path = join(data!, name);
    const { tensors, ...expected } = readCheckpoint(readFileSync(path), path);
    const seen: string[] = [];
    const found = await forEachTensor(path, (key, value) => {
      seen.push(key);
      assert.deepEqual(value.shape, tensors.get(key)!.shape);
      const bytesOf = ({ data }: typeof value) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
      assert.ok(bytesOf(value).equals(bytesOf(tensors.get(key)!)), `${name}: ${key}`);
    });
    assert.deepEqual(found, expected);
    assert.deepEqual(seen, [...tensors.keys()]);
  }
});

/** A PyTorch file of `gib` GiB that takes no room on the disk: storage 0 is all but a few bytes of it. */
async function sparse(path: string, gib: number): Promise<void> {
  const length = gib * 2 ** 28;
  const object = dict(
    ...[unicode("first.weight"), view("0", length, 0, [2, 2], [2, 1])],
    ...[unicode("last.weight"), view("0", length, length - 6, [2, 3], [1, 2])],
    ...[unicode("last.bias"), view("1", 2, 0, [2], [1])],
  );
  const entries = [
    ["x/data.pkl", bytes(0x80, 2, object, ".")],
    ["x/data/0", length * 4],
    ["x/data/1", floats(5, 6)],
  ] as const;
  const file = await open(path, "w");
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const [name, content] of entries) {
    const size = typeof content === "number" ? content : content.length;
    const head = bytes(uint(2, 45), uint(2, 0), uint(2, 0), uint(8, 0), uint(4, 2 ** 32 - 1), uint(4, 2 ** 32 - 1));
    await file.write(bytes("PK\x03\x04", head, uint(2, name.length), uint(2, 0), name), 0, null, at);
    const extra = bytes(uint(2, 1), uint(2, 24), uint(8, size), uint(8, size), uint(8, at));
    const counts = bytes(uint(2, name.length), uint(2, extra.length), uint(2, 0), uint(8, 0), uint(4, 2 ** 32 - 1));
    directory.push(bytes("PK\x01\x02", uint(2, 45), head, counts, name, extra));
    at += 30 + name.length;
    if (typeof content !== "number") await file.write(content, 0, null, at);
    else await file.write(floats(1, 2, 3, 4, 5, 6), 0, null, at + size - 24);
    at += size;
  }
  const records = bytes(...directory);
  const [count, size, start] = [uint(8, 3), uint(8, records.length), uint(8, at)];
  const long = bytes("PK\x06\x06", uint(8, 44), uint(4, 0), uint(8, 0), count, count, size, start);
  const locator = bytes("PK\x06\x07", uint(4, 0), uint(8, at + records.length), uint(4, 1));
  const end = bytes(
    "PK\x05\x06",
    uint(4, 0),
    uint(4, 2 ** 32 - 1),
    uint(4, 2 ** 32 - 1),
    uint(4, 2 ** 32 - 1),
    uint(2, 0),
  );
  await file.write(bytes(records, long, locator, end), 0, null, at);
  await file.close();
}

test("of a PyTorch file over 4 GiB no more is read than its weights take", async () => {
  const path = join(folder, "large.pth");
  await sparse(path, 5);
  const { tensors } = await openCheckpoint(path);
  assert.deepEqual([...tensors.get("first.weight")!.data], [0, 0, 0, 0]);
  assert.deepEqual([...tensors.get("last.weight")!.data], [1, 3, 5, 2, 4, 6]);
  assert.deepEqual([...tensors.get("last.bias")!.data], [5, 6]);
  const { code, stdout, stderr } = await fovea(["inspect", path, "--json"]);
  assert.equal(code, 0, stderr);
  assert.equal((JSON.parse(stdout) as { elements: number }).elements, 12);
});

test("what is read is counted: little of a file of which little is asked for", async () => {
  const file = archiveFile(wrapped, { ...storages, "data/9": new Uint8Array(2 ** 24) });
  let [total, most] = [0, 0];
  const source = bytesSource(file);
  const counted = {
    size: source.size,
    read: (offset: number, length: number) => {
      total += length;
      most = Math.max(most, length);
      return source.read(offset, length);
    },
  };
  const { read } = await openTorchCheckpoint(counted, "file", {});
  const before = total;
  assert.deepEqual([...(await read("conv.bias")).data], [1, 2, 3]);
  assert.equal(total - before, 30 + 12);
  assert.ok(total < 70_000, `${total} bytes`);
  assert.ok(most < 66_000, `${most} bytes at once`);
});

test("many tensors of the same elements take no more memory than files may", async () => {
  const path = join(folder, "bomb.pth");
  const items = Array.from({ length: 2000 }, (_, i) => [
    unicode(`w${i}.weight`),
    view("0", 65_536, 0, [256, 256], [256, 1]),
  ]);
  writeFileSync(path, archiveFile(dict(...items.flat()), { "data/0": new Uint8Array(2 ** 18) }));
  await assert.rejects(openCheckpoint(path), /bomb\.pth: .*the limit for this file is \d+ in all/);
});

test("an archive that ends within an entry, or says so of its directory, is refused in one line", async () => {
  const file = files.wrapped!;
  const path = join(folder, "cut.pth");
  for (let cut = 1; cut < file.length; cut += 37) {
    writeFileSync(path, file.subarray(0, file.length - cut));
    await assert.rejects(openCheckpoint(path), (error: Error) => {
      assert.match(error.constructor.name, /^(FormatError|OptionError)$/, `${cut}: ${error.stack}`);
      return !error.message.includes("\n");
    });
  }
});

test("a pickle that claims to be large is not read", async () => {
  const path = join(folder, "pickle.pth");
  const file = zipFile([["x/data.pkl", bytes(0x80, 2, weights, "."), { deflate: true, size: 2 ** 30 + 1 }]]);
  writeFileSync(path, file);
  const message = /its data\.pkl takes 1073741825 bytes; at most 1073741824 are read/;
  await assert.rejects(openCheckpoint(path), message);
  assert.throws(() => readCheckpoint(file), message);
});
