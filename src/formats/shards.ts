import { bytes as bytesSchema, callback, check, text } from "../core/schema.js";
import { type Checkpoint, MAX_PLACEHOLDERS, type PlaceholderAt, readCheckpoint } from "./checkpoint.js";
import { refusal } from "./refusal.js";
import { MAX_JSON_BYTES, parseStrictJson } from "./strict-json.js";

/** The index of a sharded checkpoint. */
export interface ShardIndex {
  /** The keys of the tensors in each file. */
  readonly files: ReadonlyMap<string, ReadonlySet<string>>;
  /** Metadata, as text. */
  readonly metadata: Record<string, string>;
}

/** Usual file names of weights, in order of preference. */
export const usualFiles = [
  "model.safetensors",
  "model.safetensors.index.json",
  "pytorch_model.bin",
  "pytorch_model.bin.index.json",
] as const;

/** Whether a file is, by name, the index of a sharded checkpoint. */
export const isShardIndex = (name: string): boolean => name.endsWith(".index.json");

/** More shards than any checkpoint has. */
const MAX_FILES = 1000;

/**
 * A file beside the index: no folders, so that an index cannot reach for others; nor half a character, which no address can hold; nor what
 * Windows takes for a device.
 */
const plainName = /^(?!\.{1,2}$)(?!(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$))[^/\\:\p{Cc}\p{Cs}]{1,255}$/iu;

/**
 * Reads the index of a sharded checkpoint, `model.safetensors.index.json`: a JSON object whose `weight_map` gives the file, in the same
 * folder, of each tensor.
 *
 * @throws FormatError if it is longer than 32 MiB, not such an object, names more than 1000 files, or one outside its folder.
 *
 * @example
 * parseShardIndex(bytes).files.get("model-00001-of-00002.safetensors")?.has("conv1.weight"); // true
 */
export function parseShardIndex(bytes: Uint8Array, name = "index"): ShardIndex {
  check("parseShardIndex", "bytes", bytesSchema, bytes);
  check("parseShardIndex", "name", text, name);
  if (bytes.length > MAX_JSON_BYTES) throw refusal(name, `has ${bytes.length} bytes, more than ${MAX_JSON_BYTES}`);
  const root = parseStrictJson(bytes, name);
  const map = root instanceof Map ? root.get("weight_map") : undefined;
  if (!(root instanceof Map) || !(map instanceof Map)) throw refusal(name, 'must be a JSON object with a "weight_map"');
  const files = new Map<string, Set<string>>();
  for (const [key, file] of map) {
    if (typeof file !== "string" || !plainName.test(file))
      throw refusal(name, `${JSON.stringify(key)} must be in a file of the same folder, not ${JSON.stringify(file)}`);
    const keys = files.get(file);
    if (keys) keys.add(key);
    else files.set(file, new Set([key]));
    if (files.size > MAX_FILES) throw refusal(name, `names more than ${MAX_FILES} files`);
  }
  if (files.size === 0) throw refusal(name, "names no tensors");
  const beside = root.get("metadata");
  const scalars = [...(beside instanceof Map ? beside : [])].filter(([, value]) => typeof value !== "object");
  return { files, metadata: Object.fromEntries(scalars.map(([key, value]) => [key, String(value)])) };
}

/**
 * Reads a sharded checkpoint. `read` returns the contents of a file by its name in the index, from a folder or, in a browser, a URL. Files
 * are read one at a time.
 *
 * @throws FormatError if the index or a file is invalid, or a file has other tensors than the index says.
 *
 * @example
 * const get = async (name: string) => new Uint8Array(await (await fetch(`https://example.org/model/${name}`)).arrayBuffer());
 * const { tensors } = await readShards(await get("model.safetensors.index.json"), get);
 */
export async function readShards(
  index: Uint8Array,
  read: (file: string) => Promise<Uint8Array>,
  name = "index",
): Promise<Checkpoint> {
  check("readShards", "index", bytesSchema, index);
  check("readShards", "read", callback, read);
  check("readShards", "name", text, name);
  return joinShards(index, async (file) => readCheckpoint(await read(file), file), name);
}

/** Like {@link readShards}, with files opened by `open`. */
export async function joinShards(
  index: Uint8Array,
  open: (file: string) => Promise<Checkpoint>,
  name: string,
): Promise<Checkpoint> {
  const { files, metadata } = parseShardIndex(index, name);
  const tensors: Checkpoint["tensors"] = new Map();
  const placeholders: PlaceholderAt[] = [];
  let format: Checkpoint["format"] = "safetensors";
  for (const [file, keys] of files) {
    const shard = await open(file);
    format = shard.format;
    for (const { where, type } of shard.placeholders ?? [])
      placeholders.push({ where: where ? `${file}: ${where}` : file, type });
    for (const key of keys)
      if (!shard.tensors.has(key)) throw refusal(file, `has no ${JSON.stringify(key)}, although ${name} lists it`);
    for (const [key, tensor] of shard.tensors) {
      if (!keys.has(key)) throw refusal(file, `holds ${JSON.stringify(key)}, which ${name} does not list`);
      tensors.set(key, tensor);
    }
  }
  return { format, tensors, metadata, placeholders: placeholders.slice(0, MAX_PLACEHOLDERS) };
}
