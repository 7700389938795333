import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../src/core/errors.js";
import { Lock } from "../../src/files/lock.js";
import { fileSystemError } from "../../src/hub/errors.js";
import { cacheFolder, type DownloadProgress, fetchToCache, resolveWeights } from "../../src/hub/index.js";
import { withEnv } from "../support/env.js";
import { temporaryFolder } from "../support/fovea.js";
import { content, interruptAt, sendFile, serve, sha256 } from "./server.js";

const body = content(50_000);

test("the cache is where the variables say", async () => {
  await withEnv({ FOVEA_CACHE: "/a/b" }, () => assert.equal(cacheFolder(), "/a/b"));
  await withEnv({ FOVEA_CACHE: undefined, XDG_CACHE_HOME: "/x" }, () => assert.equal(cacheFolder(), "/x/fovea"));
  await withEnv({ FOVEA_CACHE: "", XDG_CACHE_HOME: "relative", HOME: "/home/ada" }, () =>
    assert.equal(cacheFolder(), "/home/ada/.cache/fovea"),
  );
});

test("offline, the cache is enough or the error says what is missing", async () => {
  const server = await serve((request, response) => sendFile(request, response, body));
  const cache = temporaryFolder();
  const text = `${server.origin}/w.bin`;
  await withEnv({ FOVEA_CACHE: cache, FOVEA_OFFLINE: "1" }, async () => {
    await assert.rejects(resolveWeights(text), (error: Error) => {
      assert.equal(
        error.message,
        `offline: ${text} is not in the cache ${cache}. Run once without FOVEA_OFFLINE, or pass a local file`,
      );
      return true;
    });
    await assert.rejects(
      resolveWeights("hf:a/b"),
      /model\.safetensors or https:.*pytorch_model\.bin\.index\.json is not in the cache/,
    );
    assert.equal(server.seen.length, 0);
    const path = await resolveWeights(text, { offline: false });
    assert.equal(await resolveWeights(text), path);
    await assert.rejects(resolveWeights(text, { sha256: "0".repeat(64) }), /not in the cache .* with this sha256/);
    assert.ok(existsSync(path), "a cached file is not removed for another digest");
  });
  await withEnv({ FOVEA_OFFLINE: "0", FOVEA_CACHE: cache }, () => resolveWeights(text));
  assert.equal(server.seen.length, 1);
});

test("a path stays a path; with a digest it is checked", async () => {
  const path = join(temporaryFolder(), "w.bin");
  writeFileSync(path, body);
  assert.equal(await resolveWeights("no such file"), "no such file");
  assert.equal(await resolveWeights(`${path}#sha256=${sha256(body)}`), path);
  await assert.rejects(resolveWeights(path, { sha256: "0".repeat(64) }), /w\.bin: checksum mismatch/);
  await assert.rejects(resolveWeights(`x#sha256=${sha256(body)}`), /x: cannot be read/);
});

test("wrong options are refused", async () => {
  const source = { kind: "url", url: "https://example.invalid/" } as const;
  const typo: object = { ofline: true };
  await assert.rejects(fetchToCache(source, typo), /fetchToCache: unknown option "ofline". Did you mean "offline"\?/);
  await assert.rejects(fetchToCache(source, { maxBytes: -1 }), /maxBytes must be a number, not negative, got -1/);
  await assert.rejects(resolveWeights("hf:a/b", { endpoint: "http://example.invalid" }), /http:\/\/ is not safe/);
});

test("a cache that cannot be written says so", async () => {
  const server = await serve((request, response) => sendFile(request, response, body));
  const file = join(temporaryFolder(), "file");
  writeFileSync(file, "");
  await assert.rejects(
    resolveWeights(`${server.origin}/w`, { cache: join(file, "cache") }),
    /^FoveaError: cache .*ENOTDIR.*\. Set FOVEA_CACHE to a writable folder$/,
  );
});

test("two downloads of one file at a time make one request", async () => {
  const server = await serve((request, response) => setTimeout(() => sendFile(request, response, body), 150));
  const cache = temporaryFolder();
  const progress: DownloadProgress[] = [];
  const get = () => resolveWeights(`${server.origin}/w`, { cache, onProgress: (p) => progress.push(p) });
  const paths = await Promise.all([get(), get(), get()]);
  assert.equal(new Set(paths).size, 1);
  assert.deepEqual(readFileSync(paths[0]!), body);
  assert.equal(server.seen.length, 1);
  assert.ok(progress.some(({ waiting }) => waiting));
  assert.equal(readdirSync(cache).length, 1);
});

test("an abort leaves a part that the next call goes on with", async () => {
  const server = await serve((request, response, count) =>
    sendFile(request, response, body, count === 0 ? { hangAfter: 20_000 } : {}),
  );
  const cache = temporaryFolder();
  const text = `${server.origin}/w`;
  await interruptAt(20_000, (options) => resolveWeights(text, { cache, ...options }));
  const names = readdirSync(cache).map((name) => name.slice(name.indexOf(".part")));
  assert.deepEqual(names.sort(), [".part", ".part.json"]);
  assert.deepEqual(partSizes(cache), [20_000]);
  assert.deepEqual(readFileSync(await resolveWeights(text, { cache })), body);
  assert.equal(server.seen[1]!.headers.range, "bytes=20000-");
  assert.equal(readdirSync(cache).length, 1);
  const reason = new Error("enough");
  await assert.rejects(resolveWeights(`${text}2`, { cache, signal: AbortSignal.abort(reason) }), reason);
  assert.equal(server.seen.length, 2);
});

test("an abort ends the wait before another try, and the wait for another process", async () => {
  const server = await serve((_, response) => response.writeHead(500).end());
  const cache = temporaryFolder();
  const text = `${server.origin}/w`;
  const signal = AbortSignal.timeout(100);
  await assert.rejects(resolveWeights(text, { cache, retryDelay: 20_000, signal }), { name: "TimeoutError" });
  const lock = await Lock.acquire(join(cache, "l"));
  await assert.rejects(Lock.acquire(join(cache, "l"), { signal: AbortSignal.timeout(50) }), { name: "TimeoutError" });
  lock.release();
});

test("processes share one download, and go on with that of one that was killed", async () => {
  const server = await serve((request, response, count) => {
    if (count === 0) sendFile(request, response, body, { hangAfter: 20_000 });
    else setTimeout(() => sendFile(request, response, body), 100);
  });
  const cache = temporaryFolder();
  const text = `${server.origin}/w`;
  const killed = download(text, cache);
  for (let i = 0; i < 500 && !partSizes(cache).includes(20_000); i++) await sleep(10);
  killed.child.kill("SIGKILL");
  await killed.path;
  assert.deepEqual(partSizes(cache), [20_000]);
  const paths = await Promise.all([
    download(text, cache).path,
    download(text, cache).path,
    resolveWeights(text, { cache }),
  ]);
  assert.deepEqual(new Set(paths), new Set([paths[2]]));
  assert.deepEqual(readFileSync(paths[2]), body);
  assert.deepEqual(
    server.seen.map(({ headers }) => headers.range),
    [undefined, "bytes=20000-"],
  );
  assert.equal(readdirSync(cache).length, 1);
});

/** Downloads in a process of its own; the path is what it prints. */
function download(text: string, cache: string) {
  const module = new URL("../../src/hub/index.js", import.meta.url).href;
  const code = `import { resolveWeights } from "${module}"; console.log(await resolveWeights("${text}", { cache: "${cache}" }));`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  return { child, path: new Promise<string>((resolve) => child.on("close", () => resolve(output.trim()))) };
}

const partSizes = (cache: string): number[] =>
  readdirSync(cache)
    .filter((name) => name.endsWith(".part"))
    .map((name) => statSync(join(cache, name)).size);

test("errors of the disk say what may help", () => {
  const disk = (code: string) => Object.assign(new Error(`${code}: bad, write`), { code, syscall: "write" });
  assert.match(
    messageOf(fileSystemError(disk("ENOSPC"), "/c")),
    /^cache \/c: no space left\. Free some, or set FOVEA_CACHE/,
  );
  assert.match(
    messageOf(fileSystemError(disk("EROFS"), "/c")),
    /EROFS: bad, write\. Set FOVEA_CACHE to a writable folder/,
  );
  const other = new Error("other");
  assert.equal(fileSystemError(other, "/c"), other);
});
