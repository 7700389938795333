import assert from "node:assert/strict";
import { test } from "node:test";
import { axisOf } from "../../src/report/axis.js";
import { flattenConfig } from "../../src/report/config-table.js";
import { formatCount, formatNumber, formatShare, plural, shorten } from "../../src/report/text.js";

test("numbers are written for people", () => {
  const written = [0, 1, 0.123456, 12.3456, 999.96, 1234567, -1500, 2.5e-5, 1e21, Number.NaN, null].map((v) =>
    formatNumber(v),
  );
  assert.deepEqual(written, ["0", "1", "0.1235", "12.35", "1,000", "1,234,567", "−1,500", "2.5e-5", "1e+21", "–", "–"]);
  assert.equal(formatNumber(Number.NEGATIVE_INFINITY), "−∞");
  assert.deepEqual(
    [0, 0.91149, 1, null].map((v) => formatShare(v)),
    ["0.0%", "91.1%", "100.0%", "–"],
  );
  assert.deepEqual([7, 999, 1000, 2409, 9960, 43210, 999_499, 2_600_000].map(formatCount), [
    "7",
    "999",
    "1k",
    "2.4k",
    "10k",
    "43k",
    "999k",
    "2.6M",
  ]);
  assert.deepEqual([plural(1, "file"), plural(0, "class", "classes")], ["1 file", "0 classes"]);
  assert.equal(shorten("🐈🐈🐈🐈", 3), "🐈🐈…");
});

test("ticks are round, whole for whole numbers, and shares end at 100 %", () => {
  const labels = (values: number[], options: Partial<Parameters<typeof axisOf>[1]> = {}) =>
    axisOf(values, { count: 5, ...options }).ticks.map(({ label }) => label);
  assert.deepEqual(labels([1, 8]), ["2", "4", "6", "8"]);
  assert.deepEqual(labels([3]), ["3"]);
  assert.deepEqual(labels([0.0321, 2.41], { round: true }), ["0.0", "0.5", "1.0", "1.5", "2.0", "2.5"]);
  assert.deepEqual(labels([0.42, 1], { round: true, percent: true }), [
    "40%",
    "50%",
    "60%",
    "70%",
    "80%",
    "90%",
    "100%",
  ]);
  assert.deepEqual(labels([1], { round: true, percent: true }).at(-1), "100%");
  for (const values of [[0], [-4, -4], [1e300, 2e300], [1, 1 + 2e-16], [1e-300, 3e-300]]) {
    const axis = axisOf(values, { count: 5, round: true });
    assert.ok(axis.ticks.length <= 20);
    for (const value of values) assert.ok(axis.at(value) >= -1e-9 && axis.at(value) <= 1 + 1e-9, `${values}`);
  }
});

test("a configuration becomes a flat list", () => {
  const config = { a: 1, b: { c: null, d: [], e: [1, { f: 2 }], g: {} }, h: false, i: undefined };
  assert.deepEqual(flattenConfig(config), [
    ["a", "1"],
    ["b.c", "none"],
    ["b.d", "none"],
    ["b.e", '1, {"f":2}'],
    ["h", "no"],
  ]);
});
