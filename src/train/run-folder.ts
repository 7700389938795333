import { appendFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { FormatError, FoveaError, messageOf, OptionError } from "../core/errors.js";
import { evaluationSchema } from "../core/evaluation.js";
import { type EpochMaps, epochMapsSchema, type ReportFacts, reportFactsSchema } from "../core/findings.js";
import { isPixelEvaluation } from "../core/pixel-evaluation.js";
import { type PixelFacts, pixelFactsSchema } from "../core/pixel-findings.js";
import { isReidEvaluation } from "../core/retrieval-evaluation.js";
import {
  anything,
  check,
  fieldsOf,
  flag,
  isObject,
  list,
  misfit,
  oneOf,
  type Schema,
  text,
  whole,
} from "../core/schema.js";
import { type TargetFacts, targetFactsSchema } from "../core/target-evaluation.js";
import { type Tensor, tensors } from "../core/tensor.js";
import type { WrittenModel } from "../core/written.js";
import type { Preprocessing } from "../data/index.js";
import { Lock, ownerOf } from "../files/lock.js";
import { fileSource, readLines, readWhole, unlessMissing, withFile } from "../files/read.js";
import { type Contents, isTemporary, makeFolder, requireRegular, writeFileAtomic } from "../files/write.js";
import type { ByteSource } from "../formats/byte-source.js";
import { refusal } from "../formats/refusal.js";
import { encodeSafetensors, openSafetensors } from "../formats/safetensors.js";
import { modelWeights } from "./checkpoint.js";
import { type EpochRecord, historyCsv, recordSchema } from "./history.js";
import { checkRunConfig, parseRunConfig } from "./run-config.js";
import type { TaskRecord } from "./run-task.js";
import type { RecordedTraining } from "./settings.js";
import type { Scores } from "./task.js";
import type { EpochReport } from "./train.js";

/** Everything needed to repeat a training, as in `config.json`. */
export interface RunConfig {
  /** Version of the format. */
  readonly format: "fovea.run.1";
  /** Versions that wrote it. */
  readonly versions: Readonly<Record<string, string>>;
  /** Flags that were given; the rest are defaults. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** The network, with options. */
  readonly model: WrittenModel;
  /** Where the data is and how it was split. */
  readonly data: {
    /** As it was given. */
    readonly source: string;
    /** The absolute path, if it is a folder. */
    readonly folder?: string;
    readonly kind: string;
    readonly classes: readonly string[];
    readonly validationSplit?: number;
    readonly testSplit?: number;
    /** Class names and the ignored value, if they were given. */
    readonly classNames?: readonly string[];
    readonly ignoreLabel?: number | null;
  };
  /** How pixels, labels, numbers or identities are learned; missing where images are classified. */
  readonly task?: TaskRecord;
  /** How images become inputs. */
  readonly preprocessing: Preprocessing;
  /** Paths of frozen parameters. */
  readonly frozen: readonly string[];
  /** How it was trained. */
  readonly training: RecordedTraining;
}

const files = {
  config: "config.json",
  metrics: "metrics.jsonl",
  results: "results.csv",
  best: "best.safetensors",
  last: "last.safetensors",
  facts: "report.json",
  report: "report.html",
} as const;
const mapsFile = (epoch: number) => join("maps", `epoch-${epoch}.json`);

const fileSchema = oneOf(...(Object.keys(files) as (keyof typeof files)[]));
/** What `train` reports of an epoch; its parts are checked where they are written. */
const reportSchema = fieldsOf<Pick<EpochReport<Scores>, "isBest" | "weights" | "checkpoint">>(
  { isBest: flag, weights: tensors, checkpoint: anything },
  "the report of an epoch, as train() gives it",
);
const lockFile = ".lock";
/** A configuration takes a few thousand bytes, plus its class names. */
const MAX_CONFIG_BYTES = 10_000_000;
/** Some hundred small images and maps. */
const MAX_FACTS_BYTES = 2 ** 25;
/** Bytes of a line of metrics; a confusion matrix of 1000 classes has a few million. */
const MAX_LINE_BYTES = 2 ** 27;

/**
 * The folder of one training run: `config.json`, `metrics.jsonl` (a line per epoch, with timings), `results.csv` (the same without
 * timings, so that repeated runs give equal files), `best.safetensors`, `last.safetensors`, `report.html`, and what the report shows
 * beyond the figures: `report.json` and `maps/epoch-N.json`.
 * Files are written whole or not at all, and by one process at a time, the one that has claimed the folder. Anybody may read.
 */
export class RunFolder {
  #lock: Lock | undefined;

  private constructor(
    readonly path: string,
    readonly config: RunConfig,
  ) {}

  /** Starts a run in a new or empty folder, and claims it. @throws FoveaError if it is not empty, cannot be written, or is claimed by another process. */
  static async create(path: string, config: RunConfig): Promise<RunFolder> {
    check("RunFolder.create", "path", text, path);
    checkRunConfig("RunFolder.create: config", config, OptionError);
    await requireEmpty(path);
    await makeFolder(path).catch((error) => {
      throw new FoveaError(`cannot create ${path}: ${messageOf(error)}`);
    });
    const run = new RunFolder(path, config);
    await run.claim();
    try {
      // Checked again: another process may have begun and ended a run in between.
      await requireEmpty(path);
      await run.write("config", `${JSON.stringify(config, null, 2)}\n`);
    } catch (error) {
      run.release();
      throw error;
    }
    return run;
  }

  /**
   * Makes this the folder's only writer until {@link release}, or until the process ends, however it does. Claim a folder before writing,
   * and before reading its state to resume.
   *
   * @throws FoveaError if another process has it.
   */
  async claim(): Promise<void> {
    if (this.#lock) return;
    const path = join(this.path, lockFile);
    this.#lock = await Lock.tryAcquire(path).catch((error) => {
      throw new FoveaError(`cannot use ${this.path} as a run folder: ${messageOf(error)}`);
    });
    if (!this.#lock)
      throw new FoveaError(
        `${this.path} is in use: ${await ownerOf(path)} is training in it. Wait until it ends, stop it, or choose another folder`,
      );
  }

  /** Releases the claim. */
  release(): void {
    this.#lock?.release();
    this.#lock = undefined;
  }

  /** Opens the folder of an earlier run. @throws FoveaError if it is not a run folder. */
  static async open(path: string): Promise<RunFolder> {
    check("RunFolder.open", "path", text, path);
    const bytes = await readWhole(join(path, files.config), MAX_CONFIG_BYTES).catch(unlessMissing);
    if (!bytes) throw new FoveaError(`${path} is not a run folder: it has no ${files.config}`);
    // Checked before any training.
    for (const file of Object.values(files)) await requireRegular(join(path, file));
    return new RunFolder(path, parseRunConfig(new TextDecoder().decode(bytes), join(path, files.config)));
  }

  /** Records an epoch: metrics, the state to resume from, and the weights if they are the best so far. */
  async record(record: EpochRecord, history: readonly EpochRecord[], epoch: EpochReport<Scores>): Promise<void> {
    check("RunFolder.record", "record", recordSchema, record);
    check("RunFolder.record", "epoch", reportSchema, epoch);
    if (epoch.isBest)
      await this.write(
        "best",
        encodeSafetensors(epoch.weights, {
          format: "fovea.weights.1",
          epoch: String(record.epoch),
          ...this.description(),
        }),
      );
    await this.write("results", historyCsv(history));
    const { seconds, imagesPerSecond, validation } = epoch;
    const line = { ...record, seconds, imagesPerSecond, validation };
    await appendFile(join(this.path, files.metrics), `${JSON.stringify(line)}\n`);
    // Written last: a resumed run trusts it.
    await this.write("last", epoch.checkpoint);
  }

  /** What the weights alone do not tell: the network, its options, and the class names. */
  description(): Record<string, string> {
    const { model, data, task } = this.config;
    return {
      classes: JSON.stringify(data.classes),
      model: model.name,
      options: JSON.stringify(model.options),
      ...(task && task.name !== "segmentation" ? { task: JSON.stringify(task) } : {}),
      ...(model.insert ? { insert: JSON.stringify(model.insert) } : {}),
    };
  }

  /** Writes a file of the run, whole or not at all. */
  async write(file: keyof typeof files, contents: Contents): Promise<void> {
    check("RunFolder.write", "file", fileSchema, file);
    await this.claim();
    await writeFileAtomic(join(this.path, files[file]), contents);
  }

  /**
   * The state to resume from, or undefined if no epoch is complete yet.
   *
   * @throws FileError if there is one that cannot be read, FormatError if it is damaged: starting over would overwrite it.
   */
  async checkpoint(): Promise<ByteSource | undefined> {
    const path = join(this.path, files.last);
    const source = await fileSource(path).catch(unlessMissing);
    // Finds damage here, where the file's name is known.
    if (source) await openNamed(source, path);
    return source;
  }

  /** The weights of the best epoch, or of the last. @throws FoveaError if the run has none. */
  async weights(which: "best" | "last" = "best"): Promise<Map<string, Tensor>> {
    check("RunFolder.weights", "which", oneOf("best", "last"), which);
    const found = await withFile(join(this.path, files[which]), async (file) => {
      const { entries, read } = await openNamed(file, file.path);
      const weights = new Map<string, Tensor>();
      for (const key of modelWeights(entries).keys()) weights.set(key, await read(key));
      return weights;
    }).catch(unlessMissing);
    if (!found)
      throw new FoveaError(`${this.path} has no ${files[which]}: the run stopped before the end of its first epoch`);
    return found;
  }

  /** An epoch's validation metrics, or undefined if none are recorded. */
  async validation(epoch: number): Promise<Scores | undefined> {
    check("RunFolder.validation", "epoch", whole(0), epoch);
    for await (const { line } of this.#metrics())
      if (line.epoch === epoch) return areScores(line.validation) ? line.validation : undefined;
    return undefined;
  }

  /** Every epoch that is recorded, in order, with its timing. */
  async epochs(): Promise<RecordedEpoch[]> {
    const all: RecordedEpoch[] = [];
    for await (const { line } of this.#metrics()) all.push(line);
    return all;
  }

  /** Stores the maps of the followed images after an epoch. To be called before the epoch is recorded: a resumed run repeats what is not. */
  async writeMaps(maps: EpochMaps): Promise<void> {
    check("RunFolder.writeMaps", "maps", epochMapsSchema, maps);
    await this.claim();
    await writeFileAtomic(join(this.path, mapsFile(maps.epoch)), `${JSON.stringify(maps)}\n`);
  }

  /** The maps of these epochs, as far as they are there. */
  async maps(epochs: readonly number[]): Promise<EpochMaps[]> {
    check("RunFolder.maps", "epochs", list(whole(1), "a list of epochs"), epochs);
    const all: EpochMaps[] = [];
    for (const epoch of epochs) {
      const path = join(this.path, mapsFile(epoch));
      const found = await readJson(path, epochMapsSchema);
      if (found) all.push(found);
    }
    return all;
  }

  /** What the report shows beyond the figures of epochs; undefined if it is not recorded. @throws FormatError for a damaged file. */
  facts(): Promise<ReportFacts | undefined> {
    return readJson(join(this.path, files.facts), reportFactsSchema);
  }

  /** {@link facts} of a segmentation run. */
  pixelFacts(): Promise<PixelFacts | undefined> {
    return readJson(join(this.path, files.facts), pixelFactsSchema);
  }

  /** {@link facts} of a run that learns labels or numbers. */
  targetFacts(): Promise<TargetFacts | undefined> {
    return readJson(join(this.path, files.facts), targetFactsSchema);
  }

  /** Drops metric lines of epochs that a resumed run will do again. */
  async truncateMetrics(epochs: number): Promise<void> {
    check("RunFolder.truncateMetrics", "epochs", whole(0), epochs);
    const metrics = this.#metrics();
    async function* kept() {
      for await (const { text, line } of metrics) if (line.epoch <= epochs) yield `${text}\n`;
    }
    await this.write("metrics", kept());
  }

  /** The recorded epochs, as written and parsed. Invalid lines, as after a crash, are skipped. */
  async *#metrics(): AsyncGenerator<MetricsLine, void> {
    try {
      for await (const text of readLines(join(this.path, files.metrics), MAX_LINE_BYTES)) {
        const line = parsed(text);
        if (line) yield { text, line };
      }
    } catch (error) {
      unlessMissing(error);
    }
  }
}

function parsed(text: string): MetricsLine["line"] | undefined {
  try {
    const line = JSON.parse(text) as MetricsLine["line"] | null;
    return Number.isInteger(line?.epoch) ? line! : undefined;
  } catch {
    return undefined;
  }
}

/** @throws FoveaError if a folder has anything but the remains of a run killed at its start. */
async function requireEmpty(path: string): Promise<void> {
  const present = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw new FoveaError(`cannot use ${path} as a run folder: ${messageOf(error)}`);
  });
  if (present.some((name) => name !== lockFile && !isTemporary(name)))
    throw new FoveaError(`${path} is not empty. Choose another --out, or continue the run in it with --resume`);
}

/** The contents of a file of a run; undefined if it does not exist. @throws FormatError if it is malformed. */
async function readJson<T>(path: string, schema: Schema<T>): Promise<T | undefined> {
  const bytes = await readWhole(path, MAX_FACTS_BYTES).catch(unlessMissing);
  if (!bytes) return undefined;
  const value = parsedJson(new TextDecoder().decode(bytes));
  const wanted = value === undefined ? "JSON" : misfit(schema, value);
  if (wanted !== undefined) throw refusal(path, `must be ${wanted}`);
  return value as T;
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether a line's figures are such: of classes, or of another task. */
const areScores = (value: unknown): value is Scores =>
  misfit(evaluationSchema, value) === undefined ||
  isPixelEvaluation(value) ||
  isReidEvaluation(value) ||
  (isObject(value) && !("classes" in value) && Number.isFinite(value.loss));

/** Errors name the file. */
const openNamed = (source: ByteSource, path: string) =>
  openSafetensors(source).catch((error) => {
    throw error instanceof FormatError ? refusal(path, error.message) : error;
  });

/** An epoch as `metrics.jsonl` has it. */
export type RecordedEpoch = EpochRecord & Pick<EpochReport<Scores>, "validation" | "seconds" | "imagesPerSecond">;

/** A line of `metrics.jsonl`. */
interface MetricsLine {
  readonly text: string;
  readonly line: RecordedEpoch;
}
