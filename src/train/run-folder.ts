import { appendFile, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { FoveaError, messageOf } from "../core/errors.js";
import type { Tensor } from "../core/tensor.js";
import type { Augmentation, Preprocessing } from "../data/index.js";
import { readSafetensors, writeSafetensors } from "../formats/safetensors.js";
import { modelWeights } from "./checkpoint.js";
import { readWhole, unlessMissing, writeFileAtomic } from "./files.js";
import { type EpochRecord, historyCsv } from "./history.js";
import { parseRunConfig } from "./run-config.js";
import type { Schedule } from "./schedules.js";
import type { Scores } from "./task.js";
import type { EpochReport } from "./train.js";

/** Everything needed to repeat a training, as it stands in `config.json`. */
export interface RunConfig {
  readonly format: "fovea.run.1";
  readonly versions: Readonly<Record<string, string>>;
  /** What was asked for; the rest are defaults. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly model: {
    readonly name: string;
    readonly options: Readonly<Record<string, unknown>>;
    /** An attention module put into the finished network, to begin as the identity. */
    readonly insert?: { readonly attention: string; readonly options: Readonly<Record<string, unknown>> };
  };
  readonly data: {
    readonly source: string;
    readonly kind: string;
    readonly classes: readonly string[];
    readonly validationSplit?: number;
    readonly testSplit?: number;
  };
  readonly preprocessing: Preprocessing;
  /** Paths of parameters that are not trained. */
  readonly frozen: readonly string[];
  readonly training: {
    readonly epochs: number;
    readonly batch: number;
    readonly optimizer: {
      readonly name: string;
      readonly settings: Readonly<Record<string, number | boolean | string>>;
    };
    readonly schedule: Schedule;
    readonly labelSmoothing: number;
    readonly clipNorm: number | null;
    readonly ema: number | null;
    readonly seed: number;
    readonly augment: Augmentation | null;
    readonly weights: string | null;
    readonly freeze: string | null;
    readonly freezeUntil: string | null;
    readonly headLr: number | null;
  };
}

const files = {
  config: "config.json",
  metrics: "metrics.jsonl",
  results: "results.csv",
  best: "best.safetensors",
  last: "last.safetensors",
  report: "report.html",
} as const;

/**
 * The folder of one training run: `config.json`, `metrics.jsonl` (a line per epoch, with timings), `results.csv` (the same without
 * timings, so that repeated runs give equal files), `best.safetensors`, `last.safetensors`, `report.html`.
 * Files are written whole or not at all.
 */
export class RunFolder {
  private constructor(
    readonly path: string,
    readonly config: RunConfig,
  ) {}

  /** Starts a run in a new or empty folder. @throws FoveaError if there is something in it, or it cannot be written. */
  static async create(path: string, config: RunConfig): Promise<RunFolder> {
    const present = await readdir(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return [];
      throw new FoveaError(`cannot use ${path} as a run folder: ${messageOf(error)}`);
    });
    if (present.length > 0)
      throw new FoveaError(`${path} is not empty. Choose another --out, or go on with the run in it by --resume`);
    await mkdir(path, { recursive: true }).catch((error) => {
      throw new FoveaError(`cannot create ${path}: ${messageOf(error)}`);
    });
    await writeFileAtomic(join(path, files.config), `${JSON.stringify(config, null, 2)}\n`);
    return new RunFolder(path, config);
  }

  /** Opens the folder of an earlier run. @throws FoveaError if it is none. */
  static async open(path: string): Promise<RunFolder> {
    const bytes = await readWhole(join(path, files.config)).catch(unlessMissing);
    if (!bytes) throw new FoveaError(`${path} is not a run folder: it has no ${files.config}`);
    return new RunFolder(path, parseRunConfig(new TextDecoder().decode(bytes), join(path, files.config)));
  }

  /** Records an epoch: figures, the state to resume from, and the weights if they are the best so far. */
  async record(record: EpochRecord, history: readonly EpochRecord[], epoch: EpochReport<Scores>): Promise<void> {
    if (epoch.isBest)
      await this.write(
        "best",
        writeSafetensors(epoch.weights, {
          format: "fovea.weights.1",
          epoch: String(record.epoch),
          ...this.description(),
        }),
      );
    await this.write("results", historyCsv(history));
    const { seconds, imagesPerSecond, validation } = epoch;
    const line = { ...record, seconds, imagesPerSecond, validation };
    await appendFile(join(this.path, files.metrics), `${JSON.stringify(line)}\n`);
    // Last, because it is what a resumed run believes.
    await this.write("last", epoch.checkpoint);
  }

  /** What the weights alone do not tell: which network they are of, with which options, and the names of its classes. */
  description(): Record<string, string> {
    const { model, data } = this.config;
    return {
      classes: JSON.stringify(data.classes),
      // Modules that were put in afterwards are no options of the network.
      ...(model.insert ? {} : { model: model.name, options: JSON.stringify(model.options) }),
    };
  }

  write(file: keyof typeof files, contents: string | Uint8Array): Promise<void> {
    return writeFileAtomic(join(this.path, files[file]), contents);
  }

  /**
   * The state to resume from, or undefined if no epoch is complete yet.
   *
   * @throws FileError if there is one that cannot be read: to start anew would overwrite it.
   */
  async checkpoint(): Promise<Uint8Array | undefined> {
    return readWhole(join(this.path, files.last)).catch(unlessMissing);
  }

  /** The weights of the best epoch, or of the last. @throws FoveaError if the run has none. */
  async weights(which: "best" | "last" = "best"): Promise<Map<string, Tensor>> {
    const bytes = await readWhole(join(this.path, files[which])).catch(unlessMissing);
    if (!bytes)
      throw new FoveaError(`${this.path} has no ${files[which]}: the run ended before its first epoch was complete`);
    return modelWeights(readSafetensors(bytes).tensors);
  }

  /** What the validation of an epoch measured, or undefined if none is recorded. */
  async validation(epoch: number): Promise<Scores | undefined> {
    return (await this.#metrics()).find(({ line }) => line.epoch === epoch)?.line.validation ?? undefined;
  }

  /** Drops metric lines of epochs that a resumed run will do again. */
  async truncateMetrics(epochs: number): Promise<void> {
    const kept = (await this.#metrics()).filter(({ line }) => line.epoch <= epochs);
    await this.write("metrics", kept.map(({ text }) => `${text}\n`).join(""));
  }

  /** The epochs that are recorded, as they are written and as they are meant. */
  async #metrics(): Promise<readonly MetricsLine[]> {
    const bytes = (await readWhole(join(this.path, files.metrics)).catch(unlessMissing)) ?? new Uint8Array();
    return new TextDecoder()
      .decode(bytes)
      .split("\n")
      .flatMap((text) => {
        try {
          return [{ text, line: JSON.parse(text) as MetricsLine["line"] }];
        } catch {
          return []; // empty, or cut off by a crash
        }
      });
  }
}

/** A line of `metrics.jsonl`. */
interface MetricsLine {
  readonly text: string;
  readonly line: EpochRecord & Pick<EpochReport<Scores>, "validation">;
}
