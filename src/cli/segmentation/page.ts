import { join } from "node:path";
import { isPixelEvaluation } from "../../core/pixel-evaluation.js";
import { type MaskLook, maskSide, type PixelFacts, type StoredLabels } from "../../core/pixel-findings.js";
import { Rng } from "../../core/rng.js";
import {
  alignClasses,
  type Dataset,
  type Engine,
  type EpochRecord,
  evaluate,
  type LabelMap,
  loadState,
  type Module,
  type OpenedDataset,
  openSegmenter,
  type SegmentationMetrics,
  segmentation,
  type Tensor,
} from "../../index.js";
import {
  bestRecord,
  buildNetwork,
  fiveDigits,
  type RecordedEpoch,
  type RunFolder,
  renderSegmentationReport,
  resampleLabels,
  settled,
} from "../../internal.js";
import { type EngineFlags, withEngine } from "../arguments.js";
import type { RunPage, Standing } from "../tasks.js";
import { Events } from "../tensorboard.js";
import { asArgument, foveaCommand } from "../terminal.js";
import { readable, thumbnail } from "../train-maps.js";
import { commonParts, parameterCount, type ReportFlags } from "../train-report.js";

/** Images whose masks are shown. */
const shownImages = 6;

type Metrics = SegmentationMetrics;

/** The report of a segmentation run, from the contents of the run folder. */
const segmentationReportOf = (run: RunFolder, facts: PixelFacts, standing: Standing<Metrics>): string =>
  renderSegmentationReport({
    ...commonParts(run, facts, standing),
    masks: facts.masks,
    next: segmentationSteps(run.path),
  });

/** The report of a run that recorded nothing but its epochs, or from what it did. */
export async function reportAgain(run: RunFolder, epochs: readonly RecordedEpoch[]): Promise<string> {
  const history: EpochRecord[] = epochs.map(
    ({ seconds: _, imagesPerSecond: __, validation: ___, ...record }) => record,
  );
  const best = bestRecord(history);
  const measured = best && (await run.validation(best.epoch));
  const facts: PixelFacts = (await run.pixelFacts()) ?? {
    ...nothing,
    parameters: parameterCount(buildNetwork(settled(run.config.model), run.config.preprocessing)),
  };
  return segmentationReportOf(run, facts, {
    history,
    validation: isPixelEvaluation(measured) ? measured : null,
    speed: epochs.at(-1)?.imagesPerSecond ?? 0,
  });
}

const nothing = { format: "fovea.report.segmentation.1", images: null, skipped: [], test: null, masks: null } as const;

export const segmentationSteps = (path: string) => [
  { purpose: "masks of your images", command: foveaCommand("predict", asArgument(path), "IMAGE...") },
  {
    purpose: "the network for other programs",
    command: foveaCommand("export", asArgument(path), "--out", "model.onnx"),
  },
];

/** The report of a segmentation run during training: what it shows is kept in the run folder. */
export class SegmentationPage implements RunPage<Metrics> {
  #facts: PixelFacts;
  #events: Events | undefined;
  #standing: Standing<Metrics> = { history: [], validation: null, speed: 0 };
  readonly #network: Module | undefined;

  private constructor(
    private readonly run: RunFolder,
    private readonly data: Dataset,
    private readonly chosen: readonly number[],
    private readonly tensorboard: string | undefined,
    facts: PixelFacts,
  ) {
    this.#facts = facts;
    const { model, preprocessing, training } = run.config;
    if (chosen.length > 0) this.#network = buildNetwork(settled(model), preprocessing, training.seed);
  }

  static async open(
    run: RunFolder,
    { train, validation }: OpenedDataset,
    network: Module,
    { maps, tensorboard }: ReportFlags,
  ): Promise<SegmentationPage> {
    const data = alignClasses(validation, run.config.data.classes).dataset;
    const order = [...new Rng(0, "followed images").permutation(data.length)];
    const chosen = maps ? order.slice(0, shownImages).sort((a, b) => a - b) : [];
    const folder = tensorboard === true ? join(run.path, "tensorboard") : tensorboard;
    return new SegmentationPage(run, data, chosen, folder, {
      ...nothing,
      parameters: parameterCount(network),
      images: { training: train.length, validation: validation.length },
      skipped: [...train.skipped, ...validation.skipped],
    });
  }

  async takeUp(history: readonly EpochRecord[], validation: Metrics | null): Promise<void> {
    const epochs = await this.run.epochs();
    this.#standing = { history, validation, speed: epochs.at(-1)?.imagesPerSecond ?? 0 };
    await this.#writeFacts({});
    if (this.tensorboard !== undefined) this.#events = await Events.create(this.tensorboard, this.run, epochs, [], []);
  }

  async addMaps(epoch: number, weights: ReadonlyMap<string, Tensor>, engine: Engine): Promise<void> {
    if (!this.#network) return;
    loadState(this.#network, weights);
    await this.#writeFacts({ masks: { epoch, looks: await this.#looks(this.#network, engine) } });
  }

  async add(
    record: EpochRecord,
    { seconds, imagesPerSecond }: { readonly seconds: number; readonly imagesPerSecond: number },
    standing: Standing<Metrics>,
  ): Promise<void> {
    this.#standing = standing;
    await this.#write();
    await this.#events?.add({ ...record, seconds, imagesPerSecond }, undefined);
  }

  async conclude(network: Module, { test }: OpenedDataset, flags: EngineFlags): Promise<Metrics | null> {
    const best = bestRecord(this.#standing.history);
    if (!best || (!test && this.chosen.length === 0)) return null;
    loadState(network, await this.run.weights("best"));
    const { preprocessing, data } = this.run.config;
    const { measured, masks } = await withEngine(async (engine) => {
      const options = { engine, preprocessing, classes: data.classes, task: segmentation() };
      return {
        measured: test ? await evaluate(network, test, options) : null,
        masks: this.#network ? { epoch: best.epoch, looks: await this.#looks(network, engine) } : null,
      };
    }, flags);
    await this.#writeFacts({ test: measured, masks });
    await this.#write();
    return measured;
  }

  #write(): Promise<void> {
    return this.run.write("report", segmentationReportOf(this.run, this.#facts, this.#standing));
  }

  async #writeFacts(more: Partial<PixelFacts>): Promise<void> {
    this.#facts = { ...this.#facts, ...more };
    await this.run.write("facts", `${JSON.stringify(this.#facts)}\n`);
  }

  async #looks(model: Module, engine: Engine): Promise<MaskLook[]> {
    const { preprocessing } = this.run.config;
    const segmenter = await openSegmenter({ model, classes: this.data.classes, preprocessing }, { engine });
    const looks: MaskLook[] = [];
    try {
      for (const index of this.chosen) {
        const image = await readable(this.data, index);
        if (!image) continue;
        const small = thumbnail(image, maskSide);
        const truth = resampleLabels(await this.data.labelMap!(index), image.width, image.height);
        const prediction = await segmenter.segment(image);
        const at = ({ width, height }: { width: number; height: number }, map: LabelMap): StoredLabels => {
          const { data } = resampleLabels(map, width, height);
          return { width, height, labels: Buffer.from(data).toString("base64") };
        };
        looks.push({
          index,
          image: small,
          truth: at(small, truth),
          prediction: at(small, prediction),
          accuracy: fiveDigits(accuracyOf(truth, prediction)),
        });
      }
    } finally {
      await segmenter.release();
    }
    return looks;
  }
}

function accuracyOf(truth: LabelMap, prediction: LabelMap): number {
  let [right, labeled] = [0, 0];
  truth.data.forEach((label, i) => {
    if (label === 255) return;
    labeled++;
    if (label === prediction.data[i]) right++;
  });
  return labeled > 0 ? right / labeled : 0;
}
