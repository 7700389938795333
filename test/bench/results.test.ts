import assert from "node:assert/strict";
import { test } from "node:test";
import type { Figure, Figures, Turn } from "../../bench/alternate.js";
import { replaceSection, sectionOf, tableOf } from "../../bench/page.js";
import { merge, type Row, rowsOf, type SuiteResults } from "../../bench/results.js";
import { suiteOf } from "../../bench/suites/index.js";
import { assertWellFormed } from "../report/support.js";

const [quiet, busy] = [
  { gigaflops: 400, gigabytes: 20 },
  { gigaflops: 100, gigabytes: 20 },
];

/** A turn of Fovea and one peer, in seconds. */
function turn(
  name: string,
  own: Record<string, Figure>,
  theirs: Record<string, Figure>,
  machine = [quiet, quiet],
): Turn {
  const figures = new Map([
    ["fovea", { side: "fovea 1", measures: own }],
    ["pytorch", { side: "PyTorch 2", measures: theirs }],
  ]);
  return { case: name, figures, machine };
}

const results = (rows: readonly Row[]): SuiteResults => ({
  command: "npm run bench:peers",
  machine: "a machine",
  calibration: "400 GF/s",
  threads: 2,
  steps: 3,
  versions: { fovea: "fovea 1", pytorch: "PyTorch 2" },
  rows,
});

test("a row is made of quiet turns, the ratio of each turn by itself", () => {
  const turns = [
    turn("se/64@56x56", { both: { seconds: 1 } }, { both: { seconds: 2 } }),
    turn("se/64@56x56", { both: { seconds: 9 } }, { both: { seconds: 9 } }, [quiet, busy]),
    turn("se/64@56x56", { both: { seconds: 2 } }, { both: { seconds: 3 } }),
    turn("se/64@56x56", { both: { seconds: 3 } }, { both: { seconds: 3 } }),
  ];
  const [row] = rowsOf(suiteOf("modules"), turns, [quiet, busy], "2026-01-01");
  assert.equal(row!.turns, 3);
  assert.ok(row!.quiet);
  assert.deepEqual(row!.sides.fovea!.seconds, { median: 2, min: 1, max: 3 });
  assert.deepEqual(row!.sides.pytorch!.ratio, { median: 1.5, min: 1, max: 2 });
});

test("where no turn is quiet all count, and the table says so", () => {
  const turns = [turn("se/64@56x56", { both: { seconds: 1 } }, { both: { seconds: 2 } }, [busy, busy])];
  const rows = rowsOf(suiteOf("modules"), turns, [quiet, busy], "2026-01-01");
  assert.ok(tableOf(suiteOf("modules"), results(rows))[1]!.includes("1 noisy"));
});

test("of a peer's configurations the fastest in each measure counts, and the table names it", () => {
  const seconds = (training: number, inference: number) => ({
    side: "PyTorch 2",
    measures: { training: { seconds: training }, inference: { seconds: inference } },
  });
  const figures = new Map<string, Figures>([
    ["fovea", { ...seconds(1, 1), side: "fovea 1" }],
    ["pytorch/eager", seconds(2, 5)],
    ["pytorch/channels_last", seconds(3, 4)],
    ["pytorch/channels_last + compile", { error: "failed", measures: {} }],
    ["pytorch-bf16/channels_last", seconds(0.5, 0.5)],
  ]);
  const nets = suiteOf("nets");
  const rows = rowsOf(nets, [{ case: "resnet20", figures, machine: [quiet] }], [quiet], "2026-01-01");
  assert.deepEqual(
    rows.map(({ measure, sides }) => [measure, sides.pytorch!.configuration, sides.pytorch!.ratio!.median]),
    [
      ["training", "eager", 2],
      ["inference", "channels_last", 4],
    ],
  );
  const both = { ...results(rows), versions: { fovea: "fovea 1", pytorch: "PyTorch 2", "pytorch-bf16": "PyTorch 2" } };
  const { text, chart } = sectionOf(nets, both);
  assert.match(text, /\| resnet20 \| training \| PyTorch \| eager \| 128 \| 64 \| 2\.00 \|/);
  assert.match(text, /\| resnet20 \| training \| PyTorch, bf16 autocast \| channels_last \| 128 \| 256 \| 0\.50 \|/);
  assert.ok(chart!.svg.includes("beside PyTorch:"), "in float32");
});

test("what a module adds is told in per cent of the time without it", () => {
  const seconds = (without: number, withModule: number) => ({
    without: { seconds: without },
    with: { seconds: withModule },
  });
  const turns = [turn("resnet20+se", seconds(1, 1.25), seconds(2, 3))];
  const rows = rowsOf(suiteOf("cost"), turns, [quiet], "2026-01-01");
  const table = tableOf(suiteOf("cost"), results(rows));
  assert.equal(table.length, 2);
  assert.deepEqual(table[1]!.slice(0, 4), ["resnet20+se", "with", "25%", "50%"]);
});

test("what a side cannot do stands in the table as its error", () => {
  const turns = [turn("small-cnn", { training: { seconds: 1 } }, { training: { error: "no kernel" } })];
  const rows = rowsOf(suiteOf("js"), turns, [quiet], "2026-01-01");
  assert.equal(rows[0]!.sides.pytorch!.error, "no kernel");
  assert.equal(rows[0]!.sides.pytorch!.ratio, undefined);
});

test("a new run replaces its own rows and keeps the others, in the suite's order", () => {
  const row = (name: string, date: string): Row => ({
    case: name,
    measure: "m",
    date,
    turns: 1,
    quiet: true,
    sides: {},
  });
  const conv = suiteOf("conv");
  const before = results([row("64@56x56", "old"), row("256@14x14", "old"), row("gone", "old")]);
  const after = merge(before, conv, results([row("64@56x56", "new")]));
  assert.deepEqual(
    after.rows.map((r) => `${r.case} ${r.date}`),
    ["64@56x56 new", "256@14x14 old"],
  );
});

test("the page has a section, a table and a well-formed chart for a suite, between its marks", () => {
  const turns = [turn("se/64@56x56", { both: { seconds: 1 } }, { both: { seconds: 9 } })];
  const rows = rowsOf(suiteOf("modules"), turns, [quiet], "2026-01-01");
  const suite = suiteOf("modules");
  const section = sectionOf(suite, results(rows));
  const { text, chart } = section;
  assert.match(text, /^### Attention modules alone\n/);
  assert.match(text, /\| se\/64@56x56 \| both \| 1,000 \| 9,000 \| 9\.00 \|/);
  assert.equal(chart!.file, "benchmarks-modules.svg");
  assertWellFormed(chart!.svg);
  assert.ok(chart!.svg.includes(">9</text>"), "a bar that is cut tells its value");
  const marks = ["<!-- results of bench:peers, written by it -->", "<!-- end of results -->"];
  const other = `### ${suiteOf("cost").title}\n\nits table`;
  const page = (...sections: string[]) => `a\n${marks[0]}\n\n${sections.join("\n\n")}\n\n${marks[1]}\nb`;
  assert.equal(replaceSection(page(other), suite, section), page(text, other), "in the order of the suites");
  assert.equal(replaceSection(page(`### ${suite.title}\n\nold`, other), suite, section), page(text, other));
  assert.throws(() => replaceSection("no marks", suite, section), /must have the marks/);
});

test("cost against work is a chart with a line for each side, by batch, image size and depth", () => {
  const suite = suiteOf("work");
  const turns = suite.cases.map((name, i) => {
    const figure = (seconds: number) => ({ training: { seconds, peakMemoryBytes: seconds * 2 ** 30 } });
    return turn(name, figure(1 + i), figure(2 + i));
  });
  const { chart } = sectionOf(suite, results(rowsOf(suite, turns, [quiet], "2026-01-01")));
  assertWellFormed(chart!.svg);
  for (const title of ["Time of a step by batch", "Peak memory by image size", "Time of a step by depth"])
    assert.ok(chart!.svg.includes(title), title);
  assert.equal(chart!.svg.split(">PyTorch<").length, chart!.svg.split(">Fovea<").length);
});
