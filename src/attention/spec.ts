import type { OptionSpecs, OptionsOf } from "../core/options.js";
import type { Value } from "../graph/graph.js";
import type { Module } from "../nn/index.js";

/** What an attention module weighs: channels (*what*), positions (*where*), or both; `none` for blocks that others are built of. */
export type Attends = "channel" | "spatial" | "both" | "none";

/**
 * What an entry is, and so what can be done with it:
 * - `gate`: keeps the shape of its input, so that it can be put into any network;
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

/** The entry of one attention module in the catalogue: all that other code needs to know about it. */
export interface AttentionInfo<S extends OptionSpecs = OptionSpecs, N extends string = string, K extends Kind = Kind> {
  /** Catalogue name. */
  readonly name: N;
  /** Full name, as the paper writes it. */
  readonly title: string;
  /** Where it was published. */
  readonly paper: { readonly title: string; readonly venue: string; readonly url: string };
  /** What it computes, a line a step, for docs/catalogue.md. */
  readonly formula: readonly string[];
  /** Where the paper, the authors' code and well-known copies disagree, and what else surprises: a sentence or two each, Markdown. */
  readonly notes: readonly string[];
  /** `gate`: keeps the shape, fits any network. `block`: replaces convolutions. `head`: ends a network. */
  readonly kind: K;
  /** What it weighs: channels, positions (`spatial`), both, or nothing. */
  readonly attends: Attends;
  /** Where networks put it by default. */
  readonly placement: Placement;
  /** The field that holds the module in a residual block, which the authors' checkpoints have in their keys. */
  readonly field: string;
  /** Its options, with defaults and meanings. */
  readonly options: S;
  /** What keys look like in other people's code, where that has the same layers in the same order under other names. */
  readonly copies?: RegExp;
  /** Channels that come out, where that depends on the options. A network's blocks take as many as go in. */
  readonly outputs?: (channels: number, options: OptionsOf<S>) => number;
  /** Options that a network sets when it puts the module into its blocks, where they differ from the defaults. */
  readonly inserted?: Partial<NoInfer<OptionsOf<S>>>;
  /** A module for maps of `channels` channels. All options are present and of the right type. */
  create(channels: number, options: OptionsOf<S>): AttentionModule;
}

/** An entry whose name, kind and options the types of the catalogue follow from. */
export function defineAttention<const S extends OptionSpecs, const N extends string, const K extends Kind>(
  spec: AttentionInfo<S, N, K>,
): AttentionInfo<S, N, K> {
  return spec;
}
