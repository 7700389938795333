import {
  type AttentionInfo,
  type AttentionOptions,
  attentionInfo,
  attentionModules,
  type Placement,
} from "../attention/index.js";
import { type Candidate, isCount, partOf, recognizeOptions } from "../attention/recognize.js";
import type { Tensor } from "../core/tensor.js";

/** What a checkpoint's keys and shapes tell; networks are recognized from it. */
export class Evidence {
  constructor(private readonly weights: ReadonlyMap<string, Pick<Tensor, "shape">>) {}

  /** The shape of a tensor; empty if there is none of that name. */
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

  /** Whether any key contains the text. */
  mentions(text: string): boolean {
    return [...this.weights.keys()].some((key) => key.includes(text));
  }

  /** How many different places `…<i>…` match a pattern with one group. */
  count(pattern: RegExp): number {
    return new Set([...this.weights.keys()].flatMap((key) => pattern.exec(key)?.[1] ?? [])).size;
  }

  /** Blocks per stage: how many `layer<s>.<b>.<layer>` there are, for s = 1, 2, …, up to five stages. */
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
   * The keys below a prefix, or only those in some fields, as the keys of a module; null if there are none. The width of its map
   * comes from the rows of `layers` beside it, or else from its own sizes.
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

/** The keys of one module, and in a bottleneck the width of the maps before its last convolution. */
export interface Part extends Candidate {
  readonly inner?: number;
}

/** The layers of a block that tell the widths of its maps, widest first. */
export const widthsIn = (block: string): readonly string[] =>
  ["conv3", "conv3.0", "conv2", "conv2.0", "bn2", "bn1"].map((name) => block + name);

/** The keys below a prefix in a block, as the keys of a module. */
export function partIn(weights: Evidence, block: string, prefix: string, fields?: readonly string[]): Part | null {
  const part = weights.part(prefix, widthsIn(block), fields);
  const inner = weights.has(`${block}conv3.weight`) ? weights.rows(`${block}conv2.weight`) : undefined;
  return part && inner !== undefined ? { ...part, inner } : part;
}

type Options = AttentionOptions | readonly (AttentionOptions | null)[];

/** The modules of a network: which, with which options, and our names for the keys of the first. */
export interface Modules {
  readonly spec: AttentionInfo;
  readonly options: Options;
  readonly keys: ReadonlyMap<string, string>;
  /** In bottlenecks, whether they act on the maps before the last convolution. */
  readonly isInner?: boolean;
}

/** Whether modules of this kind act on a block's output, or between stages. */
const isOuter = ({ placement }: AttentionInfo) => placement === "residual" || placement === "stage";

/** A part with the width that the module's own placement would give it first. */
const asUsual = (spec: AttentionInfo, part: Part): Part =>
  part.inner === undefined || isOuter(spec) ? part : { ...part, widths: [part.inner, ...part.widths] };

/**
 * Which modules these parts are, one part per stage: with the same options in all stages, or options per stage. Modules with the
 * same keys, such as `cam` and others with one number, are told apart by their field.
 */
export function modulesOf(
  parts: readonly (Part | null)[],
  field: string,
  how: { readonly byOrder?: boolean } = {},
): Modules | undefined {
  const present = parts.filter((part) => part !== null);
  if (present.length === 0) return undefined;
  const fits = (spec: AttentionInfo) =>
    partOf(field) === undefined || partOf(field) === partOf(spec.field) || spec.copies?.test(`${field}.`);
  const gates = [...attentionModules.values()].filter((spec) => spec.kind === "gate" && (how.byOrder || fits(spec)));
  const [{ inner }] = present as [Part];
  const place = (width: number) => (inner === undefined ? {} : { isInner: width === inner });
  for (const spec of gates.toSorted((a, b) => Number(b.field === field) - Number(a.field === field))) {
    const all = recognizeOptions(
      spec,
      present.map((part) => asUsual(spec, part)),
      how,
    );
    if (all)
      return {
        spec,
        keys: all.keys,
        options: parts.includes(null) ? parts.map((p) => p && all.options) : all.options,
        ...place(all.width),
      };
    const each = parts.map((part) => part && recognizeOptions(spec, [asUsual(spec, part)], how));
    if (each.includes(undefined)) continue;
    const { keys, width } = each.find((one) => one)!;
    return { spec, keys, options: each.map((one) => one?.options ?? null), ...place(width) };
  }
  return undefined;
}

/** A choice of modules for a network, with its placement where it is not their own. */
export type Choice = readonly [string, Options, Placement?];

/**
 * A choice of modules in blocks: at their own placement, unless their maps have another width than it would give them. Before the last
 * convolution of a bottleneck two placements look the same in keys and shapes: the module's own is taken, or `convolution`.
 */
export function choiceInBlocks(found: Modules): Choice {
  const { spec, isInner } = found;
  const usual = spec.placement === "stage" ? "residual" : spec.placement;
  if (isInner === undefined || isInner !== isOuter(spec)) return choiceOf(found, usual);
  return choiceOf(found, isInner ? "convolution" : "residual");
}

export const choiceOf = ({ spec, options }: Modules, placement: Placement): Choice =>
  placement === spec.placement ? [spec.name, options] : [spec.name, options, placement];

/** The field of a module in our networks. */
export const fieldOf = (name: string): string => attentionInfo(name).field;
