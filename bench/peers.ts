/** Compares Fovea with others on this machine: speed, memory, and results. See README.md. */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { availableParallelism, cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { messageOf } from "../src/core/errors.js";
import { alternate } from "./alternate.js";
import { bestOf, calibrate, formatCalibration } from "./machine.js";
import { asText, replaceSection, sectionOf, tableOf } from "./page.js";
import { merge, rowsOf, type SuiteResults } from "./results.js";
import { answer, configurationOf, installed, ours, peerOf, peersWith, run, type Side } from "./sides.js";
import { suiteOf, suites } from "./suites/index.js";
import type { Suite } from "./suites/suite.js";
import { count } from "./workload.js";

const { values } = parseArgs({
  options: {
    /** Those for machines with a GPU only by name. */
    suite: { type: "string", default: [...suites.keys()].filter((name) => !name.startsWith("gpu")).join(",") },
    /** Only these cases: whole names, or parts of names between + and /. */
    cases: { type: "string" },
    rounds: { type: "string" },
    steps: { type: "string" },
    /** The most attempts at a turn on a noisy machine. */
    attempts: { type: "string", default: "3" },
    threads: { type: "string", default: `${availableParallelism()}` },
    /** Calibration of this machine when quiet, in GF/s. */
    quiet: { type: "string" },
    /** An interpreter, or a command that runs a script with one. */
    python: { type: "string", default: "/usr/bin/python3" },
    /** Only these configurations of peers that have several: whole names, separated by commas. */
    configurations: { type: "string" },
    /** GPUs may be emulated in software: to test this program, not to measure. */
    "software-gpu": { type: "boolean", default: false },
    /** Compare results instead of measuring. */
    check: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    /** Write the results to docs/. */
    write: { type: "boolean", default: false },
  },
});
const threads = count("threads", values.threads);
const report = (text: string) => console.error(text);
const peers = peersWith(values.python, values["software-gpu"]);
const chosen = values.suite.split(",").map(suiteOf);

/** The cases asked for. */
function casesOf({ name, cases }: Suite): readonly string[] {
  const wanted = values.cases?.split(",");
  const asked = (c: string) => wanted?.some((w) => (cases.includes(w) ? c === w : c.split(/[+/]/).includes(w))) ?? true;
  const found = cases.filter(asked);
  if (found.length === 0) report(`${name} has none of the cases ${values.cases}`);
  return found;
}

/** The installed sides of a suite's peers, probed once each. */
const known = new Map<string, boolean>();
async function sidesOf(suite: Suite): Promise<Side[]> {
  const wanted = values.configurations?.split(",");
  const asked = (configuration: string | undefined) =>
    configuration === undefined || (wanted?.includes(configuration) ?? true);
  const all = suite.peers.flatMap((peer) =>
    peers.filter(({ name }) => peerOf(name) === peer && asked(configurationOf(name))),
  );
  const fresh = all.filter(({ name }) => !known.has(name));
  const found = await installed(fresh, report);
  for (const side of fresh) known.set(side.name, found.includes(side));
  return all.filter(({ name }) => known.get(name));
}

/** The largest relative difference that counts as equal, in float32: ReLU and maxima may flip. */
const tolerance = 5e-3;

interface Comparison {
  /** Relative differences by what is compared; null where the peer cannot compute it. */
  readonly errors: Readonly<Record<string, number | null>>;
}

/** Has our side write weights, inputs and results to a file, from which every peer computes the same. */
async function check(suite: Suite, folder: string): Promise<void> {
  // One configuration of each peer. The project's tests compare our engines.
  const sides = (await sidesOf(suite)).filter(
    ({ name }) => !name.startsWith("fovea-") && ["eager", undefined].includes(configurationOf(name)),
  );
  const file = join(folder, "exchange.safetensors");
  const options = ["--threads", `${threads}`];
  for (const name of casesOf(suite)) {
    const what = `${suite.name} ${name}`;
    try {
      await run([...ours.command, suite.name, name, ...options, "--save", file]);
      for (const side of sides) {
        const command = [...side.command, suite.name, name, ...options, "--check", file];
        print(`${what}, ${side.title}`, await answer<Comparison>(command));
      }
    } catch (error) {
      process.exitCode = 1;
      console.log(`FAILED     ${what}: ${messageOf(error)}`);
    }
  }
}

function print(what: string, { errors }: Comparison): void {
  const found = Object.entries(errors);
  const compared = found.flatMap(([array, error]) => (error === null ? [] : [{ array, error }]));
  const worst = compared.reduce((a, b) => (b.error <= a.error ? a : b), { array: "all", error: 0 });
  const same = compared.every(({ error }) => error <= tolerance);
  if (!same) process.exitCode = 1;
  const left = found.flatMap(([array, error]) => (error === null ? [`; not compared: ${array}`] : []));
  const most = `most ${worst.error.toExponential(1)} (${worst.array})`;
  console.log(`${same ? "same     " : "DIFFERENT"}  ${what}: ${compared.length} arrays, ${most}${left.join("")}`);
}

async function measure(suite: Suite): Promise<SuiteResults> {
  const sides = [ours, ...(await sidesOf(suite))];
  const rounds = values.rounds ? count("rounds", values.rounds) : suite.rounds;
  const steps = values.steps ? count("steps", values.steps) : suite.steps;
  const options = ["--steps", `${steps}`, "--threads", `${threads}`];
  const turns = await alternate({
    suite: suite.name,
    cases: casesOf(suite),
    sides,
    rounds,
    attempts: count("attempts", values.attempts),
    options,
    calibrations,
    report,
  });
  const versions: Record<string, string> = {};
  for (const { figures } of turns)
    for (const [name, { side }] of figures) if (side !== undefined) versions[peerOf(name)] = side;
  const [processor] = cpus();
  const gibibytes = Math.round(totalmem() / 2 ** 30);
  return {
    command: [
      `npm run bench:peers -- --suite ${suite.name} --rounds ${rounds} --steps ${steps}`,
      ...(values.configurations ? [`--configurations ${values.configurations}`] : []),
      ...(values["software-gpu"] ? ["--software-gpu"] : []),
    ].join(" "),
    machine: `${processor?.model.trim() ?? "unknown processor"} (${availableParallelism()} processors), ${gibibytes} GiB, ${process.platform} ${process.arch}, Node ${process.version}`,
    calibration: formatCalibration(bestOf(calibrations)),
    threads,
    steps,
    versions,
    rows: rowsOf(suite, turns, calibrations, new Date().toISOString().slice(0, 10)),
  };
}

/**
 * Replaces a suite's section and chart in docs/. Its results go to bench/results/, which is not committed: a later run of some of the
 * cases is merged with them.
 */
async function write(suite: Suite, fresh: SuiteResults): Promise<void> {
  const [docs, folder] = ["docs/", "bench/results/"].map((path) => new URL(`../../${path}`, import.meta.url)) as [
    URL,
    URL,
  ];
  const stored = new URL(`${suite.name}.json`, folder);
  const before = existsSync(stored) ? (JSON.parse(await readFile(stored, "utf8")) as SuiteResults) : undefined;
  const results = merge(before, suite, fresh);
  const section = sectionOf(suite, results);
  const page = new URL("benchmarks.md", docs);
  await writeFile(page, replaceSection(await readFile(page, "utf8"), suite, section));
  if (section.chart) await writeFile(new URL(section.chart.file, docs), `${section.chart.svg}\n`);
  await mkdir(folder, { recursive: true });
  await writeFile(stored, `${JSON.stringify(results, null, 2)}\n`);
}

// A child's peak memory starts at its parent's; calibrating takes less than any network.
const quiet = values.quiet === undefined ? [] : [{ gigaflops: count("quiet", values.quiet), gigabytes: 0 }];
const calibrations = values.check ? [] : [...quiet, await calibrate()];

if (values.check) {
  const folder = await mkdtemp(join(tmpdir(), "fovea-bench-"));
  try {
    for (const suite of chosen) await check(suite, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
} else {
  const all: Record<string, SuiteResults> = {};
  for (const suite of chosen) {
    const results = await measure(suite);
    all[suite.name] = results;
    if (values.write) await write(suite, results);
    if (values.json) continue;
    console.log(`\n${suite.title}: ${Object.values(results.versions).join(", ")}, ${threads} threads`);
    console.log(`median (least–most) of the turns; best calibration ${results.calibration}\n`);
    console.log(asText(tableOf(suite, results)));
  }
  if (values.json) console.log(JSON.stringify(all));
}
