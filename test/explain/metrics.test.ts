import assert from "node:assert/strict";
import { test } from "node:test";
import { Rng } from "../../src/core/rng.js";
import { tensor } from "../../src/core/tensor.js";
import type { Mask } from "../../src/data/index.js";
import type { Heatmap } from "../../src/explain/heatmap.js";
import {
  centerMap,
  confidenceChange,
  deletion,
  type Example,
  entropy,
  faithfulness,
  gini,
  impute,
  insertion,
  type LogitsOf,
  localization,
  locate,
  meanIntervals,
  randomMap,
  rankPositions,
  ranks,
  road,
  spearman,
  unitMap,
} from "../../src/explain/metrics/index.js";

/** Logit 1 is a weighted sum of the pixels, logit 0 is 0: what matters is known. */
const linear =
  (weights: Float64Array): LogitsOf =>
  async ({ shape, data }) => {
    const n = shape[0]!;
    const out = new Float64Array(2 * n);
    for (let i = 0; i < n; i++)
      for (let k = 0; k < weights.length; k++) out[2 * i + 1]! += weights[k]! * Number(data[i * weights.length + k]);
    return tensor("float64", [n, 2], out);
  };

const [height, width] = [12, 17];
const plane = height * width;
const normals = (seed: number, length: number) => {
  const rng = new Rng(seed, "normals");
  return Float64Array.from({ length }, () => rng.normal());
};
const example = (seed: number): Example => ({
  input: tensor("float64", [1, height, width], normals(seed, plane)),
  target: 1,
});
const heatmap = (data: Float64Array): Heatmap => ({ height, width, data });
const close = (actual: number, wanted: number, tolerance = 1e-12) =>
  assert.ok(Math.abs(actual - wanted) <= tolerance, `${actual}, wanted ${wanted}`);

test("equal values rank in the order of position, so that shares are exact", () => {
  const rng = new Rng(1);
  const values = Float64Array.from({ length: 1000 }, () => (rng.uniform() < 0.61 ? 0 : rng.uniform()));
  const order = rankPositions({ height: 10, width: 100, data: values });
  for (let i = 1; i < order.length; i++) {
    const [before, after] = [order[i - 1]!, order[i]!];
    assert.ok(values[before]! > values[after]! || (values[before] === values[after] && before < after));
  }
  assert.equal(new Set(order).size, 1000);
});

test("ROAD removes exactly the share that it says, however many values are equal", async () => {
  for (const zeros of [0, 0.3, 0.61, 1]) {
    const rng = new Rng(2);
    const map: Heatmap = {
      height: 10,
      width: 100,
      data: Float64Array.from({ length: 1000 }, () => (rng.uniform() < zeros ? 0 : rng.uniform())),
    };
    const removed: number[] = [];
    const input = tensor("float64", [1, 10, 100], new Float64Array(1000).fill(1));
    // All pixels are 1, and what is imputed from them; the noise tells which were removed.
    const count: LogitsOf = async ({ shape, data }) => {
      const values = Array.from(data as Float64Array);
      for (let i = 0; i < shape[0]!; i++)
        removed.push(values.slice(i * 1000, (i + 1) * 1000).filter((v) => Math.abs(v - 1) > 1e-9).length);
      return tensor("float64", [shape[0]!, 2], new Float64Array(2 * shape[0]!));
    };
    await road(count, { input, target: 0 }, map, { fractions: [0.1, 0.5, 0.9], noise: 0.5 });
    assert.deepEqual(removed, [100, 500, 900, 100, 500, 900], `${zeros} zeros`);
  }
});

test("imputed pixels are the weighted mean of their neighbors, in every shape of hole", () => {
  for (const [h, w, holes] of [
    [20, 28, "half"],
    [32, 32, "random"],
    [40, 23, "all but one"],
    [1, 9, "random"],
    [64, 64, "center"],
  ] as const) {
    const rng = new Rng(3, h, w);
    const planes = Float64Array.from({ length: 3 * h * w }, () => rng.normal());
    const positions = [...Array(h * w).keys()];
    const missing = {
      half: positions.filter((at) => at % w < w / 2),
      random: positions.filter(() => rng.uniform() < 0.7),
      "all but one": positions.slice(0, -1),
      center: positions.filter((at) => Math.hypot(Math.floor(at / w) - h / 2, (at % w) - w / 2) < 25),
    }[holes];
    const filled = impute(planes, h, w, missing);
    const lost = new Set(missing);
    for (let c = 0; c < 3; c++)
      for (const at of positions) {
        const value = filled[c * h * w + at]!;
        if (!lost.has(at)) {
          assert.equal(value, planes[c * h * w + at]);
          continue;
        }
        let [sum, weights] = [0, 0];
        for (const dy of [-1, 0, 1])
          for (const dx of [-1, 0, 1]) {
            const [y, x] = [Math.floor(at / w) + dy, (at % w) + dx];
            if ((!dy && !dx) || y < 0 || y >= h || x < 0 || x >= w) continue;
            const weight = dy && dx ? 1 / 12 : 1 / 6;
            sum += weight * filled[(c * h + y) * w + x]!;
            weights += weight;
          }
        close(value, sum / weights, 1e-11);
      }
  }
  assert.throws(() => impute(new Float64Array(4), 2, 2, [0, 1, 2, 3]), /all pixels are missing/);
});

test("the noise of ROAD is a function of its seed", async () => {
  const map = heatmap(normals(5, plane));
  const run = async (seed: number, noise: number) => [
    ...(await road(linear(normals(6, plane)), example(1), map, { seed, noise })).morf.logits,
  ];
  assert.deepEqual(await run(1, 0.01), await run(1, 0.01));
  assert.notDeepEqual(await run(1, 0.01), await run(2, 0.01));
  assert.deepEqual(await run(1, 0), await run(2, 0));
});

test("a map of what matters is faithful, its opposite is not, and a random one says nothing", async () => {
  const weights = normals(7, plane);
  const examples = Array.from({ length: 24 }, (_, i) => example(100 + i));
  const effects = examples.map(({ input }) => heatmap(weights.map((v, k) => v * Number(input.data[k]))));
  const opposite = effects.map(({ data }) => heatmap(data.map((v) => -v)));
  const maps = new Map([
    ["effect", effects],
    ["opposite", opposite],
  ]);
  const { rows, images } = await faithfulness(linear(weights.map((v) => v / 10)), examples, maps, { steps: 12 });
  assert.deepEqual(
    rows.map(({ name, control }) => [name, control]),
    [
      ["effect", false],
      ["opposite", false],
      ["random", true],
      ["center", true],
    ],
  );
  assert.equal(images, 24);
  const [effect, worse, random] = rows.map(({ means }) => means);
  for (const column of ["insertionLessDeletion", "road"] as const) {
    assert.ok(effect![column].low > 0.05, `${column} ${effect![column].low}`);
    assert.ok(worse![column].high < -0.05);
    assert.ok(random![column].low < 0 && random![column].high > 0);
  }
  const again = await faithfulness(linear(weights.map((v) => v / 10)), examples, maps, { steps: 12 });
  assert.deepEqual(again.rows, rows);
});

test("curves begin and end with the image and the baseline", async () => {
  const network = linear(normals(8, plane));
  const { input } = example(2);
  const map = heatmap(normals(9, plane));
  const score = async (data: Float64Array) =>
    Number((await network(tensor("float64", [1, 1, height, width], data))).data[1]);
  const baseline = tensor("float64", [1, height, width], normals(10, plane));
  for (const base of ["zero", "blur", baseline] as const) {
    const options = { baseline: base, score: "logit", steps: 5 } as const;
    const away = await deletion(network, { input, target: 1 }, map, options);
    const back = await insertion(network, { input, target: 1 }, map, options);
    assert.deepEqual(away.counts, [0, 41, 82, 122, 163, 204]);
    close(away.scores[0]!, await score(input.data as Float64Array));
    close(back.scores.at(-1)!, away.scores[0]!, 1e-9);
    close(back.scores[0]!, away.scores.at(-1)!, 1e-9);
    if (base === "zero") close(back.scores[0]!, 0);
    if (base === baseline) close(back.scores[0]!, await score(baseline.data));
  }
  await assert.rejects(
    deletion(network, { input, target: 2 }, map),
    /class 2 does not exist; the network has 2, 0 to 1/,
  );
  await assert.rejects(
    deletion(network, { input, target: 1 }, map, { baseline: tensor("float64", [1], Float64Array.of(1)) }),
    /baseline must be \[1,12,17\] like the input, got \[1\]/,
  );
});

test("maps of shares: what is nowhere positive becomes 0, not noise", async () => {
  const map = { height: 1, width: 3, data: Float64Array.of(-2, 1, 4) };
  assert.deepEqual([...unitMap(map, 1, 3).data], [0, 0.25, 1]);
  assert.deepEqual([...unitMap({ ...map, data: Float64Array.of(-2, -1, -3) }, 1, 3).data], [0, 0, 0]);
  await assert.rejects(
    confidenceChange(linear(normals(1, 3)), { input: tensor("float64", [1, 1, 3], normals(1, 3)), target: 1 }, map),
    /must be from 0 to 1/,
  );
});

/** Straight from the definitions, over all thresholds and all pairs. */
function byDefinition(values: Float64Array, mask: Mask) {
  const inside = [...mask.data].map(Boolean);
  const ious = [...new Set(values)].map((threshold) => {
    const chosen = [...values].map((v) => v >= threshold);
    const both = chosen.filter((c, i) => c && inside[i]).length;
    return both / chosen.filter((c, i) => c || inside[i]).length;
  });
  let [pairs, wins] = [0, 0];
  for (let i = 0; i < values.length; i++)
    for (let j = 0; j < values.length; j++)
      if (inside[i] && !inside[j]) {
        pairs++;
        wins += values[i]! > values[j]! ? 1 : values[i] === values[j] ? 0.5 : 0;
      }
  return { bestIou: Math.max(...ious), auc: wins / pairs };
}

test("localization is what the definitions say, with and without ties", () => {
  for (let round = 0; round < 30; round++) {
    const rng = new Rng(round, "locate");
    const values = Float64Array.from({ length: plane }, () => (round % 2 ? rng.normal() : rng.int(4)));
    const mask = { height, width, data: Uint8Array.from({ length: plane }, () => Number(rng.uniform() < 0.3)) };
    const found = locate(heatmap(values), mask);
    const wanted = byDefinition(values, mask);
    close(found.bestIou, wanted.bestIou);
    close(found.auc, wanted.auc);
    assert.equal(found.pointing, mask.data[values.indexOf(Math.max(...values))] === 1);
    close(found.share, mask.data.reduce((a, b) => a + b, 0) / plane);
    assert.equal(found.chance, found.share);
  }
});

test("the pointing game with tolerance: chance grows with it", () => {
  const mask: Mask = { height: 41, width: 60, data: new Uint8Array(41 * 60) };
  mask.data[20 * 60 + 30] = 1;
  const at = (y: number, x: number): Heatmap => {
    const data = new Float64Array(41 * 60);
    data[y * 60 + x] = 1;
    return { height: 41, width: 60, data };
  };
  for (const [y, x, tolerance, hit] of [
    [20, 30, 0, true],
    [20, 31, 0, false],
    [20, 45, 15, true],
    [20, 46, 15, false],
    [31, 40, 15, true],
    [31, 41, 15, false],
    [5, 30, 15, true],
  ] as const)
    assert.equal(locate(at(y, x), mask, { tolerance }).pointing, hit, `${y}, ${x} ± ${tolerance}`);
  let near = 0;
  for (let y = 0; y < 41; y++) for (let x = 0; x < 60; x++) if (Math.hypot(y - 20, x - 30) <= 15) near++;
  close(locate(at(0, 0), mask, { tolerance: 15 }).chance, near / (41 * 60));
});

test("constant maps find nothing, and masks without an outline are left out", () => {
  const mask: Mask = { height, width, data: new Uint8Array(plane).fill(1, 0, 20) };
  const flat = locate(heatmap(new Float64Array(plane)), mask);
  assert.deepEqual([flat.pointing, flat.energy, flat.auc, flat.bestIou], [false, Number.NaN, 0.5, flat.share]);
  const [empty, full] = [0, 1].map((value) => ({ ...mask, data: new Uint8Array(plane).fill(value) }));
  for (const useless of [empty!, full!])
    assert.throws(() => locate(heatmap(normals(1, plane)), useless), /empty or covers the whole image/);
  const maps = new Map([["flat", [1, 2, 3].map(() => heatmap(new Float64Array(plane)))]]);
  const table = localization(maps, [mask, empty!, full!]);
  assert.deepEqual([table.images, table.leftOut], [1, 2]);
  assert.equal(table.rows[0]!.means.energyOverShare.count, 0);
  assert.throws(() => localization(maps, [empty!, full!, empty!]), /every mask is empty or covers its whole image/);
});

test("a table of localization has its controls: random at chance, the blob where objects are centered", () => {
  const images = 300;
  const rng = new Rng(11);
  const masks = Array.from({ length: images }, (): Mask => {
    const [y, x, radius] = [10 + rng.normal(), 14 + rng.normal(), 4];
    const data = Uint8Array.from({ length: 20 * 28 }, (_, i) =>
      Number(Math.hypot(Math.floor(i / 28) - y, (i % 28) - x) < radius),
    );
    return { height: 20, width: 28, data };
  });
  const perfect = masks.map(({ data, ...size }) => ({ ...size, data: Float64Array.from(data) }));
  const { rows, share, chance } = localization(new Map([["perfect", perfect]]), masks, { seed: 5 });
  const [best, random, center] = rows.map(({ means }) => means);
  assert.equal(best!.pointing.mean, 1);
  close(best!.auc.mean, 1);
  close(best!.bestIou.mean, 1);
  assert.ok(random!.pointing.low <= chance && random!.pointing.high >= chance);
  assert.ok(random!.energyOverShare.low <= 1.01 && random!.energyOverShare.high >= 0.99);
  assert.ok(center!.pointing.mean > 0.8 && center!.energyOverShare.mean > 2);
  assert.equal(chance, share);
  close(best!.pointingOverCenter.mean, 1 - center!.pointing.mean);
});

test("methods and images must match, and controls keep their names", () => {
  const mask: Mask = { height, width, data: new Uint8Array(plane).fill(1, 0, 20) };
  const map = heatmap(normals(1, plane));
  assert.throws(() => localization(new Map([["gradcam", [map]]]), [mask, mask]), /gradcam has 1 maps for 2 images/);
  assert.throws(() => localization(new Map([["random", [map]]]), [mask]), /"random" is the name of a control/);
});

test("controls", () => {
  const blob = centerMap(9, 15);
  assert.equal(blob.data.indexOf(Math.max(...blob.data)), 4 * 15 + 7);
  assert.deepEqual(randomMap(4, 5, 1, 2), randomMap(4, 5, 1, 2));
  assert.notDeepEqual(randomMap(4, 5, 1, 2), randomMap(4, 5, 1, 3));
});

test("sparseness and complexity at their ends", () => {
  const [flat, peak] = [new Float64Array(50).fill(-3), new Float64Array(50)];
  peak[7] = 2;
  close(gini(flat), 0);
  close(gini(peak), 1 - 1 / 50);
  close(entropy(flat), Math.log(50));
  close(entropy(peak), 0);
  for (const measure of [gini, entropy]) assert.ok(Number.isNaN(measure(new Float64Array(9))));
});

test("rank correlation: ties share ranks, constants have none", () => {
  assert.deepEqual([...ranks([3, 1, 3, 2])], [3.5, 1, 3.5, 2]);
  const values = normals(12, 100);
  close(
    spearman(
      values,
      values.map((v) => v ** 3),
    ),
    1,
  );
  close(
    spearman(
      values,
      values.map((v) => -Math.exp(v)),
    ),
    -1,
  );
  assert.ok(Number.isNaN(spearman(values, new Float64Array(100))));
});

test("bootstrap intervals cover the mean as often as they say", () => {
  let covered = 0;
  for (let round = 0; round < 200; round++) {
    const sample = normals(1000 + round, 60);
    const [interval] = meanIntervals([sample], { resamples: 400, seed: round });
    if (interval!.low <= 0 && interval!.high >= 0) covered++;
  }
  assert.ok(covered >= 180 && covered <= 199, `${covered} of 200`);
});

test("intervals leave out what is not a number, need two values, and are functions of the seed", () => {
  const [some, one, none] = meanIntervals([
    [1, Number.NaN, 3],
    [Number.NaN, 5, Number.NaN],
    [Number.NaN, Number.NaN, Number.NaN],
  ]);
  assert.deepEqual([some!.mean, some!.count], [2, 2]);
  assert.deepEqual(one, { mean: 5, low: Number.NaN, high: Number.NaN, count: 1 });
  assert.deepEqual(none, { mean: Number.NaN, low: Number.NaN, high: Number.NaN, count: 0 });
  assert.deepEqual(meanIntervals([normals(1, 30)], { seed: 3 }), meanIntervals([normals(1, 30)], { seed: 3 }));
  assert.notDeepEqual(meanIntervals([normals(1, 30)], { seed: 3 }), meanIntervals([normals(1, 30)], { seed: 4 }));
});
