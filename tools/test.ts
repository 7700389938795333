import { readdirSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { run } from "node:test";
import { fileURLToPath } from "node:url";
import { inspect, parseArgs } from "node:util";

// Runs the tests and prints a line per area, and the files that took longest: node dist/tools/test.js [--all] [--slowest 20] [engines models/train …]
//
// Long tests run with --all only (test/support/long.ts).

interface Area {
  passed: number;
  failed: number;
  skipped: number;
  /** Of all files, milliseconds. Two run at a time. */
  time: number;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { all: { type: "boolean", default: false }, slowest: { type: "string", default: "5" } },
});
const root = fileURLToPath(new URL("../test", import.meta.url));
// By the sources: dist/ keeps what was compiled from files that are gone.
const files = (readdirSync(new URL("../../test", import.meta.url), { recursive: true }) as string[])
  .map((file) => file.replaceAll(sep, "/").replace(/\.test\.ts$/, ".test.js"))
  .filter(
    (file) => file.endsWith(".test.js") && (positionals.length === 0 || positionals.some((p) => file.startsWith(p))),
  )
  .sort();
if (files.length === 0) {
  console.error(`no tests begin with ${positionals.join(", ")}; areas: ${[...new Set(readdirSync(root))].join(", ")}`);
  process.exit(2);
}
if (values.all) process.env.FOVEA_TESTS = "all";

const areas = new Map<string, Area>();
const reasons = new Map<string, number>();
type Times = { readonly name: string; readonly time: number }[];
const times: Times = [];
const fileTimes: Times = [];
const started = performance.now();

/** Standard error and diagnostics by file, for files that fail as a whole. */
const errors = new Map<string, string[]>();
const nameOf = (path: string) => relative(root, path).replaceAll(sep, "/");

for await (const { type, data } of run({ files: files.map((file) => join(root, file)), concurrency: 2 })) {
  if (type === "test:stderr" || type === "test:diagnostic") {
    const path = data.file ?? "";
    errors.set(path, [...(errors.get(path) ?? []), type === "test:stderr" ? data.message : `${data.message}\n`]);
  }
  if (type === "test:complete" && data.nesting === 0 && data.name.endsWith(".test.js")) {
    const file = nameOf(data.name);
    areaOf(file).time += data.details.duration_ms;
    fileTimes.push({ name: file, time: data.details.duration_ms });
  }
  if (type !== "test:pass" && type !== "test:fail") continue;
  const file = nameOf(data.file ?? data.name);
  const isFile = data.nesting === 0 && data.name.endsWith(".test.js");
  if (type === "test:fail") {
    const error = data.details.error as Error & { readonly cause?: unknown };
    const detail = isFile
      ? (errors.get(data.name) ?? [`${error.message}; to see it alone: node ${data.name}`]).join("")
      : inspect(error.cause ?? error);
    console.error(`\n✖ ${file}${isFile ? "" : `: ${data.name}`}\n${detail.replace(/^/gm, "  ")}`);
  }
  // Subtests count with their test, a file only if it fails outside of its tests.
  if (data.nesting > 0 || (isFile && type === "test:pass")) continue;
  const area = areaOf(file);
  times.push({ name: `${file}: ${data.name}`, time: data.details.duration_ms });
  if (type === "test:fail") area.failed++;
  else if (data.skip !== undefined) {
    area.skipped++;
    const reason = typeof data.skip === "string" ? data.skip : "no reason given";
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  } else area.passed++;
}

function areaOf(file: string): Area {
  const name = file.includes("/") ? file.slice(0, file.indexOf("/")) : "package";
  let area = areas.get(name);
  if (!area) areas.set(name, (area = { passed: 0, failed: 0, skipped: 0, time: 0 }));
  return area;
}

const total = { passed: 0, failed: 0, skipped: 0, time: 0 };
for (const area of areas.values())
  for (const key of ["passed", "failed", "skipped", "time"] as const) total[key] += area[key];
const line = (name: string, { passed, failed, skipped, time }: Area) =>
  [
    name.padEnd(14),
    ...[passed, failed, skipped].map((n) => String(n).padStart(7)),
    (time / 1000).toFixed(1).padStart(9),
  ].join(" ");
console.log(`\n${["area".padEnd(14), " passed", " failed", "skipped", "  seconds"].join(" ")}`);
for (const [name, area] of [...areas].sort(([a], [b]) => (a < b ? -1 : 1))) console.log(line(name, area));
console.log(line("total", total));
for (const [reason, count] of reasons) console.log(`skipped ${count}: ${reason}`);
for (const [what, all] of [
  ["files", fileTimes],
  ["tests", times],
] as const) {
  const slowest = all.toSorted((a, b) => b.time - a.time).slice(0, Number(values.slowest));
  if (slowest.length > 0) console.log(`slowest ${what}:`);
  for (const { name, time } of slowest) console.log(`${(time / 1000).toFixed(1).padStart(7)} s  ${name}`);
}
console.log(
  `${total.failed ? `${total.failed} failed` : "all passed"} in ${((performance.now() - started) / 1000).toFixed(0)} s`,
);
process.exitCode = total.failed ? 1 : 0;
