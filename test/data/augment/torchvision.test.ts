import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { adjustHue } from "../../../src/data/augment/enhance.js";
import { magnitudes, randChanges, strengthAt, trivialChanges } from "../../../src/data/augment/policies.js";
import type { RgbImage } from "../../../src/data/dataset.js";

/** What torchvision makes of two images, by tools/golden/augment.py. */
const golden = JSON.parse(readFileSync("test/golden/augment.json", "utf8")) as {
  readonly images: readonly { readonly width: number; readonly height: number; readonly pixels: string }[];
  /** By image, policy and change. */
  readonly strengths: Readonly<Record<string, readonly number[]>>;
  /** By image, policy, change and sign: a hash for every strength. */
  readonly results: Readonly<Record<string, readonly string[]>>;
  readonly hues: readonly (readonly [image: number, share: number, hash: string])[];
};

const images: readonly RgbImage[] = golden.images.map(({ pixels, ...size }) => ({
  ...size,
  pixels: Uint8Array.from(Buffer.from(pixels, "base64")),
}));
const hash = ({ pixels }: RgbImage) => createHash("sha256").update(pixels).digest("hex").slice(0, 8);
const names = (key: string) => key.toLowerCase();

for (const [index, image] of images.entries())
  for (const [policy, space] of [
    ["trivialaugment", trivialChanges],
    ["randaugment", randChanges(image)],
  ] as const) {
    const of = (key: string) => key.startsWith(`${index}/${policy}/`);
    test(`${policy} has torchvision's changes with its strengths, ${image.width} × ${image.height}`, () => {
      const wanted = Object.entries(golden.strengths).filter(([key]) => of(key));
      assert.deepEqual(
        space.map(({ name }) => names(name)),
        wanted.map(([key]) => names(key.split("/")[2]!)),
      );
      for (const [i, [key, strengths]] of wanted.entries()) {
        const change = space[i]!;
        assert.equal(strengths.length, change.range ? magnitudes : 1);
        strengths.forEach((strength, step) =>
          assert.ok(Math.abs(strengthAt(change, step) - strength) < 2e-5, `${key} ${step}`),
        );
        assert.equal(change.signed ?? false, `${key}/-1` in golden.results, key);
      }
    });

    for (const [key, hashes] of Object.entries(golden.results).filter(([key]) => of(key)))
      test(`equal bytes: ${key}`, () => {
        const [, , name, sign] = key.split("/");
        const change = space.find((one) => names(one.name) === names(name!))!;
        const made = hashes.map((_, step) => hash(change.apply(image, Number(sign) * strengthAt(change, step))));
        assert.deepEqual(made, hashes);
      });
  }

test("hues are turned as by Pillow, in all colors", () => {
  const grid: RgbImage = { width: 324, height: 18, pixels: new Uint8Array(3 * 324 * 18) };
  for (let i = 0; i < 18 ** 3; i++)
    for (const [c, at] of [Math.floor(i / 324), Math.floor(i / 18) % 18, i % 18].entries())
      grid.pixels[c * 324 * 18 + i] = 15 * at;
  for (const [index, share, wanted] of golden.hues)
    assert.equal(hash(adjustHue([...images, grid][index]!, share)), wanted, `${index} ${share}`);
});
