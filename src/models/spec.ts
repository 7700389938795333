import type { AttentionChoice } from "../attention/index.js";
import { OptionError } from "../core/errors.js";
import type { OptionSpecs, OptionsOf } from "../core/options.js";
import { seed as anySeed, anything, type Fields, maybe, type Schema } from "../core/schema.js";
import type { Module } from "../nn/index.js";

/** Options that every network has. */
export interface ClassifierOptions {
  /** Number of classes, the width of the logits. */
  readonly numClasses?: number;
  /**
   * An attention module for every block: a catalogue name, `[name, options]`, or a function of the channels. Null or left out: that of the
   * published network, usually none; "none": none.
   */
  readonly attention?: AttentionChoice | null;
  /** Seed of the initial weights. */
  readonly seed?: number;
}

/** An option that the network itself checks. */
export const own: Schema<never> = maybe(anything) as Schema<never>;

/** The options of every network, for its schema. */
export const classifierFields: Fields<ClassifierOptions> = { numClasses: own, attention: own, seed: maybe(anySeed) };

/** What a network predicts: a class for the image, logits [N,K], or for every pixel, logits [N,K,H,W]. */
export type Task = "classification" | "segmentation";

/** The catalogue entry of a network. */
export interface ModelInfo<S extends OptionSpecs = OptionSpecs, N extends string = string> {
  /** Catalogue name, as in timm and torchvision. */
  readonly name: N;
  /** Where it was published. */
  readonly paper: { readonly title: string; readonly url: string };
  /** Whether it classifies images or pixels. */
  readonly task: Task;
  /** Classes and input [channels, height, width] of the published network. */
  readonly numClasses: number;
  /** [channels, height, width] of the published input. */
  readonly input: readonly [number, number, number];
  /** The published network's attention module, if it is an option. */
  readonly attention?: AttentionChoice | null;
  /** The command line's default optimizer. Default sgd; adamw for networks that diverge at sgd's usual rate. */
  readonly optimizer?: "sgd" | "adamw";
  /** Options besides those of every network. */
  readonly options: S;
  /** Builds the network. */
  create(options: ClassifierOptions & OptionsOf<S>): Module;
}

/** An entry from which the types of the catalogue take name and options. */
export function defineModel<const S extends OptionSpecs, const N extends string>(
  spec: ModelInfo<S, N>,
): ModelInfo<S, N> {
  return spec;
}

/** Returns the entry of a classifier. @throws OptionError for other networks. */
export function requireClassifier(spec: ModelInfo): ModelInfo {
  if (spec.task !== "classification")
    throw new OptionError(`${spec.name} is a ${spec.task} network; this needs a classifier, such as resnet50`);
  return spec;
}
