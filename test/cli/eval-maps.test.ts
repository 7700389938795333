import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import sharp from "sharp";
import { writeSafetensors } from "../../src/formats/safetensors.js";
import { createModel } from "../../src/models/index.js";
import { initialize } from "../../src/nn/index.js";
import { weightsOf } from "../../src/train/index.js";
import { sharedFovea as fovea, temporaryFolder } from "../support/fovea.js";
import { ifLong } from "../support/long.js";

const folder = temporaryFolder();
const at = (...parts: string[]) => join(folder, ...parts);
const classes = ["dark", "light"];
const side = 24;

/** Images with a square at a known place, masks and boxes of it. */
const boxes = ["file,left,top,width,height"];
const coco = { images: [] as object[], annotations: [] as object[] };
for (const [label, name] of classes.entries()) {
  mkdirSync(at("data", name), { recursive: true });
  mkdirSync(at("masks", name), { recursive: true });
  for (let k = 0; k < 5; k++) {
    const [left, top] = [2 + 3 * k, 14 - 2 * k];
    const pixels = Buffer.alloc(3 * side * side, 40 + 100 * label + k);
    const mask = Buffer.alloc(side * side);
    for (let y = top; y < top + 6; y++)
      for (let x = left; x < left + 6; x++) {
        pixels.fill(255 - 50 * label, 3 * (y * side + x), 3 * (y * side + x) + 3);
        mask[y * side + x] = 255;
      }
    const file = `${name}/${name}-${k}.png`;
    await sharp(pixels, { raw: { width: side, height: side, channels: 3 } }).toFile(at("data", file));
    await sharp(mask, { raw: { width: side, height: side, channels: 1 } }).toFile(at("masks", file));
    boxes.push(`${file},${left},${top},6,6`);
    coco.images.push({ id: 10 * label + k, file_name: file, width: side, height: side });
    coco.annotations.push({ image_id: 10 * label + k, bbox: [left, top, 6, 6], category_id: 1 });
  }
}
writeFileSync(at("boxes.csv"), boxes.join("\n"));
writeFileSync(at("coco.json"), JSON.stringify(coco));
const weights = at("weights.safetensors");
const model = initialize(createModel("resnet20", { numClasses: 2, attention: "cbam" }), { seed: 3 });
writeFileSync(
  weights,
  writeSafetensors(weightsOf(model), {
    model: "resnet20",
    options: JSON.stringify({ numClasses: 2, attention: ["cbam", {}] }),
    classes: JSON.stringify(classes),
  }),
);
const measured = (...args: string[]) =>
  fovea([
    "eval",
    "resnet20",
    at("data"),
    "--weights",
    weights,
    "--image-size",
    String(side),
    "--split",
    "all",
    ...args,
  ]);
interface Table {
  readonly images: number;
  readonly leftOut: number;
  readonly share: number;
  readonly rows: readonly {
    name: string;
    control: boolean;
    means: Record<string, { mean: number; low: number; high: number }>;
  }[];
}
const tableOf = async (what: "localization" | "faithfulness", ...args: string[]): Promise<Table> => {
  const { code, stdout, stderr } = await measured(...args, "--json");
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout)[what];
};

test("--localization: methods, gates, an untrained network and controls; masks and boxes say the same", async () => {
  const byMasks = await tableOf(
    "localization",
    "--localization",
    "--masks",
    at("masks"),
    "--method",
    "gradcam,hirescam,layercam",
  );
  const names = byMasks.rows.map(({ name }) => name);
  assert.deepEqual(names.slice(0, 3), ["gradcam", "layercam", "gradcam, untrained"], "hirescam is gradcam here");
  assert.deepEqual(names.slice(-2), ["random", "center"]);
  assert.equal(names.filter((name) => /^layer\d\.\d\.cbam\/spatial$/.test(name)).length, 9);
  assert.equal(byMasks.images, 10);
  assert.ok(Math.abs(byMasks.share - 36 / side ** 2) < 0.02);
  for (const { means } of byMasks.rows)
    assert.ok(means.auc!.low <= means.auc!.mean && means.auc!.mean <= means.auc!.high);
  for (const path of ifLong ? ["boxes.csv"] : ["boxes.csv", "coco.json"])
    assert.deepEqual(
      await tableOf("localization", "--localization", "--masks", at(path), "--method", "gradcam,layercam"),
      byMasks,
      path,
    );
});

test("--localization counts images without a mask, and refuses if none has one", { skip: ifLong }, async () => {
  writeFileSync(at("some.csv"), boxes.slice(0, 4).join("\n"));
  const { code, stdout } = await measured("--localization", "--masks", at("some.csv"));
  assert.equal(code, 0);
  assert.match(stdout, /3 images, means with 95 % intervals.*Left out: 7 without a mask/);
  assert.match(stdout, /map +pointing +energy ÷ area +best IoU +AUC +pointing − center/);
  writeFileSync(at("other.csv"), "file,left,top,width,height\nother.png,1,1,2,2");
  writeFileSync(at("outside.csv"), "file,left,top,width,height\ndark/dark-0.png,100,1,2,2");
  for (const [args, says, exit] of [
    [["--masks", at("other.csv")], /has no mask or box for any of the 10 images/, 1],
    [["--masks", at("outside.csv")], /outside\.csv:2: the box at 100, 1 .* lies outside/, 1],
    [["--masks", at("none")], /none: cannot be read/, 1],
    [[], /has no masks; .*shapes and shapes-free/, 1],
    [["--method", "gradcm"], /Did you mean "gradcam"/, 2],
    [["--layer", "layr3"], /Did you mean "layer3"/, 2],
  ] as const) {
    const outcome = await measured("--localization", ...args);
    assert.equal(outcome.code, exit, outcome.stderr);
    assert.match(outcome.stderr.trim().split("\n").at(-1)!, says);
  }
});

test("--faithful has the controls in every table, by either spelling, and once", { skip: ifLong }, async () => {
  const { rows, images } = await tableOf("faithfulness", "--faithful", "gradcam,random,centre", "--images", "2");
  assert.equal(images, 2);
  assert.deepEqual(
    rows.map(({ name, control }) => [name, control]),
    [
      ["gradcam", false],
      ["random", true],
      ["center", true],
    ],
  );
  for (const { means } of rows)
    assert.ok(Math.abs(means.insertion!.mean - means.deletion!.mean - means.insertionLessDeletion!.mean) < 1e-9);
  const { stdout } = await measured("--faithful", "random", "--images", "2");
  assert.match(stdout, /map +insertion − deletion +ROAD +average drop/);
});

test("a method that there is not is named with the flag that it was given to", async () => {
  for (const [args, message] of [
    [["--faithful", "gradcm"], /Unknown --faithful "gradcm"\. Did you mean "gradcam"\?/],
    [["--localization", "--method", "gradcm"], /Unknown --method "gradcm"\. Did you mean "gradcam"\?/],
  ] as const) {
    const { code, stderr } = await measured(...args);
    assert.equal(code, 2);
    assert.match(stderr, message);
  }
});
