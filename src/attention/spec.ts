import type { OptionSpecs, OptionsOf } from "../core/options.js";
import type { Value } from "../graph/graph.js";
import type { Module } from "../nn/index.js";

/** What an attention module weighs: channels (*what*), positions (*where*), or both; `none` for building blocks. */
export type Attends = "channel" | "spatial" | "both" | "none";

/**
 * What an entry is, and so where it can be used:
 * - `gate`: keeps the shape of its input, so it fits any network;
 * - `block`: a building block that replaces convolutions of a network;
 * - `head`: the end of a network.
 */
export type Kind = "gate" | "block" | "head";

/**
 * Where a residual network puts a module unless told otherwise:
 * - `residual`: after the last norm of the residual branch, before the addition;
 * - `convolution`: right after the block's last spatial convolution, before its norm;
 * - `activation`: after the last activation inside the branch, before its last convolution;
 * - `stage`: between two stages.
 */
export const placements = ["residual", "convolution", "activation", "stage"] as const;
export type Placement = (typeof placements)[number];

/** What an entry creates. Only heads have more than one output. */
export type AttentionModule = Module<[x: Value], Value | readonly Value[]>;

/** The catalogue entry of one attention module: all that other code needs to know about it. */
export interface AttentionInfo<S extends OptionSpecs = OptionSpecs, N extends string = string, K extends Kind = Kind> {
  /** Catalogue name. */
  readonly name: N;
  /** Full name, as the paper writes it. */
  readonly title: string;
  /** Where it was published. */
  readonly paper: { readonly title: string; readonly venue: string; readonly url: string };
  /** What it computes, one line per step, for docs/catalogue.md. */
  readonly formula: readonly string[];
  /** Where the paper, the authors' code and well-known copies disagree, and other surprises: a sentence or two each, Markdown. */
  readonly notes: readonly string[];
  /** `gate`: keeps the shape, fits any network. `block`: replaces convolutions. `head`: ends a network. */
  readonly kind: K;
  /** What it weighs: channels, positions (`spatial`), both, or nothing. */
  readonly attends: Attends;
  /** Where networks put it by default. */
  readonly placement: Placement;
  /** The field that holds the module in a residual block, as in the keys of the authors' checkpoints. */
  readonly field: string;
  /** Its options, with defaults and meanings. */
  readonly options: S;
  /** Matches the keys of other code that has the same layers in the same order under other names. */
  readonly copies?: RegExp;
  /** Whether the weights depend on the size of the maps, so that the option `size` is required. */
  readonly sized?: true;
  /** Output channels, if they depend on the options. In a network's blocks they must equal the input channels. */
  readonly outputs?: (channels: number, options: OptionsOf<S>) => number;
  /** Options that a network sets for modules in its blocks, where they differ from the defaults. */
  readonly inserted?: Partial<NoInfer<OptionsOf<S>>>;
  /** A module for maps of `channels` channels. All options are present and of the right type. */
  create(channels: number, options: OptionsOf<S>): AttentionModule;
}

/** An entry from which the types of the catalogue take name, kind and options. */
export function defineAttention<const S extends OptionSpecs, const N extends string, const K extends Kind>(
  spec: AttentionInfo<S, N, K>,
): AttentionInfo<S, N, K> {
  return spec;
}
