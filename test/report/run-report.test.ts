import assert from "node:assert/strict";
import { test } from "node:test";
import { type ReportEpoch, renderReport } from "../../src/report/index.js";
import { assertSnapshot, assertWellFormed, hostile, sampleHistory, sampleMetrics, sampleRun } from "./support.js";

/** The page without style sheets, which are the same on every page. */
const content = (html: string) => html.replace(/<style>.*?<\/style>/gs, "");

test("a run as a page: headline, curves, mistakes, skipped files, settings, commands", () => {
  const html = renderReport(sampleRun());
  assertWellFormed(content(html));
  const best = Math.max(...sampleHistory(30).map(({ top1 }) => top1!));
  assert.match(html, new RegExp(`Best validation top-1</dt><dd>${(100 * best).toFixed(1)}%`));
  assert.equal(html.match(/<svg/g)!.length, 4);
  for (const text of ["276,806", "train/heart/IMG_0012.heic", "optimizer.weightDecay", "fovea export", "Most confused"])
    assert.ok(html.includes(text), text);
  assert.doesNotMatch(content(html), /undefined|NaN|Infinity|\[object/);
  assert.equal(html, renderReport(sampleRun()));
});

test("the page loads and runs nothing", () => {
  const html = renderReport(sampleRun());
  assert.match(
    html,
    /<meta charset="utf-8"\/><meta http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;; style-src/,
  );
  const without = html.replaceAll('xmlns="http://www.w3.org/2000/svg"', "");
  assert.doesNotMatch(without, /https?:|<script|<link|<iframe|<img|@import|url\(|\son[a-z]+=/);
});

test("names of files, classes, settings and commands cannot become markup", () => {
  const html = renderReport({
    title: hostile,
    summary: [{ label: hostile, value: hostile }],
    history: sampleHistory(2),
    validation: sampleMetrics([hostile, "</td></style>", "</title>"]),
    validationOf: hostile,
    skipped: [{ file: hostile, reason: hostile }],
    config: { [hostile]: { [hostile]: [hostile, { [hostile]: 1 }] } },
    next: [{ purpose: hostile, command: hostile }],
  });
  assertWellFormed(content(html));
  assert.doesNotMatch(html, /<script|<\/td><\/style>/);
});

test("no epoch, one epoch, and no validation", () => {
  const empty = renderReport({ title: "nothing", history: [], validation: null, config: {} });
  assertSnapshot("empty-report.html", content(empty));
  const one = renderReport({ title: "one", history: sampleHistory(1, false), validation: null, config: {} });
  assertWellFormed(content(one));
  assert.match(one, /Lowest training loss<\/dt><dd>[\d.]+<small>epoch 1 of 1/);
  assert.doesNotMatch(content(one), /validation \d|NaN|undefined/);
});

test("figures that are not numbers are shown as missing", () => {
  const broken: ReportEpoch = {
    epoch: 3,
    lr: 0.1,
    trainLoss: Number.NaN,
    trainTop1: Number.NaN,
    loss: Number.NaN,
    top1: Number.NaN,
    top5: null,
  };
  const metrics = sampleMetrics(["a", "b"]);
  const classes = metrics.classes.map((c) => ({ ...c, precision: null, recall: null }));
  const none = {
    ...metrics,
    classes,
    count: 0,
    top1: Number.NaN,
    loss: Number.NaN,
    confusion: [
      [0, 0],
      [0, 0],
    ],
  };
  for (const history of [[broken], [broken, ...sampleHistory(2)]]) {
    const html = renderReport({ title: "broken", history, validation: none, config: {} });
    assertWellFormed(content(html));
    assert.doesNotMatch(content(html), /NaN|undefined|Infinity/);
  }
  assert.match(
    renderReport({ title: "broken", history: [broken, ...sampleHistory(2)], validation: null, config: {} }),
    /epoch 2 of 2/,
  );
});

test("a hundred classes and a thousand epochs stay small", () => {
  const names = Array.from({ length: 100 }, (_, i) => `class ${i}`);
  const skipped = Array.from({ length: 5000 }, (_, i) => ({ file: `${i}.jpg`, reason: "is empty" }));
  const html = renderReport({
    ...sampleRun(),
    history: sampleHistory(1000),
    validation: sampleMetrics(names),
    skipped,
  });
  assertWellFormed(content(html));
  assert.ok(html.length < 300_000, `${html.length} characters`);
  assert.match(html, /80 more/);
  assert.match(html, /Only the first 1,000 are listed/);
});
