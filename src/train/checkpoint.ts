import { FormatError } from "../core/errors.js";
import { requireFinite } from "../core/finite.js";
import {
  check,
  fieldsOf,
  finite,
  list,
  metadata as metadataSchema,
  seed as seedSchema,
  text,
  that,
  whole,
} from "../core/schema.js";
import type { Tensor } from "../core/tensor.js";
import { classDifference } from "../data/index.js";
import { type ByteSource, sourceSchema } from "../formats/byte-source.js";
import { classNames } from "../formats/class-names.js";
import { encodeSafetensors, openSafetensors, type SafetensorsFile } from "../formats/safetensors.js";
import { moduleSchema } from "../nn/checks.js";
import { type AnyModule, type Param, stateOf } from "../nn/index.js";
import { type EpochRecord, recordsSchema } from "./history.js";
import { asStored, loadState } from "./weights.js";

/** How far training has come. With the weights and the seed, enough to resume exactly. */
export interface Progress {
  /** Completed epochs. */
  readonly epoch: number;
  /** Batches done in the epoch after those. */
  readonly batch: number;
  /** Sums over those batches: loss times images, correct images, images. */
  readonly lossSum: number;
  /** Correctly classified images of the epoch so far. */
  readonly correct: number;
  /** Images of the epoch so far. */
  readonly count: number;
  /** One record per completed epoch. */
  readonly history: readonly EpochRecord[];
}

const cellMap = that<ReadonlyMap<string, Param>>("a Map of parameters by name", (x) => x instanceof Map);
const progressSchema = fieldsOf<Progress>(
  {
    epoch: whole(0),
    batch: whole(0),
    lossSum: finite,
    correct: finite,
    count: whole(0),
    history: recordsSchema,
  },
  "a progress, { epoch, batch, … }",
);

/** Prefixes of arrays that belong to training, not to the model. */
const trainingPrefixes = /^(optimizer|ema|accumulated)\//;

/**
 * The contents of `last.safetensors`: weights under plain keys, optimizer slots, averages, accumulated gradients, and progress; `metadata` describes the
 * network. Equal states give equal bytes.
 */
export function writeCheckpoint(
  model: AnyModule,
  cells: ReadonlyMap<string, Param>,
  seed: number,
  progress: Progress,
  classes: readonly string[],
  metadata: Readonly<Record<string, string>> = {},
): SafetensorsFile {
  check("writeCheckpoint", "model", moduleSchema, model);
  check("writeCheckpoint", "cells", cellMap, cells);
  check("writeCheckpoint", "seed", seedSchema, seed);
  check("writeCheckpoint", "progress", progressSchema, progress);
  check("writeCheckpoint", "classes", list(text, "a list of class names"), classes);
  check("writeCheckpoint", "metadata", metadataSchema, metadata);
  const tensors: [string, Tensor][] = [...stateOf(model), ...cells].map(([name, param]) => [name, asStored(param)]);
  return encodeSafetensors(tensors, {
    ...metadata,
    classes: JSON.stringify(classes),
    format: "fovea.checkpoint.1",
    seed: String(seed),
    progress: JSON.stringify(progress),
  });
}

/**
 * Restores what {@link writeCheckpoint} wrote, tensor by tensor; nothing changes unless everything fits.
 * @throws FormatError if the file belongs to another model, optimizer, seed or classes.
 */
export async function restoreCheckpoint(
  source: ByteSource,
  model: AnyModule,
  cells: ReadonlyMap<string, Param>,
  seed: number,
  classes: readonly string[],
): Promise<Progress> {
  check("restoreCheckpoint", "source", sourceSchema, source);
  check("restoreCheckpoint", "model", moduleSchema, model);
  check("restoreCheckpoint", "cells", cellMap, cells);
  check("restoreCheckpoint", "seed", seedSchema, seed);
  check("restoreCheckpoint", "classes", list(text, "a list of class names"), classes);
  const { entries, metadata, read } = await openSafetensors(source);
  if (metadata.format !== "fovea.checkpoint.1")
    throw new FormatError("resume: this is not a Fovea training checkpoint");
  if (metadata.seed !== String(seed))
    throw new FormatError(`resume: the checkpoint was trained with seed ${metadata.seed}, this run has ${seed}`);
  const difference = classDifference(classNames(metadata) ?? classes, classes);
  if (difference) throw new FormatError(`resume: the data's classes are not the checkpoint's (${difference})`);
  for (const [name, param] of cells)
    if (String(entries.get(name)?.shape) !== String(param.shape))
      throw new FormatError(
        `resume: the checkpoint lacks ${name} of shape [${param.shape}]${name.startsWith("ema/") ? ", which older versions did not store. Start a new run with --weights and its best.safetensors" : ""}`,
      );
  const progress = progressIn(metadata);
  const readAll = async (names: Iterable<string>) => {
    const tensors = new Map<string, Tensor>();
    for (const name of names) tensors.set(name, await read(name));
    return tensors;
  };
  const own = await readAll(cells.keys());
  requireFinite("resume", own);
  loadState(model, await readAll(modelWeights(entries).keys()));
  for (const [name, param] of cells) param.value = own.get(name)!;
  return progress;
}

/** @throws FormatError if the progress is missing or invalid. */
function progressIn({ progress = "" }: Readonly<Record<string, string>>): Progress {
  let value: unknown;
  try {
    value = JSON.parse(progress);
  } catch {
    throw new FormatError("resume: the checkpoint's progress is not JSON");
  }
  check("resume", "progress", progressSchema, value, FormatError);
  return value as Progress;
}

/** The weights among the arrays of a checkpoint. */
export function modelWeights<T>(tensors: ReadonlyMap<string, T>): Map<string, T> {
  check(
    "modelWeights",
    "tensors",
    that("a Map of tensors by key", (x) => x instanceof Map),
    tensors,
  );
  return new Map([...tensors].filter(([name]) => !trainingPrefixes.test(name)));
}
