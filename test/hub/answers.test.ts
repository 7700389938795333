import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, test } from "node:test";
import { DownloadError, type DownloadOptions, resolveWeights } from "../../src/hub/index.js";
import { setEnv, withEnv } from "../support/env.js";
import { temporaryFolder } from "../support/fovea.js";
import { content, type Handler, sendFile, serve, sha256, type TestServer } from "./server.js";

const body = content(10_000);
after(setEnv({ HF_TOKEN: undefined }));

const fetchFrom = (server: TestServer, path: string, options: DownloadOptions = {}, cache = temporaryFolder()) =>
  resolveWeights(/^hf:/.test(path) ? path : `${server.origin}${path}`, {
    cache,
    endpoint: server.origin,
    retryDelay: 1,
    ...options,
  });

const redirect =
  (location: string, status = 302): Handler =>
  (_, response) =>
    response.writeHead(status, { location }).end();

test("redirects are followed five times, not more", async () => {
  const server = await serve((request, response, count) => {
    const left = Number(request.url!.slice(1));
    if (left === 0) sendFile(request, response, body);
    else
      redirect(left % 2 ? `/${left - 1}` : `${server.origin}/${left - 1}`, [301, 302, 303, 307, 308][left % 5])(
        request,
        response,
        count,
      );
  });
  assert.deepEqual(readFileSync(await fetchFrom(server, "/5")), body);
  await assert.rejects(fetchFrom(server, "/6"), /more than 5 redirects/);
  const loop = await serve(redirect("/again"));
  await assert.rejects(
    fetchFrom(loop, "/x"),
    /more than 5 redirects, the last to http:\/\/127\.0\.0\.1:\d+\/again\. Check/,
  );
  assert.equal(loop.seen.length, 6);
});

test("redirects to what is not safe are refused without asking there", async () => {
  const wrong: Record<string, RegExp> = {
    "http://example.invalid/x?secret=1": /redirect to http:\/\/example\.invalid refused: http:\/\/ is not safe/,
    "ftp://example.invalid/": /ftp:\/\/ is not safe/,
    "file:///etc/passwd": /file:\/\/ is not safe/,
    "https://ada:secret@example.invalid/": /must not contain a user name/,
    "http://[": /a redirect without an address/,
    "": /a redirect without an address/,
  };
  for (const [location, message] of Object.entries(wrong))
    await assert.rejects(fetchFrom(await serve(redirect(location)), "/x"), (error: Error) => {
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /secret|\n/);
      return true;
    });
});

test("answers without a file say what to check, and only passing ones are tried again", async () => {
  const cases: [number, RegExp, number][] = [
    [
      404,
      /^http:\/\/127\.0\.0\.1:\d+\/a\/b\/resolve\/main\/c: not found: 127\.0\.0\.1:\d+ answered 404 EntryNotFound\. Check owner, name, revision and file$/,
      1,
    ],
    [401, /no access: .* answered 401.*if it is private or gated, set HF_TOKEN/, 1],
    [403, /no access: .* answered 403/, 1],
    [418, /answered 418 .*which is not a file/, 1],
    [204, /answered 204 .*which is not a file/, 1],
    [500, /answered 500 .*, tried 3 times\. Try again later/, 3],
    [503, /answered 503/, 3],
    [429, /answered 429/, 3],
  ];
  for (const [status, message, requests] of cases) {
    const server = await serve((_, response) => response.writeHead(status, { "x-error-code": "EntryNotFound" }).end());
    const cache = temporaryFolder();
    await assert.rejects(fetchFrom(server, "hf:a/b/c", { retries: 2 }, cache), (error: unknown) => {
      assert.ok(error instanceof DownloadError);
      assert.match(error.message, message);
      assert.equal(error.status, status);
      return true;
    });
    assert.equal(server.seen.length, requests, String(status));
    assert.deepEqual(readdirSync(cache), []);
  }
});

test("a server that recovers is asked again, after the time it wants", async () => {
  const server = await serve((request, response, count) =>
    count === 0 ? response.writeHead(503, { "retry-after": "0.2" }).end() : sendFile(request, response, body),
  );
  const started = performance.now();
  assert.deepEqual(readFileSync(await fetchFrom(server, "/x")), body);
  assert.ok(performance.now() - started > 190);
});

test("a query, which may be a signature, is not repeated", async () => {
  const server = await serve((_, response) => response.writeHead(404).end());
  await assert.rejects(fetchFrom(server, "/x?sig=secret"), (error: Error) => {
    assert.match(error.message, /\/x\?…: not found/);
    return !error.message.includes("secret");
  });
});

test("nobody listening: the error names the address and the reason", async () => {
  const server = await serve(() => {});
  const closed = { ...server, origin: "http://127.0.0.1:1" };
  await assert.rejects(
    fetchFrom(closed, "/x", { retries: 1 }),
    /127\.0\.0\.1:1\/x: no connection, or it was cut \(.+\)/,
  );
});

test("hf: takes model.safetensors, its index, or what PyTorch calls them, or says that there is none", async () => {
  const has =
    (name: string): Handler =>
    (request, response) =>
      request.url === `/timm/net/resolve/v1/${name}`
        ? sendFile(request, response, body)
        : response.writeHead(404).end();
  const first = await serve(has("model.safetensors"));
  assert.match(await fetchFrom(first, "hf:timm/net@v1"), /timm--net--v1--model\.safetensors$/);
  const second = await serve(has("pytorch_model.bin"));
  const cache = temporaryFolder();
  const path = await fetchFrom(second, "hf:timm/net@v1", {}, cache);
  assert.match(path, /timm--net--v1--pytorch_model\.bin$/);
  assert.equal(await fetchFrom(second, "hf:timm/net@v1", { offline: true }, cache), path);
  assert.deepEqual(
    second.seen.map((s) => s.path),
    ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin"].map((f) => `/timm/net/resolve/v1/${f}`),
  );
  const none = await serve(has("x"));
  await assert.rejects(
    fetchFrom(none, "hf:timm/net@v1"),
    /^DownloadError: hf:timm\/net@v1: neither model\.safetensors nor model\.safetensors\.index\.json nor pytorch_model\.bin nor pytorch_model\.bin\.index\.json .* or name the file: hf:timm\/net\/FILE$/,
  );
  assert.match(await fetchFrom(await serve(has("sub/w.pt")), "hf:timm/net@v1/sub/w.pt"), /v1--sub--w\.pt$/);
});

test("the hub's answer on the way to its storage gives size and digest", async () => {
  const storage = await serve((request, response) => sendFile(request, response, body));
  const hub = (digest: string) =>
    serve((_, response) =>
      response
        .writeHead(302, {
          location: `${storage.origin}/blob?sig=1`,
          "x-linked-size": "10000",
          "x-linked-etag": `"${digest}"`,
        })
        .end(),
    );
  assert.deepEqual(readFileSync(await fetchFrom(await hub(sha256(body)), "hf:a/b/c")), body);
  await assert.rejects(fetchFrom(await hub("1".repeat(64)), "hf:a/b/c"), /checksum mismatch: .* expected 1111/);
  // The tag of a small file is git's digest and no sha256.
  assert.deepEqual(readFileSync(await fetchFrom(await hub("1".repeat(40)), "hf:a/b/c")), body);
});

test("HF_TOKEN goes to the endpoint, never to another server", async () => {
  const storage = await serve((request, response) => sendFile(request, response, body));
  const hub = await serve((request, response, count) =>
    count === 0 ? redirect("/moved")(request, response, 0) : redirect(`${storage.origin}/blob`)(request, response, 0),
  );
  await withEnv({ HF_TOKEN: " hf_test\n" }, async () => {
    await fetchFrom(hub, "hf:a/b/c");
    await fetchFrom({ ...storage, origin: hub.origin }, "hf:a/b/d");
    await resolveWeights(`${storage.origin}/direct`, { cache: temporaryFolder(), endpoint: hub.origin });
    const refusing = await serve((_, response) => response.writeHead(401).end());
    await assert.rejects(fetchFrom(refusing, "hf:a/b/c"), /check that HF_TOKEN is valid and has access/);
  });
  assert.deepEqual(new Set(hub.seen.map(({ headers }) => headers.authorization)), new Set(["Bearer hf_test"]));
  assert.equal(storage.seen.length, 3);
  assert.ok(storage.seen.every(({ headers }) => headers.authorization === undefined && headers.cookie === undefined));
});
