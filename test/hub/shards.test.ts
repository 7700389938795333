import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import { test } from "node:test";
import { float32 } from "../../src/core/tensor.js";
import { writeSafetensors } from "../../src/formats/safetensors.js";
import { type DownloadOptions, resolveWeights } from "../../src/hub/index.js";
import { openCheckpoint } from "../../src/train/load-weights.js";
import { archiveFile, bytes, rebuild, storageId, unicode } from "../formats/torch-files.js";
import { withEnv } from "../support/env.js";
import { sharedFovea as fovea, temporaryFolder } from "../support/fovea.js";
import { content, type FileOptions, interruptAt, sendFile, serve, sha256 } from "./server.js";

type Files = Record<string, Uint8Array>;

const weights = (key: string, value: number, length = 2000) =>
  writeSafetensors([[key, float32([length], new Float32Array(length).fill(value))]]);
const index = (map: Readonly<Record<string, unknown>>) =>
  Buffer.from(JSON.stringify({ metadata: { total_size: 16_000 }, weight_map: map }));
const shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"] as const;

/** A repository in two files, with this value in all weights. */
const divided = (value = 1): Files => ({
  "model.safetensors.index.json": index({ a: shards[0], b: shards[1] }),
  [shards[0]]: weights("a", value),
  [shards[1]]: weights("b", value),
});

/**
 * A hub with one repository, `o/n`, and a cache of its own. `files` has what a revision holds, `how` how it is sent; `asked` are the
 * revisions and files that were asked for.
 */
async function hub(files: Files | ((revision: string) => Files), how: (file: string) => FileOptions = () => ({})) {
  const server = await serve((request, response) => {
    const [, revision = "", file = ""] =
      /^\/o\/n\/resolve\/([^/]+)\/([^?]+)/.exec(request.url ?? "")?.map(decodeURIComponent) ?? [];
    const body = (typeof files === "function" ? files(revision) : files)[file];
    if (body) sendFile(request, response, Buffer.from(body), how(file));
    else response.writeHead(404, { "x-error-code": "EntryNotFound" }).end();
  });
  const cache = temporaryFolder();
  const get = (options: DownloadOptions = {}, text = "hf:o/n") =>
    resolveWeights(text, { cache, endpoint: server.origin, retryDelay: 1, ...options });
  const asked = () => server.seen.splice(0).map(({ path }) => path.slice("/o/n/resolve/".length));
  return { ...server, cache, get, asked };
}

/** The first number of each tensor. */
async function valuesIn(path: string): Promise<Record<string, number>> {
  const { tensors } = await openCheckpoint(path);
  return Object.fromEntries([...tensors].map(([key, { data }]) => [key, Number(data[0])]));
}

test("hf: finds an index and fetches the files it names, once", async () => {
  const { get, asked, cache, seen } = await hub(divided());
  const path = await get();
  assert.deepEqual(await valuesIn(path), { a: 1, b: 1 });
  assert.deepEqual((await openCheckpoint(path)).metadata, { total_size: "16000" });
  const index = "main/model.safetensors.index.json";
  assert.deepEqual(asked(), ["main/model.safetensors", index, ...shards.map((file) => `main/${file}`)]);
  const [names, { mtimeMs }] = [readdirSync(cache), statSync(path)];
  assert.ok(!names.some((name) => /\.(?:part|lock|tmp)/.test(name)), names.join());
  for (const text of ["hf:o/n", "hf:o/n/model.safetensors.index.json"])
    for (const offline of [false, true]) assert.equal(await get({ offline }, text), path);
  assert.deepEqual(seen, []);
  // Nothing is written anew: the cache may be read-only.
  assert.deepEqual(readdirSync(cache), names);
  assert.equal(statSync(path).mtimeMs, mtimeMs);
});

test("an index by its name, in a folder of its repository, and at an address", async () => {
  const files = Object.fromEntries(Object.entries(divided(3)).map(([name, body]) => [`sub dir/${name}`, body]));
  const { get, asked, origin } = await hub(files);
  assert.deepEqual(await valuesIn(await get({}, "hf:o/n@v2/sub dir/model.safetensors.index.json")), { a: 3, b: 3 });
  const folder = "v2/sub%20dir";
  assert.deepEqual(
    asked(),
    ["model.safetensors.index.json", ...shards].map((file) => `${folder}/${file}`),
  );
  const address = `${origin}/o/n/resolve/v3/sub%20dir/model.safetensors.index.json?download=true`;
  assert.deepEqual(await valuesIn(await get({}, address)), { a: 3, b: 3 });
});

test("PyTorch files, where there is no safetensors; and one file before several", async () => {
  const part = (key: string, values: number[]) =>
    archiveFile(bytes("}(", unicode(key), rebuild(storageId("0", 4), 0, [4], [1]), "u"), {
      "data/0": new Uint8Array(Float32Array.from(values).buffer),
    });
  const torch = {
    "pytorch_model.bin.index.json": index({ a: "pytorch_model-00001.bin", b: "pytorch_model-00002.bin" }),
    "pytorch_model-00001.bin": part("a", [1, 2, 3, 4]),
    "pytorch_model-00002.bin": part("b", [5, 6, 7, 8]),
  };
  assert.deepEqual(await valuesIn(await (await hub(torch)).get()), { a: 1, b: 5 });
  assert.deepEqual(await valuesIn(await (await hub({ ...torch, ...divided() })).get()), { a: 1, b: 1 });
  const whole = await hub({ ...torch, ...divided(), "model.safetensors": weights("w", 9) });
  assert.deepEqual(await valuesIn(await whole.get()), { w: 9 });
});

test("several files are refused before any of them is fetched, if one is wanted; also from the cache", async () => {
  const refusal =
    /^DownloadError: http:.*\/o\/n\/resolve\/main\/model\.safetensors\.index\.json: the weights are in several files\. Use weights in one file$/;
  const { get, asked } = await hub(divided());
  const texts = ["hf:o/n", "hf:o/n/model.safetensors.index.json"];
  for (const text of texts) await assert.rejects(get({ shards: false }, text), refusal);
  assert.ok(!asked().some((path) => path.includes("-of-")));
  await get();
  for (const offline of [false, true]) {
    for (const text of texts) await assert.rejects(get({ shards: false, offline }, text), refusal);
    assert.deepEqual(await valuesIn(await get({ offline })), { a: 1, b: 1 });
  }
  const whole = await hub({ "model.safetensors": weights("w", 9) });
  assert.deepEqual(await valuesIn(await whole.get({ shards: false })), { w: 9 });
});

test("an interrupted download goes on where it ended", async () => {
  let hangs = true;
  const { get, asked, seen } = await hub(divided(), (file) => (file === shards[1] && hangs ? { hangAfter: 3000 } : {}));
  await interruptAt(3000, get);
  hangs = false;
  asked();
  assert.deepEqual(await valuesIn(await get()), { a: 1, b: 1 });
  assert.equal(seen[0]!.headers.range, "bytes=3000-");
  assert.deepEqual(asked(), [`main/${shards[1]}`]);
});

test("all files are of one commit, though the branch moves", async () => {
  const [before, after] = ["a".repeat(40), "b".repeat(40)];
  let head = before;
  let hangs = true;
  const { get, asked } = await hub(
    (revision) => divided((revision === "main" ? head : revision) === before ? 1 : 2),
    (file) => ({
      headers: { "x-repo-commit": head },
      ...(file === shards[1] && hangs ? { hangAfter: 3000 } : {}),
    }),
  );
  await interruptAt(3000, get);
  [head, hangs] = [after, false];
  const path = await get();
  assert.deepEqual(await valuesIn(path), { a: 1, b: 1 });
  assert.deepEqual(asked(), [
    ...["main/model.safetensors", "main/model.safetensors.index.json"],
    ...[`${before}/${shards[0]}`, `${before}/${shards[1]}`, `${before}/${shards[1]}`],
  ]);
  assert.equal(await get({ offline: true }), path);
});

test("a file that is not what the hub says is refused, and fetched again the next time", async () => {
  let digest = "1".repeat(64);
  const { get, asked } = await hub(divided(), (file) =>
    file === shards[1] ? { headers: { "x-linked-etag": `"${digest}"` } } : {},
  );
  await assert.rejects(get(), /00002-of-00002\.safetensors: checksum mismatch: .* expected 1111/);
  digest = sha256(weights("b", 1));
  asked();
  await get();
  assert.deepEqual(asked(), [`main/${shards[1]}`]);
});

test("a digest is that of the index", async () => {
  const files = divided();
  const { get, asked } = await hub(files);
  const digest = sha256(files["model.safetensors.index.json"]!);
  const text = (sha256: string) => `hf:o/n/model.safetensors.index.json#sha256=${sha256}`;
  await assert.rejects(get({}, text("0".repeat(64))), /index\.json: checksum mismatch/);
  assert.deepEqual(asked(), ["main/model.safetensors.index.json"]);
  assert.deepEqual(await valuesIn(await get({}, text(digest))), { a: 1, b: 1 });
});

test("an index that reaches out of its folder, or for too much, makes no further request", async () => {
  const many = Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`w${i}`, `f${i}`]));
  const indices: [Uint8Array, RegExp][] = [
    ...["../../../o/other/resolve/main/x", "/etc/passwd", "sub/x", "..", "https://example.invalid/x", "a\ud800"].map(
      (name): [Uint8Array, RegExp] => [index({ w: name }), /"w" must be in a file of the same folder, not /],
    ),
    [index(many), /names more than 1000 files/],
    [Buffer.from("<!doctype html>"), /expected a string, number, list or object/],
  ];
  for (const [body, message] of indices) {
    const { get, seen, cache } = await hub({ "model.safetensors.index.json": body });
    await assert.rejects(get(), (error: Error) => {
      assert.match(error.message, /^http:\/\/127\.0\.0\.1:\d+\/o\/n\/resolve\/main\/model\.safetensors\.index\.json: /);
      assert.match(error.message, message);
      return error.name === "FormatError" && !error.message.includes("\n");
    });
    assert.equal(seen.length, 2);
    assert.deepEqual(readdirSync(cache), [], "it is asked for again the next time");
  }
});

test("names that mean something in addresses are names of files", async () => {
  const odd = ["a?b#c", "%2e%2e", "a b%20c", "é"];
  const files = Object.fromEntries(odd.map((name, i) => [name, weights(`w${i}`, i)]));
  const map = index(Object.fromEntries(odd.map((name, i) => [`w${i}`, name])));
  const { get } = await hub({ ...files, "model.safetensors.index.json": map });
  assert.deepEqual(await valuesIn(await get()), { w0: 0, w1: 1, w2: 2, w3: 3 });
});

test("a file that is missing is named, online and offline", async () => {
  const { [shards[1]]: _, ...files } = divided();
  const { get, cache } = await hub(files);
  await assert.rejects(get(), (error: Error) => {
    assert.match(
      error.message,
      /^http:.*\/model-00002-of-00002\.safetensors: not found: .* EntryNotFound, though the checkpoint's index names it\. Remove .*\.index\.json if the index may be out of date, or use another revision$/,
    );
    assert.ok(error.message.includes(cache));
    return error.name === "DownloadError";
  });
  await assert.rejects(
    get({ offline: true }),
    /^FoveaError: offline: http:.*\/model-00002-of-00002\.safetensors is not/,
  );
});

test("the limit is for all files together", async () => {
  const { get } = await hub(divided());
  const one = weights("a", 1).length;
  await assert.rejects(
    get({ maxBytes: 2 * one - 1 }),
    new RegExp(`00002\\.safetensors: too large: it has ${one} bytes, the limit is ${one - 1}\\. .* maxBytes`),
  );
  assert.deepEqual(await valuesIn(await get({ maxBytes: 2 * one })), { a: 1, b: 1 });
});

test("an index is no larger than one that is read", async () => {
  const { get, seen } = await hub({ "model.safetensors.index.json": Buffer.alloc(2 ** 25 + 1, " ") });
  await assert.rejects(get(), /too large: it has 33554433 bytes, the limit is 33554432\. Check the address/);
  assert.equal(seen.length, 2);
});

test("files that are not weights are refused by name", async () => {
  const { get } = await hub({ ...divided(), [shards[1]]: Buffer.from("<html>") });
  await assert.rejects(
    get(),
    /^DownloadError: .*model-00002-of-00002\.safetensors: the downloaded file is damaged or has no weights/,
  );
  const pickle = await hub({ ...divided(), [shards[1]]: content(500) });
  await assert.rejects(openCheckpoint(await pickle.get()), /^FormatError: .*model-00002-of-00002\.safetensors: /);
});

test("the command line takes hf: of several files", async () => {
  const { origin, cache } = await hub(divided());
  await withEnv({ HF_ENDPOINT: origin, FOVEA_CACHE: cache }, async () => {
    const { code, stdout, stderr } = await fovea(["inspect", "hf:o/n", "--json"]);
    assert.equal(code, 0, stderr);
    assert.deepEqual(
      JSON.parse(stdout).tensors.map(({ key, shape }: { key: string; shape: number[] }) => [key, shape]),
      [
        ["a", [2000]],
        ["b", [2000]],
      ],
    );
  });
});
