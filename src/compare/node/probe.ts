import { performance } from "node:perf_hooks";
import { zeros } from "../../core/tensor.js";
import { Loader } from "../../data/index.js";
import type { Engine } from "../../engines/engine.js";
import { buildNetwork } from "../../inference/load-run.js";
import { trace } from "../../nn/index.js";
import { type ResolvedUnit, rateKey } from "../resolve.js";
import type { Journal, JournaledUnit } from "./journal.js";
import { compileStep } from "./steps.js";

/** Seconds that the parts of a unit take. */
export interface Speed {
  /** To build and compile, and to begin. */
  readonly start: number;
  readonly step: number;
  /** To evaluate one image. */
  readonly image: number;
}

/** What a comparison takes. */
export interface Forecast {
  readonly units: number;
  readonly images: number;
  readonly macs: number;
  readonly seconds: number;
}

const timedSteps = 4;
const timedEvaluations = 2;
/** Images at a time, as in every evaluation. */
const evaluated = 64;
/** Seconds until a worker process has loaded the program and opened generated data. */
const processStart = 0.8;

/** Measures the networks of a comparison, each with a few steps. `engines` run at the same time, as the workers will. */
export async function probe(
  journal: Journal,
  units: readonly JournaledUnit[],
  engines: readonly Engine[],
  onNetwork: (done: number, total: number, title: string) => void = () => {},
): Promise<Map<string, Speed>> {
  const networks = new Map(
    units.flatMap(({ resolved }) =>
      resolved ? [[rateKey(resolved.backbone, resolved.entrant, resolved.setting), resolved] as const] : [],
    ),
  );
  const speeds = new Map<string, Speed>();
  for (const [key, unit] of networks) {
    onNetwork(speeds.size, networks.size, `${unit.backbone.label} ${unit.entrant.label}`);
    const measured = await Promise.all(engines.map((engine) => speedOf(journal, unit, engine)));
    const mean = (of: (speed: Speed) => number) =>
      measured.reduce((sum, speed) => sum + of(speed), 0) / measured.length;
    speeds.set(key, { start: mean((s) => s.start), step: mean((s) => s.step), image: mean((s) => s.image) });
  }
  return speeds;
}

async function speedOf({ data }: Journal, unit: ResolvedUnit, engine: Engine): Promise<Speed> {
  const { model, preprocessing, training } = unit;
  const { batch, augment, seed } = training;
  const begun = performance.now();
  const network = buildNetwork(model, preprocessing, seed);
  const loader = new Loader(data.train, { batch, preprocessing, augment, shuffle: true, dropLast: true, seed });
  const step = await compileStep(network, unit, data.train.classes.length, engine);
  let start = 0;
  const times: number[] = [];
  try {
    let last = begun;
    for await (const { images } of loader.epoch(0)) {
      await step.run(images);
      const now = performance.now();
      if (start === 0) start = (now - begun) / 1000;
      else times.push((now - last) / 1000);
      last = now;
      if (times.length === timedSteps) break;
    }
    // Fewer batches than that in an epoch.
    if (times.length === 0) {
      await step.run();
      times.push((performance.now() - last) / 1000);
    }
  } finally {
    await step.release();
  }
  const { imageSize } = preprocessing;
  const input = zeros("float32", [evaluated, 3, imageSize, imageSize]);
  const compiling = performance.now();
  const forward = await engine.compile(trace(network, input.shape));
  try {
    await forward.run({ input });
    start += (performance.now() - compiling) / 1000;
    const before = performance.now();
    for (let i = 0; i < timedEvaluations; i++) await forward.run({ input });
    const image = (performance.now() - before) / 1000 / (timedEvaluations * evaluated);
    return { start, step: times.reduce((sum, x) => sum + x, 0) / times.length, image };
  } finally {
    await forward.release();
  }
}

/** What units will take, of those that are not done. */
export function forecast(
  { data }: Journal,
  units: readonly JournaledUnit[],
  speeds: ReadonlyMap<string, Speed>,
  workers: number,
): Forecast {
  let [count, images, macs, seconds] = [0, 0, 0, 0];
  for (const { resolved } of units) {
    if (!resolved) continue;
    const { steps, epochs, training, cost, backbone, entrant, setting } = resolved;
    const { start, step, image } = speeds.get(rateKey(backbone, entrant, setting))!;
    const evaluations = Math.ceil(epochs) * data.validation.length + (epochs > 1 ? 2 : 1) * data.test.length;
    count++;
    images += steps * training.batch;
    macs += steps * cost.stepMacs;
    seconds += processStart + start + steps * step + evaluations * image;
  }
  return { units: count, images, macs, seconds: seconds / Math.max(1, Math.min(workers, count)) };
}
