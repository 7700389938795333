import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, test } from "node:test";
import { printed } from "../support/chromium.js";
import { temporaryFolder } from "../support/fovea.js";
import { ifLong } from "../support/long.js";

test("the package holds the page without the engine, which comes from onnxruntime-web", { skip: ifLong }, async () => {
  const folder = temporaryFolder();
  execFileSync("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder]);
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"))!;
  const modules = join(folder, "node_modules");
  mkdirSync(join(modules, "fovea"), { recursive: true });
  execFileSync("tar", ["xzf", join(folder, tarball), "-C", join(modules, "fovea"), "--strip-components=1"]);
  const files = readdirSync(join(modules, "fovea"), { recursive: true, encoding: "utf8" });
  assert.ok(files.includes(join("dist", "page", "index.html")));
  assert.deepEqual(
    files.filter((file) => file.endsWith(".wasm")),
    [],
  );
  const { dependencies } = JSON.parse(readFileSync("package.json", "utf8"));
  for (const name of [...Object.keys(dependencies), "onnxruntime-web"])
    symlinkSync(resolve("node_modules", name), join(modules, name));
  const child = spawn(process.execPath, [join(modules, "fovea", "bin", "fovea.js"), "studio", "--port", "0"], {
    cwd: folder,
  });
  after(() => child.kill());
  const [url] = await printed(child, /http:\S+/);
  const { origin, port, searchParams } = new URL(url);
  const headers = { cookie: `fovea-${port}=${searchParams.get("token")}` };
  // The name that the page asks for.
  const built = files.filter((file) => file.startsWith(join("dist", "page", "assets")) && file.endsWith(".js"));
  const text = built.map((file) => readFileSync(join(modules, "fovea", file), "utf8")).join("");
  const sizes: number[] = [];
  for (const pattern of [/ort-wasm-simd-threaded-[\w-]+\.wasm/, /ort-wasm-simd-threaded\.asyncify-[\w-]+\.wasm/]) {
    const name = pattern.exec(text)![0];
    const response = await fetch(`${origin}/assets/${name}`, { headers });
    assert.equal(response.status, 200, name);
    assert.equal(response.headers.get("content-type"), "application/wasm");
    const bytes = new Uint8Array(await response.arrayBuffer());
    assert.deepEqual([...bytes.subarray(0, 4)], [0, 0x61, 0x73, 0x6d]);
    sizes.push(bytes.length);
  }
  // Not one in the place of the other.
  assert.ok(sizes[1]! > 1.5 * sizes[0]!, sizes.join(", "));
});
