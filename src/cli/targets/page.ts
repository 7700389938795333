import { join } from "node:path";
import type { TargetFacts, TargetsMetrics } from "../../core/target-evaluation.js";
import { type EpochRecord, evaluate, loadState, type Module, type OpenedDataset, type Scores } from "../../index.js";
import {
  bestRecord,
  buildNetwork,
  type RecordedEpoch,
  type RunFolder,
  renderTargetsReport,
  settled,
  taskOf,
} from "../../internal.js";
import { type EngineFlags, optional, withEngine } from "../arguments.js";
import type { RunPage, Standing } from "../tasks.js";
import { Events } from "../tensorboard.js";
import { asArgument, foveaCommand } from "../terminal.js";
import { commonParts, parameterCount, type ReportFlags } from "../train-report.js";

export const targetsSteps = (path: string) => [
  { purpose: "answers for your images", command: foveaCommand("predict", asArgument(path), "IMAGE...") },
  {
    purpose: "the network for other programs",
    command: foveaCommand("export", asArgument(path), "--out", "model.onnx"),
  },
];

type Steps = typeof targetsSteps;

const reportOf = (run: RunFolder, facts: TargetFacts, standing: Standing<TargetsMetrics>, steps: Steps): string =>
  renderTargetsReport({
    ...commonParts(run, facts, standing),
    ...optional("skippedCount", facts.skippedCount),
    next: steps(run.path),
  });

/** Skipped files in `report.json`: a CSV file may have millions of rows without an image. */
const mostSkipped = 1000;

const nothing = { format: "fovea.report.targets.1", images: null, skipped: [], test: null } as const;

/** The report of a run, from what it recorded. */
export async function targetsReportAgain(
  run: RunFolder,
  epochs: readonly RecordedEpoch[],
  isMetrics: (scores: Scores | undefined) => boolean,
  steps = targetsSteps,
): Promise<string> {
  const history: EpochRecord[] = epochs.map(
    ({ seconds: _, imagesPerSecond: __, validation: ___, ...record }) => record,
  );
  const best = bestRecord(history);
  const measured = best && (await run.validation(best.epoch));
  const parameters = parameterCount(buildNetwork(settled(run.config.model), run.config.preprocessing));
  const standing = {
    history,
    validation: isMetrics(measured) ? (measured as TargetsMetrics) : null,
    speed: epochs.at(-1)?.imagesPerSecond ?? 0,
  };
  return reportOf(run, (await run.targetFacts()) ?? { ...nothing, parameters }, standing, steps);
}

/** The report of a run that learns labels, numbers or identities, during training. */
export class TargetsPage<M extends TargetsMetrics> implements RunPage<M> {
  #facts: TargetFacts;
  #events: Events | undefined;
  #standing: Standing<M> = { history: [], validation: null, speed: 0 };

  private constructor(
    private readonly run: RunFolder,
    private readonly tensorboard: string | undefined,
    facts: TargetFacts,
    private readonly steps: Steps,
  ) {
    this.#facts = facts;
  }

  static async open<M extends TargetsMetrics>(
    run: RunFolder,
    { train, validation }: OpenedDataset,
    network: Module,
    { tensorboard }: ReportFlags,
    steps = targetsSteps,
  ): Promise<TargetsPage<M>> {
    const skipped = [...train.skipped, ...validation.skipped];
    const folder = tensorboard === true ? join(run.path, "tensorboard") : tensorboard;
    const facts = {
      ...nothing,
      parameters: parameterCount(network),
      images: { training: train.length, validation: validation.length },
      skipped: skipped.slice(0, mostSkipped),
      ...(skipped.length > mostSkipped ? { skippedCount: skipped.length } : {}),
    };
    return new TargetsPage<M>(run, folder, facts, steps);
  }

  async takeUp(history: readonly EpochRecord[], validation: M | null): Promise<void> {
    const epochs = await this.run.epochs();
    this.#standing = { history, validation, speed: epochs.at(-1)?.imagesPerSecond ?? 0 };
    await this.#writeFacts({});
    if (this.tensorboard !== undefined) this.#events = await Events.create(this.tensorboard, this.run, epochs, [], []);
  }

  async addMaps(): Promise<void> {}

  async add(
    record: EpochRecord,
    { seconds, imagesPerSecond }: { readonly seconds: number; readonly imagesPerSecond: number },
    standing: Standing<M>,
  ): Promise<void> {
    this.#standing = standing;
    await this.#write();
    await this.#events?.add({ ...record, seconds, imagesPerSecond }, undefined);
  }

  async conclude(network: Module, { test }: OpenedDataset, flags: EngineFlags): Promise<M | null> {
    if (!test || !bestRecord(this.#standing.history)) return null;
    loadState(network, await this.run.weights("best"));
    const { preprocessing, data } = this.run.config;
    const task = taskOf(this.run.config);
    const measured = (await withEngine(
      (engine) => evaluate(network, test, { engine, preprocessing, classes: data.classes, task }),
      flags,
    )) as unknown as M;
    await this.#writeFacts({ test: measured });
    await this.#write();
    return measured;
  }

  #write(): Promise<void> {
    return this.run.write("report", reportOf(this.run, this.#facts, this.#standing, this.steps));
  }

  async #writeFacts(more: Partial<TargetFacts>): Promise<void> {
    this.#facts = { ...this.#facts, ...more };
    await this.run.write("facts", `${JSON.stringify(this.#facts)}\n`);
  }
}
