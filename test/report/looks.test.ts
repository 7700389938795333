import assert from "node:assert/strict";
import { test } from "node:test";
import { renderComparison } from "../../src/report/comparison.js";
import { type RunReport, renderReport } from "../../src/report/index.js";
import { assertWellFormed, hostile, sampleFindings, sampleFollowed, sampleHistory, sampleRun } from "./support.js";

const names = ["circle", "ring", "star"];
const content = (html: string) => html.replace(/<style>.*?<\/style>/gs, "");
const seen = (epochs: number, some = names): RunReport => ({
  ...sampleRun(),
  history: sampleHistory(epochs),
  ...sampleFollowed(some, epochs),
  findings: sampleFindings(some),
});

test("maps by epoch, most wrong, least certain, confused images, gates and objects are in the report", () => {
  const html = renderReport(seen(3));
  assertWellFormed(content(html));
  for (const heading of [
    "Where it looks, epoch by epoch",
    "Most wrong",
    "Least certain",
    "Images behind the confusion matrix",
    "Gates",
    "Whether it looks at the object",
  ])
    assert.ok(html.includes(`<h2>${heading}</h2>`), heading);
  assert.match(html, /33.3%/);
  assert.match(html, /predicted as circle<\/small>/);
  assert.match(html, /<summary>star predicted as circle: 7 images<\/summary><svg/);
  assert.match(html, /<summary>circle predicted as ring: 1 image<\/summary><\/details>/);
  assert.doesNotMatch(content(html), /undefined|NaN|null|\[object/);
  assert.equal(html, renderReport(seen(3)));
});

test("of many epochs some are shown, the best among them", () => {
  const run = seen(100);
  const html = renderReport(run);
  const best = run.history.reduce((a, b) => (b.top1! > a.top1! ? b : a)).epoch;
  const shown = [...html.matchAll(/>(epoch \d+(?: \(best\))?)<\/text>/g)].map(([, text]) => text);
  assert.ok(new Set(shown).size <= 9);
  for (const text of ["epoch 1", `epoch ${best} (best)`]) assert.ok(shown.includes(text), text);
});

test("without maps, or with maps of other images, there is no section of them", () => {
  const { maps: _, ...without } = seen(2);
  for (const run of [
    without,
    { ...seen(2), followed: [] },
    { ...seen(2), ...sampleFollowed(["one"], 2), maps: seen(2).maps! },
  ])
    assert.doesNotMatch(renderReport(run), /epoch by epoch/);
});

test("names of classes cannot become markup in pictures and tables", () => {
  const html = renderReport(seen(2, [hostile, "</svg><script>", "b"]));
  assertWellFormed(content(html));
  assert.doesNotMatch(html, /<script/);
});

test("maps that are none are refused", () => {
  const run = seen(1);
  const [first] = run.maps!;
  const [look] = first!.looks;
  for (const cam of [
    { height: 2, width: 2, data: [1] },
    { height: 1, width: 1, data: [Number.NaN] },
    { height: 1e9, width: 1, data: [] },
  ]) {
    const maps = [{ ...first!, looks: [{ ...look!, cam }] }];
    assert.throws(() => renderReport({ ...run, maps }), /renderReport: run.maps\[0\]\.looks must be/);
  }
  const followed = [{ ...run.followed![0]!, image: { height: 8, width: 8, rgb: "AAAA" } }];
  assert.throws(() => renderReport({ ...run, followed }), /renderReport: run.followed must be/);
});

const compared = (name: string, epochs: number, some = names) => {
  const { followed, maps } = sampleFollowed(some, epochs);
  return {
    name,
    title: `resnet20 + ${name} on shapes`,
    history: sampleHistory(epochs),
    parameters: 270_000,
    test: null,
    speed: 512,
    seconds: 90,
    followed,
    maps: maps.at(-1) ?? null,
  };
};

test("runs side by side: figures, curves, and maps of the images that all follow", () => {
  const html = renderComparison([compared("se", 4), compared("cbam", 6), { ...compared("none", 0), parameters: null }]);
  assertWellFormed(content(html));
  for (const text of ["se", "cbam, epoch 6", "270,000", "Where they look"]) assert.ok(html.includes(text), text);
  assert.doesNotMatch(content(html), /undefined|NaN|null/);
  assert.match(renderComparison([compared("a", 2), compared("b", 2, ["other"])]), /follow different images/);
  assert.doesNotMatch(renderComparison([{ ...compared("a", 2), maps: null }]), /Where they look/);
  const many = renderComparison(Array.from({ length: 30 }, (_, i) => compared(`${hostile} ${i}`, 5)));
  assertWellFormed(content(many));
  assert.doesNotMatch(many, /<script/);
});

test("runs side by side are compared by the score that chose their networks", () => {
  const first = sampleHistory(3);
  for (const [field, name, values, shown] of [
    ["miou", "mIoU", [0.25, 0.5, 0.4], ["50.0%", "40.0%", "60.0%"]],
    ["map", "mAP", [0.25, 0.5, 0.4], ["50.0%", "40.0%", "60.0%"]],
    ["r2", "R²", [-2.5, 0.75, 0.7], ["0.75", "0.7", "0.6"]],
  ] as const) {
    // Top-1 is best elsewhere.
    const history = first.map((record, i) => ({ ...record, top1: 1 - i / 10, [field]: values[i]! }));
    const html = content(renderComparison([{ ...compared("se", 0), history, test: 0.6 }]));
    assertWellFormed(html);
    for (const text of [`best ${name}`, `final ${name}`, `test ${name}`, ...shown, "epoch 2"])
      assert.ok(html.includes(text), `${field}: ${text}`);
    assert.doesNotMatch(html, /top-1|top prediction|undefined|NaN|null/);
  }
});
