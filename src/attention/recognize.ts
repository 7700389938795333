import { FoveaError } from "../core/errors.js";
import { effectiveOptions, type OptionSpec } from "../core/options.js";
import { stateOf } from "../nn/index.js";
import { type AttentionOptions, createAttentionByName } from "./index.js";
import type { AttentionInfo } from "./spec.js";

/** Shapes of parameters by key. */
export type Shapes = ReadonlyMap<string, readonly number[]>;

/** A module in a checkpoint: its keys with their shapes, and how many channels its map may have, likeliest first. */
export interface Candidate {
  readonly shapes: Shapes;
  readonly widths: readonly number[];
}

/** What was recognized: the options, our name for each of the first candidate's keys, and the width of its map. */
export interface Recognized {
  readonly options: AttentionOptions;
  readonly keys: ReadonlyMap<string, string>;
  readonly width: number;
}

/** Keys and shapes in our names, and the channels of the map. */
interface Place {
  readonly shapes: Shapes;
  readonly channels: number;
}

type Specs = Readonly<Record<string, OptionSpec<unknown>>>;

const specsOf = ({ options }: AttentionInfo) => options as Specs;

/** PyTorch's batch norms count batches since 1.1; older files lack the count, and nothing depends on it. */
export const isCount = (key: string): boolean => key.endsWith("num_batches_tracked");

/** The keys and shapes of a module; undefined if it cannot be built. */
function shapesOf({ name }: AttentionInfo, channels: number, options: AttentionOptions): Shapes | undefined {
  try {
    const state = [...stateOf(createAttentionByName(name, channels, options))].filter(([key]) => !isCount(key));
    return new Map(state.map(([key, { shape }]) => [key, shape]));
  } catch (error) {
    if (error instanceof FoveaError) return undefined;
    throw error;
  }
}

/** How many keys or shapes differ. */
function difference(wanted: Shapes, own: Shapes | undefined): number {
  if (!own) return Number.POSITIVE_INFINITY;
  const common = [...own].filter(([key, shape]) => String(wanted.get(key)) === String(shape)).length;
  return wanted.size + own.size - 2 * common;
}

/** All combinations of the non-numeric options, fewest settings first, without those that have no effect. */
function forms(spec: AttentionInfo, shapes: Shapes): readonly AttentionOptions[] {
  const sizes = [...new Set([...shapes.values()].flat())];
  let all: readonly Record<string, unknown>[] = [{}];
  for (const [name, { default: usual, choices, traces }] of Object.entries(specsOf(spec))) {
    const values = choices ?? traces?.(sizes) ?? (typeof usual === "boolean" ? [true, false] : []);
    const others = values.filter((value) => value !== usual);
    all = all.flatMap((form) => [form, ...others.map((value) => ({ ...form, [name]: value }))]);
  }
  return all
    .filter((form) => Object.keys(effectiveOptions(spec.options, form)).length === Object.keys(form).length)
    .toSorted((a, b) => Object.keys(a).length - Object.keys(b).length);
}

/** Names of the options that may be any number. */
const numeric = (spec: AttentionInfo): readonly string[] =>
  Object.entries(specsOf(spec)).flatMap(([name, { default: usual, kind = typeof usual, choices }]) =>
    kind === "number" && !choices ? [name] : [],
  );

/** The options with 1 for every number, which can always be built: numbers change sizes, not keys. */
const withOnes = (spec: AttentionInfo, form: AttentionOptions): AttentionOptions =>
  effectiveOptions(spec.options, { ...Object.fromEntries(numeric(spec).map((name) => [name, 1])), ...form });

/** The number in [low, high) with the fewest decimals. */
function simplest(low: number, high: number): readonly number[] {
  for (let scale = 1; scale <= 1e6; scale *= 10) {
    const value = Math.ceil(low * scale) / scale;
    if (value > 0 && value < high) return [value];
  }
  return [];
}

/** Candidates for a numeric option, from the parameter sizes at all places: a size, or the ratio of two. */
function numbers(places: readonly Place[]): readonly number[] {
  const [divisors, sizesAlike, inverses, ratios, quotients] = [[], [], [], [], []] as [
    number[],
    number[],
    number[],
    number[],
    number[],
  ];
  for (const [key, shape] of places[0]!.shapes)
    for (const axis of shape.keys()) {
      const sizes = places.map(({ shapes }) => shapes.get(key)![axis]!);
      if (sizes.every((size) => size === sizes[0])) sizesAlike.push(sizes[0]!);
      const others = [...shape.keys()].filter((other) => other !== axis);
      const bases = [
        places.map(({ channels }) => channels),
        ...others.map((other) => places.map(({ shapes }) => shapes.get(key)![other]!)),
      ];
      for (const base of bases) {
        const between = (below: number, above: number) => {
          const ranges = sizes.map((size, i) => [(size + below) / base[i]!, (size + above) / base[i]!] as const);
          const all = [Math.max(...ranges.map(([low]) => low)), Math.min(...ranges.map(([, high]) => high))] as const;
          return [all, ...ranges].flatMap(([low, high]) => simplest(low, high));
        };
        const whole = sizes.map((size, i) => Math.floor(base[i]! / size));
        divisors.push(Math.min(...whole), ...whole);
        if (whole.every((n, i) => n === whole[0] && n * sizes[i]! === base[i])) inverses.push(1 / whole[0]!);
        ratios.push(...between(0, 1), ...between(-0.5, 0.5)); // rounded down, or to the nearest
        quotients.push(...sizes.map((size, i) => size / base[i]!));
      }
    }
  // A least width shows at some places alone.
  const anySize = places.flatMap(({ shapes }) => [...shapes.values()].flat());
  const shortFirst = ratios.toSorted((a, b) => String(a).length - String(b).length);
  return [...new Set([...divisors, ...sizesAlike, ...inverses, ...shortFirst, ...quotients, ...anySize])].filter(
    (value) => value > 0,
  );
}

/** The options with numbers that give all places their shapes; undefined if there are none. */
function fit(spec: AttentionInfo, places: readonly Place[], form: AttentionOptions): AttentionOptions | undefined {
  const widths = [...new Set(places.map(({ channels }) => channels))];
  const restOf = (options: AttentionOptions) => {
    const own = new Map(widths.map((channels) => [channels, shapesOf(spec, channels, options)]));
    return places.reduce((sum, { shapes, channels }) => sum + difference(shapes, own.get(channels)), 0);
  };
  let best = { options: form, rest: restOf(form) };
  if (best.rest > 0) {
    if (best.rest === Number.POSITIVE_INFINITY) {
      const options = withOnes(spec, form);
      best = { options, rest: restOf(options) };
    }
    const values = numbers(places);
    for (const name of numeric(spec))
      for (const value of values) {
        if (best.rest === 0) break;
        const options = { ...best.options, [name]: value };
        const rest = restOf(options);
        if (rest < best.rest) best = { options, rest };
      }
  }
  if (best.rest > 0) return undefined;
  // Options that leave no trace keep their defaults.
  return numeric(spec).reduce((options, name) => {
    const { [name]: _, ...without } = options;
    return name in options && restOf(without) === 0 ? without : options;
  }, best.options);
}

/** Tokens in names that say which of two gates a layer belongs to. */
const parts: Readonly<Record<string, "channel" | "spatial">> = {
  ...Object.fromEntries(["c", "ca", "cam", "cse", "chan", "channel", "channelgate"].map((token) => [token, "channel"])),
  ...Object.fromEntries(["s", "sa", "sam", "sse", "spat", "spatial", "spatialgate"].map((token) => [token, "spatial"])),
};

/** Which of two gates a name points to, if any. */
export const partOf = (key: string): "channel" | "spatial" | undefined => {
  const tokens = key.split(/[._\d]+|(?<=[a-z])(?=[A-Z])/).map((token) => token.toLowerCase());
  return tokens.map((token) => parts[token]).find((part) => part);
};

/** A shape with as many axes as `like`: a linear layer's weight [O,I] and a 1×1 convolution's [O,I,1,1] hold the same. */
function withAxesOf(like: readonly number[], shape: readonly number[]): readonly number[] {
  if (like.length === 2 && shape.length === 4 && shape[2] === 1 && shape[3] === 1) return shape.slice(0, 2);
  return like.length === 4 && shape.length === 2 ? [...shape, 1, 1] : shape;
}

/**
 * Our name for each key: the same; or by order, where others name the same layers differently. Then weights are matched with
 * weights, and names that say which gate a layer is in must agree. Undefined if the keys are not those of these options.
 */
function keysOf(
  spec: AttentionInfo,
  form: AttentionOptions,
  given: Shapes,
  byOrder: boolean,
): ReadonlyMap<string, string> | undefined {
  const own = shapesOf(spec, 64, withOnes(spec, form));
  if (own?.size !== given.size) return undefined;
  if (!byOrder) return [...own.keys()].every((key) => given.has(key)) ? new Map(identity(own)) : undefined;
  const [ours, theirs] = [byLayer([...own.keys()]), byLayer([...given.keys()])];
  const agree = ours.every((key, i) => last(key) === last(theirs[i]!) && partOf(key) === partOf(theirs[i]!));
  // One gate of two could just as well be another module.
  const parted = ours.some(partOf) ? new Set(ours.map(partOf)).size : 2;
  const whole = spec.attends !== "both" || (parted === 2 && form.channel !== false && form.spatial !== false);
  if (!agree || !whole || !theirs.every((key) => spec.copies!.test(key))) return undefined;
  return new Map(theirs.map((key, i) => [key, ours[i]!]));
}

const last = (key: string): string => key.slice(key.lastIndexOf(".") + 1);

/** Keys by layer, in order, those of a layer sorted: some writers put a bias before its weight. */
function byLayer(keys: readonly string[]): readonly string[] {
  const layer = (key: string) => key.slice(0, key.lastIndexOf(".") + 1);
  const layers = [...new Set(keys.map(layer))];
  return keys.toSorted((a, b) => layers.indexOf(layer(a)) - layers.indexOf(layer(b)) || (last(a) < last(b) ? -1 : 1));
}

const identity = (shapes: Shapes) => [...shapes.keys()].map((key) => [key, key] as const);

/** The shapes under our keys, with as many axes as ours. */
function renamed(spec: AttentionInfo, form: AttentionOptions, shapes: Shapes, keys: ReadonlyMap<string, string>) {
  if ([...keys].every(([theirs, ours]) => theirs === ours)) return shapes;
  const own = shapesOf(spec, 64, withOnes(spec, form))!;
  return new Map(
    [...keys].map(([theirs, ours]) => [ours, withAxesOf(own.get(ours)!, shapes.get(theirs) ?? [])] as const),
  );
}

/**
 * The options with which a module has exactly these keys and shapes at all places, defaults where they leave no trace; undefined
 * if there are none. With `byOrder` keys may have other names, see {@link AttentionInfo.copies}.
 *
 * @example
 * recognizeOptions(attentionInfo("se"), [{ shapes, widths: [64] }])?.options; // { reduction: 8 }
 */
export function recognizeOptions(
  spec: AttentionInfo,
  candidates: readonly Candidate[],
  { byOrder = false }: { readonly byOrder?: boolean } = {},
): Recognized | undefined {
  const [first, ...others] = candidates;
  if (!first || first.shapes.size === 0 || (byOrder && !spec.copies)) return undefined;
  if (others.some(({ shapes }) => String([...shapes.keys()]) !== String([...first.shapes.keys()]))) return undefined;
  for (const form of forms(spec, first.shapes)) {
    const keys = keysOf(spec, form, first.shapes, byOrder);
    if (!keys) continue;
    const named = candidates.map(({ shapes }) => renamed(spec, form, shapes, keys));
    for (const i of first.widths.keys()) {
      const places = named.map((shapes, j) => ({ shapes, channels: candidates[j]!.widths[i]! }));
      if (places.some(({ channels }) => channels === undefined)) continue;
      const options = fit(spec, places, form);
      if (options) return { options, keys, width: first.widths[i]! };
    }
  }
  return undefined;
}
