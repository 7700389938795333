import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { pageFolder } from "../../src/cli/studio-server.js";
import { serve } from "./support.js";

const served = await serve();
after(() => served.close());
const { host, port, searchParams, origin } = new URL(served.url);
const token = searchParams.get("token")!;

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** As fetch, which does not let one choose these headers. */
const ask = (path: string, headers: Readonly<Record<string, string>> = {}, method = "GET"): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, path, method, headers: { host, ...headers } }, (response) => {
      let body = "";
      response.on("data", (chunk) => (body += chunk));
      response.on("end", () => resolve({ status: response.statusCode!, headers: response.headers, body }));
    });
    sent.on("error", reject);
    sent.end();
  });

const cookie = { cookie: `fovea-${port}=${token}` };

test("the address has a token, and leads to the page", async () => {
  assert.match(served.url, /^http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{32}$/);
  const first = await ask(`/?token=${token}`);
  assert.equal(first.status, 303);
  assert.equal(first.headers.location, "/");
  assert.match(String(first.headers["set-cookie"]), /HttpOnly; SameSite=Strict/);
  const page = await ask("/", cookie);
  assert.equal(page.status, 200);
  assert.match(page.body, /<title>Fovea Studio/);
});

test("no token, no data", async () => {
  for (const path of ["/", "/index.html", "/assets/none.js", "/api/runs", "/?token=wrong", `/?token=${token.slice(1)}`])
    assert.equal((await ask(path)).status, 403, path);
  assert.equal((await ask("/", { cookie: `fovea-${port}=${token.toLowerCase()}x` })).status, 403);
});

test("another name of this machine, another page's requests: 403", async () => {
  for (const headers of [
    { host: `evil.example:${port}` },
    { host: "localhost" },
    { host: `127.0.0.1.nip.io:${port}` },
    { origin: "https://evil.example" },
    { origin: `http://localhost:${Number(port) + 1}` },
    { origin: "null" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
  ] as Record<string, string>[])
    assert.equal((await ask("/", { ...cookie, ...headers })).status, 403, JSON.stringify(headers));
  assert.equal((await ask("/", { ...cookie, origin })).status, 200);
  for (const site of ["same-origin", "none"])
    assert.equal((await ask("/", { ...cookie, "sec-fetch-site": site })).status, 200, site);
  assert.equal((await ask("/", { ...cookie, host: `localhost:${port}` })).status, 200);
});

test("every response isolates the page, and lets it ask nobody else", async () => {
  for (const path of ["/", "/none", "/api/none", `/?token=${token}`])
    for (const headers of [cookie, {}] as Record<string, string>[]) {
      const { headers: got } = await ask(path, headers);
      assert.equal(got["cross-origin-opener-policy"], "same-origin", path);
      assert.equal(got["cross-origin-embedder-policy"], "require-corp", path);
      assert.match(String(got["content-security-policy"]), /default-src 'none'.*connect-src 'self'/, path);
    }
});

test("nothing beside the page is served", async () => {
  for (const path of [
    "/../package.json",
    "/..%2fpackage.json",
    "/%2e%2e/package.json",
    "/assets/../../package.json",
    "/assets/",
    "/assets/.",
    "//etc/passwd",
  ])
    assert.equal((await ask(path, cookie)).status, 404, path);
  assert.equal((await ask("/", cookie, "POST")).status, 405);
});

test("the first view takes at most 150 KB, compressed, without the engine", () => {
  const html = readFileSync(join(pageFolder, "index.html"), "utf8");
  const first = [...html.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map(([, file]) => file!);
  const worker = readdirSync(join(pageFolder, "assets")).filter((file) => /^store-.*\.js$/.test(file));
  const files = ["index.html", ...first, ...worker.map((file) => `assets/${file}`)];
  assert.ok(files.length >= 5, files.join());
  const bytes = files.reduce((sum, file) => sum + gzipSync(readFileSync(join(pageFolder, file))).length, 0);
  assert.ok(bytes < 150_000, `${bytes} bytes`);
  assert.ok(!files.some((file) => /ort|wasm|engine/.test(file)), files.join());
});
