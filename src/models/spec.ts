import type { AttentionChoice } from "../attention/index.js";
import type { OptionSpecs } from "../core/options.js";
import type { Module } from "../nn/index.js";

/** Options that every classifier has. */
export interface ClassifierOptions {
  /** Number of classes, the width of the logits. */
  readonly classes?: number;
  /** An attention module for every block: a catalogue name, `[name, options]`, or a function of the channels. */
  readonly attention?: AttentionChoice | null;
  /** Seed of the initial weights. */
  readonly seed?: number;
}

/** The entry of a network in the catalogue. */
export interface ModelSpec<O extends object = Record<string, unknown>> {
  /** Catalogue name, as in timm and torchvision. */
  readonly name: string;
  readonly paper: { readonly title: string; readonly url: string };
  /** Classes and input [channels, height, width] of the published network. */
  readonly classes: number;
  readonly input: readonly [number, number, number];
  /** Options beside those of every classifier. */
  readonly options: OptionSpecs<O>;
  create(options: ClassifierOptions & O): Module;
}

/** Checks the types of an entry and forgets them, so that entries of different options can stand in one list. */
export function defineModel<O extends object>(spec: ModelSpec<O>): ModelSpec {
  return spec as unknown as ModelSpec;
}
