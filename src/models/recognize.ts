import { isCount, type Shapes } from "../attention/recognize.js";
import { averaged } from "../core/averaged.js";
import { withPresentNames } from "../core/former-names.js";
import { check, settings, that } from "../core/schema.js";
import { holdSame } from "../core/shape.js";
import type { Tensor } from "../core/tensor.js";
import { stateOf } from "../nn/index.js";
import { Evidence } from "./evidence.js";
import { families } from "./families.js";
import { createModelByName, insertAttention, modelInfo, settled, type WrittenModel } from "./index.js";
import { renaming } from "./keys.js";

/** What a checkpoint is, judging by its keys and shapes. */
export interface RecognizedCheckpoint {
  /** Whose parameter names it has. */
  readonly family: string;
  /** The network in our catalogue. */
  readonly model: string;
  /** Options that build the network. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The module that was inserted, starting as the identity: what `train --insert` writes. */
  readonly insert?: WrittenModel["insert"];
  /** Maps a key of the checkpoint to our network's. */
  readonly rename: (key: string) => string;
  /** Maps a key of our network to the checkpoint's. */
  readonly original: (key: string) => string;
  /** Keys of the checkpoint that the network does not have, or has with another shape. */
  readonly unexplained: readonly string[];
  /** Keys of the network, in its own names, that the checkpoint does not have, or has with another shape. */
  readonly missing: readonly string[];
  /** The normalization its authors use, if known. */
  readonly normalization?: {
    readonly mean: readonly [number, number, number];
    readonly std: readonly [number, number, number];
  };
}

const shapesByKey = that(
  "a Map of tensors by key",
  (x) => x instanceof Map && [...x.values()].every((value) => Array.isArray(value?.shape)),
);

const same = (key: string): string => key;

type Described = Omit<RecognizedCheckpoint, "unexplained" | "missing">;

/** A description, and what of the checkpoint it does not explain. */
function verified(known: Described, weights: ReadonlyMap<string, Pick<Tensor, "shape">>): RecognizedCheckpoint {
  const own = shapesOf(known);
  const given = new Map([...weights].map(([key, { shape }]) => [known.rename(key), shape]));
  const fits = (key: string) =>
    isCount(key) || (given.has(key) && own.has(key) && holdSame(own.get(key)!, given.get(key)!));
  const unexplained = [...weights.keys()].filter((key) => !fits(known.rename(key)));
  const missing = [...own.keys()].filter((key) => !fits(key));
  return { ...known, unexplained, missing };
}

/** The keys and shapes of the network described; none if it cannot be built. */
function shapesOf({ model, options, insert }: Described): Shapes {
  try {
    const network = createModelByName(model, options);
    if (insert)
      insertAttention(network, insert.attention, {
        options: insert.options,
        identityAtStart: true,
        input: modelInfo(model).input,
      });
    return new Map([...stateOf(network)].map(([key, { shape }]) => [key, shape]));
  } catch {
    return new Map(); // options from a file can be anything
  }
}

/** What a file written by Fovea says about itself. */
function ownDescription({ model, options, insert }: Readonly<Record<string, string>>): Described | undefined {
  if (!model || !options) return undefined;
  try {
    const inserted = insert === undefined ? {} : { insert: JSON.parse(insert) };
    const { name, ...given } = settled({
      name: model,
      options: withPresentNames(JSON.parse(options) as Record<string, unknown>),
      ...inserted,
    } as WrittenModel);
    return { family: "Fovea", model: name, ...given, rename: same, original: same };
  } catch {
    return undefined; // somebody else's metadata
  }
}

/**
 * Which network a checkpoint belongs to: from its metadata if Fovea wrote it, otherwise from its keys and shapes. Returns undefined if its
 * keys belong to no known family. A prefix shared by at least half of the keys, such as `model.`, may precede a family's names.
 *
 * @example
 * recognizeCheckpoint(readCheckpoint(bytes).tensors)?.model; // "resnet20"
 */
export function recognizeCheckpoint(
  weights: ReadonlyMap<string, Pick<Tensor, "shape">>,
  metadata: Readonly<Record<string, string>> = {},
): RecognizedCheckpoint | undefined {
  check("recognizeCheckpoint", "weights", shapesByKey, weights);
  check("recognizeCheckpoint", "metadata", settings, metadata);
  const own = ownDescription(metadata);
  if (own) return verified(own, weights);
  for (const prefix of ["", ...sharedPrefixes([...weights.keys()])]) {
    const found = byKeys(
      new Map([...weights].flatMap(([key, w]) => (key.startsWith(prefix) ? [[key.slice(prefix.length), w]] : []))),
    );
    if (!found) continue;
    const { rename, original, ...rest } = found;
    const ours = (key: string) => (key.startsWith(prefix) ? rename(key.slice(prefix.length)) : key);
    return verified({ ...rest, rename: ours, original: (key) => prefix + original(key) }, weights);
  }
  return undefined;
}

/** Prefixes of most keys, up to three names: frameworks put a network into fields of theirs, `model.`, `model.backbone.`. */
function sharedPrefixes(keys: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const key of keys)
    for (let end = key.indexOf("."), names = 1; end >= 0 && names <= 3; end = key.indexOf(".", end + 1), names++)
      counts.set(key.slice(0, end + 1), (counts.get(key.slice(0, end + 1)) ?? 0) + 1);
  return [...counts]
    .flatMap(([prefix, count]) => (2 * count >= keys.length ? [prefix] : []))
    .sort((a, b) => Number(averaged.test(a)) - Number(averaged.test(b)) || a.length - b.length);
}

/** The first family that matches the keys. */
function byKeys(weights: ReadonlyMap<string, Pick<Tensor, "shape">>): Described | undefined {
  const evidence = new Evidence(weights);
  for (const { name, recognize } of families) {
    const found = recognize(evidence);
    if (!found) continue;
    const { keys = [], ...rest } = found;
    return { family: name, ...rest, rename: renaming(keys, "ours"), original: renaming(keys, "theirs") };
  }
  return undefined;
}
