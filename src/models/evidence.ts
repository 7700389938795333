import {
  type AttentionInfo,
  type AttentionOptions,
  attentionInfo,
  attentionModules,
  type Placement,
} from "../attention/index.js";
import { type Candidate, isCount, partOf, recognizeOptions } from "../attention/recognize.js";
import type { Tensor } from "../core/tensor.js";

/** What a checkpoint's keys and shapes tell. Networks are recognized by asking it. */
export class Evidence {
  constructor(private readonly weights: ReadonlyMap<string, Pick<Tensor, "shape">>) {}

  /** The shape of a tensor; empty if there is none of the name. */
  shape(key: string): readonly number[] {
    return this.weights.get(key)?.shape ?? [];
  }

  /** The length of a tensor's first axis: the outputs of a layer. */
  rows(key: string): number | undefined {
    return this.shape(key)[0];
  }

  has(...keys: readonly string[]): boolean {
    return keys.every((key) => this.weights.has(key));
  }

  /** Whether any key has the text in it. */
  mentions(text: string): boolean {
    return [...this.weights.keys()].some((key) => key.includes(text));
  }

  /** How many different places `…<i>…` match a pattern with one group. */
  count(pattern: RegExp): number {
    return new Set([...this.weights.keys()].flatMap((key) => pattern.exec(key)?.[1] ?? [])).size;
  }

  /** Blocks of each stage: how many `layer<s>.<b>.<layer>` there are, for s = 1, 2, …; after five stages nobody counts on. */
  depths(prefix = "", layer = "conv1"): readonly number[] {
    const depths: number[] = [];
    for (let stage = 1; stage <= 5; stage++) {
      const at = `${prefix}layer${stage}.`.replaceAll(".", "\\.");
      const blocks = this.count(new RegExp(`^${at}(\\d+)\\.${layer}\\.weight$`));
      if (blocks === 0) break;
      depths.push(blocks);
    }
    return depths;
  }

  /** The names that follow a prefix. */
  fields(prefix: string): readonly string[] {
    const below = [...this.weights.keys()].filter((key) => key.startsWith(prefix));
    return [...new Set(below.map((key) => key.slice(prefix.length).split(".")[0]!))];
  }

  /**
   * What stands below a prefix, or of it only in some fields, as the keys of a module; null if there is nothing. How wide its map is the
   * rows of `layers` beside it say, or else its own sizes.
   */
  part(prefix: string, layers: readonly string[], fields?: readonly string[]): Part | null {
    const own = [...this.weights].flatMap(([key, { shape }]) => {
      const name = key.startsWith(prefix) && !isCount(key) ? key.slice(prefix.length) : "";
      return name && (!fields || fields.includes(name.split(".")[0]!)) ? [[name, shape] as const] : [];
    });
    if (own.length === 0) return null;
    const beside = layers.flatMap((key) => this.rows(`${key}.weight`) ?? []);
    const sizes = [...new Set(own.flatMap(([, shape]) => shape))].toSorted((a, b) => b - a);
    return { shapes: new Map(own), widths: beside.length ? beside : sizes };
  }
}

/** The keys of one module. */
export type Part = Candidate;

type Options = AttentionOptions | readonly (AttentionOptions | null)[];

/** The modules of a network: which, with which options, and what the first one's keys are called in ours. */
export interface Modules {
  readonly spec: AttentionInfo;
  readonly options: Options;
  readonly keys: ReadonlyMap<string, string>;
}

/**
 * What modules these parts are, one of each stage: with the same options in all stages, or with those of each. Modules that share their keys,
 * such as `cam` and others with one number, are told apart by the field that they are in.
 */
export function modulesOf(
  parts: readonly (Part | null)[],
  field: string,
  how: { readonly byOrder?: boolean } = {},
): Modules | undefined {
  const present = parts.filter((part) => part !== null);
  if (present.length === 0) return undefined;
  const fits = (own: string) => partOf(field) === undefined || partOf(field) === partOf(own);
  const gates = [...attentionModules.values()].filter(
    (spec) => spec.kind === "gate" && (how.byOrder || fits(spec.field)),
  );
  for (const spec of gates.toSorted((a, b) => Number(b.field === field) - Number(a.field === field))) {
    const all = recognizeOptions(spec, present, how);
    if (all)
      return { spec, keys: all.keys, options: parts.includes(null) ? parts.map((p) => p && all.options) : all.options };
    const each = parts.map((part) => part && recognizeOptions(spec, [part], how));
    if (each.includes(undefined)) continue;
    const keys = each.find((one) => one)!.keys;
    return { spec, keys, options: each.map((one) => one?.options ?? null) };
  }
  return undefined;
}

/** A choice of modules for a network, their placement where it is not their own. */
export type Choice = readonly [string, Options, Placement?];

export const choiceOf = ({ spec, options }: Modules, placement: Placement): Choice =>
  placement === spec.placement ? [spec.name, options] : [spec.name, options, placement];

/** Where a module stands in our networks. */
export const fieldOf = (name: string): string => attentionInfo(name).field;
