import { basename, join } from "node:path";
import type { EpochMaps, ReportFacts } from "../core/findings.js";
import { renderReport } from "../explain.js";
import {
  type ClassificationMetrics,
  type Dataset,
  type Engine,
  type EpochRecord,
  type EpochReport,
  evaluate,
  loadState,
  type Module,
  type OpenedDataset,
  type Tensor,
} from "../index.js";
import { bestRecord, type RunFolder } from "../internal.js";
import { parametersOf } from "../nn.js";
import { type EngineFlags, withEngine } from "./arguments.js";
import { findingsOf } from "./findings.js";
import { type FlagsOf, flag, flagList } from "./flags.js";
import { networkTitle } from "./run.js";
import type { RunPage, Standing as TaskStanding } from "./tasks.js";
import { Events } from "./tensorboard.js";
import { asArgument, foveaCommand } from "./terminal.js";
import { MapRecorder } from "./train-maps.js";

/** The state of a run. */
interface Standing extends TaskStanding<ClassificationMetrics> {
  readonly maps: readonly EpochMaps[];
}

/** The report of a run, from the contents of the run folder. */
export function reportOf(run: RunFolder, facts: ReportFacts, { maps, ...standing }: Standing): string {
  const { followed, findings } = facts;
  return renderReport({ ...commonParts(run, facts, standing), followed, maps, findings, next: nextSteps(run.path) });
}

export const titleOf = ({ config }: RunFolder): string =>
  `${networkTitle(config.model)} on ${basename(config.data.source)}`;

/** What the reports of all tasks show. */
export function commonParts<M, T>(
  run: RunFolder,
  facts: Pick<ReportFacts, "parameters" | "images" | "skipped"> & { readonly test: T },
  { history, validation, speed }: TaskStanding<M>,
) {
  const { versions: _, flags: __, format: ___, ...config } = run.config;
  const { parameters, images, skipped, test } = facts;
  return {
    title: titleOf(run),
    summary: [
      { label: "parameters", value: parameters },
      ...(images
        ? [
            { label: "images to train on", value: images.training },
            { label: "images to validate on", value: images.validation },
          ]
        : []),
      { label: "speed", value: `${speed.toFixed(0)} images/s` },
    ],
    history,
    validation,
    validationOf: `weights of epoch ${bestRecord(history)?.epoch}, in best.safetensors`,
    test,
    skipped,
    config,
  };
}

/** Flags for the report of a training. */
export const reportFlags = flagList(
  flag("--no-maps", "no maps of validation images in the report; saves some time after every epoch"),
  flag("--tensorboard [folder]", "also write TensorBoard event files (default: to tensorboard/ in the run folder)"),
);
export type ReportFlags = FlagsOf<typeof reportFlags>;

/** The report of a run during training: what it shows is kept in the run folder. */
export class LiveReport implements RunPage<ClassificationMetrics> {
  #facts: ReportFacts;
  #events: Events | undefined;
  readonly #maps: EpochMaps[] = [];
  #standing: Omit<Standing, "maps"> = { history: [], validation: null, speed: 0 };

  private constructor(
    private readonly run: RunFolder,
    private readonly recorder: MapRecorder | undefined,
    private readonly tensorboard: string | undefined,
    data: OpenedDataset,
    parameters: number,
  ) {
    const { train, validation } = data;
    this.#facts = {
      format: "fovea.report.1",
      parameters,
      images: { training: train.length, validation: validation.length },
      skipped: [...train.skipped, ...validation.skipped],
      test: null,
      followed: recorder?.followed ?? [],
      findings: null,
    };
  }

  static async open(run: RunFolder, data: OpenedDataset, network: Module, flags: ReportFlags): Promise<LiveReport> {
    const { maps, tensorboard } = flags;
    const recorder = maps ? await MapRecorder.open(run, data.validation) : undefined;
    const folder = tensorboard === true ? join(run.path, "tensorboard") : tensorboard;
    return new LiveReport(run, recorder, folder, data, parameterCount(network));
  }

  /** The epochs that a resumed run has completed. */
  async takeUp(history: readonly EpochRecord[], validation: ClassificationMetrics | null): Promise<void> {
    const epochs = await this.run.epochs();
    this.#standing = { history, validation, speed: epochs.at(-1)?.imagesPerSecond ?? 0 };
    if (this.recorder) this.#maps.push(...(await this.run.maps(history.map(({ epoch }) => epoch))));
    await this.#writeFacts({});
    if (this.tensorboard !== undefined)
      this.#events = await Events.create(this.tensorboard, this.run, epochs, this.#facts.followed, this.#maps);
  }

  /** Stores the maps of an epoch. To be called before the run records it. */
  async addMaps(epoch: number, weights: ReadonlyMap<string, Tensor>, engine: Engine): Promise<void> {
    const maps = await this.recorder?.add(epoch, weights, engine);
    if (maps) this.#maps.push(maps);
  }

  /** An epoch that the run has recorded. */
  async add(
    record: EpochRecord,
    { seconds, imagesPerSecond }: Pick<EpochReport, "seconds" | "imagesPerSecond">,
    standing: Omit<Standing, "maps">,
  ): Promise<void> {
    await this.#write(standing);
    const maps = this.#maps.find(({ epoch }) => epoch === record.epoch);
    await this.#events?.add({ ...record, seconds, imagesPerSecond }, maps);
  }

  #write(standing: Omit<Standing, "maps">): Promise<void> {
    this.#standing = standing;
    return this.run.write("report", reportOf(this.run, this.#facts, { ...standing, maps: this.#maps }));
  }

  /** Measures the best weights, which `network` keeps, on the test images and, with maps, on the validation images. */
  async conclude(
    network: Module,
    { test, validation }: OpenedDataset,
    flags: EngineFlags,
  ): Promise<ClassificationMetrics | null> {
    const best = this.recorder && bestRecord(this.#standing.history);
    if (!test && !best) return null;
    const { measured, findings } = await withEngine(async (engine) => {
      const measured = test ? await measureTest(this.run, network, test, engine) : null;
      return { measured, findings: best ? await findingsOf(this.run, network, validation, best.epoch, engine) : null };
    }, flags);
    if (!measured && !findings) return measured;
    await this.#writeFacts({ test: measured, findings });
    await this.#write(this.#standing);
    return measured;
  }

  async #writeFacts(more: Partial<ReportFacts>): Promise<void> {
    this.#facts = { ...this.#facts, ...more };
    await this.run.write("facts", `${JSON.stringify(this.#facts)}\n`);
  }
}

export const parameterCount = (network: Module): number =>
  [...parametersOf(network).values()].reduce((n, { shape }) => n + shape.reduce((a, d) => a * d, 1), 0);

export const nextSteps = (path: string) => [
  { purpose: "classes of your images", command: foveaCommand("predict", asArgument(path), "IMAGE...") },
  {
    purpose: "the network for other programs",
    command: foveaCommand("export", asArgument(path), "--out", "model.onnx"),
  },
];

/** Measures the weights in best.safetensors on the test images. The network keeps them. */
async function measureTest(
  run: RunFolder,
  network: Module,
  test: Dataset,
  engine: Engine,
): Promise<ClassificationMetrics> {
  loadState(network, await run.weights("best"));
  const { preprocessing } = run.config;
  return evaluate(network, test, { engine, preprocessing });
}
