import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { codeHash, dataHash } from "../../src/compare/node/hash.js";
import { temporaryFolder } from "../support/fovea.js";

test("the hash of data is of names and contents, wherever the data lies and whenever it was written", async () => {
  const make = () => {
    const folder = temporaryFolder();
    for (const name of ["a", "b"]) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, "1.png"), `image ${name}`);
    }
    return folder;
  };
  const [one, two] = [make(), make()];
  const hash = (source: string) => dataHash({ source });
  const before = await hash(one);
  assert.equal(await hash(two), before);
  utimesSync(join(one, "a", "1.png"), 1, 1);
  writeFileSync(join(one, ".DS_Store"), "junk");
  mkdirSync(join(one, "__MACOSX"));
  writeFileSync(join(one, "__MACOSX", "x"), "junk");
  assert.equal(await hash(one), before);
  const changed = new Set([before]);
  const differs = async (change: () => void) => {
    change();
    const now = await hash(one);
    assert.ok(!changed.has(now));
    changed.add(now);
  };
  await differs(() => writeFileSync(join(one, "a", "1.png"), "image A"));
  await differs(() => renameSync(join(one, "a", "1.png"), join(one, "a", "2.png")));
  await differs(() => renameSync(join(one, "a", "2.png"), join(one, "b", "2.png")));
  await differs(() => writeFileSync(join(one, "b", "3.png"), ""));
  await differs(() => symlinkSync("nowhere", join(one, "b", "4.png")));
  await differs(() => execFileSync("mkfifo", [join(one, "b", "5.png")]));
  // A link counts as what it leads to; one in a circle ends.
  rmSync(join(two, "b"), { recursive: true });
  symlinkSync(join(make(), "b"), join(two, "b"));
  assert.equal(await hash(two), before);
  symlinkSync(two, join(two, "c"));
  assert.notEqual(await hash(two), before);
  for (let i = 0; i < 40; i++) {
    mkdirSync(join(two, `d${i}`));
    for (const side of ["left", "right"]) symlinkSync(`../d${i + 1}`, join(two, `d${i}`, side));
  }
  assert.match(await hash(two), /^[0-9a-f]{64}$/);
  await assert.rejects(hash(join(two, "nowhere")), /cannot be read as a folder/);
});

test("the hash of the program is the same each time", async () => {
  assert.match(await codeHash(), /^[0-9a-f]{64}$/);
  assert.equal(await codeHash(), await codeHash());
});
