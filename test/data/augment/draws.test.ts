import assert from "node:assert/strict";
import { test } from "node:test";
import { betaCdf, chiSquareTail } from "../../../src/compare/statistics/distributions.js";
import { Rng } from "../../../src/core/rng.js";
import { erase, erasedBox } from "../../../src/data/augment/erase.js";
import { betaSample, cutBox, mixBatch } from "../../../src/data/augment/mix.js";
import { colorJittered } from "../../../src/data/augment/policies.js";
import { augmentedBy } from "../../../src/data/augment/settings.js";
import { Loader } from "../../../src/data/loader.js";
import { type Augmentation, inputWriter, randomBox } from "../../../src/data/transforms.js";
import { randomImage, tinyDataset } from "../support.js";

/** The largest distance between the samples' distribution and `cdf`, times √n (Kolmogorov): above 1.95 in 1 of 1000 cases. */
function distance(samples: readonly number[], cdf: (x: number) => number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const n = sorted.length;
  const gaps = sorted.map((x, i) => Math.max(Math.abs(cdf(x) - i / n), Math.abs(cdf(x) - (i + 1) / n)));
  return Math.max(...gaps) * Math.sqrt(n);
}

test("shares of Mixup are of Beta(α, α)", () => {
  for (const alpha of [0.1, 0.2, 0.5, 1, 2, 8]) {
    const samples = Array.from({ length: 4000 }, (_, i) => betaSample(alpha, new Rng(3, "beta", i)));
    // In float64 shares of a small α round to 1; the distribution function is continuous there too.
    assert.ok(distance(samples, (x) => betaCdf(x, alpha, alpha)) < 1.95, `alpha ${alpha}`);
  }
});

test("CutMix's box has sides √(1 − λ) where it fits, around any pixel", () => {
  const size = 20;
  const centers = new Uint32Array(size);
  for (let i = 0; i < 4000; i++) {
    const share = new Rng(1, i).uniform();
    const { left, top, width, height } = cutBox(share, size, new Rng(2, i));
    const half = Math.floor(Math.floor(size * Math.sqrt(1 - share)) / 2);
    for (const [start, length] of [
      [left, width],
      [top, height],
    ] as const) {
      assert.ok(start >= 0 && start + length <= size && length <= 2 * half);
      if (start > 0 && start + length < size) assert.equal(length, 2 * half);
    }
    if (left > 0) centers[left + half]!++;
    else centers[Math.min(size - 1, left + width - half)]!++;
  }
  assert.ok(
    centers.every((count) => count > 100 && count < 320),
    String(centers),
  );
});

/** Images [4, 3, 2, 2] whose values say where they are. */
const planes = () => Float32Array.from({ length: 48 }, (_, i) => i);
const labels = Int32Array.of(0, 1, 2, 1);

test("Mixup is each image times its share plus the one before it", () => {
  for (let b = 0; b < 20; b++) {
    const mixed = planes();
    const { share, labels: others } = mixBatch({ mixup: 0.4 }, mixed, labels, 2, [1, b])!;
    assert.deepEqual([...others], [1, 0, 1, 2]);
    assert.ok(share >= 0 && share <= 1);
    mixed.forEach((value, i) => {
      const wanted = Math.fround(i * share + ((i + 36) % 48) * (1 - share));
      assert.ok(Math.abs(value - wanted) < 1e-5, `${value} ${wanted}`);
    });
  }
});

test("CutMix keeps exactly the share of pixels that it says", () => {
  for (let b = 0; b < 50; b++) {
    const size = 9;
    const original = Float32Array.from({ length: 4 * 3 * size ** 2 }, (_, i) => i);
    const mixed = Float32Array.from(original);
    const { share } = mixBatch({ cutmix: 1 }, mixed, labels, size, [2, b])!;
    const image = 3 * size ** 2;
    let kept = 0;
    mixed.forEach((value, i) => {
      if (value === original[i]) kept++;
      else assert.equal(value, original[(i + 3 * image) % original.length]);
    });
    assert.ok(Math.abs(kept / original.length - share) < 1e-12);
  }
});

test("both kinds of mixing come equally often, and as often as mixProbability says", () => {
  let [none, cut] = [0, 0];
  for (let b = 0; b < 2000; b++) {
    const mixed = planes();
    if (!mixBatch({ mixup: 1, cutmix: 1, mixProbability: 0.6 }, mixed, labels, 2, [3, b])) none++;
    else if (mixed.every(Number.isInteger)) cut++;
  }
  assert.ok(none > 720 && none < 880, `${none} not mixed`);
  assert.ok(cut > 520 && cut < 680, `${cut} with CutMix`);
});

test("an erased box has timm's area and aspect, and its probability", () => {
  let erased = 0;
  const aspects: number[] = [];
  for (let i = 0; i < 3000; i++) {
    const box = erasedBox({ probability: 0.3 }, 1000, new Rng(4, i));
    if (!box) continue;
    erased++;
    const { left, top, width, height } = box;
    assert.ok(left >= 0 && top >= 0 && left + width <= 1000 && top + height <= 1000);
    const share = (width * height) / 1e6;
    assert.ok(share > 0.019 && share < 0.335, String(share));
    aspects.push(Math.log(height / width));
  }
  assert.ok(erased > 800 && erased < 1000, `${erased} of 3000`);
  const limit = Math.log(1 / 0.3);
  assert.ok(distance(aspects, (x) => (x + limit) / (2 * limit)) < 1.95);
});

test("an erased box holds zeros, one color, or standard normal noise", () => {
  const size = 64;
  for (const mode of ["const", "rand", "pixel"] as const) {
    const out = new Float32Array(3 * size * size + 5).fill(9);
    erase({ probability: 1, mode, scale: [0.3, 0.3] }, size, out, 5, new Rng(6));
    assert.ok(out.subarray(0, 5).every((v) => v === 9));
    const inside = [...out.subarray(5)].filter((v) => v !== 9);
    const kinds = new Set(inside);
    if (mode === "const") assert.deepEqual([...kinds], [0]);
    if (mode === "rand") assert.equal(kinds.size, 3);
    if (mode === "pixel") {
      const mean = inside.reduce((a, v) => a + v, 0) / inside.length;
      const variance = inside.reduce((a, v) => a + (v - mean) ** 2, 0) / inside.length;
      assert.ok(Math.abs(mean) < 0.06 && Math.abs(variance - 1) < 0.08, `${mean} ${variance}`);
    }
  }
});

test("random resized crops have the aspect that is asked for", () => {
  for (let i = 0; i < 200; i++) {
    const { width, height } = randomBox({ width: 400, height: 400 }, [0.1, 0.2], new Rng(i), [2, 3]);
    assert.ok(width / height > 1.9 && width / height < 3.1);
  }
  // None of ten fits: the largest with an allowed aspect.
  assert.deepEqual(randomBox({ width: 100, height: 100 }, [1, 1], new Rng(0), [2, 2]), {
    left: 0,
    top: 25,
    width: 100,
    height: 50,
  });
});

test("color jitter changes colors in all orders, and nothing if its amounts are zero", () => {
  const image = randomImage(6, 5);
  assert.deepEqual(colorJittered(image, [0, 0, 0, 0], new Rng(1)), image);
  const seen = new Set<string>();
  for (let i = 0; i < 40; i++) seen.add(String(colorJittered(image, [0.4, 0.4, 0.4, 0.1], new Rng(i)).pixels));
  assert.equal(seen.size, 40);
});

test("policies draw each of their 14 changes alike", () => {
  const image = randomImage(16, 16);
  const write = inputWriter(
    { imageSize: 16, resize: 16, mean: [0, 0, 0], std: [1, 1, 1] },
    {
      crop: null,
      flip: false,
      autoAugment: "trivialaugment",
    },
  );
  const plain = new Float32Array(768);
  inputWriter({ imageSize: 16, resize: 16, mean: [0, 0, 0], std: [1, 1, 1] })(image, plain, 0);
  let same = 0;
  for (let i = 0; i < 1400; i++) {
    const out = new Float32Array(768);
    write(image, out, 0, new Rng(8, i));
    if (out.every((v, k) => v === plain[k])) same++;
  }
  // Identity, and the weakest of the ten or so others, 1/31 each; equalize and autoContrast change random bytes.
  assert.ok(same > 95 && same < 190, `${same} of 1400 unchanged`);
  const draws = new Uint32Array(14);
  for (let i = 0; i < 14_000; i++) draws[new Rng(8, i).int(14)]!++;
  const statistic = draws.reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0);
  assert.ok(chiSquareTail(statistic, 13) > 1e-3, String(draws));
});

const preprocessing = { imageSize: 4, resize: 4, mean: [0, 0, 0], std: [1, 1, 1] } as const;

test("balanced sampling draws all classes equally often, with other changes at each repetition", async () => {
  const data = tinyDataset(60, { labels: Array.from({ length: 60 }, (_, i) => (i < 50 ? 0 : i < 58 ? 1 : 2)) });
  const augment: Augmentation = { crop: { padding: 2 }, flip: true };
  const loader = new Loader(data, { batch: 60, preprocessing, augment, shuffle: true, balanced: true, seed: 3 });
  const counts = [0, 0, 0];
  for (let epoch = 0; epoch < 50; epoch++) {
    const order = loader.order(epoch);
    assert.equal(order.length, 60);
    for (const index of Array.from(order)) counts[data.labels[index]!]!++;
  }
  assert.ok(
    counts.every((n) => n > 900 && n < 1100),
    String(counts),
  );
  const [batch] = await collected(loader);
  const of58 = [...batch!.indices].flatMap((index, slot) => (index >= 58 ? [slot] : []));
  const seen = new Set(of58.map((slot) => String(batch!.images.subarray(slot * 48, slot * 48 + 48))));
  assert.ok(seen.size > of58.length / 2, "repetitions are changed in their own way");
});

test("repeated augmentation shows each image several times in a row", () => {
  const data = tinyDataset(12);
  const loader = new Loader(data, { batch: 4, preprocessing, shuffle: true, repeats: 3, seed: 1 });
  const order = Array.from(loader.order(2));
  assert.equal(order.length, 12);
  assert.equal(new Set(order).size, 4);
  order.forEach((index, i) => assert.equal(index, order[i - (i % 3)]));
});

test("settings without effect are refused", () => {
  const usual: Augmentation = { crop: { padding: 4 }, flip: true };
  assert.throws(() => augmentedBy(usual, { eraseMode: "rand" }), /eraseMode needs randomErasing/);
  assert.throws(() => augmentedBy(usual, { mixProbability: 0.5 }), /mixProbability needs mixup or cutmix/);
  assert.throws(() => augmentedBy(null, { mixup: 0.2 }), /mixup has no effect with augment: false/);
  assert.equal(augmentedBy(null, { mixup: null }), null);
  assert.deepEqual(augmentedBy(usual, {}), usual);
  assert.deepEqual(augmentedBy(usual, { ratio: [0.5, 2] })!.crop, { scale: [0.08, 1], ratio: [0.5, 2] });
});

test("label maps do not follow policies and mixing, which is said", () => {
  const data = tinyDataset(4);
  for (const change of [{ autoAugment: "trivialaugment" }, { mixup: 1 }, { cutmix: 1 }] as const)
    assert.throws(
      () => new Loader(data, { batch: 2, preprocessing, augment: { crop: null, flip: false, ...change }, maps: true }),
      /label maps do not follow it/,
    );
});

async function collected(loader: Loader) {
  const all = [];
  for await (const batch of loader.epoch(0)) all.push(batch);
  return all;
}
