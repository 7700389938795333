import assert from "node:assert/strict";
import { test } from "node:test";
import { confusionMatrix, drawLineChart, mostConfused } from "../../src/report/index.js";
import { palette, seriesColors } from "../../src/report/theme.js";
import { assertSnapshot, assertWellFormed, hostile, sampleMetrics } from "./support.js";

test("a line chart is drawn as before", () => {
  const training = [
    [1, 0.31],
    [2, 0.62],
    [3, 0.81],
  ] as const;
  const validation = [
    [1, 0.35],
    [2, null],
    [3, 0.74],
  ] as const;
  const series = [
    { name: "training", points: training },
    { name: "validation", points: validation },
  ];
  const chart = drawLineChart({
    title: "Accuracy",
    xLabel: "epoch",
    percent: true,
    series,
    mark: { x: 3, label: "best" },
  });
  assertWellFormed(chart);
  assertSnapshot("line-chart.svg", chart);
});

test("values that are missing or not numbers leave gaps", () => {
  const points = [1, 2, Number.NaN, 4, null, 6, 7, Number.POSITIVE_INFINITY].map((y, x) => [x, y] as const);
  const chart = drawLineChart({ title: "Gaps", series: [{ name: "a", points }] });
  assert.equal(chart.match(/ d="[^"]*"/)![0].split("M").length - 1, 2);
  assert.equal(chart.match(/<circle/g)!.length, 5);
  assert.doesNotMatch(chart, /NaN|Infinity|undefined/);
});

test("no point, one point, a thousand points, hostile names", () => {
  assert.match(drawLineChart({ title: "None", series: [{ name: "a", points: [[1, null]] }] }), /nothing yet/);
  assert.equal(drawLineChart({ title: "One", series: [{ name: "a", points: [[5, 0]] }] }).match(/<circle/g)!.length, 1);
  const points = Array.from({ length: 1000 }, (_, i) => [i, Math.sin(i / 50)] as const);
  const many = drawLineChart({ title: "Many", series: [{ name: "a", points }] });
  assert.ok(many.length < 20_000 && !many.includes("<circle"));
  const color = '"/><script>';
  const bad = drawLineChart({ title: hostile, xLabel: hostile, series: [{ name: hostile, color, points: [[1, 2]] }] });
  assertWellFormed(bad);
  assert.doesNotMatch(bad, /<script/);
});

test("labels at the ends of lines do not overlap", () => {
  const series = Array.from({ length: 8 }, (_, i) => ({
    name: `s${i}`,
    points: [
      [0, 1],
      [1, 1 + i * 1e-3],
      [2, i < 4 ? 0 : 5],
    ] as const,
  }));
  const levels = [...drawLineChart({ title: "Close", series }).matchAll(/class="own" x="[^"]*" y="([^"]*)"/g)].map(
    (m) => Number(m[1]),
  );
  assert.equal(levels.length, 8);
  levels.slice(1).forEach((y, i) => assert.ok(y - levels[i]! >= 15.9));
});

test("a confusion matrix is drawn as before", () => {
  const matrix = confusionMatrix({
    classes: ["cat", "dog", "<b>"],
    counts: [
      [45, 5, 0],
      [9, 41, 0],
      [0, 0, 0],
    ],
  });
  assertWellFormed(matrix);
  assertSnapshot("confusion-matrix.svg", matrix);
});

test("many classes are shaded, not named, and their worst pairs listed", () => {
  const names = Array.from({ length: 100 }, (_, i) => `${hostile} ${i}`);
  const matrix = confusionMatrix({ classes: names, counts: sampleMetrics(names, 50).confusion });
  assertWellFormed(matrix);
  assert.ok(matrix.length < 30_000);
  assert.equal(matrix.match(/ → /g)!.length, 10);
  const empty = confusionMatrix({ classes: [], counts: [] });
  assertWellFormed(empty);
  assert.doesNotMatch(empty, /NaN|Infinity/);
  assert.throws(() => confusionMatrix({ classes: ["a"], counts: [[1, 2]] }), /1 classes need as many rows and columns/);
});

test("the most confused pairs come first by count, then by share", () => {
  const pairs = mostConfused(
    [
      [8, 2, 0],
      [0, 3, 2],
      [7, 0, 0],
    ],
    3,
  );
  assert.deepEqual(
    pairs.map(({ label, prediction, count }) => [label, prediction, count]),
    [
      [2, 0, 7],
      [1, 2, 2],
      [0, 1, 2],
    ],
  );
  assert.equal(pairs[1]!.share, 0.4);
});

test("text colors are readable on their ground", () => {
  const channel = (byte: number) => (byte <= 10 ? byte / 255 / 12.92 : ((byte / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = (hex: string) =>
    [0.2126, 0.7152, 0.0722].reduce(
      (sum, weight, i) => sum + weight * channel(Number.parseInt(hex.slice(1 + 2 * i, 3 + 2 * i), 16)),
      0,
    );
  const contrast = (a: string, b: string) => {
    const [dark, light] = [luminance(a), luminance(b)].sort((p, q) => p - q) as [number, number];
    return (light + 0.05) / (dark + 0.05);
  };
  for (const shade of [0, 1] as const)
    for (const colors of [palette.ink, palette.muted, ...seriesColors])
      for (const ground of [palette.paper, palette.panel])
        assert.ok(contrast(colors[shade], ground[shade]) >= 4.5, `${colors[shade]} on ${ground[shade]}`);
});

const loss = (...values: number[]) => {
  const points = values.map((y, x) => [x + 1, y] as const);
  return drawLineChart({ title: "Loss", cutSpikes: true, series: [{ name: "a", points }] });
};
const ticks = (chart: string) =>
  [...chart.matchAll(/text-anchor="end">([\d.,]+)</g)].map(([, text]) => Number(text!.replace(",", "")));

test("one bad epoch is marked beyond the axis, wherever it is", () => {
  for (const at of [0, 1, 5, 9]) {
    const values = Array.from({ length: 10 }, (_, i) => (i === at ? 1e6 : 2 / (i + 1)));
    const chart = loss(...values);
    assertWellFormed(chart);
    assert.ok(Math.max(...ticks(chart)) <= 2.5, `${at}: ${ticks(chart)}`);
    assert.match(chart, new RegExp(`<title>${at + 1}: 1,000,000, beyond the axis</title>`));
    assert.doesNotMatch(chart, /NaN|Infinity/);
  }
});

test("curves that fall fast, rise, or diverge for good keep their axis", () => {
  for (const values of [
    [2.3, 0.4, 0.05, 0.01, 0.01],
    [1, 2, 4, 8, 16, 32],
    [1, 1, 50, 60, 70, 80],
    [0, 0, 5],
    [0, 0],
    [3],
  ]) {
    const chart = loss(...values);
    assert.doesNotMatch(chart, /beyond the axis/, String(values));
    assert.ok(Math.max(...ticks(chart)) >= Math.max(...values), String(values));
  }
});

test("up to a fifth of the epochs may be beyond; without being asked for, none is", () => {
  const values = [2, 90, 1.8, 1.7, 80, 1.5, 1.4, 1.3, 1.2, 1.1];
  assert.equal(loss(...values).match(/beyond the axis/g)!.length, 2);
  const points = values.map((y, x) => [x, y] as const);
  assert.doesNotMatch(drawLineChart({ title: "a", series: [{ name: "a", points }] }), /beyond/);
});

test("more lines than labels fit beside the chart are all named below it; moved labels are tied to their lines", () => {
  const lines = (count: number) =>
    Array.from({ length: count }, (_, i) => ({
      name: `module ${i}`,
      points: [
        [1, 0.1],
        [10, 0.9 + i * 1e-4],
      ] as const,
    }));
  for (const count of [5, 12, 13, 21, 40]) {
    const svg = drawLineChart({ title: "Accuracy", percent: true, series: lines(count) });
    assertWellFormed(svg);
    const [, wide, high] = /viewBox="0 0 ([\d.]+) ([\d.]+)"/.exec(svg)!.map(Number);
    const places = [...svg.matchAll(/<text class="own" x="([\d.]+)" y="([\d.]+)"><title>(module \d+)</g)];
    assert.equal(places.length, count);
    for (const [, x, y] of places) assert.ok(Number(x) < wide! && Number(y) < high!);
    for (const column of new Set(places.map(([, x]) => x))) {
      const ys = places.flatMap(([, x, y]) => (x === column ? [Number(y)] : [])).sort((a, b) => a - b);
      assert.ok(ys.every((y, i) => i === 0 || y - ys[i - 1]! >= 13));
    }
    assert.equal(/stroke-opacity="0.5"/.test(svg), count <= 13 && count > 1, String(count));
  }
});
