import { isAdded } from "../attention/index.js";
import { check, classList, options as fields, fieldsOf, maybe, metadata, type Schema } from "../core/schema.js";
import { type Tensor, tensors, toFloat64 } from "../core/tensor.js";
import { classDifference, className } from "../data/index.js";
import type { Checkpoint } from "../formats/checkpoint.js";
import { classNames } from "../formats/class-names.js";
import { recognizeCheckpoint } from "../models/recognize.js";
import { moduleSchema } from "../nn/checks.js";
import { type Module, stateOf, walk } from "../nn/index.js";
import { modelWeights } from "../train/checkpoint.js";
import { headOf } from "../train/fine-tune.js";
import { type LoadOptions, loadState, patterns } from "../train/weights.js";

/** Options of {@link loadPretrained}. */
export interface PretrainedOptions {
  /** The network's class names, in the order of its logits: rows of the checkpoint's classifier are matched by name. */
  readonly classes?: readonly string[];
  /** Keys of the network or the checkpoint that may differ. */
  readonly ignore?: LoadOptions["ignore"];
}

/** What {@link loadPretrained} took from a checkpoint. */
export interface PretrainedReport {
  /** Whose parameter names the checkpoint has, if known. */
  readonly family: string | undefined;
  /** Paths loaded from the checkpoint. */
  readonly loaded: readonly string[];
  /** Paths that keep their initial values, without the classifier. */
  readonly fresh: readonly string[];
  /** Keys of the checkpoint, in the network's names, that the network does not have and `ignore` allows. */
  readonly unused: readonly string[];
  /** Loaded parameters without the classifier: freeze these to train only the rest. */
  readonly backbone: readonly string[];
  /** Path of the classifier, and where its values come from: the checkpoint, by class name or position, or nowhere. */
  readonly head: string;
  /** How the classifier's values were found, or null if it starts fresh. */
  readonly headFrom: "names" | "positions" | null;
  /** How the checkpoint's classes differ from the network's; null if they do not, or are unknown. */
  readonly classDifference: string | null;
}

export const pretrainedOptions: Schema<PretrainedOptions> = fields<PretrainedOptions>({
  classes: maybe(classList),
  ignore: maybe(patterns),
});
const checkpointSchema = fieldsOf<Pick<Checkpoint, "tensors" | "metadata">>(
  { tensors: tensors as Schema<Checkpoint["tensors"]>, metadata },
  "a checkpoint, { tensors, metadata }",
);

/**
 * Loads pretrained weights into a network that may differ from theirs in two ways: extra attention modules, and another
 * classifier. Those parts keep their initial values. Keys are renamed where {@link recognizeCheckpoint} knows their naming.
 *
 * @throws WeightsError that lists what does not fit.
 *
 * @example
 * const { backbone } = loadPretrained(model, await openCheckpoint("resnet18.pth"), { classes: data.classes });
 * freeze(model, (path) => backbone.includes(path)); // train the rest alone
 */
export function loadPretrained(
  model: Module,
  checkpoint: Pick<Checkpoint, "tensors" | "metadata">,
  options: PretrainedOptions = {},
): PretrainedReport {
  check("loadPretrained", "model", moduleSchema, model);
  check("loadPretrained", "checkpoint", checkpointSchema, checkpoint);
  check("loadPretrained", "options", pretrainedOptions, options);
  const { classes, ignore = [] } = options;
  const theirs = classNames(checkpoint.metadata);
  const given = modelWeights(checkpoint.tensors);
  const known = recognizeCheckpoint(given, checkpoint.metadata);
  const state = stateOf(model);
  const fitting = (rename: (key: string) => string) => [...given.keys()].filter((key) => state.has(rename(key))).length;
  const same = (key: string) => key;
  const rename = known && fitting(known.rename) > fitting(same) ? known.rename : same;
  const head = headOf(model);
  const inHead = (key: string) => key.startsWith(`${head}.`);

  const weight = [...given].find(([key]) => rename(key) === `${head}.weight`)?.[1];
  const sameSize = String(weight?.shape) === String(state.get(`${head}.weight`)!.shape);
  const order = theirs && classes && sameSize ? orderOf(classes, theirs) : undefined;
  // Rows that match only in number would be taken for other classes.
  const newHead = !sameSize || order === null;
  for (const [key, value] of [...given])
    if (inHead(rename(key))) {
      if (newHead) given.delete(key);
      else if (order) given.set(key, rows(value, order));
    }
  const added = addedPaths(model);
  const fits = (key: string) => added.some((path) => key.startsWith(`${path}.`)) || (newHead && inHead(key));
  const { matched, missing, unexpected } = loadState(model, given, { ignore: [...ignore, { test: fits }], rename });
  return {
    family: known?.family,
    loaded: matched,
    fresh: missing.filter((key) => !key.endsWith("num_batches_tracked") && !inHead(key)),
    unused: unexpected,
    backbone: matched.filter((key) => state.get(key)!.kind === "parameter" && !inHead(key)),
    head,
    headFrom: newHead ? null : order ? "names" : "positions",
    classDifference: (theirs && classes && classDifference(theirs, classes)) ?? null,
  };
}

/** Paths of attention modules added to a network, which its pretrained weights need not have. */
function addedPaths(model: Module): readonly string[] {
  const paths = ["attention"]; // what insertAttention inserts
  walk(model, { module: (path, part) => void (isAdded(part) && paths.push(path)) });
  return paths;
}

/** For each class, its row in `theirs`; null if the names are not the same set. */
function orderOf(classes: readonly string[], theirs: readonly string[]): readonly number[] | null {
  const names = theirs.map(className);
  const order = classes.map((name) => names.indexOf(className(name)));
  return classes.length === theirs.length && !order.includes(-1) ? order : null;
}

/** The rows of a tensor in another order. */
function rows(value: Tensor, order: readonly number[]): Tensor {
  const { data, ...rest } = toFloat64(value);
  const width = data.length / order.length;
  const sorted = new Float64Array(data.length);
  order.forEach((from, to) => sorted.set(data.subarray(from * width, (from + 1) * width), to * width));
  return { ...rest, data: sorted };
}
