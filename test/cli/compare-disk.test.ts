import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { fovea, temporaryFolder, tinyCifar } from "../support/fovea.js";
import { ifLong } from "../support/long.js";

/** A file system of so many bytes; or why there is none. */
function smallDisk(bytes: number): { readonly path: string; grow(bytes: number): void; remove(): void } | string {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "a small disk needs root on Linux";
  // Of its own: what is mounted goes before its folder does.
  const path = mkdtempSync(join(tmpdir(), "fovea-disk-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", path], { stdio: "ignore" });
  } catch {
    rmdirSync(path);
    return "a small disk cannot be mounted here";
  }
  return {
    path,
    grow: (size) => void execFileSync("mount", ["-o", `remount,size=${size}`, path], { stdio: "ignore" }),
    remove: () => {
      execFileSync("umount", ["-l", path]);
      rmdirSync(path);
    },
  };
}

test("a full disk fails units in one line each, harms nothing, and with room the same command goes on to the same tables", {
  skip: ifLong,
}, async (t) => {
  // One unit takes about four MiB.
  const disk = smallDisk(6 * 2 ** 20);
  if (typeof disk === "string") return t.skip(disk);
  t.after(disk.remove);
  const data = tinyCifar(temporaryFolder(), { train: 40, test: 24 });
  const args = ["compare", data, "--modules", "none,se", "--seeds", "1", "--epochs", "1", "--images", "32"];
  const common = [...args, "--batch", "8", "--no-cost", "--workers", "1"];
  const full = await fovea([...common, "--out", join(disk.path, "out")]);
  assert.equal(full.code, 1);
  assert.match(full.stderr, /no space left/);
  assert.doesNotMatch(full.stderr, /\n\s+at /);
  disk.grow(64 * 2 ** 20);
  const enough = await fovea([...common, "--out", join(disk.path, "out")]);
  assert.equal(enough.code, 0, enough.stderr);
  const alone = temporaryFolder();
  assert.equal((await fovea([...common, "--out", alone])).code, 0);
  for (const name of ["results.csv", "table.md", "table.json"])
    assert.equal(readFileSync(join(disk.path, "out", name), "utf8"), readFileSync(join(alone, name), "utf8"));
});

test("nothing of a comparison asks for the time of day: a clock that jumps changes nothing", () => {
  const sources = (folder: string) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => join(folder, name));
  const files = [...sources("src/compare"), ...sources("src/cli").filter((name) => /\/(compare|tune)/.test(name))];
  assert.ok(files.length > 40);
  for (const file of files) assert.doesNotMatch(readFileSync(file, "utf8"), /\bDate\b(?!s)/, file);
});
