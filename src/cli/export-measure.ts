import { mainScore } from "../core/tasks.js";
import { defaultPreprocessing, type ExportedGraphOptions, exportedGraph, inline } from "../engine.js";
import { type Calibration, calibrate, evaluate, openDataset, type Task, trace, type Value } from "../index.js";
import { forOutputs } from "../internal.js";
import { Module } from "../nn.js";
import { optional, withEngine } from "./arguments.js";
import { aligning, type LoadedModel, preprocessingOf, requireSplits } from "./run.js";
import { targetOptions } from "./targets/flags.js";
import { scoreText, scoreValue, taskFor } from "./tasks.js";
import { ProgressLine, say } from "./terminal.js";

/** A network's metrics on a data set, before and after export. */
export interface Measured {
  readonly count: number;
  readonly before: Figures;
  readonly after: Figures;
}

interface Figures {
  /** Not of re-identification. */
  readonly loss?: number;
  readonly top1?: number;
  /** Of segmentation networks. */
  readonly miou?: number;
  /** Of multi-label classifiers. */
  readonly map?: number;
  /** Of regression. */
  readonly r2?: number;
}

/** A network as the graph that its export writes, with folding and rounded weights. */
class Exported extends Module {
  static override readonly kind: string = "Exported";

  readonly #model: Module;
  readonly #options: ExportedGraphOptions;

  constructor(
    model: Module,
    options: ExportedGraphOptions,
    private readonly traced: NonNullable<Task["trace"]> = trace,
  ) {
    super();
    this.#model = model;
    this.#options = options;
  }

  override forward(x: Value): Value {
    return inline(exportedGraph(this.traced(this.#model, x.shape), this.#options), x.graph, { input: x }).get(
      "output",
    )!;
  }
}

/** Flags about the data that a network is measured or calibrated on. */
interface DataFlags {
  readonly valSplit?: number;
  readonly labels?: string;
}

/** A data set as the network sees it. */
async function openData(
  { task, preprocessing, imageSize, division }: LoadedModel,
  source: string,
  { valSplit: validationSplit, labels }: DataFlags,
) {
  const splits = await openDataset(source, {
    ...division,
    task,
    ...targetOptions(source, { labels }),
    ...optional("resize", preprocessing?.resize),
    onNote: say,
    imageSize,
    ...(validationSplit === undefined ? {} : { validationSplit }),
  });
  requireSplits(source, splits, optional("valSplit", validationSplit));
  return splits;
}

/** `--calibrate`: by images to train on, so that those that are measured stay unseen. */
export async function calibrateOn(
  loaded: LoadedModel,
  source: string,
  flags: DataFlags & { readonly calibrationImages?: number },
): Promise<Calibration> {
  const { train } = await openData(loaded, source, flags);
  const progress = new ProgressLine();
  const preprocessing = preprocessingOf(loaded, defaultPreprocessing(train), {});
  return withEngine((engine) =>
    calibrate(loaded.model, train, {
      engine,
      preprocessing,
      ...optional("images", flags.calibrationImages),
      onProgress: (done, total) => progress.draw(done / total, `calibrating: ${done} of ${total}`),
    }).finally(() => progress.clear()),
  );
}

/**
 * The accuracy cost of exporting: evaluates the network, and the exported graph, on ONNX Runtime over the validation
 * part of a data set. The graph, not the file, because evaluation takes networks; both hold the same numbers.
 */
export async function measure(
  loaded: LoadedModel,
  source: string,
  { foldBatchNorm = true, precision = "float32", calibration }: ExportedGraphOptions,
  flags: DataFlags,
): Promise<Measured> {
  const { model, classes } = loaded;
  const splits = await openData(loaded, source, flags);
  const { dataset: validation } = aligning(splits.validation, { classes });
  const preprocessing = preprocessingOf(loaded, defaultPreprocessing(validation), {});
  const progress = new ProgressLine();
  return withEngine(async (engine) => {
    const figures = async (network: Module, task: Task, which: string) => {
      const { top1, loss, miou, map, r2 } = await evaluate(network, validation, {
        engine,
        task,
        preprocessing,
        onProgress: (done, total) => progress.draw(done / total, `${which}: ${done} of ${total}`),
      });
      progress.clear();
      return {
        count: validation.length,
        figures: {
          ...optional("top1", top1),
          ...optional("loss", loss),
          ...optional("miou", miou),
          ...optional("map", map),
          ...optional("r2", r2),
        },
      };
    };
    const task = taskFor(loaded);
    const before = await figures(model, task, "before");
    const how = { foldBatchNorm, precision, ...optional("calibration", calibration) };
    const after = await figures(new Exported(model, how, task.trace), forOutputs(task), "exported");
    return { count: before.count, before: before.figures, after: after.figures };
  });
}

/** `top-1 93.1 % → 93.0 %, loss 0.2412 → 0.2450 as int8 on 10,000 images` */
export function measuredText({ count, before, after }: Measured, precision: string): string {
  const [first, second] = [scoreText(mainScore(before)!), mainScore(after)!];
  const scores = `${first} → ${scoreValue(second)}`;
  const loss =
    before.loss === undefined || after.loss === undefined
      ? ""
      : `, loss ${before.loss.toFixed(4)} → ${after.loss.toFixed(4)}`;
  return `${scores}${loss} as ${precision} on ${count.toLocaleString("en-US")} images`;
}
