import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, sep } from "node:path";
import { run } from "node:test";
import { inspect, parseArgs } from "node:util";

// Runs the tests and prints a line per area, and the files that took longest: node dist/tools/test.js [--all] [--slowest 20] [engines models/train …]
//
// Long tests run with --all only (test/support/long.ts). Files of an area share processes, a dozen each, so that modules are loaded and
// compiled once.

interface Area {
  passed: number;
  failed: number;
  skipped: number;
  /** Of all files, milliseconds. Three run at a time. */
  time: number;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { all: { type: "boolean", default: false }, slowest: { type: "string", default: "5" } },
});
const root = new URL("../test/", import.meta.url);
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

const areaNamed = (file: string) => (file.includes("/") ? file.slice(0, file.indexOf("/")) : "package");
function areaOf(file: string): Area {
  const name = areaNamed(file);
  let area = areas.get(name);
  if (!area) areas.set(name, (area = { passed: 0, failed: 0, skipped: 0, time: 0 }));
  return area;
}

const mostInProcess = 12;

/** The files of each process. What takes longest is begun first. */
function processes(): readonly (readonly string[])[] {
  const slow = ["studio", "cli"];
  const rank = (area: string) => slow.indexOf(area);
  const names = [...new Set(files.map(areaNamed))].sort((a, b) => rank(b) - rank(a));
  return names.flatMap((name) => {
    const own = files.filter((file) => areaNamed(file) === name);
    const count = Math.ceil(own.length / mostInProcess);
    return Array.from({ length: count }, (_, i) => own.filter((_, k) => k % count === i));
  });
}

const entries = mkdtempSync(join(tmpdir(), "fovea-tests-"));
process.on("exit", () => rmSync(entries, { recursive: true, force: true }));

interface Ended {
  readonly name: string;
  readonly time: number;
  readonly skip: string | boolean | undefined;
  readonly error: Error | undefined;
}

/** Runs files in one process, and counts. */
async function runProcess(own: readonly string[], index: number): Promise<void> {
  const entry = join(entries, `${index}.mjs`);
  const list = own.map((name) => ({ name, url: new URL(name, root) }));
  const program = JSON.stringify(new URL("test-process.js", import.meta.url));
  writeFileSync(entry, `import { runFiles } from ${program};\nawait runFiles(${JSON.stringify(list)});\n`);
  const done = new Set<string>();
  let ended: Ended[] = [];
  let said = "";
  let since = performance.now();
  for await (const { type, data } of run({ files: [entry] })) {
    if (type === "test:stderr") said += data.message;
    // Subtests count with their test.
    if ((type !== "test:pass" && type !== "test:fail") || data.nesting > 1) continue;
    const error = type === "test:fail" ? (data.details.error as Error) : undefined;
    const one = { name: data.name, time: data.details.duration_ms, skip: data.skip, error };
    if (data.nesting === 1) {
      ended.push(one);
      continue;
    }
    // A process is no test. It may fail outside of its files, in the one that it was at.
    const file = own.includes(data.name) ? data.name : (own.find((name) => !done.has(name)) ?? own.at(-1)!);
    done.add(file);
    for (const test of ended) count(file, test);
    if (error && ended.every((test) => !test.error)) fail(file, undefined, `${said}${causeOf(error)}; ${alone(file)}`);
    const now = performance.now();
    areaOf(file).time += now - since;
    fileTimes.push({ name: file, time: now - since });
    [ended, said, since] = [[], "", now];
  }
  for (const file of own) if (!done.has(file)) fail(file, undefined, `was not run; ${alone(file)}`);
}

const alone = (file: string) => `to see it alone: node --test dist/test/${file}`;
const causeOf = (error: Error) => inspect(error.cause ?? error);

function count(file: string, { name, time, skip, error }: Ended): void {
  const area = areaOf(file);
  times.push({ name: `${file}: ${name}`, time });
  if (error) fail(file, name, causeOf(error));
  else if (skip === undefined) area.passed++;
  else {
    area.skipped++;
    const reason = typeof skip === "string" ? skip : "no reason given";
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
}

/** Of a file as a whole, where no test is named. */
function fail(file: string, name: string | undefined, detail: string): void {
  areaOf(file).failed++;
  console.error(`\n✖ ${file}${name === undefined ? "" : `: ${name}`}\n${detail.replace(/^/gm, "  ")}`);
}

const left = [...processes().entries()];
const seconds = () => ((performance.now() - started) / 1000).toFixed(0);
/** When each lane had nothing left to do. */
const ends = await Promise.all(
  Array.from({ length: 3 }, async () => {
    for (let next = left.shift(); next; next = left.shift()) await runProcess(next[1], next[0]);
    return seconds();
  }),
);

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
  `${total.failed ? `${total.failed} failed` : "all passed"} in ${seconds()} s; the lanes ended after ${ends.join(", ")} s`,
);
process.exitCode = total.failed ? 1 : 0;
