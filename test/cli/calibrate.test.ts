import assert from "node:assert/strict";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { after, beforeEach, test } from "node:test";
import { withEngine } from "../../src/cli/arguments.js";
import { type CalibrationPlan, measureTuning, tuningOf, upTo } from "../../src/cli/calibrate.js";
import { cachedTuning, removeTuning, thisMachine, tuningPath, writeTuning } from "../../src/cli/tuning.js";
import { defaultTuning, Graph, gradients, type Tuning, type WinogradTile } from "../../src/engine.js";
import type { Engine } from "../../src/index.js";
import { ops } from "../../src/nn.js";
import { ortBlocked, ortPlain } from "../support/engines.js";
import { setEnv } from "../support/env.js";
import { sharedFovea as fovea, temporaryFolder } from "../support/fovea.js";
import { ifLong } from "../support/long.js";
import { random } from "../support/random.js";

const cache = temporaryFolder();
after(setEnv({ FOVEA_CACHE: cache }));
const machine = thisMachine(1);
const path = tuningPath(machine);
const table: Tuning = { fewImages: 9, winograd: { positions: 100, 2: { 32: 8, 64: 0 }, 4: { 16: 4 } } };

beforeEach(() => {
  for (const name of ["tuning", "regimes"]) rmSync(join(cache, name), { recursive: true, force: true }); // legacy
});

/** What is written on standard error meanwhile. */
async function errorsOf<T>(work: () => Promise<T>): Promise<readonly [T, string]> {
  const { write } = process.stderr;
  let text = "";
  process.stderr.write = (chunk: string | Uint8Array) => {
    text += chunk;
    return true;
  };
  try {
    return [await work(), text];
  } finally {
    process.stderr.write = write;
  }
}

test("a table is kept for its machine, and for no other", async () => {
  assert.deepEqual(await errorsOf(() => cachedTuning(machine)), [defaultTuning, ""]);
  await writeTuning(machine, { tuning: table });
  assert.deepEqual(await errorsOf(() => cachedTuning(machine)), [table, ""]);
  for (const other of [
    { ...machine, threads: 2 },
    { ...machine, processor: "another" },
    { ...machine, architecture: "another" },
    { ...machine, onnxruntime: "1.0.0" },
    { ...machine, fovea: "9.0.0" },
  ])
    assert.deepEqual(await errorsOf(() => cachedTuning(other)), [defaultTuning, ""], JSON.stringify(other));
});

test("a table of an earlier version, under its old name, is still read, and removed", async () => {
  const old = tuningPath(machine, "regimes"); // legacy
  mkdirSync(dirname(old), { recursive: true });
  writeFileSync(old, JSON.stringify({ format: "fovea.regimes.2", machine, regimes: table })); // legacy
  assert.deepEqual(await errorsOf(() => cachedTuning(machine)), [table, ""]);
  const newer = { ...table, fewImages: 3 };
  await writeTuning(machine, { tuning: newer });
  assert.deepEqual(await cachedTuning(machine), newer);
  assert.equal(await removeTuning(machine), true);
  assert.deepEqual(await cachedTuning(machine), defaultTuning);
  assert.equal(await removeTuning(machine), false);
});

const content = { format: "fovea.tuning.1", machine, tuning: table };
const damaged: Record<string, readonly [text: string, says: RegExp]> = {
  empty: ["", /it is not JSON/],
  cut: [JSON.stringify(content).slice(0, -3), /it is not JSON/],
  "deeply nested": ["[".repeat(60_000), /it is not JSON/],
  "no object": ["null", /its format is not fovea\.tuning\.1/],
  "an earlier version's": [
    JSON.stringify({ format: "fovea.regimes.1", machine, tuning: { fewImages: 0, winograd: { 64: 0 } } }),
    /its format is not/,
  ],
  "another format": [JSON.stringify({ ...content, format: "fovea.run.1" }), /its format is not/],
  "another machine's": [
    JSON.stringify({ ...content, machine: { ...machine, threads: 2 } }),
    /another machine or version/,
  ],
  "no table": [JSON.stringify({ ...content, tuning: undefined }), /tuning must be an object, got undefined/],
  "a text for a number": [
    JSON.stringify({ ...content, tuning: { ...table, fewImages: "\u001b[2J\n" } }),
    /fewImages must be an integer from 0 to 65536, got string/,
  ],
  "a number out of bounds": [
    JSON.stringify({ ...content, tuning: { ...table, winograd: { ...table.winograd, 2: { 64: 1e300 } } } }),
    /the side of a map must be an integer .*got 1e\+300/,
  ],
  "too large": [`${JSON.stringify(content)}${" ".repeat(65_536)}`, /bytes, more than 65536/],
};
for (const [name, [text, says]] of Object.entries(damaged))
  test(`a damaged table (${name}) is ignored with one line, and written over`, async () => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    const [tuning, errors] = await errorsOf(() => cachedTuning(machine));
    assert.deepEqual(tuning, defaultTuning);
    assert.match(errors, says);
    assert.match(errors, /^fovea: [^\n]*tuning[^\n]*fovea bench calibrate[^\n]*\n$/);
    assert.ok(errors.length < 500);
    await writeTuning(machine, { tuning: table });
    assert.deepEqual(await cachedTuning(machine), table);
  });

test("a folder in the place of a table is ignored, too", async () => {
  mkdirSync(path, { recursive: true });
  const [tuning, errors] = await errorsOf(() => cachedTuning(machine));
  assert.deepEqual(tuning, defaultTuning);
  assert.match(errors, /^fovea: [^\n]*it is not a file[^\n]*\n$/);
});

test("commands compute by the table of this machine", async () => {
  const graph = new Graph(true);
  const [x, w] = [graph.constant(random([6, 16, 7, 7])), graph.constant(random([16, 16, 3, 3]))];
  const loss = ops.reduceMean(ops.square(ops.conv(x, w, undefined, { padding: 1 })), [0, 1, 2, 3]);
  graph.output("dw", gradients(loss, [w])[0]!);
  const run = async (engine: Engine) => (await (await engine.compile(graph)).run({})).dw!.data;
  const [plain, blocked] = [await run(ortPlain), await run(ortBlocked)];
  assert.notDeepEqual(plain, blocked, "the lowerings round differently");
  assert.deepEqual(await withEngine(run, { threads: 1 }), blocked);
  await writeTuning(machine, { tuning: { ...defaultTuning, fewImages: 6 } });
  assert.deepEqual(await withEngine(run, { threads: 1 }), plain);
});

test("a command with a damaged table does its work", async () => {
  const all = tuningPath(thisMachine(availableParallelism()));
  mkdirSync(dirname(all), { recursive: true });
  writeFileSync(all, "{");
  const { code, stdout, stderr } = await fovea(["bench", "--mode", "infer", "--batch", "1", "--steps", "1", "--json"]);
  assert.equal(code, 0, stderr);
  assert.ok(JSON.parse(stdout).imagesPerSecond > 0);
  assert.match(stderr, /^fovea: ignoring [^\n]*: it is not JSON[^\n]*\n$/);
});

test("the first way is taken up to where it saves most in all", () => {
  const cut = (...shares: number[]) => upTo(shares.map((share, i) => [2 ** i, share]));
  assert.equal(cut(0.5, 0.8, 1.2, 1.5), 2);
  assert.equal(cut(1.01, 0.7, 0.7, 1.3), 4, "a slip at the start");
  assert.equal(cut(1.5, 0.9, 1.2), 0);
  assert.equal(cut(0.98, 0.99), 0, "as good as equal");
  assert.equal(cut(), 0);
});

test("each row of the table follows from the times of its channels", () => {
  const times = { plain: 1, blocked: 1, winograd: 1, direct: 1 };
  const images = [2, 4, 8].map((n, i) => ({ ...times, images: n, ratio: [0.7, 0.9, 1.3][i]! }));
  const one = (tile: WinogradTile, channels: number, side: number, ratio: number) => ({
    ...times,
    tile,
    channels,
    side,
    ratio,
  });
  const winograd = [
    ...[one(4, 64, 8, 1.1), one(4, 64, 16, 1.5), one(4, 128, 8, 0.6), one(4, 128, 16, 0.9), one(4, 256, 16, 0.5)],
    ...[one(2, 64, 8, 0.8), one(2, 64, 16, 1.5), one(2, 128, 8, 1.1), one(2, 128, 16, 1.2)],
  ];
  assert.deepEqual(tuningOf({ images, winograd }), {
    fewImages: 4,
    winograd: {
      positions: defaultTuning.winograd.positions,
      2: { 64: 8, 128: 0 },
      4: { 64: 0, 128: 16, 256: 16 },
    },
  });
});

test("measuring gives a table of the sizes that were asked for, and the times it is made from", {
  skip: ifLong,
}, async () => {
  const shares: number[] = [];
  const plan: CalibrationPlan = {
    fewImages: { images: [1, 3], network: "resnet20", side: 8 },
    winograd: { images: 2, sides: { 16: [4], 32: [4, 5] } },
    seconds: 0,
  };
  const measured = await measureTuning(plan, 1, (share) => shares.push(share));
  assert.deepEqual(
    measured.images.map(({ images }) => images),
    [1, 3],
  );
  assert.deepEqual(
    measured.winograd.map(({ tile, channels, side }) => [tile, channels, side]),
    [
      [2, 16, 4],
      [4, 16, 4],
      [2, 32, 4],
      [4, 32, 4],
      [2, 32, 5],
      [4, 32, 5],
    ],
  );
  for (const { plain, blocked, ratio } of measured.images) assert.ok(plain > 0 && blocked > 0 && ratio > 0);
  for (const { winograd, direct, ratio } of measured.winograd) assert.ok(winograd > 0 && direct > 0 && ratio > 0);
  assert.deepEqual(shares, [0, 0.2, 0.4, 0.6, 0.8]);
  assert.deepEqual(measured.tuning, tuningOf(measured));
  await writeTuning(machine, measured);
  assert.deepEqual(await cachedTuning(machine), measured.tuning);
});

test("bench calibrate --help says what it does; --reset removes the table of this machine and nothing else", async () => {
  const { code, stdout } = await fovea(["bench", "calibrate", "--help"]);
  assert.equal(code, 0);
  for (const word of ["--reset", "--threads", "--json", "FOVEA_CACHE", "ortEngine({ tuning })"])
    assert.ok(stdout.includes(word), word);

  const two = thisMachine(2);
  await writeTuning(machine, { tuning: table });
  await writeTuning(two, { tuning: table });
  const reset = async (...args: string[]) => {
    const outcome = await fovea(["bench", ...args]);
    assert.equal(outcome.code, 0, outcome.stderr);
    return JSON.parse(outcome.stdout) as unknown;
  };
  assert.deepEqual(await reset("calibrate", "--reset", "--threads", "1", "--json"), { removed: true, path });
  assert.deepEqual([existsSync(path), existsSync(tuningPath(two))], [false, true]);
  assert.deepEqual(await reset("calibrate", "--reset", "--json", "--threads", "1"), { removed: false, path });
  assert.match((await fovea(["bench", "calibrate", "--reset", "--threads", "2"])).stdout, /^removed .*\.json\n$/);
  assert.equal(existsSync(tuningPath(two)), false);
});

test("wrong usage of calibrate is one line and code 2", async () => {
  for (const args of [["--rset"], ["--threads", "0"], ["--reset", "--batch", "3"], ["extra"]]) {
    const { code, stderr } = await fovea(["bench", "calibrate", ...args]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /^fovea: [^\n]+\n$/);
  }
});
