import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

/** What a web page needs to read a checkpoint and to build the network that it belongs to. */
const readers = ["formats/checkpoint", "formats/shards", "formats/safetensors", "models/families", "train/weights"];

/** A module and all that it imports, types apart; packages by their name. */
function reached(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  const imports = readFileSync(file, "utf8").matchAll(/^(?:import|export)(?! type)[^;]*?from "([^"]+)"/gms);
  for (const [, target] of imports)
    if (target!.startsWith(".")) reached(resolve(dirname(file), target!.replace(/\.js$/, ".ts")), seen);
    else seen.add(target!);
  return seen;
}

for (const reader of readers)
  test(`${reader} needs nothing of Node`, () => {
    const all = [...reached(resolve("src", `${reader}.ts`))];
    assert.deepEqual(
      all.filter((name) => !name.startsWith("/") && !["fflate", "valibot"].includes(name)),
      [],
    );
    for (const file of all.filter((name) => name.startsWith("/")))
      assert.doesNotMatch(readFileSync(file, "utf8"), /\b(?:Buffer|process|require|setImmediate)\b[.(]/, file);
  });

test("checkpoints are read where there is no Node", () => {
  const dist = fileURLToPath(new URL("../../src/", import.meta.url));
  const folder = "test/fixtures/torch";
  const files = readdirSync(folder)
    .filter((name) => name.endsWith(".pt"))
    .map((name) => join(folder, name));
  const script = `
    import { readFileSync, writeSync } from "node:fs";
    const files = ${JSON.stringify(files)}.map((file) => new Uint8Array(readFileSync(file)));
    for (const name of ["process", "Buffer", "global", "setImmediate", "clearImmediate"]) delete globalThis[name];
    const { readCheckpoint } = await import(${JSON.stringify(`${dist}formats/checkpoint.js`)});
    const { writeSafetensors } = await import(${JSON.stringify(`${dist}formats/safetensors.js`)});
    await import(${JSON.stringify(`${dist}models/recognize.js`)});
    const counts = files.map((bytes) => {
      const { tensors } = readCheckpoint(bytes);
      return [tensors.size, readCheckpoint(writeSafetensors(tensors)).tensors.size];
    });
    writeSync(1, JSON.stringify(counts));
  `;
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  const counts = JSON.parse(output) as [number, number][];
  assert.equal(counts.length, files.length);
  for (const [read, again] of counts) assert.ok(read > 0 && read === again, output);
});
