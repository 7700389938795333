import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type DownloadOptions, type DownloadProgress, resolveWeights } from "../../src/hub/index.js";
import { temporaryFolder } from "../support/fovea.js";
import { content, cut, cutWhenReceived, type Handler, interruptAt, sendFile, serve, sha256 } from "./server.js";

const body = content(100_000);
const fast = { retryDelay: 1, timeout: 5000 };

/** A server, an address on it, and a way to fetch it into a cache of its own. */
async function setup(handler: Handler) {
  const server = await serve(handler);
  const cache = temporaryFolder();
  const get = (options: DownloadOptions = {}, path = "/w.bin") =>
    resolveWeights(`${server.origin}${path}`, { cache, ...fast, onProgress: cutWhenReceived, ...options });
  const ranges = () => server.seen.map(({ headers }) => headers.range);
  return { ...server, cache, get, ranges };
}

const bytesOf = (path: string) => readFileSync(path);

test("a file is downloaded once, and nothing else is left in the cache", async () => {
  const { get, seen, cache } = await setup((request, response) => sendFile(request, response, body));
  const progress: DownloadProgress[] = [];
  const path = await get({ onProgress: (p) => progress.push(p) });
  assert.deepEqual(bytesOf(path), body);
  assert.equal(await get(), path);
  assert.equal(await get({ sha256: sha256(body) }), path);
  assert.equal(seen.length, 1);
  assert.equal(seen[0]!.headers["accept-encoding"], "identity");
  assert.deepEqual(
    readdirSync(cache).map((name) => join(cache, name)),
    [path],
  );
  assert.match(path, /[\da-f]{24}-127\.0\.0\.1--w\.bin$/);
  assert.equal(progress.at(-1)!.received, body.length);
  assert.ok(progress.every(({ total }) => total === body.length));
});

test("addresses that differ in their query have files of their own", async () => {
  const files: Record<string, Buffer> = { "/a?v=1": content(10, 1), "/a?v=2": content(10, 2) };
  const { get, seen } = await setup((request, response) => sendFile(request, response, files[request.url!]!));
  const paths = await Promise.all(Object.keys(files).map((path) => get({}, path)));
  assert.deepEqual(paths.map(bytesOf), Object.values(files));
  assert.equal(seen.length, 2);
});

test("a cut connection is resumed where it ended", async () => {
  const { get, seen, ranges } = await setup((request, response, count) =>
    sendFile(request, response, body, count < 2 ? { cutAfter: 30_000 } : {}),
  );
  assert.deepEqual(bytesOf(await get()), body);
  assert.deepEqual(ranges(), [undefined, "bytes=30000-", "bytes=60000-"]);
  assert.deepEqual(
    seen.slice(1).map(({ headers }) => headers["if-range"]),
    ['"v1"', '"v1"'],
  );
});

test("without an ETag the date serves; without both, or with a weak tag alone, it starts over", async () => {
  const date = "Wed, 01 Jul 2026 00:00:00 GMT";
  for (const [headers, second] of [
    [{ "last-modified": date }, date],
    [{ "last-modified": date, etag: 'W/"1"' }, date],
    [{ etag: 'W/"1"' }, undefined],
    [{}, undefined],
  ] as const) {
    const { get, seen } = await setup((_, response, count) => {
      response.writeHead(200, { ...headers, "content-length": body.length });
      count === 0 ? cut(response, body.subarray(0, 1000)) : response.end(body);
    });
    assert.deepEqual(bytesOf(await get()), body);
    assert.equal(seen[1]!.headers["if-range"], second);
    assert.equal(seen[1]!.headers.range, second && "bytes=1000-");
  }
});

test("a server that ignores Range sends all, and all is taken", async () => {
  const { get, ranges } = await setup((request, response, count) =>
    sendFile(request, response, body, { ranges: false, ...(count === 0 ? { cutAfter: 70_000 } : {}) }),
  );
  assert.deepEqual(bytesOf(await get()), body);
  assert.deepEqual(ranges(), [undefined, "bytes=70000-"]);
});

test("a file that changed in between starts over", async () => {
  const changed = content(80_000, 2);
  const { get, ranges } = await setup((request, response, count) =>
    count === 0
      ? sendFile(request, response, body, { cutAfter: 90_000 })
      : sendFile(request, response, changed, { etag: '"v2"' }),
  );
  assert.deepEqual(bytesOf(await get()), changed);
  assert.deepEqual(ranges(), [undefined, "bytes=90000-"]);
});

test("a server that continues another file, or elsewhere, is not believed", async () => {
  const wrong: Record<string, string>[] = [
    { etag: '"v2"', "content-range": "bytes 30000-99999/100000" },
    { etag: '"v1"', "content-range": "bytes 20000-99999/100000" },
    { etag: '"v1"', "content-range": "bytes 30000-99999/100001" },
    { etag: '"v1"' },
  ];
  for (const headers of wrong) {
    const { get, ranges } = await setup((request, response, count) => {
      if (count === 1) response.writeHead(206, headers).end(body.subarray(30_000));
      else sendFile(request, response, body, count === 0 ? { cutAfter: 30_000 } : {});
    });
    assert.deepEqual(bytesOf(await get()), body);
    assert.deepEqual(ranges(), [undefined, "bytes=30000-", undefined]);
  }
});

test("a length without end, cut at the last byte, is settled by 416", async () => {
  const { get, ranges } = await setup((_, response, count) => {
    if (count > 0) response.writeHead(416, { "content-range": `bytes */${body.length}` }).end();
    else cut(response.writeHead(200, { etag: '"v1"' }), body);
  });
  assert.deepEqual(bytesOf(await get()), body);
  assert.deepEqual(ranges(), [undefined, "bytes=100000-"]);
});

test("an answer whose end cannot be told from a cut is taken with its digest only", async () => {
  let sent = body;
  const server = await serve((request) => {
    request.socket.end(Buffer.concat([Buffer.from("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"), sent]));
  });
  const cache = temporaryFolder();
  const text = `${server.origin}/w.bin`;
  await assert.rejects(resolveWeights(text, { cache, ...fast }), /does not say how long the file is.*#sha256=/);
  assert.deepEqual(readdirSync(cache), []);
  sent = body.subarray(0, 1000);
  await assert.rejects(resolveWeights(text, { cache, ...fast, sha256: sha256(body) }), /checksum mismatch/);
  assert.deepEqual(readdirSync(cache), []);
  sent = body;
  assert.deepEqual(readFileSync(await resolveWeights(text, { cache, ...fast, sha256: sha256(body) })), body);
});

test("an answer in chunks that is cut is not taken for whole", async () => {
  const server = await serve((_, response) => {
    response.writeHead(200);
    response.write(body.subarray(0, 1000), () => setTimeout(() => response.destroy(), 20));
  });
  const cache = temporaryFolder();
  await assert.rejects(resolveWeights(`${server.origin}/w.bin`, { cache, ...fast }), /cut|tried/);
  assert.ok(!readdirSync(cache).some((name) => /\.(bin|lock|tmp)$/.test(name)), readdirSync(cache).join());
});

test("a promised length that never comes is an error after a bounded number of tries", async () => {
  const { get, seen, cache } = await setup((_, response) =>
    cut(response.writeHead(200, { etag: '"v1"', "content-length": 200_000 }), body),
  );
  await assert.rejects(get({ retries: 2 }), (error: Error) => {
    assert.match(error.message, /w\.bin: no connection, or it was cut .*, tried 4 times\. Check the network/);
    return !error.message.includes("\n");
  });
  // The first brought bytes, so that it does not count as a try in vain.
  assert.equal(seen.length, 4);
  assert.ok(!readdirSync(cache).some((name) => name.endsWith(".bin") || name.endsWith(".lock")));
});

test("a length shorter than the file gives no more than promised, and is found out where the size is known", async () => {
  const short =
    (linked: Record<string, string>): Handler =>
    (_, response) => {
      const headers = { "content-length": "1000", connection: "close", ...linked };
      const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      response.socket!.end(Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\n${head.join("")}\r\n`), body]));
    };
  const lying = await setup(short({ "x-linked-size": String(body.length) }));
  await assert.rejects(lying.get(), /length mismatch: the server sends 1000 bytes of a file of 100000/);
  assert.equal(lying.seen.length, 1);
  assert.deepEqual(readdirSync(lying.cache), []);
  const digest = await setup(short({}));
  await assert.rejects(
    digest.get({ sha256: sha256(body), retries: 0 }),
    /checksum mismatch|no connection, or it was cut/,
  );
});

test("more bytes than Hugging Face announced, or fewer, are not taken", async () => {
  const long = await setup((_, response) =>
    response.writeHead(200, { "x-linked-size": "50000", "transfer-encoding": "chunked" }).end(body),
  );
  await assert.rejects(long.get(), /length mismatch: more came than the 50000 bytes announced/);
  assert.deepEqual(readdirSync(long.cache), []);
  const few = await setup((_, response) => {
    response.writeHead(200, { "x-linked-size": "200000", "transfer-encoding": "chunked" }).end(body);
  });
  await assert.rejects(few.get({ retries: 1 }), /length mismatch: 100000 of 200000 bytes received, tried \d times/);
});

test("a wrong checksum removes the file", async () => {
  const { get, cache } = await setup((request, response) => sendFile(request, response, body));
  const wrong = "0".repeat(64);
  await assert.rejects(get({ sha256: wrong }), (error: Error) => {
    assert.match(error.message, new RegExp(`checksum mismatch: .* ${sha256(body)}, expected ${wrong}; it was removed`));
    return true;
  });
  assert.deepEqual(readdirSync(cache), []);
  assert.deepEqual(bytesOf(await get({}, `/w.bin#sha256=${sha256(body)}`)), body);
  await assert.rejects(get({}, `/w.bin#sha256=${wrong}`), /checksum mismatch/);
  await assert.rejects(get({ sha256: "12" }), /sha256 must be 64 hexadecimal digits/);
});

test("a damaged part is found out by the digest of Hugging Face, and the next download is whole", async () => {
  const headers = { "x-linked-etag": `"${sha256(body)}"`, "x-linked-size": String(body.length) };
  const { get, cache, ranges } = await setup((request, response, count) =>
    sendFile(request, response, body, { headers, ...(count === 0 ? { hangAfter: 30_000 } : {}) }),
  );
  await interruptAt(30_000, get);
  const part = readdirSync(cache).find((name) => name.endsWith(".part"))!;
  writeFileSync(join(cache, part), content(30_000, 7));
  await assert.rejects(get(), /checksum mismatch/);
  assert.deepEqual(readdirSync(cache), []);
  assert.deepEqual(bytesOf(await get()), body);
  assert.deepEqual(ranges(), [undefined, "bytes=30000-", undefined]);
});

test("a part with torn notes, or none, starts over", async () => {
  for (const notes of ['{"validator": "', "", "null", "7"]) {
    const { get, cache, ranges } = await setup((request, response, count) =>
      sendFile(request, response, body, count === 0 ? { hangAfter: 30_000 } : {}),
    );
    await interruptAt(30_000, get);
    writeFileSync(join(cache, readdirSync(cache).find((name) => name.endsWith(".json"))!), notes);
    assert.deepEqual(bytesOf(await get()), body);
    assert.deepEqual(ranges(), [undefined, undefined]);
  }
});

test("a digest that contradicts Hugging Face's is refused before anything is downloaded", async () => {
  const { get, cache } = await setup((request, response) =>
    sendFile(request, response, body, { headers: { "x-linked-etag": `"${sha256(body)}"` } }),
  );
  await assert.rejects(get({ sha256: "0".repeat(64) }), /the server's file has sha256 .*, expected 0000/);
  assert.deepEqual(readdirSync(cache), []);
});

test("a limit on the size holds, whether the server tells or not", async () => {
  const telling = await setup((request, response) => sendFile(request, response, body));
  await assert.rejects(telling.get({ maxBytes: 99_999 }), /too large: it has 100000 bytes, the limit is 99999/);
  assert.deepEqual(bytesOf(await telling.get({ maxBytes: 100_000 })), body);
  let sent = 0;
  const endless = await setup((_, response) => {
    const more = () => {
      if (response.destroyed || (sent += body.length) > 100 * body.length) response.end();
      else response.write(body, more);
    };
    more();
  });
  await assert.rejects(endless.get({ maxBytes: 150_000 }), /too large: more came, the limit is 150000/);
  assert.deepEqual(readdirSync(endless.cache), []);
  const huge = await setup((_, response) =>
    cut(response.writeHead(200, { "content-length": "900000000000000" }), body),
  );
  await assert.rejects(huge.get({ maxBytes: 1e15 }), /no space left: 900000000000000 bytes are needed/);
});

test("a connection that brings nothing for a while is given up, and resumed", async () => {
  const { get, ranges } = await setup((request, response, count) => {
    if (count > 0) sendFile(request, response, body);
    else response.writeHead(200, { etag: '"v1"', "content-length": body.length }).write(body.subarray(0, 5000));
  });
  assert.deepEqual(bytesOf(await get({ timeout: 150 })), body);
  assert.deepEqual(ranges(), [undefined, "bytes=5000-"]);
  const silent = await setup(() => {});
  await assert.rejects(silent.get({ timeout: 100, retries: 1 }), /nothing received for 0\.1 s, tried 2 times/);
});

test("a slow connection that lives is not given up", async () => {
  const { get, seen } = await setup((_, response) => {
    response.writeHead(200, { "content-length": 8000 });
    const send = (i: number) => {
      response.write(body.subarray(i * 1000, (i + 1) * 1000));
      if (i < 7) setTimeout(() => send(i + 1), 200);
    };
    send(0);
  });
  assert.deepEqual(bytesOf(await get({ timeout: 1000 })), body.subarray(0, 8000));
  assert.equal(seen.length, 1);
});

test("compressed answers and web pages are refused", async () => {
  const zipped = await setup((_, response) => response.writeHead(200, { "content-encoding": "gzip" }).end(body));
  await assert.rejects(zipped.get(), /compresses what it sends \(gzip\)/);
  const page = await setup((_, response) =>
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end("<p>"),
  );
  await assert.rejects(page.get(), /this is a web page\. Use the file's own address/);
  assert.deepEqual(readdirSync(page.cache), []);
});
