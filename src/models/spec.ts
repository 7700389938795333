import type { AttentionChoice } from "../attention/index.js";
import { OptionError } from "../core/errors.js";
import type { OptionSpecs, OptionsOf } from "../core/options.js";
import { seed as anySeed, anything, type Fields, maybe, type Schema } from "../core/schema.js";
import type { Value } from "../graph/graph.js";
import { Module } from "../nn/index.js";

/** Options that every network has. */
export interface ClassifierOptions {
  /** Number of classes, the width of the logits. */
  readonly numClasses?: number;
  /**
   * An attention module for every block: a catalogue name, `[name, options]`, or a function of the channels. Null or left out: what the
   * published network has, for most nothing; "none": nothing.
   */
  readonly attention?: AttentionChoice | null;
  /** Seed of the initial weights. */
  readonly seed?: number;
}

/** An option whose value the network itself checks. */
export const own: Schema<never> = maybe(anything) as Schema<never>;

/** The options that every network has, for the schema of all of its own. */
export const classifierFields: Fields<ClassifierOptions> = { numClasses: own, attention: own, seed: maybe(anySeed) };

/** What a network gives: a class for the image, logits [N,K], or for every pixel, logits [N,K,H,W]. */
export type Task = "classification" | "segmentation";

/** The entry of a network in the catalogue. */
export interface ModelInfo<S extends OptionSpecs = OptionSpecs, N extends string = string> {
  /** Catalogue name, as in timm and torchvision. */
  readonly name: N;
  /** Where it was published. */
  readonly paper: { readonly title: string; readonly url: string };
  /** What it computes: classes of images, or of positions. */
  readonly task: Task;
  /** Classes and input [channels, height, width] of the published network. */
  readonly numClasses: number;
  /** [channels, height, width] of the published input. */
  readonly input: readonly [number, number, number];
  /** The attention module of the published network, where it is one that can be chosen. */
  readonly attention?: AttentionChoice | null;
  /** What the command line trains it by where nothing else is asked for. Default sgd; adamw for networks that diverge at its usual rate. */
  readonly optimizer?: "sgd" | "adamw";
  /** Options beside those of every network. */
  readonly options: S;
  /** Builds the network. */
  create(options: ClassifierOptions & OptionsOf<S>): Module;
}

/** An entry whose name and options the types of the catalogue follow from. */
export function defineModel<const S extends OptionSpecs, const N extends string>(
  spec: ModelInfo<S, N>,
): ModelInfo<S, N> {
  return spec;
}

/** Returns the entry of a network that classifies images. @throws OptionError for another. */
export function requireClassifier(spec: ModelInfo): ModelInfo {
  if (spec.task !== "classification")
    throw new OptionError(`${spec.name} is a ${spec.task} network; this needs a classifier, such as resnet50`);
  return spec;
}

/** A network that gives every pixel its logits. Its authors train on more outputs than the first. */
export abstract class SegmentationModel extends Module {
  /** All outputs, the one that counts first. Each [N,classes,H,W], at the input's size. */
  abstract logits(x: Value): readonly Value[];

  override forward(x: Value): Value {
    return this.logits(x)[0]!;
  }
}
