import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import sharp from "sharp";
import { writeSafetensors } from "../../src/formats/safetensors.js";
import { createModelByName } from "../../src/models/index.js";
import { initialize } from "../../src/nn/index.js";
import { weightsOf } from "../../src/train/index.js";
import { sharedFovea as fovea, temporaryFolder } from "../support/fovea.js";
import { ifLong } from "../support/long.js";

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);

/** A network with random weights in a file. */
function saved(model: string, options: object): string {
  const file = at(`${model}.safetensors`);
  const network = initialize(createModelByName(model, options), { seed: 4 });
  writeFileSync(file, writeSafetensors(weightsOf(network), { model, options: JSON.stringify(options) }));
  return file;
}

/** Smooth, so that ways to store it lose little. */
const [width, height] = [48, 36];
const plain = sharp(
  Buffer.from(
    Uint8Array.from({ length: 3 * width * height }, (_, i) => {
      const [x, y, c] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3];
      return 128 + 90 * Math.sin(x / 9 + c) * Math.cos(y / 7 - c);
    }),
  ),
  { raw: { width, height, channels: 3 } },
);

async function mapsOf(model: string, weights: string, files: readonly string[]) {
  const raw = at(`${model}.npy`);
  const args = ["explain", model, "--weights", weights, "--image-size", "32", ...files, "--raw", raw, "--json"];
  const { code, stdout, stderr } = await fovea(args);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout).images as { class: number; maps: { range: [number, number]; size: number[] }[] }[];
}

test("16-bit, CMYK, gray and turned photographs are explained as the plain one", async () => {
  await plain.clone().png().toFile(at("a-plain.png"));
  await plain.clone().toColorspace("rgb16").png().toFile(at("b-16-bit.png"));
  // What is stored is turned the other way, and the file says so.
  await plain.clone().rotate(270).withMetadata({ orientation: 6 }).png().toFile(at("c-turned.png"));
  await plain.clone().ensureAlpha().webp({ lossless: true }).toFile(at("d-alpha.webp"));
  await plain.clone().toColorspace("cmyk").jpeg({ quality: 100 }).toFile(at("e-cmyk.jpg"));
  assert.equal((await sharp(at("b-16-bit.png")).metadata()).depth, "ushort");
  assert.equal((await sharp(at("e-cmyk.jpg")).metadata()).space, "cmyk");
  const names = ["a-plain.png", "b-16-bit.png", "c-turned.png", "d-alpha.webp", "e-cmyk.jpg"];
  const images = await mapsOf("resnet20", saved("resnet20", { numClasses: 4 }), names.map(at));
  assert.equal(images.length, names.length);
  const [expected] = images;
  const [low, high] = expected!.maps[0]!.range;
  for (const [i, image] of images.entries()) {
    // Not every color survives CMYK.
    const within = (names[i]!.startsWith("e") ? 0.3 : 0.02) * (high - low);
    image.maps[0]!.range.forEach((value, k) => {
      assert.ok(
        Math.abs(value - [low, high][k]!) <= within,
        `${names[i]}: ${image.maps[0]!.range}, not ${[low, high]}`,
      );
    });
  }
});

test("a segmentation network is explained: for the class of most positions, at a map inside it", {
  skip: ifLong,
}, async () => {
  await plain.clone().png().toFile(at("scene.png"));
  const weights = saved("unet_resnet18", { numClasses: 3 });
  const [image] = await mapsOf("unet_resnet18", weights, [at("scene.png")]);
  assert.ok(image!.class < 3);
  const [map] = image!.maps;
  assert.ok(map!.size.every((side) => side > 1 && side <= 32));
  assert.ok(map!.range.every(Number.isFinite));
  const out = at("scene.svg");
  const drawn = await fovea([
    ...["explain", "unet_resnet18", "--weights", weights, "--image-size", "32", at("scene.png")],
    ...["--method", "gradcam,gradient", "--class", "1", "--out", out],
  ]);
  assert.equal(drawn.code, 0, drawn.stderr);
  assert.match(drawn.stdout, /class 1/);
});
