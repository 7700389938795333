import { attentionInfo } from "../attention/index.js";
import { OptionError } from "../core/errors.js";
import type { Dataset, Preprocessing } from "../data/index.js";
import { costOf } from "../graph/cost.js";
import { buildNetwork } from "../inference/load-run.js";
import { modelInfo, type WrittenModel } from "../models/index.js";
import { type Module, parametersOf, trace } from "../nn/index.js";
import { type Optimizer, type Task, trainingStep } from "../train/index.js";
import type { TaskRecord } from "../train/run-task.js";
import type { Named } from "./plan.js";

/** What the networks of a comparison must fit. */
export interface Frame {
  readonly classes: Dataset["classes"];
  readonly preprocessing: Preprocessing;
  readonly task: Task;
  /** The task in `config.json`; classification has none. */
  readonly record?: TaskRecord;
}

/** A backbone without attention, written down. For small images it gets their stem. */
export function plainNetwork({ name, options }: Named, { classes, preprocessing }: Frame): WrittenModel {
  const spec = modelInfo(name);
  const stem = "stem" in spec.options && preprocessing.imageSize < 64 ? { stem: "cifar" } : {};
  const bare = "decoderAttention" in spec.options ? { decoderAttention: "none" } : {};
  return { name, options: { ...stem, ...bare, ...options, attention: "none", numClasses: classes.length } };
}

/**
 * The network of an entrant.
 *
 * @throws OptionError or ShapeError if the module does not fit the backbone.
 */
export function networkOf(backbone: Named, entrant: Named, entrants: readonly Named[], frame: Frame): WrittenModel {
  const plain = plainNetwork(backbone, frame);
  if (entrant.name === "none") return plain;
  if (entrant.name === "wide") return widened(plain, backbone, entrant, entrants, frame);
  attentionInfo(entrant.name);
  // U-Net has places for scSE, in its decoder.
  if ("decoderAttention" in modelInfo(plain.name).options && entrant.name === "scse" && isEmpty(entrant.options))
    return { ...plain, options: { ...plain.options, decoderAttention: "scse" } };
  return { ...plain, options: { ...plain.options, attention: [entrant.name, entrant.options] } };
}

const isEmpty = (options: object) => Object.keys(options).length === 0;

/** The plain network with extra channels in its blocks, so many that its parameters come closest to those of another entrant. */
function widened(
  plain: WrittenModel,
  backbone: Named,
  { options: { as } }: Named,
  entrants: readonly Named[],
  frame: Frame,
): WrittenModel {
  if (!("extraChannels" in modelInfo(plain.name).options))
    throw new OptionError(`wide: ${plain.name} cannot be widened by channels; the ResNets can`);
  const others = entrants.filter(({ name, label }) => name !== "wide" && (as === undefined || label === as));
  const wanted = Math.max(
    ...others.map((other) => parameterCount(buildNetwork(networkOf(backbone, other, [], frame), frame.preprocessing))),
  );
  const written = (extraChannels: number): WrittenModel => ({ ...plain, options: { ...plain.options, extraChannels } });
  const count = (extra: number) => parameterCount(buildNetwork(written(extra), frame.preprocessing));
  let [low, high] = [0, 1];
  while (count(high) < wanted) [low, high] = [high, 2 * high];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (count(middle) < wanted) low = middle;
    else high = middle;
  }
  // One channel more may go to a narrower block than the one before: neighbors may be nearer.
  const candidates = Array.from({ length: 2 * nearby }, (_, i) => low - nearby + 1 + i).filter((extra) => extra >= 0);
  const errors = candidates.map((extra) => Math.abs(count(extra) - wanted));
  return written(candidates[errors.indexOf(Math.min(...errors))]!);
}

/** How many channels up and down are tried. */
const nearby = 5;

/** Number of learned parameters. */
export const parameterCount = (network: Module): number =>
  [...parametersOf(network).values()].reduce((n, { shape }) => n + shape.reduce((a, d) => a * d, 1), 0);

/** The cost of a network: exact counts. */
export interface NetworkCost {
  readonly parameters: number;
  /** Multiply-accumulates of one image, forward. */
  readonly macs: number;
  /** Of one training step: forward, backward and update of a batch. */
  readonly stepMacs: number;
}

export function networkCost(network: Module, frame: Frame, batch: number, optimizer: Optimizer): NetworkCost {
  const { imageSize } = frame.preprocessing;
  const input = [batch, 3, imageSize, imageSize] as const;
  return {
    parameters: parameterCount(network),
    macs: costOf(trace(network, [1, 3, imageSize, imageSize])).macs,
    stepMacs: costOf(
      trainingStep(network, {
        optimizer,
        input,
        numClasses: frame.classes.length,
        positions: frame.task.positions(imageSize),
        objective: frame.task.objective,
      }).graph,
    ).macs,
  };
}
