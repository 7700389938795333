import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { OptionError } from "../../src/core/errors.js";
import { Rng } from "../../src/core/rng.js";
import { defaultAugmentation, defaultPreprocessing, normalizations } from "../../src/data/recipe.js";
import { resample, shorterSize } from "../../src/data/resample.js";
import { type Augmentation, inputWriter, type Preprocessing, randomBox, toInput } from "../../src/data/transforms.js";
import { randomImage, tinyDataset } from "./support.js";

/** Normalization that leaves bytes as byte / 255. */
const bare: Preprocessing = { imageSize: 4, resize: 4, mean: [0, 0, 0], std: [1, 1, 1] };

/** The bytes that `augmentation` makes of an image. */
function bytesOf(image: ReturnType<typeof randomImage>, augmentation: Augmentation, seed: number): number[] {
  const out = new Float32Array(48);
  inputWriter(bare, augmentation)(image, out, 0, new Rng(seed));
  return Array.from(out, (v) => Math.round(v * 255));
}

test("normalization is (byte / 255 - mean) / std, channel by channel, at the offset", () => {
  const image = randomImage(4, 4);
  const preprocessing = { ...bare, ...normalizations.cifar10 };
  const out = new Float32Array(50).fill(9);
  inputWriter(preprocessing)(image, out, 1);
  assert.deepEqual([out[0], out[49]], [9, 9]);
  for (let i = 0; i < 48; i++) {
    const c = Math.floor(i / 16);
    const expected = (image.pixels[i]! / 255 - preprocessing.mean[c]!) / preprocessing.std[c]!;
    assert.equal(out[i + 1], Math.fround(expected));
  }
});

test("evaluation takes the center after scaling the shorter side", () => {
  const image = randomImage(20, 12);
  const preprocessing = { ...bare, resize: 6 };
  const scaled = resample(image, 10, 6).pixels;
  const input = toInput(image, preprocessing);
  for (let c = 0; c < 3; c++)
    for (let y = 0; y < 4; y++)
      for (let x = 0; x < 4; x++)
        assert.equal(Math.round(input[(c * 4 + y) * 4 + x]! * 255), scaled[(c * 6 + y + 1) * 10 + x + 3]);
});

test("a padded crop is the image shifted by at most the padding, black outside, perhaps mirrored", () => {
  const image = randomImage(4, 4, 3);
  const shifted = (dx: number, dy: number, mirrored: boolean) =>
    Array.from({ length: 48 }, (_, i) => {
      const x = (mirrored ? 3 - (i % 4) : i % 4) + dx;
      const y = (Math.floor(i / 4) % 4) + dy;
      const inside = x >= 0 && x < 4 && y >= 0 && y < 4;
      return inside ? image.pixels[Math.floor(i / 16) * 16 + y * 4 + x]! : 0;
    }).join();
  const possible = new Map<string, string>();
  for (const mirrored of [false, true])
    for (let dx = -2; dx <= 2; dx++)
      for (let dy = -2; dy <= 2; dy++) possible.set(shifted(dx, dy, mirrored), `${dx} ${dy} ${mirrored}`);
  const seen = new Set<string | undefined>();
  for (let seed = 0; seed < 1000; seed++)
    seen.add(possible.get(bytesOf(image, { crop: { padding: 2 }, flip: true }, seed).join()));
  assert.ok(!seen.has(undefined), "a crop that is no shift of the image");
  assert.equal(seen.size, 50, "every shift, mirrored and not, occurs");
});

test("a flip alone reverses rows in half of the cases", () => {
  const image = randomImage(4, 4);
  const plain = [...image.pixels].join();
  let flips = 0;
  for (let seed = 0; seed < 400; seed++) if (bytesOf(image, { crop: null, flip: true }, seed).join() !== plain) flips++;
  assert.ok(flips > 150 && flips < 250, `${flips} of 400`);
  assert.equal(bytesOf(image, { crop: null, flip: false }, 0).join(), plain);
});

test("a random box lies inside and has the wanted share of the area and aspect", () => {
  const length = fc.integer({ min: 40, max: 300 });
  fc.assert(
    fc.property(length, length, fc.integer(), (width, height, seed) => {
      const box = randomBox({ width, height }, [0.35, 0.6], new Rng(seed));
      assert.ok(box.left >= 0 && box.top >= 0 && box.left + box.width <= width && box.top + box.height <= height);
      const aspect = box.width / box.height;
      assert.ok(aspect > 0.7 && aspect < 1.4, `aspect ${aspect}`);
    }),
  );
  const whole = randomBox({ width: 100, height: 10 }, [1, 1], new Rng(0));
  assert.deepEqual(whole, { left: 43, top: 0, width: 13, height: 10 });
});

test("a random resized crop of the whole image is the image", () => {
  const image = randomImage(4, 4);
  for (let seed = 0; seed < 50; seed++) {
    const box = randomBox(image, [1, 1], new Rng(seed));
    const input = bytesOf(image, { crop: { scale: [1, 1] }, flip: false }, seed);
    if (box.width === 4 && box.height === 4) assert.deepEqual(input, [...image.pixels]);
  }
});

test("settings that cannot be used are refused with their name", () => {
  assert.throws(() => inputWriter({ ...bare, imageSize: 0 }), /imageSize must be an integer from 1 to 8192, got 0/);
  assert.throws(() => inputWriter({ ...bare, resize: 3 }), /resize must be an integer from 4 to 65535, got 3/);
  assert.throws(() => inputWriter({ ...bare, std: [1, 0, 1] }), /std must be three positive numbers/);
  assert.throws(() => inputWriter(bare, { crop: { padding: -1 }, flip: false }), /padding/);
  assert.throws(() => inputWriter(bare, { crop: { scale: [0.5, 2] }, flip: false }), /scale must be/);
  const write = inputWriter(bare, { crop: null, flip: true });
  assert.throws(() => write(randomImage(4, 4), new Float32Array(48), 0), OptionError);
});

test("defaults: small square images are shifted, photographs are cut from their middle", () => {
  const icons = tinyDataset(3);
  assert.deepEqual(defaultPreprocessing(icons), { imageSize: 4, resize: 4, ...normalizations.imagenet });
  assert.deepEqual(defaultAugmentation(icons, defaultPreprocessing(icons, 32)), { crop: { padding: 4 }, flip: true });
  const photos = { ...icons, size: null };
  const preprocessing = defaultPreprocessing(photos);
  assert.deepEqual([preprocessing.imageSize, preprocessing.resize], [224, 256]);
  assert.deepEqual(defaultAugmentation(photos, preprocessing).crop, { scale: [0.35, 1] });
  assert.deepEqual(JSON.parse(JSON.stringify(preprocessing)), preprocessing);
});

test("a long, thin image costs no more than its window, and gives what the whole resized image would", () => {
  for (const [width, height] of [
    [40, 1],
    [1, 40],
    [90, 7],
    [7, 90],
    [5, 5],
  ] as const) {
    const image = randomImage(width, height, 5);
    const { width: w, height: h } = shorterSize(width, height, 9);
    const whole = resample(image, w, h);
    const window = { left: Math.floor(w / 3), top: Math.floor(h / 3), width: 4, height: 4 };
    const part = resample(image, w, h, undefined, window);
    for (let i = 0; i < 48; i++) {
      const [c, y, x] = [Math.floor(i / 16), Math.floor(i / 4) % 4, i % 4];
      assert.equal(part.pixels[i], whole.pixels[(c * h + window.top + y) * w + window.left + x]);
    }
  }
  const wide = { width: 30000, height: 1, pixels: new Uint8Array(90000).fill(255) };
  const settings = { imageSize: 224, resize: 256, mean: [0, 0, 0], std: [1, 1, 1] } as const;
  assert.ok(toInput(wide, settings).every((value) => value === 1));
});
