/** The sides of bench/peers.ts: how to run a case, and how to install what it needs. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Side {
  /** The peer, and after a slash its configuration, if it has several. */
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

/** The peer of a side. */
export const peerOf = (name: string): string => name.split("/")[0]!;

/** How the peer is run, if there are several ways. */
export const configurationOf = (name: string): string | undefined => name.split("/")[1];

/** Ways to run PyTorch, as flags of peers/pytorch.py. The fastest of a peer counts. */
const pytorch: Readonly<Record<string, readonly string[]>> = {
  "pytorch/eager": [],
  "pytorch/channels_last": ["--channels-last"],
  "pytorch/channels_last + compile": ["--channels-last", "--compile"],
  "pytorch-bf16/channels_last": ["--channels-last", "--bf16"],
  "pytorch-bf16/channels_last + compile": ["--channels-last", "--bf16", "--compile"],
};

/** The same on a GPU. */
const pytorchCuda: typeof pytorch = {
  "pytorch-cuda/eager": ["--device", "cuda"],
  "pytorch-cuda/channels_last": ["--device", "cuda", "--channels-last"],
};

/** The sides beside ours, each configuration of a peer one. With `softwareGpu`, GPUs may be emulated in software, for tests. */
export function peersWith(python: string, softwareGpu = false): readonly Side[] {
  const software = softwareGpu ? ["--software-gpu"] : [];
  const javascript = (name: string, title: string): Side => ({
    name,
    title,
    command: [node, source("peers/js/run.mjs"), name],
    probe: [node, "-e", `require(${JSON.stringify(source("peers/js/node_modules/@jax-js/jax/package.json"))})`],
    install: "npm ci --ignore-scripts --prefix bench/peers/js",
  });
  const inPage = (name: string, title: string): Side => ({
    name,
    title,
    command: [node, source("peers/js/run.mjs"), name, ...software],
    probe: [node, source("peers/js/run.mjs"), name, "--probe", ...software],
    install:
      "needs Chromium with a GPU (or --software-gpu for a test), and npm ci --ignore-scripts --prefix bench/peers/js",
  });
  const script = source("peers/pytorch.py");
  return [
    ...Object.entries(pytorch).map(([name, flags]) => ({
      name,
      title: peerOf(name) === "pytorch" ? "PyTorch" : "PyTorch, bf16 autocast",
      command: [python, script, ...flags],
      probe: [python, script, ...flags, "--probe"],
      install: configurationOf(name)?.includes("compile")
        ? "needs PyTorch 2 and a C++ compiler"
        : `apt-get install python3-torch libopenblas0-openmp (Debian), and --python if it is not for ${python}`,
    })),
    { name: "fovea-int8", title: "Fovea, int8", command: [node, ourScript, "--engine", "int8"] },
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
    {
      name: "fovea-webgpu",
      title: "Fovea, WebGPU",
      command: [node, ourScript, "--engine", "webgpu", ...software],
      probe: [node, ourScript, "gpu-js", "tiny", "--engine", "webgpu", "--steps", "1", ...software],
      install: "needs a GPU (docs/gpu.md), or --software-gpu for a test",
    },
    ...Object.entries(pytorchCuda).map(([name, flags]) => ({
      name,
      title: "PyTorch, CUDA",
      command: [python, script, ...flags],
      probe: [python, script, ...flags, "--probe"],
      install: `needs an NVIDIA GPU and PyTorch with CUDA; --python if it is not for ${python}`,
    })),
    inPage("tfjs-webgpu", "TensorFlow.js, WebGPU"),
    inPage("jax-js-webgpu", "jax-js, WebGPU"),
  ];
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
      () => report(`${side.title} (${side.name}) is left out: ${side.install}`),
    );
  return found;
}
