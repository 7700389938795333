import assert from "node:assert/strict";
import { test } from "node:test";
import { dotPlot } from "../../src/report/dot-plot.js";
import { paretoFront, scatter } from "../../src/report/scatter.js";

const numbers = (svg: string, pattern: RegExp) => [...svg.matchAll(pattern)].map(([, x]) => Number(x));

test("a dot plot places dots, means and intervals on one axis, and names are text", () => {
  const svg = dotPlot({
    title: "Accuracy",
    xLabel: "%",
    band: [10, 20],
    line: 15,
    rows: [
      {
        name: "none",
        dots: [
          { value: 10, title: "seed 0" },
          { value: 20, title: "seed 1" },
        ],
        mean: 15,
        interval: [10, 20],
      },
      {
        name: "<b>&",
        dots: [{ value: 15, title: "seed 0, diverged", hollow: true }],
        mean: null,
        interval: null,
        wider: [12, 18],
      },
    ],
  });
  const [low, high, middle] = numbers(svg, /<circle [^>]*cx="([\d.]+)"/g) as [number, number, number];
  assert.ok(Math.abs((low + high) / 2 - middle) < 0.02, `${low} ${high} ${middle}`);
  const [x1] = numbers(svg, /<line x1="([\d.]+)"[^>]*stroke-width="7"/g);
  assert.ok(Math.abs(x1! - low) < 0.01);
  assert.ok(svg.includes("&#60;b&#62;&#38;") && !svg.includes("<b>"));
  assert.match(svg, /<title>seed 1: 20<\/title>/);
});

test("charts of nothing say so", () => {
  for (const svg of [
    dotPlot({ title: "t", xLabel: "x", rows: [] }),
    dotPlot({ title: "t", xLabel: "x", rows: [{ name: "a", dots: [], mean: null, interval: null }] }),
    scatter({ title: "t", xLabel: "x", yLabel: "y", points: [] }),
  ])
    assert.match(svg, /nothing yet/);
});

test("the Pareto front has what no other beats in both", () => {
  const points = [
    { name: "a", x: 1, y: 1 },
    { name: "b", x: 2, y: 3 },
    { name: "c", x: 3, y: 2 },
    { name: "d", x: 2, y: 2 },
    { name: "e", x: 4, y: 4 },
    { name: "f", x: 5, y: 4 },
  ];
  assert.deepEqual(
    paretoFront(points).map(({ name }) => name),
    ["a", "b", "e"],
  );
  assert.deepEqual(
    paretoFront(points.toReversed()).map(({ name }) => name),
    ["a", "b", "e"],
  );
});

test("labels of points at one place do not cover each other", () => {
  const points = ["a", "b", "c"].map((name) => ({ name, x: 1, y: 1 }));
  const svg = scatter({ title: "t", xLabel: "x", yLabel: "y", points: [...points, { name: "far", x: 9, y: 1 }] });
  const levels = numbers(svg, /<text x="[\d.]+" y="([\d.]+)" text-anchor="(?:start|end)" font-size="12">/g);
  assert.equal(levels.length, 4);
  const near = levels.slice(0, 3).toSorted((a, b) => a - b);
  assert.ok(near[1]! - near[0]! >= 13 && near[2]! - near[1]! >= 13, levels.join(" "));
});

test("dots of one row that would cover each other are drawn above and below", () => {
  const places = (values: readonly number[]) => {
    const dots = values.map((value, i) => ({ value, title: `seed ${i}` }));
    const rows = [
      { name: "scale", dots: [0, 100].map((value) => ({ value, title: "" })), mean: null, interval: null },
      { name: "se", dots, mean: null, interval: null },
    ];
    const svg = dotPlot({ title: "Accuracy", xLabel: "%", rows });
    return [...svg.matchAll(/<circle [^>]*cx="([\d.]+)" cy="([\d.]+)"/g)]
      .slice(2)
      .map(([, x, y]) => [+x!, +y!] as const);
  };
  const close = places([50, 50, 50.1, 50.2, 50, 80]);
  for (const [i, [x, y]] of close.entries())
    for (const [u, v] of close.slice(i + 1)) assert.ok(Math.hypot(x - u, y - v) >= 5.99, `${x},${y} ${u},${v}`);
  const far = places([10, 50, 90]);
  assert.equal(new Set(far.map(([, y]) => y)).size, 1);
  assert.equal(places(Array(9).fill(50)).length, 9);
});
