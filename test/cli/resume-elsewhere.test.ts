import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { resumedData, wherever } from "../../src/cli/resume-data.js";
import { RunFolder } from "../../src/train/run-folder.js";
import { sharedFovea as fovea, fovea as ownProcess, temporaryFolder, tinyCifar } from "../support/fovea.js";
import { ifLong } from "../support/long.js";
import { runConfig } from "../train/support.js";

const folder = temporaryFolder();
const home = join(folder, "home");
for (const name of ["home", "home/data", "elsewhere"]) mkdirSync(join(folder, name));
tinyCifar(join(home, "data"), { train: 16, test: 8 });

test("a run whose data was named by a relative path is gone on with from any folder", { skip: ifLong }, async () => {
  const begun = await fovea(
    "train data --model mobilenetv1_025 --epochs 2 --batch 8 --no-maps --tensorboard events --out runs/a".split(" "),
    (text, child) => text.includes("epoch 1/2") && !text.includes("finishing") && child.kill("SIGINT"),
    home,
  );
  assert.match(begun.stderr, /stopped and saved/);
  const run = join(home, "runs", "a");
  const { data, flags } = JSON.parse(readFileSync(join(run, "config.json"), "utf8"));
  assert.deepEqual([data.source, data.folder, flags.tensorboard], ["data", join(home, "data"), join(home, "events")]);
  assert.match(begun.stderr, /; data: 10 classes/, "shown as it was typed");

  const [older, other] = [join(folder, "older"), join(folder, "other")];
  for (const copy of [older, other]) cpSync(run, copy, { recursive: true });
  const resumed = await fovea(["train", "--resume", "--out", run], undefined, join(folder, "elsewhere"));
  assert.equal(resumed.code, 0, resumed.stderr);
  assert.match(resumed.stderr, /epoch 2\/2/);
  assert.ok(!existsSync(join(folder, "elsewhere", "events")));

  // An earlier version wrote only what was typed: the data may be named, and the run ends as the other.
  const { folder: _, ...typed } = data;
  const config = JSON.parse(readFileSync(join(older, "config.json"), "utf8"));
  writeFileSync(join(older, "config.json"), JSON.stringify({ ...config, data: typed }));
  // A run is claimed until the process ends.
  const lost = await ownProcess(["train", "--resume", "--out", older], undefined, join(folder, "elsewhere"));
  assert.deepEqual(
    [lost.code, lost.stderr],
    [
      2,
      `fovea: --resume: the data of the run in ${older} is not at data. Name where it is: npx fovea train DATA --resume --out ${older}\n`,
    ],
  );
  const named = await fovea(
    ["train", "../home/data", "--resume", "--out", older],
    undefined,
    join(folder, "elsewhere"),
  );
  assert.equal(named.code, 0, named.stderr);
  for (const name of ["last.safetensors", "results.csv"])
    assert.deepEqual(readFileSync(join(older, name)), readFileSync(join(run, name)), name);

  // Data that is not the run's is refused, whatever it is called.
  mkdirSync(join(folder, "elsewhere", "data"));
  tinyCifar(join(folder, "elsewhere", "data"), { train: 16, test: 8 });
  const wrong = await fovea(["train", "data", "--resume", "--out", other], undefined, join(folder, "elsewhere"));
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /^fovea: --resume: the run in .*other trains on .*home\/data, not on data\. Leave/);
});

test("the data of a run: where it was, where it was typed from, or where it has moved", async () => {
  const at = (name: string) => join(folder, name);
  for (const name of ["photos", "moved"]) mkdirSync(at(name));
  symlinkSync(at("photos"), at("link"));
  let count = 0;
  const dataOf = async (data: { source: string; folder?: string; kind?: string }, asked?: string) => {
    const run = await RunFolder.create(at(`run${count++}`), { ...runConfig, data: { ...runConfig.data, ...data } });
    run.release();
    return resumedData(await RunFolder.open(run.path), asked);
  };
  const known = { source: "no such path", folder: at("photos") };
  assert.equal(await dataOf(known), at("photos"));
  assert.equal(await dataOf(known, at("link")), at("link"), "another way to the same folder");
  await assert.rejects(dataOf(known, at("moved")), /trains on .*photos, not on .*moved/);
  await assert.rejects(dataOf(known, "shapes"), /not on shapes/);
  assert.equal(await dataOf({ source: at("moved"), folder: at("gone") }), at("moved"), "as it was typed");
  const gone = { source: "gone", folder: at("gone") };
  await assert.rejects(
    dataOf(gone),
    /the data of the run in .* is not at .*gone\. Name where it is: npx fovea train DATA/,
  );
  renameSync(at("photos"), at("gone"));
  assert.equal(await dataOf(gone), at("gone"));
  renameSync(at("gone"), at("photos"));
  assert.equal(await dataOf(gone, at("moved")), at("moved"), "it has moved");
  assert.equal(await dataOf({ source: "shapes", kind: "shapes" }), "shapes");
  await assert.rejects(dataOf({ source: "shapes", kind: "shapes" }, "shapes-free"), /not on shapes-free/);
});

test("files and folders that flags name are kept with their full paths, other values as they are", async () => {
  const before = process.cwd();
  writeFileSync(join(folder, "names.txt"), "road\ncar\n");
  process.chdir(folder);
  try {
    const here = process.cwd();
    assert.deepEqual(await wherever({ tensorboard: "events", classNames: "names.txt", epochs: 3 }), {
      tensorboard: join(here, "events"),
      classNames: join(here, "names.txt"),
      epochs: 3,
    });
    const plain = { tensorboard: true, classNames: "road,car" };
    assert.deepEqual(await wherever(plain), plain);
  } finally {
    process.chdir(before);
  }
});
