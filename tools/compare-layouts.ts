/**
 * Does blocked training follow plain training? Prints the losses of both from the same start on the same batches, their difference, and, for
 * comparison, how far plain training diverges from itself when every number of the images changes by rounding.
 *
 *     node dist/tools/compare-layouts.js CIFAR_FOLDER [--model resnet20] [--attention cbam] [--stem cifar] [--batch 128] [--steps 50] [--lr 0.02] [--noise 1e-7]
 *
 * With --pytorch PYTHON (Debian's python3-torch and libopenblas0-openmp: /usr/bin/python3) PyTorch takes the same steps in float64 and
 * float32 (tools/pytorch-losses.py), and the table shows how far both layouts, and PyTorch's own float32, are from float64.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { argv, exit } from "node:process";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { peerKeys } from "../bench/suites/nets.js";
import { type Batch, defaultPreprocessing, Loader, Rng, trainingStep, zeros } from "../src/engine.js";
import {
  createModelByName,
  type Dataset,
  type Engine,
  type Module,
  type OrtNodeOptions,
  ortEngine,
  sgd,
  weightsOf,
  writeSafetensors,
} from "../src/index.js";
import { cifar10 } from "../src/internal.js";
import { float32 } from "../src/nn.js";

const isMain = import.meta.url === pathToFileURL(argv[1] ?? "").href;
const { positionals, values } = parseArgs({
  args: isMain ? argv.slice(2) : [],
  allowPositionals: true,
  options: {
    model: { type: "string", default: "resnet20" },
    attention: { type: "string" },
    stem: { type: "string" },
    batch: { type: "string", default: "128" },
    steps: { type: "string", default: "50" },
    lr: { type: "string", default: "0.02" },
    noise: { type: "string", default: "1e-7" },
    pytorch: { type: "string" },
  },
});
const options = { batch: Number(values.batch), steps: Number(values.steps), lr: Number(values.lr) };

export interface BatchesOptions {
  readonly batch: number;
  readonly steps: number;
}

export interface LossesOptions extends BatchesOptions {
  readonly lr: number;
  /** Multiply every number of the images by 1 ± this. */
  readonly noise?: number;
}

/** The first batches of shuffled images, without augmentation. A batch is overwritten by the next. */
export async function* batchesOf(data: Dataset, { batch, steps }: BatchesOptions): AsyncGenerator<Batch> {
  const loader = new Loader(data, { batch, preprocessing: defaultPreprocessing(data), shuffle: true, dropLast: true });
  let left = steps;
  for (let epoch = 0; left > 0; epoch++)
    for await (const images of loader.epoch(epoch)) {
      yield images;
      if (--left === 0) break;
    }
}

/** The losses of the first steps of training a network from seed 0. */
export async function lossesOf(
  engine: Engine,
  model: Module,
  data: Dataset,
  { batch, steps, lr, noise = 0 }: LossesOptions,
): Promise<number[]> {
  const { imageSize } = defaultPreprocessing(data);
  const classes = data.classes.length;
  const input = [batch, 3, imageSize, imageSize] as const;
  const { graph, scalars } = trainingStep(model, { optimizer: sgd({ lr }), input, numClasses: classes });
  const executable = await engine.compile(graph);
  const losses: number[] = [];
  for await (const { images, labels } of batchesOf(data, { batch, steps })) {
    const targets = zeros("float32", [batch, classes]);
    labels.forEach((label, i) => {
      targets.data[i * classes + label] = 1;
    });
    const rng = new Rng(0, "noise", losses.length);
    if (noise) for (let i = 0; i < images.length; i++) images[i]! *= rng.uniform() < 0.5 ? 1 - noise : 1 + noise;
    const feeds = { images: float32(input, images), targets, ...scalars(losses.length + 1, lr) };
    losses.push(Number((await executable.run(feeds)).loss!.data[0]));
  }
  await executable.release();
  return losses;
}

/** |aᵢ − bᵢ| / |bᵢ| */
export const relativeDifferences = (a: readonly number[], b: readonly number[]): number[] =>
  a.map((value, i) => Math.abs(value - b[i]!) / Math.abs(b[i]!));

function network() {
  const { attention, stem } = values;
  return createModelByName(values.model, {
    numClasses: 10,
    ...(attention ? { attention } : {}),
    ...(stem ? { stem } : {}),
  });
}

async function losses(data: Dataset, layout: OrtNodeOptions["layout"], noise = 0): Promise<number[]> {
  const engine = ortEngine({ ...(layout ? { layout } : {}) });
  const result = await lossesOf(engine, network(), data, { ...options, noise });
  await engine.release();
  return result;
}

/** Losses of the same steps by PyTorch in float64 and float32. */
async function pytorchLosses(data: Dataset, python: string): Promise<{ float64: number[]; float32: number[] }> {
  const images: Float32Array[] = [];
  const labels: Int32Array[] = [];
  for await (const batch of batchesOf(data, options)) {
    images.push(batch.images.slice());
    labels.push(Int32Array.from(batch.labels));
  }
  const work = mkdtempSync(join(tmpdir(), "fovea-losses-"));
  try {
    const keyOf = values.attention ? peerKeys(values.attention) : (key: string) => key;
    const start = [...weightsOf(network())].map(([key, weight]) => [keyOf(key), weight] as const);
    writeFileSync(join(work, "start.safetensors"), writeSafetensors(start));
    writeFileSync(join(work, "images.f32"), Buffer.concat(images.map((array) => new Uint8Array(array.buffer))));
    writeFileSync(join(work, "labels.i32"), Buffer.concat(labels.map((array) => new Uint8Array(array.buffer))));
    const { attention, batch, lr } = values;
    const side = `${defaultPreprocessing(data).imageSize}`;
    const args = { depth: values.model.replace("resnet", ""), ...(attention ? { attention } : {}), batch, side, lr };
    const { status, stdout } = spawnSync(
      python,
      ["tools/pytorch-losses.py", work, ...Object.entries(args).flatMap(([name, value]) => [`--${name}`, value])],
      { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] },
    );
    if (status !== 0) throw new Error(`tools/pytorch-losses.py: exit ${status}`);
    return JSON.parse(stdout) as { float64: number[]; float32: number[] };
  } finally {
    rmSync(work, { recursive: true });
  }
}

async function compareLayouts(folder: string): Promise<void> {
  const { train: data } = await cifar10(folder);
  const plain = await losses(data, "plain");
  const blocked = await losses(data, "blocked");
  const comparisons: [name: string, differences: number[]][] = [
    ["blocked - plain", relativeDifferences(blocked, plain)],
    [`images ± ${values.noise}`, relativeDifferences(await losses(data, "plain", Number(values.noise)), plain)],
  ];
  if (values.pytorch) {
    const { float64, float32 } = await pytorchLosses(data, values.pytorch);
    for (const [name, series] of Object.entries({ plain, blocked, PyTorch: float32 }))
      comparisons.push([`${name} - float64`, relativeDifferences(series, float64)]);
  }

  const row = (...cells: readonly string[]) => console.log(cells.map((cell) => cell.padEnd(20)).join(""));
  row("step", "plain", "blocked", ...comparisons.map(([name]) => name));
  plain.forEach((loss, i) => {
    if (i === 0 || (i + 1) % 10 === 0)
      row(
        `${i + 1}`,
        loss.toFixed(6),
        blocked[i]!.toFixed(6),
        ...comparisons.map(([, differences]) => differences[i]!.toExponential(1)),
      );
  });
  for (const [name, share] of [
    ["median", 0.5],
    ["largest", 1],
  ] as const) {
    const place = Math.ceil(share * options.steps) - 1;
    const quantile = (differences: readonly number[]) => [...differences].sort((a, b) => a - b)[place]!;
    row(name, "", "", ...comparisons.map(([, differences]) => quantile(differences).toExponential(1)));
  }
}

if (isMain) {
  const [folder] = positionals;
  if (!folder) {
    console.error("usage: node dist/tools/compare-layouts.js CIFAR_FOLDER [--model resnet20] [--attention cbam]");
    exit(2);
  }
  await compareLayouts(folder);
}
