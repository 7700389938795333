import { encodeSafetensors } from "fovea/engine";
import type { EpochMaps, SeenImage } from "fovea/explain";
import { parametersOf } from "fovea/nn";
import { type Engine, freeze, type StepReport, train } from "fovea/web";
import { Looks } from "../../logic/looks.js";
import { openItems } from "./data.js";
import { storageReason } from "./files.js";
import { MapRecorder } from "./maps.js";
import { configOf, descriptionOf, networkOf, optimizerOf, startFromFile } from "./recipe.js";
import { type Line, type Plan, run } from "./run.js";

/** What a training tells while it runs. */
export type TrainingEvent =
  | { readonly kind: "preparing"; readonly done: number; readonly total: number }
  | {
      readonly kind: "started";
      readonly followed: readonly SeenImage[];
      readonly lines: readonly Line[];
    }
  | { readonly kind: "features"; readonly done: number; readonly total: number }
  | { readonly kind: "step"; readonly step: StepReport }
  | { readonly kind: "epoch"; readonly line: Line; readonly maps: EpochMaps | null; readonly mapShare: number | null };

/** Milliseconds between reports of steps. */
const stepEvery = 100;

/** Trains as the plan says, from the last state that was stored. Returns whether it was stopped. */
export async function runTraining(
  plan: Plan,
  engine: Engine,
  signal: AbortSignal,
  tell: (event: TrainingEvent) => void,
): Promise<boolean> {
  const { settings, classes } = plan;
  const total = plan.train.length + plan.validation.length;
  const prepare = (before: number) => (done: number) => {
    if (done % 20 === 0 || before + done === total) tell({ kind: "preparing", done: before + done, total });
  };
  const data = await openItems(plan.train, classes, settings.imageSize, signal, prepare(0));
  const validation = await openItems(plan.validation, classes, settings.imageSize, signal, prepare(plan.train.length));
  let config = (await run.config()) ?? configOf(settings, data);
  const network = networkOf(config);
  const resume = await run.weights("last");
  if (settings.pretrained && !resume) {
    const backbone = await startFromFile(network, config);
    config = { ...config, frozen: settings.headOnly ? [...backbone] : [] };
  }
  const frozen = new Set(config.frozen);
  freeze(network, (path) => frozen.has(path));
  await run.writeConfig(config);
  const recorder = await MapRecorder.open(networkOf(config), validation, config.preprocessing);
  const parameters = [...parametersOf(network).values()].reduce((n, { shape }) => n + product(shape), 0);
  await run.writeFacts({
    format: "fovea.report.1",
    parameters,
    images: { training: plan.train.length, validation: plan.validation.length },
    skipped: [],
    test: null,
    followed: recorder.followed,
    findings: null,
  });
  const lines: Line[] = [];
  const { training, preprocessing } = config;
  const metadata = descriptionOf(config);
  let last = 0;
  const looks = new Looks();
  const { stopped } = await train(network, data, {
    engine,
    epochs: training.epochs,
    batch: training.batch,
    schedule: training.schedule,
    labelSmoothing: training.labelSmoothing,
    seed: training.seed,
    augment: training.augment,
    optimizer: optimizerOf(settings),
    preprocessing,
    ...(validation.length ? { validate: validation } : {}),
    signal,
    metadata,
    ...(resume ? { resume } : {}),
    onFeatures: ({ done, total }) => {
      if (total > 0 && (done === total || done % 16 === 0)) tell({ kind: "features", done, total });
    },
    onStart: async ({ epoch }) => {
      lines.push(...(await run.lines()).filter((line) => line.epoch <= epoch));
      await run.writeLines(lines);
      tell({ kind: "started", followed: recorder.followed, lines });
    },
    onStep: (step) => {
      if (performance.now() - last < stepEvery && step.batch < step.batches) return;
      last = performance.now();
      tell({ kind: "step", step });
    },
    onEpoch: async (record, { validation, isBest, seconds, imagesPerSecond, checkpoint, weights }) => {
      const line = { ...record, seconds, imagesPerSecond, validation };
      lines.push(line);
      const maps =
        (await looks.after(record.epoch, training.epochs, () => recorder.look(record.epoch, weights, engine))) ?? null;
      await keep(async () => {
        if (isBest) {
          const about = { format: "fovea.weights.1", epoch: String(record.epoch), ...metadata };
          await run.writeWeights("best", encodeSafetensors(weights, about).bytes());
        }
        if (maps) await run.writeMaps(maps);
        await run.writeLines(lines);
        // Written last: a resumed training trusts it.
        await run.writeWeights("last", checkpoint.bytes());
      });
      tell({ kind: "epoch", line, maps, mapShare: looks.share });
    },
    onStop: (checkpoint) => keep(() => run.writeWeights("last", checkpoint.bytes())),
  }).finally(() => recorder.release());
  return stopped;
}

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Errors of storing, in words. */
async function keep(store: () => Promise<void>): Promise<void> {
  try {
    await store();
  } catch (error) {
    throw new Error(`the training cannot be stored: ${storageReason(error)}`);
  }
}
