/**
 * Does everything train? Takes twenty steps with each attention module (in ResNet-20) and each network on one batch of CIFAR-10 images,
 * and prints the first and last loss and the parameters without gradients. Segmentation networks learn the image's class at every position.
 *
 *     node dist/tools/trains.js CIFAR_FOLDER [NAME…] [--batch 8] [--json]
 */
import { argv, exit } from "node:process";
import { parseArgs } from "node:util";
import { messageOf } from "../src/core/errors.js";
import { defaultPreprocessing, toInput, trainingStep, zeros } from "../src/engine.js";
import {
  type AttentionChoice,
  adamw,
  createModelByName,
  type Engine,
  type Module,
  ortEngine,
  type Tensor,
} from "../src/index.js";
import { attentionModules, cifar10, models } from "../src/internal.js";
import { resnet } from "../src/nn.js";

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

/** A network to train, at images of a side. */
interface Job {
  readonly name: string;
  readonly build: () => Module;
  readonly size: number;
  /** Whether it gives logits at every position. */
  readonly segments?: boolean;
}

interface Outcome {
  readonly name: string;
  readonly first?: number;
  readonly last?: number;
  /** Parameters that no gradient reaches. */
  readonly idle?: readonly string[];
  readonly error?: string;
}

/** Trains at the first of the given sides that the network can take: small images leave some nothing to pool. */
async function outcomeAt(job: Job, sizes: readonly number[], engine: Engine): Promise<Outcome> {
  const [size, ...larger] = sizes as [number, ...number[]];
  const outcome = await outcomeOf({ ...job, size }, engine);
  return outcome.error?.includes("larger than the") && larger.length ? outcomeAt(job, larger, engine) : outcome;
}

async function outcomeOf({ name, build, size, segments = false }: Job, engine: Engine): Promise<Outcome> {
  try {
    const positions = segments ? [size, size] : [];
    const area = segments ? size * size : 1;
    const preprocessing = { ...defaultPreprocessing(data), imageSize: size, resize: size };
    const optimizer = adamw({ lr: 1e-3 });
    const { graph, gradients } = trainingStep(build(), {
      optimizer,
      input: [batch, 3, size, size],
      numClasses: 10,
      positions,
    });
    const images = zeros("float32", [batch, 3, size, size]);
    const targets = zeros("float32", [batch, 10, ...positions]);
    for (let i = 0; i < batch; i++) {
      images.data.set(toInput(await data.image(i), preprocessing), i * 3 * size * size);
      const start = (i * 10 + data.labels[i]!) * area;
      targets.data.fill(1, start, start + area);
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
const jobs: Job[] = [
  ...[...attentionModules.values()]
    // Where weights depend on the size of the map, each stage needs its own: resnet50_rga, below, has it.
    .filter(({ kind, name, sized }) => kind === "gate" && !sized && wanted(name))
    .map(({ name }) => ({
      name: `resnet20 + ${name}`,
      build: () => resnet(20, { numClasses: 10, attention: [name, {}] as AttentionChoice }),
      size: 32,
    })),
  ...[...models.values()]
    .filter(({ name }) => wanted(name))
    .map(({ name, input, options, task }) => {
      // Networks whose weights depend on the size of the images are built for squares of 128: smaller leave RGA no hidden channel.
      const sized = "size" in options;
      return {
        name,
        build: () => createModelByName(name, { numClasses: 10, ...(sized ? { size: [128, 128] } : {}) }),
        size: sized ? 128 : Math.min(input[1], 64),
        segments: task === "segmentation",
      };
    }),
];
const outcomes: Outcome[] = [];
for (const job of jobs) {
  const { name } = job;
  const engine = ortEngine();
  const outcome = await outcomeAt(job, [job.size, 128], engine);
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
