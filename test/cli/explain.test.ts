import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import sharp from "sharp";
import { writeSafetensors } from "../../src/formats/safetensors.js";
import { decodeImage, explain, ortEngine } from "../../src/index.js";
import { createModelByName } from "../../src/models/index.js";
import { initialize } from "../../src/nn/index.js";
import { weightsOf } from "../../src/train/index.js";
import { sharedFovea as fovea, temporaryFolder } from "../support/fovea.js";
import { ifLong } from "../support/long.js";

const folder = temporaryFolder();
const at = (...parts: string[]) => join(folder, ...parts);
mkdirSync(at("photos"));

/** An image that is not the same everywhere. */
async function photo(name: string, width: number, height: number, seed: number): Promise<string> {
  const bytes = Buffer.from(
    Uint8Array.from({ length: 3 * width * height }, (_, i) => (i * (7 + seed) + (i >> 6) * 31) % 256),
  );
  await sharp(bytes, { raw: { width, height, channels: 3 } }).toFile(at("photos", name));
  return at("photos", name);
}
const [wide, tall] = [await photo("wide.png", 60, 40, 1), await photo("tall.png", 40, 60, 2)];

const classes = ["ant", "bee", "cat"];
/** The weights of an untrained network in a file. */
function saved(name: string, options: object, names: readonly string[] | null = classes): string {
  const file = at(`${name}.safetensors`);
  const model = initialize(createModelByName("resnet20", { numClasses: names?.length ?? 3, ...options }), { seed: 4 });
  const metadata = { model: "resnet20", options: JSON.stringify({ numClasses: names?.length ?? 3, ...options }) };
  writeFileSync(
    file,
    writeSafetensors(weightsOf(model), { ...metadata, ...(names ? { classes: JSON.stringify(names) } : {}) }),
  );
  return file;
}
const plain = saved("plain", {});
const gated = saved("gated", { attention: ["cbam", {}] });
const explained = (weights: string, ...args: string[]) =>
  fovea(["explain", "resnet20", "--weights", weights, "--image-size", "32", ...args]);

/** What is in a .npy file, read by its specification. */
function readNpy(file: string): { shape: number[]; data: Float64Array } {
  const bytes = readFileSync(file);
  assert.equal(bytes.subarray(0, 8).toString("latin1"), "\x93NUMPY\x01\x00");
  const length = bytes.readUInt16LE(8);
  assert.equal((10 + length) % 64, 0);
  const header = bytes.subarray(10, 10 + length).toString("latin1");
  const [, sizes] = /^\{'descr': '<f8', 'fortran_order': False, 'shape': \(([\d, ]+)\), \} *\n$/.exec(header)!;
  const data = Float64Array.from({ length: (bytes.length - 10 - length) / 8 }, (_, i) =>
    bytes.readDoubleLE(10 + length + 8 * i),
  );
  return {
    shape: sizes!
      .split(",")
      .filter((size) => size.trim() !== "")
      .map(Number),
    data,
  };
}

test("explain writes the map that the library gives, as it is, and says what it is of", async () => {
  const raw = at("m.npy");
  const { code, stdout, stderr } = await explained(plain, wide, "--raw", raw, "--json");
  assert.equal(code, 0, stderr);
  const { images, out } = JSON.parse(stdout);
  assert.deepEqual(out, [], "no picture was asked for");
  const [{ maps, className, probability }] = images;
  assert.ok(classes.includes(className) && probability > 1 / 3 && probability <= 1);
  const { shape, data } = readNpy(raw);
  const model = initialize(createModelByName("resnet20", { numClasses: 3 }), { seed: 4 });
  const { normalizations } = await import("../../src/index.js");
  const resize = 32; // networks for small images see whole ones
  const engine = ortEngine();
  const preprocessing = { imageSize: 32, resize, ...normalizations.imagenet };
  const image = await decodeImage(wide, { shorterSide: resize });
  const [known] = await explain({ model, preprocessing, classes }, [image], { engine, method: "gradcam" });
  await engine.release();
  assert.deepEqual(shape, [known!.map.height, known!.map.width]);
  assert.deepEqual(shape, [8, 8]);
  const most = Math.max(...known!.map.data.map(Math.abs));
  data.forEach((value, i) => assert.ok(Math.abs(value - known!.map.data[i]!) <= 1e-5 * most));
  assert.deepEqual(maps[0].range, [Math.min(...data), Math.max(...data)]);
  assert.deepEqual([maps[0].layer, maps[0].method, maps[0].raw], ["layer3", "gradcam", raw]);
});

test("several maps get files of their own beside the one that is named", { skip: ifLong }, async () => {
  const { code, stderr } = await explained(plain, wide, tall, "--method", "gradcam,ig", "--raw", at("several.npy"));
  assert.equal(code, 0, stderr);
  const files = readdirSync(folder).filter((name) => name.startsWith("several"));
  assert.deepEqual(files.sort(), [
    "several-1-gradcam.npy",
    "several-1-ig.npy",
    "several-2-gradcam.npy",
    "several-2-ig.npy",
  ]);
  assert.deepEqual(readNpy(at("several-2-ig.npy")).shape, [32, 32]);
});

test("pictures: one of all images, the same bytes again; or a file of each in a folder", { skip: ifLong }, async () => {
  const args = [wide, tall, "--method", "gradcam,hirescam,layercam,ig"];
  const first = await explained(plain, ...args, "--out", at("grid.svg"));
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stdout, /image +class +probability +layer +method +range +completeness/);
  assert.match(first.stdout, /wide\.png +\w+ +[\d.]+ % +layer3 +gradcam = hirescam +\S+ to \S+/);
  assert.match(first.stdout, /input +ig \(trapezoid\) .* off by [\d.e-]+ % after \d+ steps/);
  assert.match(first.stdout, /gradcam, hirescam give the same map.*not 2 maps that agree/);
  const svg = readFileSync(at("grid.svg"), "utf8");
  assert.match(svg, /gradcam =/);
  assert.match(svg, /wide\.png: \w+, /);
  await explained(plain, ...args, "--out", at("again.svg"));
  assert.equal(readFileSync(at("again.svg"), "utf8"), svg);
  const cams = [wide, tall, "--method", "gradcam,layercam"];
  assert.equal((await explained(plain, ...cams, "--photograph", "--out", at("grid.png"))).code, 0);
  const { width, height } = await sharp(at("grid.png")).metadata();
  assert.ok(width > 200 && height > 100, `${width} × ${height}`);
  assert.equal((await explained(plain, ...cams, "--out", at("each"))).code, 0);
  assert.deepEqual(readdirSync(at("each")).sort(), ["tall.svg", "wide.svg"]);
});

test("a class by name, index, or one of its synonyms", async () => {
  const classOf = async (name: string) => {
    const { stdout, stderr } = await explained(plain, wide, "--class", name, "--json");
    return stdout ? JSON.parse(stdout).images[0].className : stderr;
  };
  assert.equal(await classOf("bee"), "bee");
  assert.equal(await classOf("2"), "cat");
  assert.ok(classes.includes(await classOf("predicted")));
});

test("--gates draws every gate, and writes them raw at their own sizes", async () => {
  const { code, stdout, stderr } = await explained(
    gated,
    wide,
    "--gates",
    "--raw",
    at("gate.npy"),
    "--out",
    at("gates.svg"),
    "--json",
  );
  assert.equal(code, 0, stderr);
  const { gates } = JSON.parse(stdout);
  assert.equal(gates.length, 18, "nine blocks, two gates each");
  assert.deepEqual(new Set(gates.map(({ kind }: { kind: string }) => kind)), new Set(["channel", "spatial"]));
  for (const { raw, shape } of gates) assert.deepEqual(readNpy(raw).shape, shape);
  const svg = readFileSync(at("gates.svg"), "utf8");
  assert.match(svg, /wide\.png: layer3\.2\.cbam/);
});

test("--sanity says how much of the maps random weights leave, beside other images", { skip: ifLong }, async () => {
  const { code, stdout, stderr } = await explained(plain, wide, tall, "--sanity", "--method", "gradcam,layercam");
  assert.equal(code, 0, stderr);
  assert.match(stdout, /random weights +gradcam +layercam/);
  for (const row of ["fc", "… and conv1", "other images (control)"]) assert.ok(stdout.includes(row), row);
  assert.equal(stdout.match(/^(gradcam|layercam) (passes|fails)/gm)!.length, 2);
});

test("--layer all ranks the layers that all of the network passes, beside the controls", { skip: ifLong }, async () => {
  const { code, stdout, stderr } = await explained(plain, wide, tall, "--layer", "all", "--json");
  assert.equal(code, 0, stderr);
  const { layers } = JSON.parse(stdout) as { layers: { layer: string; road: { mean: number } }[] };
  const names = layers.map(({ layer }) => layer);
  for (const name of ["conv1", "layer1", "layer2.1", "layer3", "random", "center"])
    assert.ok(names.includes(name), name);
  const means = layers.map(({ road }) => road.mean);
  assert.deepEqual(
    means,
    [...means].sort((a, b) => b - a),
  );
});

test("a map that is the same everywhere is drawn flat, and said to be no evidence", async () => {
  const dead = initialize(createModelByName("resnet20", { numClasses: 3 }), { seed: 4 });
  const tensors = new Map(
    [...weightsOf(dead)].map(([key, value]) => [
      key,
      key.startsWith("fc.") ? { ...value, data: new Float32Array(value.data.length) } : value,
    ]),
  );
  writeFileSync(at("dead.safetensors"), writeSafetensors(tensors as never, { classes: JSON.stringify(classes) }));
  const { code, stdout, stderr } = await explained(at("dead.safetensors"), wide, "--out", at("dead.svg"));
  assert.equal(code, 0, stderr);
  assert.match(stdout, /gradcam at layer3: no positive evidence/);
  const svg = readFileSync(at("dead.svg"), "utf8");
  assert.match(svg, /no positive evidence/);
  assert.doesNotMatch(svg, /[>" ]NaN/);
});

const one = saved("one", {}, ["ant"]);
const nameless = saved("nameless", {}, null);
writeFileSync(at("photos", "cut.png"), readFileSync(wide).subarray(0, 200));
writeFileSync(at("photos", "x.gif"), "GIF89a");
await sharp({ create: { width: 1, height: 1, channels: 4, background: { r: 9, g: 200, b: 30, alpha: 0.5 } } })
  .png()
  .toFile(at("photos", "dot.png"));

/** Input that cannot be used: what is given, what is said, and the exit code. */
const refused: readonly (readonly [args: readonly string[], says: RegExp, code: number])[] = [
  [[plain, wide, "--method", "gradcm"], /Unknown --method "gradcm"\. Did you mean "gradcam"\? There are: gradcam, /, 2],
  [[plain, wide, "--method", ","], /--method is empty: name one/, 2],
  [[plain, wide, "--layer", "layr3"], /Unknown layer "layr3"\. Did you mean "layer3"\?/, 2],
  [[plain, wide, "--layer", "fc"], /layer "fc" .*(needs a map|own output)/, 2],
  [[plain, wide, "--layer", "layer3", "--method", "ig"], /--layer has no effect: ig explains the input/, 2],
  [[plain, wide, "--layer", "all", "--method", "gradcam,ig"], /--layer all ranks the layers for one method/, 2],
  [[plain, wide, "--layer", "all", "--method", "ig"], /--layer all needs a method that explains a layer/, 2],
  [[plain, wide, "--layer", "all,layer3"], /--layer all includes every layer/, 2],
  [[plain, wide, "--class", "3"], /--class 3: the network has 3 classes, 0 to 2/, 2],
  [[plain, wide, "--class", "be"], /Unknown --class "be"\. Did you mean "bee"\? .*0 to 2: ant, bee, cat/, 2],
  [[nameless, wide, "--class", "bee"], /--class bee: the class names are unknown; give an index from 0 to 2/, 2],
  [[plain, wide, "--class-names", at("two.txt")], /--class-names .*two\.txt: 2 names for a network of 3 classes/, 2],
  [[one, wide, "--class", "1"], /--class 1: the network has 1 class, 0 to 0/, 2],
  [[plain, wide, "--variant", "paper"], /--variant paper is none of gradcam/, 2],
  [[plain, wide, "--method", "gradcam++", "--variant", "mine"], /gradcam\+\+ has paper, authors/, 2],
  [[plain, wide, "--error", "0.1"], /--error is for --method ig/, 2],
  [[plain, wide, "--error", "0", "--method", "ig"], /--error.*must be/, 2],
  [[plain, wide, "--gates"], /the network has no attention modules/, 1],
  [[gated, wide, "--gates", "--class", "bee"], /--class has no effect with --gates/, 2],
  [[gated, wide, "--gates", "--method", "ig"], /--method has no effect with --gates/, 2],
  [[plain, wide, "--sanity"], /--sanity compares the maps of different images: name at least two/, 2],
  [[plain, wide, tall, "--sanity", "--out", at("never.svg")], /--out has no effect with --sanity/, 2],
  [[plain, wide, "--json", "--photograph"], /--photograph is for figures: add --out FILE/, 2],
  [[plain, wide, "--raw", at("m.txt")], /--raw .*m\.txt must end in \.npy/, 2],
  [[plain, wide, "--raw", at("no", "m.npy")], /--raw .*: no folder/, 1],
  [[plain, wide, "--out", at("m.pdf")], /--out .*m\.pdf must end in \.svg or \.png, or be a folder/, 2],
  [[plain, wide, "--out", at("no", "m.svg")], /--out .*: no folder/, 1],
  [[plain, at("photos", "cut.png"), "--json"], /cut\.png: /, 1],
  [[plain, at("photos", "x.gif"), "--json"], /x\.gif: /, 1],
  [[plain, at("photos", "none.png"), "--json"], /none\.png: .*no such file/, 1],
  [[plain, at("empty"), "--json"], /empty has no images/, 2],
];
mkdirSync(at("empty"));
writeFileSync(at("two.txt"), "ant\nbee\n");

for (const [[weights, ...args], says, code] of refused)
  test(`explain refuses ${args.join(" ").replaceAll(folder, "")}`, async () => {
    const outcome = await explained(weights!, ...args);
    assert.equal(outcome.code, code, outcome.stderr);
    const lines = outcome.stderr.trim().split("\n");
    assert.match(lines.at(-1)!, says);
    assert.match(lines.at(-1)!, /^fovea: /);
  });

test("explain: no weights, a run without weights, and images of one pixel", async () => {
  const without = await fovea(["explain", "resnet20", wide]);
  assert.equal(without.code, 2);
  assert.match(without.stderr, /add --weights FILE/);
  mkdirSync(at("run"));
  writeFileSync(at("run", "config.json"), "{}");
  const empty = await fovea(["explain", at("run"), wide]);
  assert.ok(empty.code === 1 || empty.code === 2);
  assert.equal(empty.stderr.trim().split("\n").length, 1, empty.stderr);
  const dot = await explained(plain, at("photos", "dot.png"), "--json");
  assert.equal(dot.code, 0, dot.stderr);
  const single = await explained(one, wide, "--json");
  assert.equal(single.code, 0);
  assert.match(single.stderr, /the network has one class/);
});

test("bench explain counts runs of the network", { skip: ifLong }, async () => {
  const { code, stdout, stderr } = await fovea(
    "bench explain --model resnet32 --attention se --input 3x8x8 --method gradcam,gradient,ig --steps 1 --json".split(
      " ",
    ),
  );
  assert.equal(code, 0, stderr);
  const { model, attention, methods } = JSON.parse(stdout);
  assert.deepEqual([model, attention], ["resnet32", "se"]);
  const [cam, gradient, ig] = methods.map(({ forwards }: { forwards: number }) => forwards);
  assert.ok(cam < 1.15 && gradient > 2.5 && gradient < 3.5 && ig > 10, `${cam} ${gradient} ${ig}`);
});

test("flags of bench explain are not those of bench", async () => {
  const lost = await fovea(["bench", "--model", "resnet32", "explain"]);
  assert.equal(lost.code, 2);
  assert.match(lost.stderr, /--model goes after the subcommand: fovea bench explain --model/);
});
