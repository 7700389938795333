/** The sides of bench/peers.ts: how to run a case, and how to install what it needs. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Side {
  readonly name: string;
  readonly title: string;
  /** The command of a case; suite, case and options follow. */
  readonly command: readonly string[];
  /** A command that fails if this side is not installed, and how to install it. */
  readonly probe?: readonly string[];
  readonly install?: string;
}

// This file runs from dist/bench; the peers' sides stay with the sources.
const compiled = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const source = (path: string) => fileURLToPath(new URL(`../../bench/${path}`, import.meta.url));

const [node, ourScript] = [process.execPath, compiled("./peers/ours.js")];

export const ours: Side = { name: "fovea", title: "Fovea", command: [node, ourScript] };

/** The peers, by name. */
export function peersWith(python: string): ReadonlyMap<string, Side> {
  const javascript = (name: string, title: string): Side => ({
    name,
    title,
    command: [node, source("peers/js/run.mjs"), name],
    probe: [node, "-e", `require(${JSON.stringify(source("peers/js/node_modules/@jax-js/jax/package.json"))})`],
    install: "npm ci --ignore-scripts --prefix bench/peers/js",
  });
  const all: Side[] = [
    {
      name: "pytorch",
      title: "PyTorch",
      command: [python, source("peers/pytorch.py")],
      probe: [python, "-c", "import torch"],
      install: `apt-get install python3-torch libopenblas0-openmp (Debian), and --python if it is not for ${python}`,
    },
    {
      name: "fovea-wasm",
      title: "Fovea, wasm",
      command: [node, ourScript, "--engine", "wasm"],
      probe: [node, ourScript, "js", "small-cnn", "--engine", "wasm", "--steps", "1"],
      install: "needs a build with ortWebEngine (bench/peers/ours.ts) and the package onnxruntime-web",
    },
    javascript("tfjs-wasm", "TensorFlow.js, wasm"),
    javascript("tfjs-cpu", "TensorFlow.js, cpu"),
    javascript("jax-js", "jax-js, wasm"),
  ];
  return new Map(all.map((side) => [side.name, side]));
}

/** Runs a program and returns its stdout. @throws Error with the end of its stderr. */
export function run([command, ...args]: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command!, args, { stdio: ["ignore", "pipe", "pipe"] });
    const [out, errors]: [string[], string[]] = [[], []];
    child.stdout.setEncoding("utf8").on("data", (text: string) => out.push(text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => errors.push(text));
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0) resolve(out.join(""));
      else
        reject(
          new Error(
            `${command} ${args.join(" ")} ended with ${code ?? signal}: ${errors.join("").trim().slice(-2000)}`,
          ),
        );
    });
  });
}

/** The JSON that a side prints on its last line; libraries may print before it. */
export async function answer<T>(command: readonly string[]): Promise<T> {
  return JSON.parse((await run(command)).trimEnd().split("\n").at(-1)!) as T;
}

/** The sides that can run here; reports how to install the others. */
export async function installed(sides: readonly Side[], report: (text: string) => void): Promise<Side[]> {
  const found: Side[] = [];
  for (const side of sides)
    await run(side.probe ?? [node, "-e", ""]).then(
      () => found.push(side),
      () => report(`${side.title} is left out: ${side.install}`),
    );
  return found;
}
