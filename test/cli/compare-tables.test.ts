import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parquetReadObjects } from "hyparquet";
import sharp from "sharp";
import { dataHash } from "../../src/compare/node/hash.js";
import { sharedFovea as fovea, fovea as ownProcess, temporaryFolder } from "../support/fovea.js";
import { ifLong, runsLong } from "../support/long.js";

const out = join(temporaryFolder(), "comparison");
const args = [
  "compare",
  "shapes",
  "--modules",
  "none,se,cbam",
  "--seeds",
  "3",
  "--epochs",
  "1",
  "--images",
  "32",
  "--test-images",
  "24",
  "--batch",
  "8",
  "--lr",
  "0.02",
  "--out",
  out,
];
// Units are done one by one in one process: compare.test.ts has them done by a coordinator.
const planned = await fovea([...args, "--backend", "slurm", "--json"]);
assert.equal(planned.code, 0, planned.stderr);
const work = (unit: number) => ["compare", "work", out, "--unit", String(unit)];
const units: number[] = JSON.parse(planned.stdout).units;
for (const unit of runsLong ? units : []) {
  const { code, stderr } = await fovea(work(unit));
  assert.equal(code, 0, stderr);
}
const made = runsLong ? await fovea([...args, "--no-cost"]) : undefined;
const at = (...names: string[]) => join(out, ...names);
const text = (...names: string[]) => readFileSync(at(...names), "utf8");
const unitFolders = () => readdirSync(at("units")).filter((name) => !name.endsWith(".lock"));
const [firstUnit] = existsSync(at("units")) ? unitFolders() : [];

test("where the networks look stands in all tables, with intervals and beside controls, and is measured once", {
  skip: ifLong,
}, async () => {
  assert.equal(made!.code, 0, made!.stderr);
  const table = JSON.parse(text("table.json"));
  const { images, chance, center } = table.looks;
  assert.ok(images > 15 && images <= 24 && chance > 0.05 && chance < 0.4 && center.energyOverShare > 1);
  for (const [i, { look }] of table.rows.entries()) {
    assert.equal(look.seeds, 3);
    for (const { mean, interval } of [look.energyOverShare, look.pointing])
      assert.ok(mean >= 0 && interval[0] <= mean && mean <= interval[1]);
    assert.equal(look.difference === null, i === 0);
  }
  const [{ look: base }, { look: se }] = table.rows;
  const expected = se.energyOverShare.mean - base.energyOverShare.mean;
  assert.ok(Math.abs(se.difference.energyOverShare.mean - expected) < 1e-9);
  assert.match(text("table.md"), /\| entrant \| energy ÷ area \| difference \| pointing % \|/);
  assert.match(text("results.csv").split("\n")[0]!, /energy_over_area,pointing$/);
  assert.match(made!.stdout, /energy ÷ area/);
  const html = text("report.html");
  assert.match(html, /Where they look: resnet20/);
  assert.match(html, /The same 6 test images for every module, with seed 0/);

  // By unit, as it was measured, and the table is of these.
  const units = unitFolders().map((name) => JSON.parse(text("units", name, "looks.json")));
  assert.ok(units.every(({ found, maps }) => found.pointing.length === images && maps.length === 6));
  // Nothing is measured again, and a damaged file is refused by name.
  const before = ["results.csv", "table.md", "table.json", "report.html"].map((name) => text(name));
  const file = at("units", firstUnit!, "looks.json");
  const kept = readFileSync(file, "utf8");
  const marked = JSON.parse(kept);
  writeFileSync(
    file,
    JSON.stringify({ ...marked, found: { ...marked.found, pointing: marked.found.pointing.fill(1) } }),
  );
  assert.equal((await fovea(["compare", "tables", out, "--no-cost"])).code, 0);
  assert.notEqual(text("results.csv"), before[0]);
  // Of another unit, other masks or another program: measured again.
  writeFileSync(file, JSON.stringify({ ...marked, key: "another" }));
  assert.equal((await fovea(["compare", "tables", out, "--no-cost"])).code, 0);
  assert.deepEqual(
    ["results.csv", "table.md", "table.json", "report.html"].map((name) => text(name)),
    before,
  );
  assert.equal(readFileSync(file, "utf8"), kept);
  writeFileSync(file, '{"format":');
  const damaged = await fovea(["compare", "tables", out, "--no-cost"]);
  assert.match(damaged.stderr, /looks\.json is not JSON/);
  rmSync(file);
  const without = await fovea(["compare", "tables", out, "--no-cost", "--no-looks"]);
  assert.equal(without.code, 0, without.stderr);
  assert.doesNotMatch(text("table.md"), /energy/);
  assert.equal((await fovea(["compare", "tables", out, "--no-cost"])).code, 0);
  assert.deepEqual(
    ["results.csv", "table.md", "table.json", "report.html"].map((name) => text(name)),
    before,
  );
});

test("results.parquet has the lines of results.csv, with types", { skip: ifLong }, async () => {
  const bytes = readFileSync(at("results.parquet"));
  const rows = await parquetReadObjects({ file: new Uint8Array(bytes).buffer });
  const [header, ...lines] = text("results.csv").trimEnd().split("\n");
  assert.equal(rows.length, lines.length);
  for (const [i, line] of lines.entries()) {
    const cells = line.split(",");
    for (const [c, name] of header!.split(",").entries()) {
      const value = rows[i]![name];
      assert.equal(value === null ? "" : String(value), cells[c], name);
      if (name === "last_test_top1") assert.equal(typeof value, "number");
    }
  }
});

test("units of another version enter tables only by --any-version, and then the tables say so", {
  skip: ifLong,
}, async () => {
  const file = at("units", firstUnit!, "result.json");
  const before = readFileSync(file, "utf8");
  const result = JSON.parse(before);
  try {
    writeFileSync(file, JSON.stringify({ ...result, hashes: { ...result.hashes, code: "0123456789abcdef" } }));
    const refused = await fovea(["compare", "tables", out, "--no-cost"]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /1 of 9 units .* have another version of the program.* --any-version/);
    const let_in = await fovea(["compare", "tables", out, "--no-cost", "--any-version"]);
    assert.equal(let_in.code, 0, let_in.stderr);
    const said =
      /Trained by another version of Fovea than the one that wrote this table: .*1 unit by version 0123456789ab.*different versions are not due to modules alone/;
    for (const where of [let_in.stdout, text("table.md"), text("table.json"), text("report.html")])
      assert.match(where, said);
    // Data and configuration are never let in.
    writeFileSync(file, JSON.stringify({ ...result, hashes: { ...result.hashes, data: "other" } }));
    const data = await fovea(["compare", "tables", out, "--no-cost", "--any-version"]);
    assert.match(data.stderr, /have other data/);
  } finally {
    writeFileSync(file, before);
  }
  const again = await fovea(["compare", "tables", out, "--no-cost"]);
  assert.equal(again.code, 0, again.stderr);
  assert.doesNotMatch(text("table.md"), /version/);
});

test("a page of Markdown has headline, tables, drawings that are there, and the command", {
  skip: ifLong,
}, async () => {
  const folder = temporaryFolder();
  const page = join(folder, "results.md");
  const written = await fovea(["compare", "tables", out, "--page", page, "--no-cost"]);
  assert.equal(written.code, 0, written.stderr);
  const markdown = readFileSync(page, "utf8");
  assert.match(markdown, /\*\*\d of 2 differences survive Holm's correction/);
  assert.match(markdown, /\| entrant \| energy ÷ area/);
  assert.match(
    markdown,
    /fovea compare shapes --modules none,se,cbam --model resnet20 --seeds 3 --epochs 1 --images 32 --test-images 24 --batch 8 --lr 0\.02 --threads 1/,
  );
  const drawings = [...markdown.matchAll(/!\[[^\]]+\]\((results\/[\w.-]+\.svg)\)/g)].map(([, name]) => name!);
  assert.equal(drawings.length, 4);
  for (const name of drawings) assert.ok(readFileSync(join(folder, name), "utf8").startsWith("<svg"), name);
  const nowhere = await fovea(["compare", "tables", out, "--page", join(page, "x.md"), "--no-cost"]);
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.stderr, /--page .*x\.md: cannot be written/);
});

test("speed is measured in alternating order and memory in processes of their own, once", {
  skip: ifLong,
}, async () => {
  // Of the last unit, the memory of a process that did nothing else.
  const unit = unitFolders().find((name) => /cbam-seed-2-/.test(name))!;
  rmSync(at("units", unit), { recursive: true });
  const done = await ownProcess(work(units.at(-1)!));
  assert.match(done.stderr, /cbam seed 2: done/);
  const written = await fovea(["compare", "tables", out]);
  assert.equal(written.code, 0, written.stderr);
  const costs = JSON.parse(text("costs.json"));
  assert.equal(costs.rows.length, 3);
  for (const { memory, latency, trainingRate } of costs.rows) {
    assert.ok(latency.low <= latency.median && latency.median <= latency.high && trainingRate > 0);
    assert.ok(Math.min(memory.training, memory.inference) > 50e6, JSON.stringify(memory));
  }
  // The process that is measured takes about what a unit's own process took.
  const { peakBytes } = JSON.parse(text("units", unit, "timing.json"));
  const tried = costs.rows.find(({ entrant }: { entrant: string }) => entrant === "cbam").memory.training;
  assert.ok(Math.abs(tried / peakBytes - 1) < 0.25, `${tried} ${peakBytes}`);
  const before = text("costs.json");
  assert.equal((await fovea(["compare", "tables", out])).code, 0);
  assert.equal(text("costs.json"), before);
  assert.match(text("report.html"), /training MiB/);
});

test("a training takes half the memory of what its convolutions read of a batch more than inference does, or more", {
  skip: ifLong,
}, async () => {
  const folder = join(temporaryFolder(), "memory");
  // In large batches: processes differ by ten megabytes or more, whatever they do.
  const [batch, images] = [256, 320];
  const command = `compare shapes --modules none,se --seeds 1 --epochs 1 --images ${images} --test-images 24 --batch ${batch}`;
  const { code, stderr } = await fovea([...command.split(" "), "--no-looks", "--out", folder]);
  assert.equal(code, 0, stderr);
  // Of a ResNet-20, for an image of 32 × 32 pixels. The gradients of the weights read it again, so that a step keeps it.
  const read = 4 * (3 * 32 ** 2 + 7 * 16 * 32 ** 2 + 6 * 32 * 16 ** 2 + 5 * 64 * 8 ** 2);
  const { rows } = JSON.parse(readFileSync(join(folder, "costs.json"), "utf8"));
  assert.equal(rows.length, 2);
  for (const { memory } of rows)
    assert.ok(memory.training > memory.inference + (batch * read) / 2, JSON.stringify(memory));
});

test("a dry run predicts what the units' processes compute, to a fifth", { skip: ifLong }, async () => {
  const folder = join(temporaryFolder(), "x");
  const plan = args.map((arg) => (arg === out ? folder : arg === "32" ? "256" : arg));
  const planned = await fovea([...plan, "--dry-run", "--json", "--workers", "1"]);
  assert.equal(planned.code, 0, planned.stderr);
  const { cpuSeconds, seconds, units } = JSON.parse(planned.stdout);
  assert.equal(units, 9);
  assert.ok(seconds > 0);
  const done = await fovea([...plan, "--no-cost", "--no-looks", "--workers", "1"]);
  assert.equal(done.code, 0, done.stderr);
  const spent = readdirSync(join(folder, "units"))
    .filter((name) => !name.endsWith(".lock"))
    .map((name) => JSON.parse(readFileSync(join(folder, "units", name, "timing.json"), "utf8")).cpuSeconds)
    .reduce((sum: number, x: number) => sum + x, 0);
  assert.ok(Math.abs(cpuSeconds / spent - 1) < 0.2, `predicted ${cpuSeconds} s, computed ${spent} s`);
});

/** A folder of dark and light images, half of each of which is the object. */
async function images(folder: string): Promise<void> {
  for (const part of ["train", "val"])
    for (const [k, name] of ["dark", "light"].entries()) {
      mkdirSync(join(folder, "data", part, name), { recursive: true });
      mkdirSync(join(folder, "masks", part, name), { recursive: true });
      for (let i = 0; i < 12; i++) {
        const pixels = Buffer.alloc(20 * 20 * 3, 60 + 90 * k + i);
        const mask = Buffer.from(Array.from({ length: 400 }, (_, p) => (p % 20 < 10 ? 255 : 0)));
        const raw = { width: 20, height: 20 } as const;
        await sharp(pixels, { raw: { ...raw, channels: 3 } }).toFile(join(folder, "data", part, name, `${i}.png`));
        await sharp(mask, { raw: { ...raw, channels: 1 } }).toFile(join(folder, "masks", part, name, `${i}.png`));
      }
    }
}

test("masks beside a folder of images count, and train nothing anew; without them there are strips of maps", {
  skip: ifLong,
}, async () => {
  const folder = temporaryFolder();
  await images(folder);
  const where = ["--out", join(folder, "out"), "--seeds", "1", "--epochs", "1", "--batch", "8", "--no-cost"];
  const command = ["compare", join(folder, "data"), "--modules", "none,se", "--image-size", "16", ...where];
  const plain = await fovea(command);
  assert.equal(plain.code, 0, plain.stderr);
  const table = () => JSON.parse(readFileSync(join(folder, "out", "table.json"), "utf8"));
  const html = () => readFileSync(join(folder, "out", "report.html"), "utf8");
  assert.equal(table().looks, undefined);
  assert.match(html(), /The same 6 test images/);
  const masked = await fovea([...command, "--masks", join(folder, "masks")]);
  assert.equal(masked.code, 0, masked.stderr);
  assert.doesNotMatch(masked.stderr, /units to do/);
  assert.equal(table().looks.chance, 0.5);
  assert.equal(table().rows[0].look.seeds, 1);
  const wrong = await fovea([...command, "--masks", join(folder, "nowhere")]);
  assert.notEqual(wrong.code, 0);
  assert.match(wrong.stderr, /nowhere.*cannot be read/);
  const boxes = join(folder, "boxes.csv");
  writeFileSync(boxes, "file,left,top,width,height\nother.png,1,1,2,2\n");
  const others = await fovea([...command, "--masks", boxes]);
  assert.match(others.stderr, /--masks .*boxes\.csv has no mask or box for any of 24 test images/);
  const generated = await fovea(["compare", "shapes-free", "--modules", "none,se", "--masks", boxes]);
  assert.equal(generated.code, 2);
  assert.match(generated.stderr, /--masks is for folders of images; shapes-free has masks of its own/);
});

test("generated data of every kind can be compared, each with a hash of its own", async () => {
  const planned = await fovea([
    ...args.map((arg) => (arg === "shapes" ? "shapes-free" : arg === out ? `${out}-free` : arg)),
    "--check-pairing",
    "--json",
  ]);
  assert.equal(planned.code, 0, planned.stderr);
  const [free, centered] = [await dataHash({ source: "shapes-free" }), await dataHash({ source: "shapes" })];
  assert.notEqual(free, centered);
});

test("tables of what is no comparison, or of one in which nothing is done, is one line", async () => {
  const folder = temporaryFolder();
  const none = await fovea(["compare", "tables", folder]);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /is not the folder of a comparison: it has no plan\.json/);
  const planned = join(folder, "planned");
  mkdirSync(planned);
  writeFileSync(join(planned, "plan.json"), text("plan.json"));
  const empty = await fovea(["compare", "tables", planned]);
  assert.equal(empty.code, 1);
  assert.match(empty.stderr, /no unit is done yet/);
  writeFileSync(join(folder, "table.md"), "");
  symlinkSync("/nowhere", join(folder, "dead"));
  for (const [args, says] of [
    [["compare", "shapes", "--modules", "none"], /--modules: none alone cannot be compared/],
    [
      ["compare", "shapes", "--modules", "none,se", "--out", join(folder, "table.md")],
      /--out .*table\.md is a file: name a folder/,
    ],
    [
      ["compare", "shapes", "--modules", "none,se", "--out", join(folder, "table.md", "x")],
      /--out .* cannot be used as a folder/,
    ],
    [["compare", "shapes", "--modules", "none,se", "--out", join(folder, "dead")], /--out: cannot create/],
    [
      ["compare", "shapes", "--modules", "none,se", "--out", folder],
      /--out .* is neither empty nor the folder of a comp/,
    ],
  ] as const) {
    const { code, stderr } = await fovea(args);
    assert.ok(code === 1 || code === 2, stderr);
    assert.match(stderr, says);
    assert.equal(stderr.trim().split("\n").length, 1, stderr);
  }
});
