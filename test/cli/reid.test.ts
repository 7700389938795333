import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import sharp from "sharp";
import { sharedFovea as fovea, temporaryFolder } from "../support/fovea.js";
import { ifLong } from "../support/long.js";
import { writeMarket } from "../support/market.js";

const folder = temporaryFolder();
const at = (...parts: string[]) => join(folder, ...parts);
await writeMarket(at("market"));
const [first] = readdirSync(at("market", "query"));
const query = at("market", "query", first!);
const gallery = readdirSync(at("market", "bounding_box_test"));
const json = async (args: readonly string[]) => {
  const { code, stdout, stderr } = await fovea(args);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
};

const run = at("run");
const short = ["--task", "reid", "--image-size", "16", "--batch", "8", "--optimizer", "adamw", "--epochs", "2"];
const begun = await fovea(["train", at("market"), ...short, "--margin", "0.5", "--out", run]);

test("train says what is looked for where, and records the task and both scores", () => {
  assert.equal(begun.code, 0, begun.stderr);
  assert.match(begun.stderr, /4 identities, 32 \+ 24 images, split by folders bounding_box_train, query, bounding_box/);
  assert.match(begun.stderr, /^validation: 6 queries in a gallery of 18 images$/m);
  assert.match(begun.stderr, /epoch 2\/2 {2}loss .* identities .* % {2}validation mAP .* % rank-1 .* %/);
  const { task, training, data } = JSON.parse(readFileSync(join(run, "config.json"), "utf8"));
  assert.deepEqual(task, { name: "reid", instances: 4, margin: 0.5 });
  assert.deepEqual([training.labelSmoothing, training.batch, data.kind], [0.1, 8, "market1501"]);
  assert.match(readFileSync(join(run, "results.csv"), "utf8"), /^epoch,.*,map,rank1\n/);
  assert.match(readFileSync(join(run, "report.html"), "utf8"), /Cumulative matching characteristic/);
});

test("eval measures a run and its exported features alike, also re-ranked", { skip: ifLong }, async () => {
  const own = await json(["eval", run, at("market"), "--rerank", "--json"]);
  const { output } = await json(["export", run, "--out", at("features.onnx"), "--json"]);
  assert.deepEqual(output.shape, ["N", 64]);
  const file = await json(["eval", at("features.onnx"), at("market"), "--rerank", "--json"]);
  for (const name of ["map", "rank1", "rank5", "rank10"]) {
    assert.ok(own[name] >= 0 && own[name] <= 1, name);
    assert.ok(Math.abs(own[name] - file[name]) < 1e-9, `${name}: ${own[name]} ${file[name]}`);
    assert.ok(Math.abs(own.reranked[name] - file.reranked[name]) < 1e-9, name);
  }
  assert.deepEqual([own.queries, own.gallery, own.count, own.cmc.length], [6, 18, 24, 18]);
  const lines = readFileSync(join(run, "metrics.jsonl"), "utf8").trim().split("\n");
  assert.ok(lines.some((line) => JSON.parse(line).map === own.map));
  const shown = await fovea(["eval", run, at("market"), "--rerank"]);
  assert.match(shown.stdout, /^mAP .* rank-1 .*: 6 queries in a gallery of 18 images\nre-ranked: mAP /);
  const { measured } = await json(["export", run, "--out", at("x.onnx"), "--measure", at("market"), "--json"]);
  assert.ok(Math.abs(measured.before.map - own.map) < 1e-9 && Math.abs(measured.after.map - own.map) < 1e-3);
});

test("predict ranks the gallery by distance, says which match, and draws them", async () => {
  const picture = at("ranked.png");
  const args = ["predict", run, query, "--gallery", at("market"), "--top", "4"];
  const { predictions } = await json([...args, "--ranked-list", picture, "--json"]);
  const [{ image, ranked }] = predictions;
  assert.deepEqual([image, ranked.length], [query, 4]);
  const identity = (path: string) => path.split("/").at(-1)!.slice(0, 4);
  ranked.forEach((found: { image: string; distance: number; match: boolean }, i: number) => {
    assert.ok(gallery.includes(found.image.split("/").at(-1)!));
    assert.equal(found.match, identity(found.image) === identity(query));
    assert.ok(i === 0 || found.distance >= ranked[i - 1].distance);
  });
  const { width, height } = await sharp(picture).metadata();
  assert.deepEqual([width, height], [5 * 112 + 8, 112 + 8]);
  // The frame of the nearest image.
  const { data } = await sharp(picture).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  assert.deepEqual(
    [...data.subarray(3 * (9 * width! + 121), 3 * (9 * width! + 122))],
    ranked[0].match ? [0, 158, 115] : [213, 94, 0],
  );
  const csv = await fovea([...args, "--format", "csv"]);
  assert.match(csv.stdout, /^image,image_1,distance_1,.*,distance_4\n.*query\/.*\.png,[\d.e-]+\n$/);
  const text = await fovea([...args, "--top", "1"]);
  assert.match(text.stdout, /query\/.*\.png: .*bounding_box_test\/.*\.png [\d.]+\n$/);
});

test("the same identity by the same camera, junk, and the image itself are not found; other names say nothing of matches", async () => {
  mkdirSync(at("mixed"));
  cpSync(query, at("mixed", "0005_c1s1_999999_00.png"));
  cpSync(query, at("mixed", "-1_c2s1_000001_00.png"));
  cpSync(query, at("mixed", "photo.png"));
  writeFileSync(at("mixed", "broken.png"), "no image");
  const of = (image: string) => ["predict", run, image, "--gallery", at("mixed"), "--json"];
  const { predictions, skipped } = await json(of(query));
  assert.deepEqual(
    predictions[0].ranked.map(({ image, match }: { image: string; match?: boolean }) => [image, match]),
    [[at("mixed", "photo.png"), undefined]],
  );
  assert.equal(predictions[0].ranked[0].distance, 0);
  assert.match(skipped[0].file, /broken\.png$/);
  const itself = await json(of(at("mixed", "photo.png")));
  assert.ok(itself.predictions[0].ranked.every(({ image }: { image: string }) => !image.endsWith("photo.png")));
  const broken = await fovea(of(at("mixed", "broken.png")));
  assert.equal(broken.code, 1);
  assert.match(broken.stderr, /broken\.png: /);
});

test("a finished run resumes to the same results, and its report is drawn again", { skip: ifLong }, async () => {
  const copy = at("copy");
  cpSync(run, copy, { recursive: true });
  const { code, stderr } = await fovea(["train", "--resume", "--out", copy]);
  assert.equal(code, 0, stderr);
  for (const file of ["results.csv", "best.safetensors", "last.safetensors"])
    assert.deepEqual(readFileSync(join(copy, file)), readFileSync(join(run, file)), file);
  const report = await fovea(["report", run, "--out", at("again.html")]);
  assert.equal(report.code, 0, report.stderr);
  assert.match(readFileSync(at("again.html"), "utf8"), /Cumulative matching characteristic/);
});

test("a training that is killed and resumed ends as one that is not", { skip: ifLong }, async () => {
  const args = ["train", at("market"), ...short, "--epochs", "3"];
  const whole = await fovea([...args, "--out", at("whole")]);
  assert.equal(whole.code, 0, whole.stderr);
  const stopped = await fovea([...args, "--out", at("killed")], (text, child) => {
    if (text.includes("epoch 1/3  loss")) child.kill("SIGKILL");
  });
  assert.equal(stopped.signal, "SIGKILL");
  const resumed = await fovea(["train", "--resume", "--out", at("killed"), "--threads", "1"]);
  assert.equal(resumed.code, 0, resumed.stderr);
  for (const file of ["results.csv", "best.safetensors", "last.safetensors"])
    assert.equal(Buffer.compare(readFileSync(at("killed", file)), readFileSync(at("whole", file))), 0, file);
});

test("a training on generated people finds others that it never saw", { skip: ifLong }, async () => {
  const args = ["train", "shapes", "--task", "reid", "--optimizer", "adamw", "--lr", "0.003", "--epochs", "12"];
  const { history } = await json([...args, "--out", at("people"), "--json"]);
  const { map, rank1 } = await json(["eval", at("people"), "shapes", "--json"]);
  assert.ok(map >= 0.8 && rank1 >= 0.8, `${map}, ${rank1}`);
  assert.equal(Math.max(...history.map((epoch: { map: number }) => epoch.map)), map);
});

const never = ["--out", at("never")];
const reid = ["train", at("market"), "--task", "reid", "--image-size", "16", ...never];
/** What is refused in one line, and what is said. */
const refused: readonly (readonly [args: readonly string[], says: RegExp])[] = [
  ...["--mixup=0.2", "--cutmix=1", "--balanced-sampling", "--class-weights=balanced", "--bce-loss"].map(
    (given) => [[...reid, given], /is for one class per image; --task is reid/] as const,
  ),
  [[...reid, "--batch", "10"], /--batch 10 must be a multiple of --num-instances 4, for two identities or more/],
  [[...reid, "--batch", "4"], /--batch 4 must be a multiple of --num-instances 4, for two identities or more/],
  [[...reid, "--num-instances", "1"], /--num-instances.*must be an integer/],
  [[...reid, "--margin=-1"], /--margin.*must be a number, not negative/],
  [[...reid, "--aug-repeats", "2"], /--aug-repeats has no effect: --num-instances says/],
  [[...reid, "--no-maps"], /--no-maps has no effect: reports of labels, numbers and identities have no maps/],
  [
    [...reid, "--weights", join(run, "best.safetensors"), "--freeze", "backbone"],
    /--freeze has no effect: features are/,
  ],
  [[...reid, "--val-split", "0.3"], /--val-split has no effect: .* is market1501, which has fixed splits/],
  [[...reid, "--loss", "dice"], /--loss is for segmentation and regression; --task is reid/],
  [[...reid, "--targets", "a"], /--targets is for --task multi-label or regression; --task is reid/],
  [
    [...reid, "--model", "unet_resnet18"],
    /unet_resnet18 is a segmentation network, and --task reid needs a classifier/,
  ],
  [["train", "shapes", "--margin", "0.5", ...never], /--margin is for --task reid; name the task/],
  [
    ["train", "shapes", "--task", "regression", "--num-instances", "2", ...never],
    /--num-instances is for --task reid; --task is regression/,
  ],
  [["train", "shapes-free", "--task", "reid", ...never], /shapes-free has no identities; reid needs shapes/],
  [["train", at("market", "query"), "--task", "reid", ...never], /expected the folders bounding_box_train, query/],
  [["train", at("market"), ...never], /has the folders of Market-1501, which are for the task reid; name the task/],
  [["eval", run, at("market"), "--split", "train"], /--split train: queries and the gallery are the validation part/],
  [["eval", run, at("market"), "--split", "all"], /--split all: queries and the gallery are the validation part/],
  [["eval", run, at("market"), "--tta", "flip"], /--tta is for one class per image; resnet20 is for reid/],
  [["eval", run, at("market"), "--csv", at("never")], /--csv is for one class per image/],
  [["predict", run, query], /name the images to look in: --gallery FOLDER/],
  [
    ["predict", run, query, "--gallery", at("market"), "--tta", "flip"],
    /--tta is for classes; the network is for reid/,
  ],
  [["predict", run, query, "--gallery", at("nowhere")], /nowhere/],
  [["explain", run, query], /is for reid: explain is for networks whose classes are asked for/],
  [["export", run, "--format", "transformers.js", ...never], /transformers\.js is for one class per image/],
  [
    ["export", run, "--out", at("never.onnx"), "--precision", "int8", "--calibrate", at("market")],
    /--calibrate is for networks whose logits are exported; resnet20 is for reid/,
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
