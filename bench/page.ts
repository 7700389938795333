/** Results as tables and charts: for the terminal, and for docs/benchmarks.md. */
import { formatNumber, formatShare } from "../src/report/text.js";
import { barChart } from "./chart.js";
import type { Row, SideResult, Spread, SuiteResults } from "./results.js";
import { ours, peerOf, peersWith } from "./sides.js";
import { suites } from "./suites/index.js";
import type { Suite } from "./suites/suite.js";

const titles = new Map(peersWith("").map(({ name, title }) => [peerOf(name), title]));

const range = (s: Spread | undefined, show: (value: number) => string): string =>
  s ? (s.min === s.max ? show(s.median) : `${show(s.median)} (${show(s.min)}–${show(s.max)})`) : "–";
const number = (value: number) => formatNumber(value, 3);

/** Header and rows of a suite's table: one row per measure and peer. */
export function tableOf(suite: Suite, results: SuiteResults): string[][] {
  const peers = suite.peers.filter((peer) => peer in results.versions);
  const [several, { images, baseline }] = [peers.length > 1, suite];
  const unit = images ? "img/s" : "ms";
  const other = several ? "peer" : (titles.get(peers[0] ?? "") ?? "nobody");
  const configured = results.rows.some(({ sides }) => peers.some((peer) => sides[peer]?.configuration));
  const header = [
    "case",
    "measure",
    ...(several ? ["peer"] : []),
    ...(configured ? ["its fastest configuration"] : []),
    ...(baseline ? ["added, Fovea", `added, ${other}`] : []),
    `Fovea, ${unit}`,
    `${other}, ${unit}`,
    "ratio",
    "peak MiB, both",
    "turns",
  ];
  const rows = results.rows.filter((row) => row.measure !== baseline);
  const cells = (row: Row, peer: string | undefined): string[] => {
    const [own, theirs]: SideResult[] = [row.sides[ours.name] ?? {}, row.sides[peer ?? ""] ?? {}];
    const time = ({ seconds, error }: SideResult) => (error ? error : range(seconds && inUnits(seconds), number));
    const inUnits = ({ median, min, max }: Spread): Spread => {
      const count = images?.(row.case);
      const convert = (seconds: number) => (count ? count / seconds : 1000 * seconds);
      return count
        ? { median: convert(median), min: convert(max), max: convert(min) }
        : { median: convert(median), min: convert(min), max: convert(max) };
    };
    const memory = ({ peakMemoryBytes }: SideResult) =>
      peakMemoryBytes ? (peakMemoryBytes / 2 ** 20).toFixed(0) : "–";
    const share = (s: Spread | undefined) => range(s, (value) => formatShare(value, 0));
    return [
      row.case,
      row.measure,
      ...(several ? [titles.get(peer ?? "") ?? "–"] : []),
      ...(configured ? [theirs.configuration ?? "–"] : []),
      ...(baseline ? [share(own.added), share(theirs.added)] : []),
      time(own),
      time(theirs),
      range(theirs.ratio, (value) => value.toFixed(2)),
      `${memory(own)}, ${memory(theirs)}`,
      `${row.turns}${row.quiet ? "" : " noisy"}`,
    ];
  };
  return [header, ...rows.flatMap((row) => (peers.length ? peers : [undefined]).map((peer) => cells(row, peer)))];
}

/** Columns of equal width. */
export function asText(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const line = (row: readonly string[]) => row.map((text, i) => text.padEnd(widths[i]!)).join("  ");
  return rows.map((row) => line(row).trimEnd()).join("\n");
}

function asMarkdown([header, ...rows]: readonly (readonly string[])[]): string {
  const line = (row: readonly string[]) => `| ${row.map((text) => text.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(header!), `|${"---|".repeat(header!.length)}`, ...rows.map(line)].join("\n");
}

/** Sides that are in the tables only. */
const lowPrecision = ["pytorch-bf16", "fovea-int8"];

/** A suite's own chart, or one of a suite with one peer in float32: the time added to the baseline, or the ratio. */
function chartOf(suite: Suite, results: SuiteResults): string | undefined {
  const { rows, versions } = results;
  const peers = suite.peers.filter((peer) => peer in versions && !lowPrecision.includes(peer));
  const [peer] = peers;
  if (!peer || peers.length > 1) return undefined;
  if (suite.chart) return suite.chart(results, [ours, { name: peer, title: titles.get(peer)! }]);
  const values = new Map<string, Map<string, number | undefined>>();
  const series = new Set<string>();
  const put = (group: string, bar: string, value: number | undefined) => {
    series.add(bar);
    if (!values.has(group)) values.set(group, new Map());
    values.get(group)!.set(bar, value);
  };
  for (const { case: name, measure, sides } of rows) {
    if (measure === suite.baseline) continue;
    if (suite.baseline) {
      const [net, module] = name.split("+") as [string, string];
      for (const [side, title] of [
        [ours.name, ours.title],
        [peer, titles.get(peer)!],
      ] as const)
        put(module, `${net}, ${title}`, sides[side]?.added?.median);
    } else {
      const [group, variant = measure] = name.split("/") as [string, string?];
      put(group, variant, sides[peer]?.ratio?.median);
    }
  }
  const names = [...series];
  return barChart({
    title: suite.title,
    label: suite.baseline
      ? "time added to a training step"
      : `speed beside ${titles.get(peer)}: its time ÷ Fovea's, above 1 Fovea is faster`,
    series: names,
    groups: [...values].map(([name, bars]) => ({ name, values: names.map((bar) => bars.get(bar)) })),
    ...(suite.baseline ? { percent: true, limit: 2 } : { mark: 1, limit: 4 }),
  });
}

/** A suite's section of docs/benchmarks.md, and the chart that it shows. */
export interface Section {
  readonly text: string;
  readonly chart: { readonly file: string; readonly svg: string } | undefined;
}

export function sectionOf(suite: Suite, results: SuiteResults): Section {
  const svg = chartOf(suite, results);
  const chart = svg === undefined ? undefined : { file: `benchmarks-${suite.name}.svg`, svg };
  const dates = [...new Set(results.rows.map(({ date }) => date))].sort();
  const taken = dates.length > 1 ? `${dates[0]} to ${dates.at(-1)}` : dates[0];
  const parts = [
    `### ${suite.title}`,
    suite.about,
    `\`${results.command}\`, ${taken}, ${results.machine}, ${results.threads} threads, best calibration ${results.calibration}; ` +
      `${Object.values(results.versions).join(", ")}. Median of ${results.steps} runs in each turn, ` +
      "then median (min–max) of the turns; the ratio is the peer's time ÷ ours, turn by turn.",
    asMarkdown(tableOf(suite, results)),
    ...(chart ? [`![${suite.title}](${chart.file})`] : []),
  ];
  return { text: parts.join("\n\n"), chart };
}

/** The marks in docs/benchmarks.md. */
const [begin, end] = ["<!-- results of bench:peers, written by it -->", "<!-- end of results -->"];

/** Puts a suite's section between the marks of a page, in place of its old one; others stay. @throws Error without marks. */
export function replaceSection(page: string, suite: Suite, { text }: Section): string {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the page must have the marks ${begin} and ${end}, each on a line`);
  const sections = new Map<string, string>();
  for (const section of page
    .slice(from + begin.length, to)
    .trim()
    .split(/^(?=### )/m))
    if (section) sections.set(section.slice(4, section.indexOf("\n")), section.trim());
  sections.set(suite.title, text);
  const ordered = [...suites.values()].flatMap(({ title }) => sections.get(title) ?? []);
  return `${page.slice(0, from + begin.length)}\n\n${ordered.join("\n\n")}\n\n${page.slice(to)}`;
}
