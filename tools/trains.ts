/**
 * Does everything train? Twenty steps of each attention module (in ResNet-20) and each network on one batch of CIFAR-10 pictures:
 * prints the first and the last loss, and parameters that no gradient reaches.
 *
 *     node dist/tools/trains.js CIFAR_FOLDER [NAME…] [--batch 8] [--json]
 */
import { argv, exit } from "node:process";
import { parseArgs } from "node:util";
import {
  adamw,
  attentionModules,
  cifar10,
  defaultPreprocessing,
  type Engine,
  type ModelSpec,
  type Module,
  messageOf,
  model,
  models,
  ortEngine,
  resnet,
  type Tensor,
  toInput,
  trainingStep,
  zeros,
} from "../src/index.js";

const { positionals, values } = parseArgs({
  args: argv.slice(2),
  allowPositionals: true,
  options: { batch: { type: "string", default: "8" }, json: { type: "boolean", default: false } },
});
const [folder, ...names] = positionals;
if (!folder) {
  console.error("usage: node dist/tools/trains.js CIFAR_FOLDER [NAME…]");
  exit(2);
}
const batch = Number(values.batch);
const steps = 20;
const { train: data } = await cifar10(folder);

interface Outcome {
  readonly name: string;
  readonly first?: number;
  readonly last?: number;
  /** Parameters that no gradient reaches. */
  readonly idle?: readonly string[];
  readonly error?: string;
}

/** Trains at the first of the given sides that the network can take: small pictures leave some nothing to pool. */
async function outcomeAt(
  name: string,
  build: () => Module,
  sizes: readonly number[],
  engine: Engine,
): Promise<Outcome> {
  const [size, ...larger] = sizes as [number, ...number[]];
  const outcome = await outcomeOf(name, build, size, engine);
  return outcome.error?.includes("larger than the") && larger.length ? outcomeAt(name, build, larger, engine) : outcome;
}

async function outcomeOf(name: string, build: () => Module, size: number, engine: Engine): Promise<Outcome> {
  try {
    const preprocessing = { ...defaultPreprocessing(data), imageSize: size, resize: size };
    const optimizer = adamw({ lr: 1e-3 });
    const { graph, gradients } = trainingStep(build(), { optimizer, input: [batch, 3, size, size], classes: 10 });
    const images = zeros("float32", [batch, 3, size, size]);
    const targets = zeros("float32", [batch, 10]);
    for (let i = 0; i < batch; i++) {
      images.data.set(toInput(await data.image(i), preprocessing), i * 3 * size * size);
      targets.data[i * 10 + data.labels[i]!] = 1;
    }
    const executable = await engine.compile(graph);
    const losses: number[] = [];
    for (let step = 1; step <= steps; step++) {
      const scalars = Object.entries(optimizer.scalars(step, 1e-3)).map(([key, v]): [string, Tensor] => [
        `scalar/${key}`,
        { dtype: "float64", shape: [], data: Float64Array.of(v) },
      ]);
      const randoms = graph.randoms.map(({ name: key, shape }): [string, Tensor] => [
        key,
        { ...zeros("float32", shape), data: zeros("float32", shape).data.fill(0.5) },
      ]);
      losses.push(
        Number(
          (await executable.run({ images, targets, ...Object.fromEntries([...scalars, ...randoms]) })).loss!.data[0],
        ),
      );
    }
    await executable.release();
    return {
      name,
      first: losses[0]!,
      last: losses.at(-1)!,
      idle: [...gradients].flatMap(([path, g]) => (g ? [] : [path])),
    };
  } catch (error) {
    return { name, error: messageOf(error) };
  }
}

const wanted = (name: string) => names.length === 0 || names.includes(name);
const classifiers = [...models.values()].filter(
  (spec: ModelSpec & { task?: string }) => (spec.task ?? "classification") === "classification",
);
const jobs: [string, () => Module, number][] = [
  ...[...attentionModules.values()]
    // The weights of rga depend on the size of the map: resnet50_rga, below, has it.
    .filter(({ kind, name }) => kind === "gate" && name !== "rga" && wanted(name))
    .map(({ name }): [string, () => Module, number] => [
      `resnet20 + ${name}`,
      () => resnet(20, { classes: 10, attention: [name, {}] }),
      32,
    ]),
  ...classifiers
    .filter(({ name }) => wanted(name))
    .map(({ name, input, options }): [string, () => Module, number] =>
      // Networks whose weights depend on the size of the pictures are built for squares of 128: smaller leave RGA no hidden channel.
      "size" in options
        ? [name, () => model(name, { classes: 10, size: [128, 128] }), 128]
        : [name, () => model(name, { classes: 10 }), Math.min(input[1], 64)],
    ),
];
const outcomes: Outcome[] = [];
for (const [name, build, size] of jobs) {
  const engine = ortEngine();
  const outcome = await outcomeAt(name, build, [size, 128], engine);
  await engine.release();
  outcomes.push(outcome);
  const { first, last, idle = [], error } = outcome;
  const verdict = error ? "FAILED" : last! < first! ? "ok" : "NOT LOWER";
  if (!values.json)
    console.log(
      `${name.padEnd(34)} ${verdict.padEnd(10)} ${error ?? `${first!.toFixed(3)} → ${last!.toFixed(3)}${idle.length ? `  no gradient: ${idle.length} (${idle[0]}, …)` : ""}`}`,
    );
}
if (values.json) console.log(JSON.stringify(outcomes));
if (outcomes.some(({ error, first, last }) => error || !(last! < first!))) exit(1);
