import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePlan } from "../../src/compare/plan.js";
import type { Measured, UnitResult } from "../../src/compare/results.js";
import {
  checkSearch,
  parseDimension,
  planOf,
  promoted,
  rungsOf,
  type Search,
  trialsOf,
} from "../../src/compare/tune.js";
import {
  type SearchResult,
  searchMarkdown,
  searchReport,
  trialsCsv,
  winnerPlan,
  winnerText,
} from "../../src/compare/tune-tables.js";

const { backbones, entrants } = parsePlan({ data: "shapes", modules: ["se"] });
const search = (changes: Partial<Search> = {}): Search => ({
  data: { source: "shapes" },
  backbone: backbones[0]!,
  module: entrants[0]!,
  space: ["lr=0.001..1", "reduction=4,8,16"].map((text) => parseDimension(text, "se")),
  trials: 200,
  epochs: 9,
  eta: 3,
  grid: false,
  seed: 0,
  threads: 1,
  ...changes,
});

test("draws are even by their logarithm, even over choices, and the same for a seed", () => {
  const trials = trialsOf(search());
  assert.equal(trials.length, 200);
  const rates = trials.map(({ setting }) => Math.log10(setting.lr!));
  for (const [low, high] of [
    [-3, -2],
    [-2, -1],
    [-1, 0],
  ] as const) {
    const share = rates.filter((rate) => rate >= low && rate < high).length / 200;
    assert.ok(share > 0.23 && share < 0.44, `${low}: ${share}`);
  }
  for (const reduction of [4, 8, 16]) {
    const share = trials.filter(({ options }) => options.reduction === reduction).length / 200;
    assert.ok(share > 0.23 && share < 0.44, `${reduction}: ${share}`);
  }
  assert.deepEqual(trialsOf(search()), trials);
  assert.notDeepEqual(trialsOf(search({ seed: 1 })), trials);
  // More trials begin with the same ones.
  assert.deepEqual(trialsOf(search({ trials: 300 })).slice(0, 200), trials);
});

test("a trial without augmentation has no use for the rest of it, and a short rung takes the search's warm-up", () => {
  const setting = { augment: false, mixup: 0.2, lr: 0.1, warmup: 3 };
  const plan = planOf(search(), { number: 1, setting, options: {} }, 1);
  assert.deepEqual([plan.settings, plan.epochs], [[{ augment: false, lr: 0.1, warmup: 3 }], 1]);
  const long = { number: 1, setting: { warmup: 10 }, options: {} };
  assert.throws(() => planOf(search(), long, 1), /warmup 10 is longer than the training, 9 epochs/);
});

test("a grid has every combination once, and equal draws are tried once", () => {
  const space = ["lr=0.1,0.01", "reduction=4,8,16", "optimizer=sgd,adamw"].map((text) => parseDimension(text, "se"));
  const grid = trialsOf(search({ space, grid: true }));
  assert.equal(new Set(grid.map(({ setting, options }) => JSON.stringify([setting, options]))).size, 12);
  assert.deepEqual(grid[0], { number: 1, setting: { lr: 0.1, optimizer: "sgd" }, options: { reduction: 4 } });
  assert.ok(trialsOf(search({ space, trials: 100 })).length <= 12);
  const plan = planOf(search({ space }), grid[3]!, 2);
  assert.deepEqual(
    [plan.epochs, plan.entrants[0]!.options, plan.settings],
    [2, { reduction: 8 }, [{ lr: 0.1, optimizer: "adamw" }]],
  );
});

test("of each rung a third goes on for three times the epochs", () => {
  assert.deepEqual(rungsOf({ eta: 3, epochs: 9 }, 27), [
    { trials: 27, epochs: 1 },
    { trials: 9, epochs: 3 },
    { trials: 3, epochs: 9 },
  ]);
  assert.deepEqual(rungsOf({ eta: 3, epochs: 10 }, 20), [
    { trials: 20, epochs: 1 },
    { trials: 6, epochs: 3 },
    { trials: 2, epochs: 10 },
  ]);
  assert.deepEqual(rungsOf({ eta: 3, epochs: 100 }, 9), [
    { trials: 9, epochs: 11 },
    { trials: 3, epochs: 33 },
    { trials: 1, epochs: 100 },
  ]);
  assert.deepEqual(rungsOf({ eta: 2, epochs: 1 }, 8), [{ trials: 8, epochs: 1 }]);
  for (let trials = 2; trials < 60; trials++)
    for (const eta of [2, 3, 4])
      for (const epochs of [1, 2, 5, 27, 50]) {
        const rungs = rungsOf({ eta, epochs }, trials);
        assert.equal(rungs.at(-1)!.epochs, epochs);
        rungs.forEach((rung, i) => {
          assert.ok(
            rung.trials >= 1 && (i === 0 || (rung.trials < rungs[i - 1]!.trials && rung.epochs > rungs[i - 1]!.epochs)),
          );
        });
      }
});

test("the best by accuracy go on, of equal ones those with less loss, and those that diverged last", () => {
  const score = (top1: number, loss: number) => ({ top1, loss });
  const scores = [
    [1, score(0.5, 2)],
    [2, null],
    [3, score(0.7, 3)],
    [4, score(0.5, 1)],
    [5, score(0.5, 1)],
  ] as const;
  assert.deepEqual(promoted(scores, 5), [3, 4, 5, 1, 2]);
  assert.deepEqual(promoted(scores.toReversed(), 2), [3, 4]);
});

/** A search whose trials validated so, in order; the first is taken as the winner. */
function found(of: Search, validations: readonly Measured["validation"][]): SearchResult {
  const rows = trialsOf(of)
    .slice(0, validations.length)
    .map((trial, i) => {
      const validation = validations[i]!;
      const last: Measured = { epoch: 9, validation, test: { ...validation, count: 10, nll: 1 } };
      return { trial, results: [{ status: "done", last } as UnitResult] };
    });
  return {
    search: of,
    rungs: [{ trials: rows.length, epochs: 9 }],
    rows,
    winner: rows[0]!,
    images: { train: 1, validation: 1, test: 1 },
  };
}

test("the best settings of a module are a plan that can be compared; a network without one has no plan", () => {
  const se = found(search(), [{ top1: 0.5, loss: 1 }]);
  assert.deepEqual(
    parsePlan(winnerPlan(se)).entrants.map(({ label }) => label),
    ["none", "se"],
  );
  const space = ["augment=false", "mixup=0.2,0.4"].map((text) => parseDimension(text, "se"));
  const bare = parsePlan(winnerPlan(found(search({ space }), [{ top1: 0.5, loss: 1 }])));
  assert.deepEqual(bare.settings, [{ augment: false }]);
  assert.match(winnerText(se), /fovea compare and several seeds/);
  const [none] = parsePlan({ data: "shapes", modules: ["none", "se"] }).entrants;
  const plain = found(search({ module: none!, space: [parseDimension("lr=0.1,0.2", "none")] }), [
    { top1: 0.5, loss: 1 },
  ]);
  assert.equal(winnerPlan(plain), null);
  assert.doesNotMatch(winnerText(plain), /fovea compare/);
});

test("segmentation is ranked by mean IoU, which the tables name", () => {
  const validations = [
    { top1: 0.8, loss: 2, miou: 0.4 },
    { top1: 0.9, loss: 1, miou: 0.2 },
    { top1: 0.7, loss: 3, miou: 0.6 },
  ];
  assert.deepEqual(
    promoted(
      validations.map((score, i) => [i + 1, score] as const),
      3,
    ),
    [3, 1, 2],
  );
  const [backbone] = parsePlan({ data: "shapes", backbones: ["unet_resnet18"], modules: ["none"] }).backbones;
  const result = found(search({ backbone: backbone! }), validations);
  const lines = searchMarkdown(result)
    .split("\n")
    .filter((line) => line.startsWith("|"));
  assert.match(lines[0]!, /validation mIoU %, 9 epochs/);
  assert.deepEqual(
    lines.slice(2).map((line) => line.split("|")[1]!.trim()),
    ["3", "1", "2"],
  );
  assert.match(winnerText(result), /mIoU 40\.\d* % on the validation images; .* 40\.\d* %/);
  assert.match(trialsCsv(result).split("\n")[0]!, /validation_top1,validation_loss,validation_miou$/);
  assert.match(searchReport(result), /validation mIoU %, furthest rung/);
  assert.doesNotMatch(searchReport(result), /top-1/);
  const classified = found(search(), [{ top1: 0.5, loss: 1 }]);
  assert.match(searchReport(classified), /validation top-1 %, furthest rung/);
  assert.doesNotMatch(trialsCsv(classified), /miou/);
});

test("regression is ranked by R², which may be far below 0, and is written as it is", () => {
  const validations = [-0.25, -7, 0.5].map((r2) => ({ r2, loss: 1 }));
  const scores = [...validations.map((score, i) => [i + 1, score] as const), [4, null] as const];
  assert.deepEqual(promoted(scores, 4), [3, 1, 2, 4]);
  const result = found(search({ data: { source: "shapes", task: "regression" } }), validations);
  const text = searchMarkdown(result);
  assert.match(text, /validation R², 9 epochs/);
  assert.match(text, /R² −0\.250 on the validation images; .* −0\.250\. It is/);
  assert.match(text, /\| −7\.000 \|/);
  assert.match(trialsCsv(result).split("\n")[0]!, /,status,validation_loss,validation_r2$/);
  assert.match(searchReport(result), /validation R², furthest rung/);
});

test("a search that cannot be meant is refused in one line", () => {
  const dimension =
    (text: string, module = "se") =>
    () =>
      parseDimension(text, module);
  const checked = (changes: Partial<Search>) => () => checkSearch(search(changes));
  const two = (text: string) => [parseDimension(text, "se"), parseDimension(text, "se")];
  for (const [f, message] of [
    [dimension("lr"), /must look like lr=0\.01\.\.0\.3/],
    [dimension("lr="), /must look like/],
    [dimension("foo=1,2"), /--search foo: unknown setting; there are lr, .*reduction/],
    [dimension("reduction=4,8", "none"), /--search reduction: unknown setting; there are lr/],
    [dimension("reduction=4..8"), /--search reduction: takes choices/],
    [dimension("lr=0.3..0.1"), /a range must be from a smaller to a larger number, got 0\.3\.\.0\.1/],
    [dimension("lr=-1..1"), /a range must be/],
    [dimension("lr=0..Infinity"), /a range must be/],
    [dimension("lr=0.1,,0.2"), /choices must differ and not be empty/],
    [dimension("lr=0.1,0.10"), /choices must differ/],
    [checked({ space: two("lr=0.1,0.2") }), /--search has lr twice/],
    [checked({ grid: true }), /--grid needs choices for all, such as --search lr=/],
    [checked({ trials: 1001 }), /--trials 1001, more than 1000/],
    [checked({ eta: 1 }), /--eta must be an integer of at least 2, got 1/],
    [
      checked({ grid: true, space: [{ name: "lr", choices: Array.from({ length: 1001 }, (_, i) => i + 1) }] }),
      /the grid has 1001 combinations, more than 1000/,
    ],
  ] as const)
    assert.throws(
      f,
      (error: Error) => error.name === "OptionError" && message.test(error.message) && !error.message.includes("\n"),
    );
});
