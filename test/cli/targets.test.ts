import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import sharp from "sharp";
import { taskRecordIn } from "../../src/cli/run.js";
import { sharedFovea as fovea, temporaryFolder } from "../support/fovea.js";
import { ifLong } from "../support/long.js";

const folder = temporaryFolder();
const at = (...parts: string[]) => join(folder, ...parts);
mkdirSync(at("photos"));
/** Red and green there or not, and how bright red is. */
const images = Array.from({ length: 24 }, (_, i) => ({ red: i % 2, green: Math.floor(i / 2) % 2, level: 100 + 6 * i }));
for (const [i, { red, green, level }] of images.entries()) {
  const pixels = Buffer.alloc(16 * 16 * 3);
  for (let k = 0; k < 256; k++) pixels.set([red * level, green * 200, 30], 3 * k);
  await sharp(pixels, { raw: { width: 16, height: 16, channels: 3 } }).toFile(at("photos", `${i}.png`));
}
const table = (header: string, row: (image: (typeof images)[number], i: number) => string) =>
  `${[header, ...images.map((image, i) => row(image, i))].join("\n")}\n`;
const names = ({ red, green }: (typeof images)[number]) => [red && "red", green && "green"].filter(Boolean).join(" ");
writeFileSync(
  at("photos", "labels.csv"),
  table("image,labels", (image, i) => `${i}.png,${names(image)}`),
);
writeFileSync(
  at("numbers.csv"),
  table(
    "image,redness,offset,split",
    ({ red, level }, i) => `${i},${(red * level) / 255},${1000 + i},${i < 18 ? "train" : "val"}`,
  ),
);
const short = ["--image-size", "16", "--batch", "8", "--optimizer", "adamw", "--lr", "0.01", "--epochs", "2"];
const numbers = ["--task", "regression", "--labels", at("numbers.csv")];
const json = async (args: readonly string[]) => {
  const { code, stdout, stderr } = await fovea(args);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
};

const runs = { labels: at("labels-run"), numbers: at("numbers-run") };
const begun = {
  labels: await fovea(["train", at("photos"), "--task", "multi-label", ...short, "--out", runs.labels]),
  numbers: await fovea([
    "train",
    at("photos"),
    ...numbers,
    "--targets",
    "redness,offset",
    ...short,
    // After two epochs, running statistics are still far from those of the images.
    "--epochs",
    "6",
    "--loss",
    "smooth-l1",
    "--out",
    runs.numbers,
  ]),
};

test("train says what it learns and how good it is, and records it", () => {
  for (const { code, stderr } of Object.values(begun)) assert.equal(code, 0, stderr);
  assert.match(begun.labels.stderr, /2 targets, 19 \+ 5 images, split 20 % held out\nto predict: green, red\n/);
  assert.match(begun.labels.stderr, /epoch 2\/2 {2}loss .* labels .* %.* mAP .* %/);
  assert.match(
    begun.numbers.stderr,
    /2 targets, 18 \+ 6 images, split by the column split\nto predict: redness, offset\n/,
  );
  assert.match(begun.numbers.stderr, /validation R²: best -?\d+\.\d+ \(epoch \d\), chosen on these images/);
  assert.doesNotMatch(begun.numbers.stderr, /top-1|labels \d/);
  const { task, training } = JSON.parse(readFileSync(join(runs.numbers, "config.json"), "utf8"));
  assert.deepEqual([task.name, task.loss, training.augment], ["regression", "smooth-l1", null]);
  assert.ok(Math.abs(task.mean[1] - 1008.5) < 1e-9);
  assert.match(readFileSync(join(runs.labels, "results.csv"), "utf8"), /^epoch,.*,map\n/);
  for (const [run, says] of [
    [runs.labels, /Mean average precision/],
    [runs.numbers, /mean squared error, normalized/],
  ] as const)
    assert.match(readFileSync(join(run, "report.html"), "utf8"), says);
});

test("eval measures a run, and its exported file alike", async () => {
  const of = { labels: ["map", "f1Macro", "f1Micro", "top1", "loss"], numbers: ["r2", "mae", "rmse", "loss"] } as const;
  for (const kind of ["labels", "numbers"] as const) {
    const data = [at("photos"), ...(kind === "numbers" ? ["--labels", at("numbers.csv")] : [])];
    const own = await json(["eval", runs[kind], ...data, "--json"]);
    const file = at(`${kind}.onnx`);
    const exported = await json(["export", runs[kind], "--out", file, "--json"]);
    assert.deepEqual(exported.output.shape, ["N", 2]);
    const measured = await json(["eval", file, ...data, "--json"]);
    for (const name of of[kind]) {
      assert.ok(Number.isFinite(own[name]), name);
      assert.ok(
        Math.abs(own[name] - measured[name]) <= 1e-3 * Math.max(1, Math.abs(own[name])),
        `${name}: ${own[name]} ${measured[name]}`,
      );
    }
    assert.deepEqual(
      (own.labels ?? own.targets).map(({ name }: { name: string }) => name),
      kind === "labels" ? ["green", "red"] : ["redness", "offset"],
    );
    const shown = await fovea(["eval", runs[kind], ...data]);
    assert.match(shown.stdout, kind === "labels" ? /^mAP .*F1 .*\(macro\)/ : /^R² .*MAE .*RMSE/);
  }
  const offset = (await json(["eval", runs.numbers, at("photos"), "--labels", at("numbers.csv"), "--json"])).targets[1];
  assert.ok(offset.mae < 100, "errors are in the data's units");
});

test("export measures and calibrates with a file of labels that is elsewhere", { skip: ifLong }, async () => {
  const where = [at("photos"), "--labels", at("numbers.csv")];
  for (const more of [[], ["--precision", "int8", "--calibrate", at("photos")]]) {
    const args = ["export", runs.numbers, "--out", at("measured.onnx"), ...more, "--measure", ...where];
    const { measured } = await json([...args, "--json"]);
    const { r2 } = await json(["eval", runs.numbers, ...where, "--json"]);
    assert.equal(measured.count, 6);
    assert.ok(Math.abs(measured.before.r2 - r2) <= 1e-3 * Math.max(1, Math.abs(r2)), `${measured.before.r2} ${r2}`);
    assert.ok(Number.isFinite(measured.after.r2));
  }
});

test("predict gives every label and number; in text only labels above a half", async () => {
  const { predictions } = await json(["predict", runs.labels, at("photos", "3.png"), "--json"]);
  const [{ targets }] = predictions;
  assert.deepEqual(
    targets.map(({ name }: { name: string }) => name),
    ["green", "red"],
  );
  for (const { value } of targets) assert.ok(value >= 0 && value <= 1);
  const numbersOf = (await json(["predict", runs.numbers, at("photos", "3.png"), "--json"])).predictions[0].targets;
  assert.ok(numbersOf[1].value > 900 && numbersOf[1].value < 1100);
  const csv = await fovea(["predict", runs.numbers, at("photos", "3.png"), at("photos", "4.png"), "--format", "csv"]);
  assert.match(csv.stdout, /^image,redness,offset\n.*3\.png,[-\d.e]+,[\d.]+\n.*4\.png/);
  const text = await fovea(["predict", runs.labels, at("photos", "3.png")]);
  assert.match(text.stdout, /3\.png: (green|red|none of the labels)/);
  const broken = await fovea(["predict", runs.labels, at("photos", "labels.csv"), at("photos", "3.png")]);
  assert.equal(broken.code, 1);
  assert.match(broken.stdout, /3\.png/);
});

test("predict writes a table's header where no image can be read, and says that 16-bit images look black", async () => {
  for (const [run, header] of [
    [runs.labels, "image,green,red\n"],
    [runs.numbers, "image,redness,offset\n"],
  ] as const) {
    const none = await fovea(["predict", run, at("photos", "labels.csv"), "--format", "csv"]);
    assert.deepEqual([none.code, none.stdout], [1, header]);
  }
  const raw = { width: 16, height: 16, channels: 3 } as const;
  const dark = sharp(new Uint16Array(16 * 16 * 3).fill(500), { raw })
    .toColorspace("rgb16")
    .png();
  await dark.toFile(at("dark.png"));
  const dim = await fovea(["predict", runs.numbers, at("dark.png")]);
  assert.match(dim.stderr, /^the only image with 16-bit samples use at most 10 of the bits/m);
});

test("explain shows a label or a number by name", async () => {
  for (const [run, name] of [
    [runs.labels, "red"],
    [runs.numbers, "offset"],
  ] as const) {
    const out = at(`${name}.svg`);
    const { images: found } = await json([
      "explain",
      run,
      at("photos", "3.png"),
      "--class",
      name,
      "--out",
      out,
      "--json",
    ]);
    assert.deepEqual([found[0].className, found[0].probability], [name, null]);
    assert.ok(existsSync(out));
  }
});

test("a run is resumed from another folder with the same labels, and its report drawn again", {
  skip: ifLong,
}, async () => {
  const copy = at("copy");
  cpSync(runs.numbers, copy, { recursive: true });
  const before = readFileSync(join(copy, "results.csv"), "utf8");
  const { code, stderr } = await fovea(["train", "--resume", "--out", copy]);
  assert.equal(code, 0, stderr);
  assert.equal(readFileSync(join(copy, "results.csv"), "utf8"), before);
  const [was, table] = ["number-photos", "changed.csv"];
  cpSync(runs.numbers, at(was), { recursive: true });
  writeFileSync(at(table), readFileSync(at("numbers.csv"), "utf8").replace(",1003,", ",1503,"));
  const changed = await fovea(["train", "--resume", "--out", at(was), "--labels", at(table)]);
  assert.equal(changed.code, 2);
  assert.match(
    changed.stderr,
    /^fovea: --resume: the training data of the run in .* has changed: task\.mean\.1 was 1008\.5, now/,
  );
  const report = await fovea(["report", runs.labels, "--out", at("again.html")]);
  assert.equal(report.code, 0, report.stderr);
  assert.match(readFileSync(at("again.html"), "utf8"), /Labels, weakest first/);
});

test("report.json has the first 1,000 rows that were not used, and their number", { skip: ifLong }, async () => {
  const csv = at("sparse.csv");
  const absent = Array.from({ length: 1100 }, (_, i) => `absent-${i}.png,1`).join("\n");
  writeFileSync(csv, `${table("image,x", (_, i) => `${i},${i}`)}${absent}\n`);
  const run = at("sparse-run");
  const args = ["--task", "regression", "--labels", csv, ...short, "--epochs", "1", "--out", run];
  const { code, stderr } = await fovea(["train", at("photos"), ...args]);
  assert.equal(code, 0, stderr);
  const { skipped, skippedCount } = JSON.parse(readFileSync(join(run, "report.json"), "utf8"));
  assert.deepEqual([skipped.length, skippedCount], [1000, 1100]);
  assert.match(skipped[999].reason, /absent-999\.png is no image below/);
  const again = await fovea(["report", run, "--out", at("sparse.html")]);
  assert.equal(again.code, 0, again.stderr);
  for (const page of [join(run, "report.html"), at("sparse.html")])
    assert.match(
      readFileSync(page, "utf8"),
      /1,100 files could not be used and were left out.*Only the first 1,000 are/s,
    );
  assert.equal(JSON.parse(readFileSync(join(runs.labels, "report.json"), "utf8")).skippedCount, undefined);
});

test("runs of one task are put side by side, by the score that chose their networks", async () => {
  for (const [run, score] of [
    [runs.labels, "mAP"],
    [runs.numbers, "R²"],
  ] as const) {
    const twin = at(`${score}-twin`);
    cpSync(run, twin, { recursive: true });
    // As if the run had test images.
    const epochs = readFileSync(join(twin, "metrics.jsonl"), "utf8").trim().split("\n");
    const facts = JSON.parse(readFileSync(join(twin, "report.json"), "utf8"));
    const tested = { ...facts, test: JSON.parse(epochs.at(-1)!).validation };
    writeFileSync(join(twin, "report.json"), JSON.stringify(tested));
    const out = at(`${score}.html`);
    const { code, stderr } = await fovea(["report", run, twin, "--out", out]);
    assert.equal(code, 0, stderr);
    const html = readFileSync(out, "utf8");
    for (const text of [`best ${score}`, `final ${score}`, `test ${score}`]) assert.ok(html.includes(text), text);
    assert.doesNotMatch(html, /top-1/);
  }
});

test("numbers are learned without augmentation, so features of frozen parts can be computed once", async () => {
  const weights = ["--weights", join(runs.labels, "best.safetensors"), "--freeze", "backbone"];
  const args = ["train", at("photos"), ...numbers, ...short, ...weights, "--cache-features"];
  const { code, stderr } = await fovea([...args, "--out", at("cached")]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /features of the 18 training and 6 validation images are computed once/);
  const augmented = await fovea([...args, "--color-jitter", "0.4", "--out", at("never")]);
  assert.match(augmented.stderr, /--cache-features needs --no-augment/);
});

test("rows that are skipped are named and counted, and called no files", async () => {
  const header = "image,redness,offset";
  const rows = Array.from({ length: 6 }, (_, i) => `${i},0.5,${1000 + i}`);
  writeFileSync(at("gaps.csv"), `${[header, ...rows, "gone,0.5,1", "6,,2", "7,0.1,"].join("\n")}\n`);
  const args = ["eval", runs.numbers, at("photos"), "--labels", at("gaps.csv"), "--split", "all"];
  const { code, stderr } = await fovea(args);
  assert.equal(code, 0, stderr);
  assert.equal(stderr.match(/skipped .*gaps\.csv, line \d+: /g)?.length, 3, stderr);
  assert.match(stderr, /^3 skipped in total$/m);
  assert.doesNotMatch(stderr, /files skipped/);
});

test("weights remember their task", async () => {
  const weights = join(runs.labels, "best.safetensors");
  const found = await json([
    "predict",
    "resnet20",
    at("photos", "3.png"),
    "--weights",
    weights,
    "--image-size",
    "16",
    "--json",
  ]);
  assert.deepEqual(
    found.predictions[0].targets.map(({ name }: { name: string }) => name),
    ["green", "red"],
  );
});

test("a task in metadata is a record of ours, or another program's word", () => {
  assert.equal(taskRecordIn({ task: "classify" }), undefined);
  assert.equal(taskRecordIn({}), undefined);
  assert.deepEqual(taskRecordIn({ task: '{"name":"multi-label"}' }), { name: "multi-label" });
  const says = (task: string, wanted: RegExp) => assert.throws(() => taskRecordIn({ task }, "a.onnx"), wanted);
  says("{", /a\.onnx: task is not JSON/);
  says('{"name":"detection"}', /a\.onnx: task\.name must be one of segmentation, multi-label, regression/);
  says(
    '{"name":"regression","loss":"mse","mean":[1],"deviation":[0]}',
    /task\.deviation\[0\] must be a positive number/,
  );
});

test("labels that were learned from columns are measured by them, although there is a list; none known is an error", {
  skip: ifLong,
}, async () => {
  const csv = at("both.csv");
  writeFileSync(
    csv,
    table("image,tags,a,b", ({ red, green }, i) => `${i},t${i % 2},${red},${green}`),
  );
  const run = at("both-run");
  const task = ["--task", "multi-label", "--targets", "a,b", "--labels", csv];
  const trained = await fovea(["train", at("photos"), ...task, ...short, "--out", run]);
  assert.equal(trained.code, 0, trained.stderr);
  const measured = await json(["eval", run, at("photos"), "--labels", csv, "--split", "all", "--json"]);
  assert.deepEqual(
    measured.labels.map(({ name, count }: { name: string; count: number }) => [name, count]),
    [
      ["a", 12],
      ["b", 12],
    ],
  );
  writeFileSync(
    csv,
    table("image,tags", (_, i) => `${i},t${i % 2}`),
  );
  const { code, stderr } = await fovea(["eval", run, at("photos"), "--labels", csv]);
  assert.notEqual(code, 0);
  assert.match(stderr, /both\.csv: the model knows none of the labels: the data has t0, t1; the model has a, b/);
});

test("test rows without validation rows are the validation part, and eval says so", async () => {
  const rows = readFileSync(at("numbers.csv"), "utf8").replaceAll(",val\n", ",test\n");
  writeFileSync(at("tested.csv"), rows);
  const args = ["eval", runs.numbers, at("photos"), "--labels", at("tested.csv"), "--split"];
  const refused = await fovea([...args, "test"]);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /--split test: the data has no test part\. .* use --split validation/);
  const { count, split } = await json([...args, "validation", "--json"]);
  assert.deepEqual([count, split], [6, "validation"]);
});

const never = ["--out", at("never")];
/** What is refused in one line, and what is said. */
const refused: readonly (readonly [args: readonly string[], says: RegExp])[] = [
  [["train", at("photos"), ...numbers, "--no-flip", ...never], /--no-flip has no effect: regression does not mirror/],
  [
    ["train", at("photos"), "--targets", "a", ...never],
    /--targets is for --task multi-label or regression; name the task/,
  ],
  [
    ["train", at("photos"), "--task", "classification", "--labels", "x.csv", ...never],
    /--labels is for --task multi-label or regression; --task is classification/,
  ],
  [
    ["train", at("photos"), "--task", "multi-label", "--loss", "dice", ...never],
    /--loss is for segmentation and regression; --task is multi-label/,
  ],
  [
    ["train", at("photos"), ...numbers, "--loss", "focal", ...never],
    /--loss focal is for segmentation; for regression: mse or smooth-l1/,
  ],
  [
    ["train", at("photos"), ...numbers, "--ignore-label", "3", ...never],
    /--ignore-label is for segmentation; --task is regression/,
  ],
  [
    ["train", at("photos"), ...numbers, "--val-split", "0.3", ...never],
    /--val-split has no effect: a column of its CSV file defines the splits/,
  ],
  ...["multi-label", "regression"].flatMap((task) =>
    ["--targets", "--labels"].map(
      (given) =>
        [
          ["train", "shapes", "--task", task, given, "x", ...never],
          new RegExp(`^fovea: ${given} is for files; shapes is generated`),
        ] as const,
    ),
  ),
  [["export", runs.numbers, "--out", at("never"), "--labels", "x.csv", "--format", "onnx"], /--labels needs --measure/],
  [["eval", runs.labels, "shapes", "--labels", "x.csv"], /^fovea: --labels is for files; shapes is generated/],
  [["train", at("photos"), ...numbers, "--targets", "a,,b", ...never], /--targets.*must be names of columns/],
  [["train", at("photos"), ...numbers, "--targets", "none", ...never], /has no column "none"; it has redness, offset/],
  [
    ["train", at("photos"), ...numbers, "--model", "unet_resnet18", ...never],
    /unet_resnet18 is a segmentation network, and --task regression needs a classifier/,
  ],
  ...[
    "--mixup=0.2",
    "--cutmix=1",
    "--balanced-sampling",
    "--class-weights=balanced",
    "--label-smoothing=0.1",
    "--bce-loss",
  ].map(
    (given) =>
      [
        ["train", at("photos"), "--task", "multi-label", given, ...never],
        /is for one class per image; --task is multi-label/,
      ] as const,
  ),
  [
    ["eval", runs.labels, at("photos"), "--tta", "flip"],
    /--tta is for one class per image; resnet20 is for multi-label/,
  ],
  [
    ["eval", runs.labels, at("photos"), "--csv", at("never.csv")],
    /--csv is for one class per image; resnet20 is for multi-label/,
  ],
  [["eval", runs.labels, at("photos"), "--labels", at("numbers.csv")], /has no column "green"; it has redness, offset/],
  [["predict", runs.labels, at("photos", "3.png"), "--top", "2"], /--top is for one class per image; for multi-label/],
  [["predict", runs.numbers, at("photos", "3.png"), "--tta", "flip"], /--tta is for one class per image/],
  [["explain", runs.numbers, at("photos", "3.png")], /name what to explain: --class redness \(of redness, offset\)/],
  [
    ["explain", runs.labels, at("photos", "3.png"), "--score", "probability"],
    /--score probability is for one class per image/,
  ],
  [
    ["export", runs.labels, "--format", "transformers.js", "--out", at("never")],
    /transformers\.js is for one class per image; resnet20 is for multi-label: use --format onnx/,
  ],
  [
    ["report", runs.labels, runs.numbers, "--out", at("never")],
    /runs of different tasks cannot be compared: labels-run is for multi-label, numbers-run for regression/,
  ],
];
for (const [args, says] of refused)
  test(`refused: ${args.map((arg) => arg.replace(folder, "")).join(" ")}`, async () => {
    const { code, stdout, stderr } = await fovea(args);
    assert.notEqual(code, 0);
    assert.equal(stdout, "");
    assert.match(stderr.trim().split("\n").at(-1)!, says);
    assert.ok(!existsSync(at("never")));
  });
