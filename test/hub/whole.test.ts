import assert from "node:assert/strict";
import { readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { zipSync } from "fflate";
import { float32 } from "../../src/core/tensor.js";
import { writeSafetensors } from "../../src/formats/safetensors.js";
import { type DownloadOptions, resolveWeights } from "../../src/hub/index.js";
import { withEnv } from "../support/env.js";
import { sharedFovea as fovea, temporaryFolder } from "../support/fovea.js";
import { content, cut, cutWhenReceived, type Handler, sendFile, serve, sha256 } from "./server.js";

const weights = Buffer.from(writeSafetensors([["w", float32([5000], new Float32Array(5000).fill(1))]]));
const archive = Buffer.from(zipSync({ "a/data.pkl": new Uint8Array(500), "a/data/0": content(5000) }, { level: 0 }));

async function setup(handler: Handler, name = "w.safetensors") {
  const server = await serve(handler);
  const cache = temporaryFolder();
  const address = `${server.origin}/${name}`;
  const get = (options: DownloadOptions = {}) =>
    resolveWeights(address, { cache, retryDelay: 1, retries: 1, onProgress: cutWhenReceived, ...options });
  return { ...server, address, cache, get };
}

/** A response whose headers are those of another length, and whose connection ends after all bytes. */
const raw =
  (head: string, body: Buffer): Handler =>
  (_, response) =>
    response.socket!.end(Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n`), body]));

/** Ways to send less or more than the file without a contradiction that HTTP would show. */
const ways = (file: Buffer): Record<string, Handler> => ({
  "a length that is too short": raw(`content-length: ${file.length - 1000}`, file),
  "a length that is too short, and a connection that is closed": raw(
    `content-length: ${file.length - 1}\r\nconnection: close`,
    file,
  ),
  "a length of the beginning only": raw("content-length: 600", file.subarray(0, 600)),
  "chunks that end too early": (_, response) =>
    response.writeHead(200, { "transfer-encoding": "chunked" }).end(file.subarray(0, -1)),
  "a part whose whole length the server does not know": (_, response, count) => {
    if (count === 0) cut(response.writeHead(200, { etag: '"1"' }), file.subarray(0, 700));
    else
      response
        .writeHead(count === 1 ? 206 : 200, {
          etag: '"1"',
          ...(count === 1 ? { "content-range": "bytes 700-899/*" } : {}),
        })
        .end(count === 1 ? file.subarray(700, 900) : file.subarray(0, 900));
  },
});

for (const [format, file] of Object.entries({ safetensors: weights, "PyTorch's archive": archive }))
  for (const [way, handler] of Object.entries(ways(file)))
    test(`${format}, cut by ${way}: never in the cache`, async () => {
      const { get, cache, address } = await setup(handler);
      await assert.rejects(get(), (error: Error) => {
        assert.equal(error.name, "DownloadError");
        assert.ok(error.message.startsWith(address));
        assert.match(
          error.message,
          /: the downloaded file is damaged or has no weights \(.+\); it was removed\. Try again\. If that/,
        );
        assert.doesNotMatch(error.message, /\n/);
        return true;
      });
      assert.deepEqual(readdirSync(cache), []);
    });

test("more than the file, within the announced length, is not taken", async () => {
  const { get, cache } = await setup((request, response) =>
    sendFile(request, response, Buffer.concat([weights, Buffer.alloc(8)])),
  );
  await assert.rejects(get(), /the tensors take 20000 bytes, the file holds 20008/);
  assert.deepEqual(readdirSync(cache), []);
});

test("a part of a range whose end is not the file's is completed, or fetched anew", async () => {
  const { get, seen } = await setup((request, response, count) => {
    const [from = 0] = /\d+/.exec(request.headers.range ?? "") ?? [];
    const start = Number(from);
    if (count > 0 && start > 0)
      response
        .writeHead(206, { etag: '"v1"', "content-range": `bytes ${start}-${start + 4999}/${weights.length}` })
        .end(weights.subarray(start, start + 5000));
    else sendFile(request, response, weights, { cutAfter: 5000 });
  });
  assert.deepEqual(readFileSync(await get()), weights);
  assert.ok(seen.length > 3);
});

test("what is no weights at all is not kept, and is named", async () => {
  const answers: [string | Buffer, RegExp][] = [
    ['{"error":"not today"}', /no weights \(neither safetensors nor a PyTorch checkpoint, but text: "\{/],
    ["version https://git-lfs.github.com/spec/v1\noid sha256:00", /but a Git LFS pointer; fetch the file itself/],
    ["<html>sign in</html>", /but HTML or XML, as a failed download leaves/],
    [Buffer.from([0x1f, 0x8b, 8, 0]), /but a gzip file/],
    ["", /but an empty file/],
  ];
  for (const [body, message] of answers) {
    const { get, cache } = await setup((_, response) => response.end(body));
    await assert.rejects(get(), message);
    assert.deepEqual(readdirSync(cache), []);
  }
});

test("a cached file that was cut since is downloaded again; offline, it is said", async () => {
  for (const file of [weights, archive]) {
    const { get, seen, address } = await setup((request, response) => sendFile(request, response, file));
    const path = await get();
    assert.equal(await get(), path);
    assert.equal(seen.length, 1);
    truncateSync(path, file.length - 30);
    await assert.rejects(get({ offline: true }), (error: Error) =>
      error.message.startsWith(`offline: ${address} is not whole in the cache `),
    );
    assert.deepEqual(readFileSync(await get()), file);
    assert.equal(seen.length, 2);
  }
});

test("a digest that fits does not make weights of something else", async () => {
  const page = Buffer.from("<html>");
  const { get, cache } = await setup((request, response) => sendFile(request, response, page));
  await assert.rejects(get({ sha256: sha256(page) }), /the downloaded file is damaged or has no weights/);
  assert.deepEqual(readdirSync(cache), []);
});

test("where the format shows no cut, the error says how to download the file again", async () => {
  const legacy = readFileSync(new URL("../../../test/fixtures/torch/legacy-protocol2.pt", import.meta.url));
  const { address } = await setup(raw(`content-length: ${legacy.length - 10}`, legacy), "w.pt");
  const cache = temporaryFolder();
  await withEnv({ FOVEA_CACHE: cache }, async () => {
    for (const command of [
      ["inspect", address],
      ["predict", "resnet20", "x.png", "--weights", address],
    ]) {
      const { code, stderr } = await fovea(command);
      assert.equal(code, 1, stderr);
      assert.ok(
        stderr.trimEnd().endsWith(`. If the download is damaged, remove it from ${cache} and try again`),
        stderr,
      );
    }
    for (const name of readdirSync(cache)) writeFileSync(`${cache}/${name}`, legacy);
    const { code, stderr } = await fovea(["inspect", address]);
    assert.equal(code, 0, stderr);
  });
});
