import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { analyze } from "../../src/compare/analysis.js";
import type { LookImages, UnitLooks } from "../../src/compare/looks.js";
import { parsePlan } from "../../src/compare/plan.js";
import { comparisonReport } from "../../src/compare/report.js";
import type { UnitResult } from "../../src/compare/results.js";
import { parseDimension, rungsOf, type Search, trialsOf } from "../../src/compare/tune.js";
import { searchReport } from "../../src/compare/tune-tables.js";
import { unitsOf } from "../../src/compare/units.js";
import { Rng } from "../../src/core/rng.js";
import { withoutChromium } from "../support/chromium.js";
import { temporaryFolder } from "../support/fovea.js";
import { ifLong } from "../support/long.js";
import { lookAt, openBrowser, printed } from "../support/pages.js";

const rng = new Rng(1, "pages");
const [count, shown] = [50, 6];

function resultOf(entrant: string, seed: number): UnitResult {
  const right = Array.from({ length: count }, () => (rng.uniform() < 0.8 ? "1" : "0")).join("");
  const top1 = right.replaceAll("0", "").length / count;
  const measured = {
    epoch: 2,
    validation: { top1, loss: 1 },
    test: { count, top1, nll: 0.7, ece: 0.05, adaptiveEce: 0.06, brier: 0.3, right },
  };
  return {
    format: "fovea.result.1",
    hashes: { config: "c", data: "d", code: "e" },
    backbone: "resnet20",
    entrant,
    seed,
    setting: 0,
    status: "done",
    parameters: 272_474,
    macs: 40_800_000 + 1e6 * entrant.length,
    stepMacs: 7e9,
    steps: 100,
    epochs: 2,
    batch: 64,
    numClasses: 10,
    last: measured,
    chosen: measured,
  };
}

const looks = (): UnitLooks => ({
  format: "fovea.looks.1",
  key: "k",
  layer: "layer3",
  maps: Array.from({ length: shown }, () => ({
    height: 8,
    width: 8,
    data: Array.from({ length: 64 }, () => rng.normal()),
  })),
  found: {
    energyOverShare: Array.from({ length: count }, () => 1 + rng.uniform()),
    pointing: Array.from({ length: count }, () => rng.int(2)),
  },
});
const images: LookImages = {
  shown: Array.from({ length: shown }, (_, index) => ({
    index,
    label: "a class of a rather long name",
    image: { height: 32, width: 32, pixels: Uint8Array.from({ length: 3072 }, () => rng.int(256)) },
  })),
  objects: { images: count, chance: 0.15, center: { energyOverShare: 1.7, pointing: 0.6 } },
};

const modules = [
  "none",
  "placebo",
  "placebo-random",
  "se",
  "cbam",
  "bam",
  "coord",
  "eca",
  "gam",
  "gct",
  "scse",
  "simam",
];
const plan = parsePlan({ data: "shapes", modules, seeds: 3 });
const outcomes = unitsOf(plan).map((unit) => ({
  unit,
  result: resultOf(unit.entrant.label, unit.seed),
  looks: looks(),
}));
const costs = {
  threads: 1,
  noisy: true,
  rows: modules.map((entrant) => ({
    backbone: "resnet20",
    entrant,
    latency: { median: 0.001, low: 0.0009, high: 0.0012 },
    trainingRate: 300,
    memory: { training: 4e8, inference: 1.3e8 },
    noisy: entrant === "se",
  })),
};
const comparison = comparisonReport(
  {
    plan,
    outcomes,
    rows: analyze(plan, outcomes),
    images: { train: 512, validation: 128, test: count },
    looks: images,
    otherVersions: [{ code: "0123456789ab", units: 36 }],
  },
  costs,
);

const search: Search = {
  data: { source: "shapes" },
  backbone: plan.backbones[0]!,
  module: plan.entrants[3]!,
  space: ["lr=0.01..0.3", "weightDecay=0..0.01", "reduction=4,8,16", "optimizer=sgd,adamw"].map((text) =>
    parseDimension(text, "se"),
  ),
  trials: 60,
  epochs: 9,
  eta: 3,
  grid: false,
  seed: 0,
  threads: 1,
};
const trials = trialsOf(search);
const rungs = rungsOf(search, trials.length);
const rows = trials.map((trial, i) => ({
  trial,
  results: rungs.filter((rung) => i < rung.trials).map((_, rung) => resultOf("se", rung)),
}));
const found = searchReport({
  search,
  rungs,
  rows,
  winner: rows[0]!,
  images: { train: 512, validation: 128, test: count },
});

const folder = temporaryFolder();
const skip = withoutChromium;
const browser = skip ? undefined : openBrowser();
after(async () => (await browser)?.close());

for (const [name, html] of Object.entries({ comparison, search: found })) {
  const file = join(folder, `${name}.html`);
  writeFileSync(file, html);
  for (const width of [1280, 390])
    for (const dark of [false, true])
      test(`the page of a ${name} at ${width} px, ${dark ? "dark" : "light"}, offline: no serious finding of axe-core, no error, nothing beyond the edge`, {
        skip: skip || (!(width < 1000 ? dark && name === "comparison" : !dark && name === "search") && ifLong),
      }, async () => {
        assert.deepEqual(await lookAt((await browser)!, file, { width, dark }), {
          serious: [],
          errors: [],
          overflow: 0,
        });
      });
  test(`the page of a ${name} prints on A4`, { skip: skip || (name !== "comparison" && ifLong) }, async () => {
    const pdf = (await printed((await browser)!, file)).toString("latin1");
    const boxes = [...pdf.matchAll(/\/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]/g)].map(([, w, h]) => [Number(w), Number(h)]);
    assert.ok(boxes.length >= 1 && boxes.length < 30, `${boxes.length} pages`);
    for (const [w, h] of boxes) assert.ok(Math.abs(w! - 595.3) < 1 && Math.abs(h! - 841.9) < 1, `${w} × ${h}`);
  });
}
