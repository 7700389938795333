/** Fovea against PyTorch on this machine: both sides in turn, so that what disturbs the machine disturbs both. */
import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { bestOf, type Calibration, calibrate, formatCalibration, isQuiet } from "./calibrate.js";
import { count, median } from "./workload.js";

/** What a side's process prints. Speeds in images per second. */
interface Figures {
  readonly side: string;
  readonly training: number;
  readonly inference: number;
  readonly peakMemoryBytes: number;
}
type Speed = "training" | "inference";

/** Both sides, one after the other, and the machine before, between and after. */
interface Pair {
  readonly net: string;
  readonly ours: Figures;
  readonly peer: Figures | null;
  readonly machine: readonly Calibration[];
}

const allNets = ["resnet20", "resnet20+cbam", "resnet18", "resnet18+cbam"];
/** A pair is taken so many times at most where the machine is not quiet. */
const attempts = 3;

const { values } = parseArgs({
  options: {
    nets: { type: "string", default: allNets.join(",") },
    rounds: { type: "string", default: "3" },
    steps: { type: "string", default: "7" },
    threads: { type: "string", default: `${availableParallelism()}` },
    /** Calibration of this machine when it is known to be quiet, in GF/s. */
    quiet: { type: "string" },
    python: { type: "string", default: "/usr/bin/python3" },
    json: { type: "boolean", default: false },
  },
});
const nets = values.nets.split(",");
const unknown = nets.find((net) => !allNets.includes(net));
if (unknown !== undefined) throw new RangeError(`--nets must be some of ${allNets.join(", ")}, got ${unknown}`);
const rounds = count("rounds", values.rounds);
const [steps, threads] = [count("steps", values.steps), count("threads", values.threads)];

/** Runs a program to its end. Returns what it wrote to stdout. */
function run(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    const [out, errors]: [string[], string[]] = [[], []];
    child.stdout.setEncoding("utf8").on("data", (text: string) => out.push(text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => errors.push(text));
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(out.join(""));
      else reject(new Error(`${command} ${args.join(" ")} ended with ${code}: ${errors.join("").trim()}`));
    });
  });
}

// This file runs from dist/bench; Python's side stays with the sources.
const ourScript = fileURLToPath(new URL("./peers/step.js", import.meta.url));
const peerScript = fileURLToPath(new URL("../../bench/peers/step.py", import.meta.url));

async function figures(command: string, script: string, net: string): Promise<Figures> {
  const options = ["--net", net, "--steps", `${steps}`, "--threads", `${threads}`];
  return JSON.parse(await run(command, [script, ...options])) as Figures;
}

const report = (text: string) => console.error(text);

async function takePair(net: string, withPeer: boolean, before: Calibration): Promise<Pair> {
  const ours = await figures(process.execPath, ourScript, net);
  const between = await calibrate();
  const peer = withPeer ? await figures(values.python, peerScript, net) : null;
  return { net, ours, peer, machine: [before, between, await calibrate()] };
}

const withPeer = await run(values.python, ["-c", "import torch"]).then(
  () => true,
  () => false,
);
if (!withPeer) report(`${values.python} has no PyTorch: ours alone. On Debian: apt-get install python3-torch`);

// A child's peak memory begins at what its parent holds: calibrating takes less than any of the networks.
const calibrations = [await calibrate()];
const pairs: Pair[] = [];
const known = values.quiet === undefined ? [] : [{ gigaflops: count("quiet", values.quiet), gigabytes: 0 }];
const quiet = ({ machine }: Pair) => machine.every((c) => isQuiet(c, bestOf([...calibrations, ...known])));
for (let round = 1; round <= rounds; round++)
  for (const net of nets)
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const pair = await takePair(net, withPeer, calibrations.at(-1)!);
      calibrations.push(...pair.machine.slice(1));
      const calm = quiet(pair);
      report(`round ${round}, ${net}: ${pair.machine.map(formatCalibration).join(" | ")}${calm ? "" : ", noisy"}`);
      if (!calm && attempt < attempts) continue;
      pairs.push(pair);
      break;
    }

/** Median, least and most. */
const spread = (numbers: readonly number[]) => ({
  median: median(numbers),
  min: Math.min(...numbers),
  max: Math.max(...numbers),
});

/** The figures of a net: of its quiet pairs if there are any. */
function summary(net: string) {
  const all = pairs.filter((pair) => pair.net === net);
  const calm = all.filter(quiet);
  const used = calm.length ? calm : all;
  const speeds = (kind: Speed) => ({
    ours: spread(used.map(({ ours }) => ours[kind])),
    peer: withPeer ? spread(used.map(({ peer }) => peer![kind])) : null,
    ratio: withPeer ? spread(used.map(({ ours, peer }) => ours[kind] / peer![kind])) : null,
  });
  return {
    net,
    pairs: used.length,
    quiet: calm.length > 0,
    training: speeds("training"),
    inference: speeds("inference"),
    peakMemoryBytes: {
      ours: median(used.map(({ ours }) => ours.peakMemoryBytes)),
      peer: withPeer ? median(used.map(({ peer }) => peer!.peakMemoryBytes)) : null,
    },
  };
}

const nobody = { median: Number.NaN, min: Number.NaN, max: Number.NaN };
const cell = (s: ReturnType<typeof spread> | null, digits = 0) => {
  const { median, min, max } = s ?? nobody;
  return s ? `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})` : "–";
};
const megabytes = (bytes: number | null) => (bytes === null ? "–" : (bytes / 2 ** 20).toFixed(0));

/** Rows of text in columns of equal width. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows
    .map((row) =>
      row
        .map((text, i) => text.padEnd(widths[i]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

const results = nets.map(summary);
const sides = { ours: pairs[0]!.ours.side, peer: pairs[0]!.peer?.side ?? null };
const machine = bestOf(calibrations);
if (values.json) console.log(JSON.stringify({ ...sides, threads, steps, rounds, machine, results }));
else {
  const header = ["net", "mode", "ours, img/s", "PyTorch, img/s", "ratio", "MiB ours", "MiB PyTorch", "pairs"];
  const rows = results.flatMap(({ net, pairs, quiet, peakMemoryBytes, ...speeds }) =>
    (["training", "inference"] as const).map((kind) => {
      const { ours, peer, ratio } = speeds[kind];
      const memory = kind === "training" ? [peakMemoryBytes.ours, peakMemoryBytes.peer].map(megabytes) : ["", ""];
      return [net, kind, cell(ours), cell(peer), cell(ratio, 2), ...memory, `${pairs}${quiet ? "" : " noisy"}`];
    }),
  );
  console.log(`${sides.ours} against ${sides.peer ?? "nobody"}, ${threads} threads, median (least–most) of the pairs`);
  console.log(`best calibration: ${formatCalibration(machine)}\n`);
  console.log(table([header, ...rows]));
}
