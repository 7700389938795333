import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import sharp from "sharp";
import { normalizations, photoResize } from "../../src/data/index.js";
import { decodeImage } from "../../src/data/node.js";
import { ortEngine } from "../../src/engines/ort/node.js";
import { explain } from "../../src/explain/index.js";
import { writeSafetensors } from "../../src/formats/safetensors.js";
import { model } from "../../src/models/index.js";
import { initialize } from "../../src/nn/index.js";
import { weightsOf } from "../../src/train/index.js";
import { fovea, temporaryFolder } from "../support/fovea.js";

const folder = temporaryFolder();
const [one, two, broken] = ["one.png", "two.png", "broken.png"].map((name) => join(folder, name)) as [
  string,
  string,
  string,
];
for (const [i, file] of [one, two].entries()) {
  const pixels = Buffer.from(Uint8Array.from({ length: 32 * 32 * 3 }, (_, k) => (k * (7 + i)) % 251));
  await sharp(pixels, { raw: { width: 32, height: 32, channels: 3 } }).toFile(file);
}
writeFileSync(broken, "no image");
const options = { classes: 3 };
const weights = join(folder, "weights.safetensors");
const network = initialize(model("resnet20", options), { seed: 2 });
writeFileSync(weights, writeSafetensors(weightsOf(network), { model: "resnet20", options: JSON.stringify(options) }));
const run = (images: readonly string[], ...flags: string[]) =>
  fovea(["explain", "resnet20", ...images, "--weights", weights, "--image-size", "32", ...flags]);

test("explain gives the library's maps, raw, in a file that NumPy reads", async () => {
  const raw = join(folder, "maps.npy");
  const { code, stdout, stderr } = await run([one, two], "--method", "gradcam", "--class", "1", "--raw", raw, "--json");
  assert.equal(code, 0, stderr);
  const { explanations } = JSON.parse(stdout);
  assert.deepEqual(
    explanations.map((e: Record<string, unknown>) => [e.image, e.method, e.layer, e.class, e.height, e.width]),
    [
      [0, "gradcam", "layer3", 1, 8, 8],
      [1, "gradcam", "layer3", 1, 8, 8],
    ],
  );
  const engine = ortEngine();
  const preprocessing = { imageSize: 32, resize: photoResize(32), ...normalizations.imagenet };
  const images = [await decodeImage(one), await decodeImage(two)];
  const found = await explain({ model: network, preprocessing }, images, { engine, method: "gradcam", class: 1 });
  await engine.release();
  const bytes = readFileSync(raw);
  const start = 10 + bytes.readUInt16LE(8);
  assert.match(
    bytes.toString("latin1", 0, start),
    /^.NUMPY....\{'descr': '<f8', 'fortran_order': False, 'shape': \(2, 8, 8\), \} *\n$/s,
  );
  assert.equal(start % 64, 0);
  const numbers = Float64Array.from({ length: 128 }, (_, i) => bytes.readDoubleLE(start + 8 * i));
  const expected = found.flatMap(({ map }) => [...map.data]);
  const largest = Math.max(...expected.map(Math.abs));
  expected.forEach((v, i) => {
    assert.ok(Math.abs(v - numbers[i]!) <= 1e-6 * largest);
  });
});

test("explain says which methods are one, and what should be known of the others", async () => {
  const { code, stdout } = await run(
    [one],
    "--method",
    "gradcam,hirescam,gradcam++:authors,ig,guided-backprop",
    "--error",
    "0.05",
  );
  assert.equal(code, 0);
  assert.match(stdout, /^gradcam = hirescam at the last map: /m);
  assert.match(stdout, /gradcam\+\+:authors/);
  assert.match(stdout, /ig:trapezoid .* off by [0-4]\.\d %/);
  assert.match(stdout, /guided-backprop .* whatever the network has learned/);
});

test("a file that is no image is named, and the others are explained", async () => {
  const { code, stdout, stderr } = await run([broken, two]);
  assert.equal(code, 1);
  assert.match(stderr, /^fovea: .*broken\.png: /);
  assert.match(stdout, /two\.png/);
});

const wrong: readonly (readonly [flags: readonly string[], says: RegExp])[] = [
  [["--method", "gradcamm"], /Did you mean "gradcam"\?/],
  [["--method", "gradcam++:mine"], /variant/],
  [["--layer", "layr2"], /Unknown layer "layr2"\. Did you mean "layer2"\?/],
  [["--layer", "fc"], /layer "fc" gives \[1,3\]/],
  [["--class", "3"], /class must be from 0 to 2, got 3/],
  [["--class", "dog"], /names of the classes are not known/],
  [["--method", "gradcam,gradient", "--raw", join(folder, "no.npy")], /--raw needs maps of one size/],
];
for (const [flags, says] of wrong)
  test(`explain ${flags.slice(0, 2).join(" ")} is wrong usage: one line, exit code 2`, async () => {
    const { code, stderr } = await run([one], ...flags);
    assert.equal(code, 2, stderr);
    assert.match(stderr, says);
    assert.equal(stderr.trim().split("\n").length, 1);
    assert.ok(!existsSync(join(folder, "no.npy")));
  });
