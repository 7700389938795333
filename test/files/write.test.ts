import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { makeFolder, writeFileAtomic } from "../../src/files/write.js";
import { temporaryFolder } from "../support/fovea.js";

const module = new URL("../../src/files/write.js", import.meta.url).href;

/** Starts to write a file in a process of its own, and does not come to its end. */
async function writer(path: string) {
  const code = `import { writeFileAtomic } from "${module}";
    await writeFileAtomic(${JSON.stringify(path)}, (async function* () {
      yield new Uint8Array(1000); console.log("begun"); await new Promise((r) => setTimeout(r, 60_000)); })());`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  return child;
}

test("text, bytes and pieces are written", async () => {
  const path = join(temporaryFolder(), "new", "file");
  async function* later() {
    yield Uint8Array.of(1, 2);
    await sleep(1);
    yield Uint8Array.of(3);
  }
  for (const [contents, bytes] of [
    ["aä", [0x61, 0xc3, 0xa4]],
    [Uint8Array.of(7), [7]],
    [
      [Uint8Array.of(1), new Uint8Array(), Uint8Array.of(2)],
      [1, 2],
    ],
    [later(), [1, 2, 3]],
    [[], []],
  ] as const) {
    await writeFileAtomic(path, contents);
    assert.deepEqual([...readFileSync(path)], bytes);
  }
});

test("pieces that fail leave what was there", async () => {
  const folder = temporaryFolder();
  const path = join(folder, "file");
  await writeFileAtomic(path, "old");
  function* failing() {
    yield Uint8Array.of(1);
    throw new Error("no more");
  }
  await assert.rejects(writeFileAtomic(path, failing()), /cannot write .*file: no more/);
  assert.equal(String(readFileSync(path)), "old");
  assert.deepEqual(readdirSync(folder), ["file"]);
});

test("what a killed process had written is removed by the next writer, what a living one writes is not", async () => {
  const folder = temporaryFolder();
  const path = join(folder, "file");
  writeFileSync(path, "old");
  const [killed, alive] = [await writer(path), await writer(join(folder, "other"))];
  killed.kill("SIGKILL");
  await once(killed, "exit");
  assert.equal(readdirSync(folder).length, 3);
  await writeFileAtomic(path, "new");
  const [left, ...more] = readdirSync(folder).filter((name) => name !== "file");
  assert.deepEqual([more.length, readFileSync(join(folder, left!)).length], [0, 1000]);
  alive.kill("SIGKILL");
  await once(alive, "exit");
  await writeFileAtomic(path, "newer");
  assert.deepEqual(readdirSync(folder), ["file"]);
});

test("nothing is put in the place of a folder, a pipe or a device", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "folder"));
  spawnSync("mkfifo", [join(folder, "pipe")]);
  for (const [name, what] of [
    ["folder", "a folder"],
    ["pipe", "not a regular file"],
  ] as const)
    await assert.rejects(writeFileAtomic(join(folder, name), "x"), { message: `${join(folder, name)} is ${what}` });
  assert.deepEqual(readdirSync(folder), ["folder", "pipe"]);
});

test("only what this library writes is taken for unfinished", async () => {
  const folder = temporaryFolder();
  for (const name of [".abc.tmp", "0123456789ab.tmp", ".0123456789ab.tmp.txt", ".0123456789AB.tmp"])
    writeFileSync(join(folder, name), "");
  mkdirSync(join(folder, ".0123456789ac.tmp"));
  symlinkSync("/etc/hostname", join(folder, ".0123456789ad.tmp"));
  spawnSync("mkfifo", [join(folder, ".0123456789ae.tmp")]);
  const before = readdirSync(folder);
  await writeFileAtomic(join(folder, "z"), "");
  assert.deepEqual(readdirSync(folder), [...before, "z"]);
});

test("many writers at once in one folder do not remove each other's", async () => {
  const folder = temporaryFolder();
  await Promise.all(
    Array.from({ length: 60 }, async (_, i) => {
      await sleep(30 * Math.random());
      await writeFileAtomic(join(folder, `f${i % 7}`), `${i}`.repeat(1000));
    }),
  );
  assert.equal(readdirSync(folder).length, 7);
});

test("a limit on the size of files is an error of one line", () => {
  const path = join(temporaryFolder(), "file");
  const code = `import { writeFileAtomic } from "${module}"; import { readdirSync } from "node:fs";
    await writeFileAtomic("${path}", new Uint8Array(1e6)).catch((e) => console.log(e.message)); console.log(readdirSync("${join(path, "..")}").length);`;
  const { stdout } = spawnSync(
    "bash",
    ["-c", 'ulimit -f 100; exec "$0" --input-type=module -e "$1"', process.execPath, code],
    {
      encoding: "utf8",
    },
  );
  assert.match(stdout, /^cannot write .*file: EFBIG.*\n0\n$/);
});

test("folders are made with those above them, at once by several, and refused where there can be none", {
  timeout: 20_000,
}, async () => {
  const root = temporaryFolder();
  const deep = join(root, "a", "b", "c");
  await Promise.all([makeFolder(deep), makeFolder(deep), makeFolder(join(root, "a", "d"))]);
  await makeFolder(deep);
  assert.deepEqual(readdirSync(join(root, "a")).sort(), ["b", "d"]);
  writeFileSync(join(root, "file"), "");
  for (const path of [join(root, "file"), join(root, "file", "below"), ""]) await assert.rejects(makeFolder(path));
  if (process.platform === "linux")
    for (const path of ["/proc/fovea", "/proc/fovea/below"]) {
      await assert.rejects(makeFolder(path), /ENOENT/);
      await assert.rejects(writeFileAtomic(join(path, "file"), "text"), /cannot write \/proc\/fovea/);
    }
});
