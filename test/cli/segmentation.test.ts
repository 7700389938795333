import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import sharp from "sharp";
import { Rng } from "../../src/core/rng.js";
import { pngIndices } from "../../src/data/segmentation/png-indices.js";
import { encodePng } from "../../src/report/index.js";
import { sharedFovea as fovea, temporaryFolder } from "../support/fovea.js";
import { ifLong } from "../support/long.js";

const folder = temporaryFolder();
const at = (...parts: string[]) => join(folder, ...parts);
const json = (...parts: string[]) => JSON.parse(readFileSync(at(...parts), "utf8"));

/** Red squares and green bars on gray, with what they are, and a strip of void. */
async function scenes(home: string, counts: Readonly<Record<string, number>>): Promise<void> {
  const [width, height] = [48, 40];
  for (const [split, count] of Object.entries(counts)) {
    for (const kind of ["images", "masks"]) mkdirSync(join(home, kind, split), { recursive: true });
    for (let i = 0; i < count; i++) {
      const rng = new Rng(3, split, i);
      const [left, top, bar] = [rng.int(30), rng.int(22), rng.int(44)];
      const labels = Uint8Array.from({ length: width * height }, (_, p) => {
        const [x, y] = [p % width, Math.floor(p / width)];
        if (y === height - 1) return 3;
        if (x >= left && x < left + 14 && y >= top && y < top + 14) return 1;
        return x >= bar && x < bar + 4 ? 2 : 0;
      });
      const colors = [
        [120, 120, 120],
        [220, 40, 40],
        [40, 200, 60],
        [0, 0, 0],
      ];
      const pixels = Buffer.alloc(3 * labels.length);
      labels.forEach((label, p) => {
        for (let c = 0; c < 3; c++) pixels[3 * p + c] = colors[label]![c]! + rng.int(20);
      });
      await sharp(pixels, { raw: { width, height, channels: 3 } })
        .png()
        .toFile(join(home, "images", split, `${i}.png`));
      writeFileSync(
        join(home, "masks", split, `${i}.png`),
        encodePng({ width, height, pixels: labels, palette: new Uint8Array(768).map((_, k) => (k * 53) % 256) }),
      );
    }
  }
}
await scenes(at("scenes"), { train: 16, val: 4, test: 3 });
writeFileSync(at("scenes", "classes.txt"), "ground\nsquare\nbar\nvoid\n");

const small = ["--image-size", "32", "--batch", "8", "--threads", "1", "--seed", "3", "--optimizer", "adamw"];
const trained = ifLong
  ? undefined
  : await fovea(["train", at("scenes"), "--epochs", "1", ...small, "--out", at("run"), "--tensorboard"]);
assert.ok(!trained || trained.code === 0, trained?.stderr);

test("a folder of images with masks is segmented, which is said; epochs, the best of them and the test are by mean IoU", {
  skip: ifLong,
}, () => {
  const { stderr } = trained!;
  assert.match(
    stderr,
    /has images with masks: segmentation, with unet_resnet18\. For one class per image: --task classification/,
  );
  assert.match(stderr, /3 classes, 16 \+ 4 \+ 3 images, split by folders train, val, test/);
  assert.match(stderr, /classes of pixels: ground, square, bar/);
  assert.match(stderr, /epoch 1\/1 {2}loss [\d.]+ pixels [\d.]+ % {2}validation loss [\d.]+ mIoU [\d.]+ %/);
  assert.match(stderr, /validation mIoU: best [\d.]+ % \(epoch \d\), chosen on these images/);
  assert.match(stderr, /test mIoU of the best weights: [\d.]+ %, 3 images held out to the end/);
  const { model, task, data, preprocessing } = json("run", "config.json");
  assert.deepEqual(
    [model.name, task],
    ["unet_resnet18", { name: "segmentation", loss: ["cross-entropy"], classWeights: null }],
  );
  assert.deepEqual([data.kind, data.classes], ["masks", ["ground", "square", "bar"]]);
  assert.deepEqual([preprocessing.imageSize, preprocessing.resize], [32, 40]);
  assert.match(readFileSync(at("run", "results.csv"), "utf8"), /,miou\n1,/);
});

test("eval measures whole images again, as JSON and as text", { skip: ifLong }, async () => {
  const lines = readFileSync(at("run", "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const best = lines.reduce((a, b) => (b.miou > a.miou ? b : a));
  const { code, stdout, stderr } = await fovea(["eval", at("run"), at("scenes"), "--json", "--batch", "3"]);
  assert.equal(code, 0, stderr);
  const found = JSON.parse(stdout);
  assert.ok(Math.abs(found.miou - best.miou) < 1e-6);
  assert.deepEqual(
    found.classes.map(({ name }: { name: string }) => name),
    ["ground", "square", "bar"],
  );
  for (const key of ["boundaryF", "top1", "loss", "pixels"]) assert.ok(Number.isFinite(found[key]), key);
  assert.equal(found.pixels, 4 * 48 * 39, "void does not count");
  const text = await fovea(["eval", at("run"), at("scenes"), "--split", "test"]);
  assert.match(text.stdout, /^mIoU [\d.]+ %, pixel accuracy [\d.]+ %, boundary F [\d.]+ %, loss [\d.]+ on 3 images/);
  assert.match(text.stdout, /class +of all pixels +IoU +recall +precision +boundary F/);
});

test("predict writes masks of the images' size whose values are classes, and overlays", { skip: ifLong }, async () => {
  const images = readdirSync(at("scenes", "images", "val")).map((name) => at("scenes", "images", "val", name));
  const { code, stdout, stderr } = await fovea(["predict", at("run"), ...images, "--out", at("out"), "--json"]);
  assert.equal(code, 0, stderr);
  const { predictions } = JSON.parse(stdout);
  assert.equal(predictions.length, 4);
  for (const { mask, overlay, classes } of predictions) {
    const { width, height, data } = pngIndices(readFileSync(mask));
    assert.deepEqual([width, height], [48, 40]);
    assert.ok(data.every((label) => label < 3));
    assert.ok(Math.abs(classes.reduce((sum: number, { share }: { share: number }) => sum + share, 0) - 1) < 1e-9);
    assert.deepEqual((await sharp(overlay).metadata()).width, 48);
  }
  assert.equal(readFileSync(at("out", "classes.txt"), "utf8"), "ground\nsquare\nbar\n");
  const over = await fovea(["predict", at("run"), images[0]!, "--out", at("scenes", "images", "val")]);
  assert.equal(over.code, 2);
  assert.match(over.stderr, /0\.png is one of the images; choose another folder/);
  const text = await fovea(["predict", at("run"), at("nothing.jpg"), images[1]!, "--out", at("out2")]);
  assert.equal(text.code, 1);
  assert.match(text.stdout, /1\.png: .* → .*out2[\\/]1\.png, .*1-overlay\.png/);
  assert.match(text.stderr, /nothing\.jpg: /);
  const raw = { width: 48, height: 40, channels: 3 } as const;
  const dark = sharp(new Uint16Array(48 * 40 * 3).fill(500), { raw })
    .toColorspace("rgb16")
    .png();
  await dark.toFile(at("dark.png"));
  const dim = await fovea(["predict", at("run"), at("dark.png"), "--out", at("out3")]);
  assert.match(dim.stderr, /^the only image with 16-bit samples use at most 10 of the bits/m);
});

test("the report shows predicted masks beside the truth and the IoU of each class, and is written again the same", {
  skip: ifLong,
}, async () => {
  const html = readFileSync(at("run", "report.html"), "utf8");
  for (const part of [
    "Predicted masks next to the labels",
    "IoU per class, weakest first",
    "square",
    "Best validation mIoU",
    "Test mIoU",
  ])
    assert.ok(html.includes(part), part);
  const { masks } = json("run", "report.json");
  assert.equal(masks.looks.length, 4);
  const again = await fovea(["report", at("run"), "--out", at("again.html")]);
  assert.equal(again.code, 0, again.stderr);
  assert.equal(readFileSync(at("again.html"), "utf8"), html);
  assert.ok(existsSync(at("run", "tensorboard")));
});

test("export writes logits for every pixel, and measures what it costs in mean IoU", { skip: ifLong }, async () => {
  const { code, stdout, stderr } = await fovea([
    ...["export", at("run"), "--out", at("model.onnx"), "--precision", "int8", "--measure", at("scenes"), "--json"],
  ]);
  assert.equal(code, 0, stderr);
  const { output, measured } = JSON.parse(stdout);
  assert.deepEqual(output.shape, ["N", 3, 32, 32]);
  assert.ok(Number.isFinite(measured.before.miou) && Number.isFinite(measured.after.miou) && measured.count === 4);
  const pipelines = await fovea(["export", at("run"), "--out", at("js"), "--format", "transformers.js"]);
  assert.match(
    pipelines.stderr,
    /transformers\.js is for one class per image; .* is for segmentation: use --format onnx/,
  );
});

test("explain maps a class of pixels", { skip: ifLong }, async () => {
  const { code, stderr, stdout } = await fovea([
    ...["explain", at("run"), at("scenes", "images", "val", "0.png"), "--class", "square", "--out", at("map.svg")],
    "--json",
  ]);
  assert.equal(code, 0, stderr);
  assert.ok(JSON.parse(stdout));
  assert.ok(existsSync(at("map.svg")));
});

test("a training that is killed and resumed ends as one that is not", { skip: ifLong }, async () => {
  const args = [
    "train",
    at("scenes"),
    "--model",
    "unet_resnet18",
    "--epochs",
    "2",
    ...small,
    "--loss",
    "cross-entropy+dice",
  ];
  const own = ["--class-weights", "balanced", "--no-maps", "--model-options", '{"decoderAttention":"none"}'];
  const whole = await fovea([...args, ...own, "--out", at("whole")]);
  assert.equal(whole.code, 0, whole.stderr);
  const stopped = await fovea([...args, ...own, "--out", at("killed")], (text, child) => {
    if (text.includes("epoch 1/2  loss")) child.kill("SIGKILL");
  });
  assert.equal(stopped.signal, "SIGKILL");
  const resumed = await fovea(["train", "--resume", "--out", at("killed"), "--threads", "1"]);
  assert.equal(resumed.code, 0, resumed.stderr);
  for (const file of ["results.csv", "best.safetensors", "last.safetensors"])
    assert.equal(Buffer.compare(readFileSync(at("killed", file)), readFileSync(at("whole", file))), 0, file);
  const { task } = json("whole", "config.json");
  assert.equal(task.classWeights.length, 3);
  const other = await fovea(["train", "--resume", "--out", at("killed"), "--loss", "focal"]);
  assert.match(other.stderr, /--resume: the run in .* has --loss /);
});

const start = (...args: string[]) => ["train", ...args, "--epochs", "1", "--threads", "1", "--out", at("never")];
const refused: readonly (readonly [args: readonly string[], says: RegExp])[] = [
  [
    start("shapes", "--model", "resnet20", "--task", "segmentation"),
    /resnet20 is a classification network, and --task segmentation needs one for segmentation, such as --model unet_resnet18/,
  ],
  [start(at("scenes"), "--model", "resnet20"), /resnet20 is a classification network, and .* has images with masks/],
  [
    start("shapes", "--model", "unet_resnet18", "--task", "classification"),
    /unet_resnet18 is a segmentation network, and --task classification needs a classifier, such as --model resnet20/,
  ],
  [
    start("shapes", "--loss", "dice"),
    /--loss is for segmentation and regression; resnet20 classifies images; add --task segmentation/,
  ],
  [start("shapes", "--resize", "64"), /--resize is for segmentation/],
  [start("shapes", "--task", "segmentation", "--loss", "lovasz"), /must be cross-entropy, dice, focal, or a sum/],
  [start("shapes", "--task", "segmentation", "--loss", "dice+dice"), /must be cross-entropy/],
  [
    start("shapes", "--task", "segmentation", "--class-weights", "1,2,3"),
    /--class-weights: 3 weights for 2 classes: background, object/,
  ],
  [
    start("shapes", "--task", "segmentation", "--loss", "dice", "--class-weights", "1,2"),
    /--class-weights has no effect on --loss dice/,
  ],
  [
    start("shapes", "--task", "segmentation", "--freeze", "backbone"),
    /--freeze is for networks that classify whole images/,
  ],
  [start("shapes", "--task", "segmentation", "--ignore-label", "-1"), /must be an integer from 0 to 65535, or none/],
  [start(at("scenes"), "--class-names", "a,b"), /value \d .*is not a class: there are 2, a, b/],
  [start(at("scenes"), "--class-names", "nowhere.txt"), /--class-names nowhere\.txt: no such file/],
  [
    start(at("scenes"), "--model-options", '{"numClasses":3}'),
    /--model-options: numClasses is set by another flag too/,
  ],
  [
    ["predict", at("run"), at("scenes", "images", "val"), "--top", "3"],
    /--top is for networks that classify whole images/,
  ],
  [
    ["predict", at("run"), at("scenes", "images", "val"), "--format", "csv"],
    /--format csv is for networks that classify/,
  ],
  [
    ["eval", at("run"), at("scenes"), "--localization"],
    /--localization is for one class per image; .* is for segmentation/,
  ],
];
for (const [args, says] of refused)
  test(`fovea ${args.filter((arg) => !arg.startsWith(folder)).join(" ")} is refused`, { skip: ifLong }, async () => {
    const { code, stderr } = await fovea(args);
    assert.notEqual(code, 0);
    assert.match(stderr, says);
    assert.ok(!existsSync(at("never")), "nothing was begun");
  });

test("networks of segmentation are compared by mean IoU, U-Net with and without scSE", { skip: ifLong }, async () => {
  const plan = {
    data: { source: at("scenes"), imageSize: 32 },
    backbones: ["unet_resnet18"],
    modules: ["none", "scse", "cbam"],
    seeds: [0],
    epochs: 1,
    settings: [{ batch: 8, optimizer: "adamw" }],
  };
  writeFileSync(at("plan.json"), JSON.stringify(plan));
  const planned = await fovea(["compare", at("plan.json"), "--out", at("planned"), "--workers", "1", "--dry-run"]);
  assert.equal(planned.code, 0, planned.stderr);
  assert.match(planned.stdout, /2 units to do/);
  assert.match(planned.stdout, /unet_resnet18 cbam is left out: .*takes no attention module/);
  const { code, stdout, stderr } = await fovea([
    "compare",
    at("plan.json"),
    "--out",
    at("compared"),
    "--workers",
    "1",
    "--json",
  ]);
  assert.equal(code, 0, stderr + stdout);
  assert.equal(readFileSync(at("compared", "costs.csv"), "utf8").trim().split("\n").length, 3);
  const table = readFileSync(at("compared", "table.md"), "utf8");
  assert.match(table, /mIoU %/);
  assert.match(table, /cbam.*does not fit: .*takes no attention module/);
  const [header, ...lines] = readFileSync(at("compared", "results.csv"), "utf8").trim().split("\n");
  assert.match(header!, /last_test_miou,last_test_boundary_f/);
  assert.equal(lines.length, 3);
  const done = readdirSync(at("compared", "units"), { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith("result.json"),
  );
  assert.equal(done.length, 2);
  const { chosen, last } = json("compared", "units", done[0]!);
  for (const { validation, test: tested } of [chosen, last]) {
    assert.ok(validation.miou >= 0 && tested.miou >= 0 && tested.count === 3);
    assert.equal(tested.right, undefined);
  }
  const mixed = { ...plan, backbones: ["unet_resnet18", "resnet20"] };
  writeFileSync(at("mixed.json"), JSON.stringify(mixed));
  const refusedPlan = await fovea(["compare", at("mixed.json"), "--out", at("mixed")]);
  assert.match(
    refusedPlan.stderr,
    /resnet20 is a classification network, unet_resnet18 one for segmentation; a comparison has one task/,
  );
});

test("compare --check-pairing hashes the masks of batches too", { skip: ifLong }, async () => {
  const batchesOf = async (data: string) => {
    const plan = `--model unet_resnet18 --modules none,scse --seeds 1 --epochs 1 --batch 8 --out ${at(`pairs-${data}`)}`;
    const { code, stdout, stderr } = await fovea([
      "compare",
      at(data),
      ...plan.split(" "),
      "--check-pairing",
      "--json",
    ]);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout).units[0].batches as string;
  };
  cpSync(at("scenes"), at("other-masks"), { recursive: true });
  for (let i = 0; i < 16; i++)
    cpSync(at("scenes", "masks", "train", `${(i + 1) % 16}.png`), at("other-masks", "masks", "train", `${i}.png`));
  assert.notEqual(await batchesOf("other-masks"), await batchesOf("scenes"));
});
