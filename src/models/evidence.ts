import { type AttentionOptions, attentionModules, attentionSpec } from "../attention/index.js";
import { recognizeOptions } from "../attention/recognize.js";
import type { Tensor } from "../core/tensor.js";

/** What a checkpoint's keys and shapes tell. Networks are recognised by asking it. */
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

  /** The attention module whose keys stand below `prefix`, with the options that they tell. */
  attentionAt(prefix: string): Found | null {
    for (const [name, options] of signatures) {
      const told = options((key) => this.weights.get(prefix + key)?.shape);
      if (told) return { name, options: told };
    }
    return this.searchAt(prefix);
  }

  /** The same by building every gate that has a key of the module, on each width that its block has. */
  private searchAt(prefix: string): Found | null {
    const own = [...this.weights].filter(([key]) => key.startsWith(prefix));
    if (own.length === 0) return null;
    const wanted = new Map(own.map(([key, { shape }]) => [key.slice(prefix.length), shape]));
    const block = prefix.replace(/[^.]+\.$/, "");
    const norms = ["bn3", "bn2", "bn1"].flatMap((name) => this.rows(`${block}${name}.weight`) ?? []);
    const field = prefix.slice(block.length, -1).replace(/\d+$/, "");
    const gates = [...attentionModules.values()].filter(({ kind }) => kind === "gate");
    // Modules that share their keys, such as cam and others with one number, are told apart by their field.
    for (const spec of gates.toSorted((a, b) => Number(b.field === field) - Number(a.field === field)))
      for (const channels of new Set(norms)) {
        const options = recognizeOptions(spec, wanted, channels);
        if (options) return { name: spec.name, options };
      }
    return null;
  }
}

/** A module of our catalogue. */
export interface Found {
  readonly name: string;
  readonly options: AttentionOptions;
}

type Shape = readonly number[];

/** Options of a module from the shapes of its parameters, which `at` gives by key; undefined if they are not its. */
type Signature = (at: (key: string) => Shape | undefined) => AttentionOptions | undefined;

/** The options if all the shapes are there. */
const where = (shapes: readonly unknown[], options: AttentionOptions = {}): AttentionOptions | undefined =>
  shapes.every((shape) => shape !== undefined) ? options : undefined;

/** How much narrower a hidden layer is, from the weight [hidden, channels, …] that leads to it. */
const reduction = (down: Shape | undefined): number => down![1]! / down![0]!;

/** Triplet Attention from the gates named `first` and `last`; the latter is the spatial one. */
const triplet =
  (first: string, last: string, options: AttentionOptions): Signature =>
  (at) => {
    const kernelSize = at(first)?.[2];
    const spatial = at(last) ? {} : { spatial: false };
    return where([kernelSize], { ...options, ...spatial, ...(kernelSize === 7 ? {} : { kernelSize }) });
  };

/** A Global Context module whose transforms are called `add` and `mul`. `options` adds what only it says. */
const globalContext =
  (
    names: { readonly add: string; readonly mul: string },
    usual: "add" | "mul",
    mask: string,
    options: (hidden: Shape) => AttentionOptions,
  ): Signature =>
  (at) => {
    const fusion = (["add", "mul"] as const).filter((kind) => at(names[kind]));
    if (fusion.length === 0) return undefined;
    const pooling = at(mask) ? {} : { pooling: "avg" };
    return { ...options(at(names[fusion[0]!])!), ...pooling, ...(String(fusion) === usual ? {} : { fusion }) };
  };

/** Modules by the parameters that only they have, in the order in which they are asked. Options that are left out have their defaults. */
const signatures: readonly (readonly [name: string, signature: Signature])[] = [
  [
    "se",
    (at) => {
      const down = at("fc.0.weight");
      return down && { reduction: reduction(down), bias: at("fc.0.bias") !== undefined };
    },
  ],
  ["se", (at) => where([at("fc1.weight"), at("fc2.bias")], { variant: "timm" })],
  ["se", (at) => where([at("fc.weight")], { variant: "timm-effective" })],
  [
    "cbam",
    (at) => {
      const down = at("ChannelGate.mlp.1.weight");
      if (!down) return undefined;
      return {
        reduction: reduction(down),
        ...(at("SpatialGate.spatial.conv.weight") ? {} : { spatial: false }),
        ...(at("SpatialGate.compress.weight") ? { descriptor: "conv" } : {}),
      };
    },
  ],
  ["cbam", (at) => where([at("channel.fc1.weight"), at("spatial.conv.conv.weight")], { variant: "timm" })],
  [
    "eca",
    (at) => {
      const [channels, one, kernelSize] = at("conv.weight") ?? [];
      if (one !== 1 || at("conv.weight")!.length !== 3) return undefined;
      return { kernelSize, ...(channels === 1 ? {} : { variant: "ns" }) };
    },
  ],
  ["triplet", triplet("ChannelGateH.spatial.conv.weight", "SpatialGate.spatial.conv.weight", { variant: "models" })],
  ["triplet", triplet("cw.conv.conv.weight", "hw.conv.conv.weight", {})],
  [
    "gc",
    globalContext(
      { add: "channel_add_conv.0.weight", mul: "channel_mul_conv.0.weight" },
      "add",
      "conv_mask.weight",
      (down) => (reduction(down) === 16 ? {} : { ratio: 1 / reduction(down) }),
    ),
  ],
  [
    "gc",
    globalContext({ add: "mlp_add.fc1.weight", mul: "mlp_scale.fc1.weight" }, "mul", "conv_attn.weight", () => ({
      variant: "timm",
    })),
  ],
  [
    "coord",
    (at) => {
      const down = at("conv1.weight");
      const named = where([down, at("conv_h.weight"), at("conv_w.weight")]);
      return named && (at("conv1.bias") ? { reduction: reduction(down) } : { variant: "timm" });
    },
  ],
  [
    "bam",
    (at) => {
      const down = at("channel_att.gate_c.gate_c_fc_0.weight");
      return down && (reduction(down) === 16 ? {} : { reduction: reduction(down) });
    },
  ],
];

/** The choice of a network's modules, from that of each stage: one set of options where all have the same. */
export function choiceOf(
  stages: readonly (Found | null)[],
): readonly [string, AttentionOptions | readonly (AttentionOptions | null)[]] | undefined {
  const name = stages.find((found) => found)?.name;
  if (name === undefined || stages.some((found) => found && found.name !== name)) return undefined;
  const options = stages.map((found) => found?.options ?? null);
  const same = options.every((own) => JSON.stringify(own) === JSON.stringify(options[0]));
  return [name, same ? options[0]! : options];
}

/** Where a module stands in our networks. */
export const fieldOf = (name: string): string => attentionSpec(name).field;
