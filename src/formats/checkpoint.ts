import { averaged } from "../core/averaged.js";
import { FormatError } from "../core/errors.js";
import { bytes as bytesSchema, check, options as fields, flag, maybe, type Schema, text } from "../core/schema.js";
import { sizeOf, type Tensor, toFloat32 } from "../core/tensor.js";
import type { ByteSource } from "./byte-source.js";
import { refusal } from "./refusal.js";
import { readSafetensors } from "./safetensors.js";
import { describeFile } from "./signature.js";
import {
  openTorch,
  Placeholder,
  readTorch,
  type TensorRef,
  type TorchLayout,
  type TorchObject,
  torchLayout,
} from "./torch/index.js";

/** The tensors of a checkpoint by state-dict key, and the scalars saved with them, as text. */
export interface Checkpoint {
  /** Format of the file. */
  readonly format: "safetensors" | TorchLayout;
  /** The tensors, by key. */
  readonly tensors: Map<string, Tensor>;
  /** Text stored with the tensors. */
  readonly metadata: Record<string, string>;
  /** Where the weights were in a PyTorch file, such as `state_dict`; empty for the top level. */
  readonly part?: string;
  /** Other places with tensors that could be weights: a moving average, the second network of a pair. */
  readonly otherParts?: readonly string[];
  /** The objects in PyTorch files that only Python code could restore, the first 1000: nothing but their type was read. */
  readonly placeholders?: readonly PlaceholderAt[];
}

/** An object that was not read. */
export interface PlaceholderAt {
  /** Its path in the file, joined by dots; empty for the file itself. For several files, it begins with the file's name. */
  readonly where: string;
  /** Its Python type, such as `omegaconf.dictconfig.DictConfig`. */
  readonly type: string;
}

/** Options of {@link readCheckpoint}. */
export interface CheckpointOptions {
  /** Take the exponential moving average of the weights, if the checkpoint has one next to the plain weights. */
  readonly ema?: boolean;
  /**
   * Take the weights at this place in a PyTorch file: `part` or one of `otherParts` as returned without this option, or, of those, the keys
   * with this prefix, such as `model.teacher`.
   */
  readonly part?: string;
}

export const checkpointOptions: Schema<CheckpointOptions> = fields<CheckpointOptions>({
  ema: maybe(flag),
  part: maybe(text),
});

/** The depth to which dictionaries are searched for weights. */
const MAX_DEPTH = 8;

export const MAX_PLACEHOLDERS = 1000;
const MAX_NAME = 100;

/** Prefixes that `DataParallel` and `torch.compile` add to every key. */
const prefixes = ["module.", "_orig_mod."];

/** Counters that the profiler thop leaves in every module. */
const profilerKey = /(?:^|\.)total_(?:ops|params)$/;

/**
 * Reads a safetensors file or a PyTorch checkpoint, recognized by content, not by name. Bytes may come from anywhere, in a browser too:
 * `new Uint8Array(await (await fetch(address)).arrayBuffer())`.
 *
 * In a PyTorch checkpoint, the weights are the dictionary with the most elements in matrices and kernels (among those with keys ending in
 * `.weight` or `.bias`, if any), at any path and depth; those whose path says that they are an average (EMA, SWA, teacher) only if there are
 * no others. A prefix `module.` or `_orig_mod.` of all keys, counters beside them and thop's are dropped. Safetensors are taken as they are.
 *
 * @param name name of the file, for messages
 * @param options `ema: true` takes the EMA weights instead, `part: "generator"` those at that place; if there are none, the checkpoint is refused
 * @throws FormatError if the bytes are something else (the message says what they look like), damaged, or have no weights.
 * @example
 * const { tensors, metadata } = readCheckpoint(await readFile("resnet20.th"), "resnet20.th");
 * tensors.get("conv1.weight")?.shape; // [16, 3, 3, 3]
 */
export function readCheckpoint(bytes: Uint8Array, name = "checkpoint", options: CheckpointOptions = {}): Checkpoint {
  check("readCheckpoint", "bytes", bytesSchema, bytes);
  check("readCheckpoint", "name", text, name);
  check("readCheckpoint", "options", checkpointOptions, options);
  try {
    return read(bytes, options);
  } catch (error) {
    throw error instanceof FormatError ? refusal(name, error.message) : error;
  }
}

function read(bytes: Uint8Array, options: CheckpointOptions): Checkpoint {
  if (looksLikeSafetensors(bytes)) {
    if (options.part !== undefined) throw noParts();
    return { format: "safetensors", ...readSafetensors(bytes) };
  }
  const format = torchLayout(bytes);
  if (!format) throw unknownFile(bytes);
  const root = readTorch(bytes);
  const { entries, scalars, ...rest } = weightsIn(root, options);
  // Of bytes all tensors are read.
  return { format, ...rest, tensors: entries as Map<string, Tensor>, metadata: asText(scalars as Map<string, Tensor>) };
}

/** A PyTorch file, its tensors to be read one by one. */
export interface OpenCheckpoint extends Omit<Checkpoint, "tensors"> {
  readonly entries: ReadonlyMap<string, Pick<Tensor, "dtype" | "shape">>;
  read(key: string): Promise<Tensor>;
}

/**
 * Opens a PyTorch file: what {@link readCheckpoint} reads, but no tensor before it is asked for.
 *
 * @throws FormatError as {@link readCheckpoint}.
 */
export async function openTorchCheckpoint(
  source: ByteSource,
  name: string,
  options: CheckpointOptions,
): Promise<OpenCheckpoint> {
  const named = <T>(work: Promise<T>) =>
    work.catch((error) => {
      throw error instanceof FormatError ? refusal(name, error.message) : error;
    });
  const { entries, read, ...rest } = await named(openTensors(source, options));
  return { ...rest, entries, read: (key) => named(read(entries.get(key)!)) };
}

async function openTensors(source: ByteSource, options: CheckpointOptions) {
  const start = await source.read(0, Math.min(source.size, 512));
  const format = torchLayout(start);
  if (!format) throw unknownFile(start);
  const { root, read } = await openTorch(source, format);
  const { entries, scalars, ...rest } = weightsIn(root, options);
  const values = new Map<string, Scalar | Tensor>();
  for (const [key, value] of scalars) values.set(key, typeof value === "object" ? await read(value) : value);
  return { format, ...rest, metadata: asText(values), entries, read };
}

const unknownFile = (bytes: Uint8Array) =>
  new FormatError(`expected safetensors or a PyTorch checkpoint, but this looks like ${describeFile(bytes)}`);

/** The weights in a PyTorch file, and what is stored with them. */
function weightsIn(root: TorchObject<TensorRef>, { ema = false, part }: CheckpointOptions) {
  const found = candidates(root);
  const chosen = part === undefined ? choose(found, ema) : partNamed(found, part);
  const placeholders = placeholdersIn(root);
  for (const [key, value] of chosen?.weights ?? [])
    if (value instanceof Placeholder)
      throw new FormatError(
        `among the weights, ${nameOf(key)} is of type ${value.name}, which is not supported; save tensors only`,
      );
  const entries = cleanKeys(chosen ? tensorsIn(chosen.weights) : []);
  if (!chosen || entries.size === 0) throw new FormatError(noWeights(ema ? "EMA weights" : "weights", placeholders));
  return {
    entries,
    scalars: scalarsBeside(chosen.weights, root),
    part: chosen.part,
    otherParts: found.filter((c) => c !== chosen).map(({ part }) => part),
    placeholders,
  };
}

function choose(found: readonly Candidate[], ema: boolean): Candidate | undefined {
  const [average, plain] = [true, false].map((is) => heaviest(found.filter(({ part }) => averaged.test(part) === is)));
  if (ema || !plain) return average;
  // Beside an average, vectors alone are not weights but the mean and deviation of images, or a generator's state.
  return plain.weight[1] === 0 && average && average.weight[1]! > 0 ? average : plain;
}

function partNamed(found: readonly Candidate[], part: string): Candidate {
  const chosen = found.find((candidate) => candidate.part === part) ?? found.map((c) => below(c, part)).find((c) => c);
  if (chosen) return chosen;
  const parts = found.slice(0, 5).map((candidate) => candidate.part || "the top level");
  throw new FormatError(
    `it has no tensors at ${JSON.stringify(part)}, but at ${parts.join(", ") || "no other place either"}`,
  );
}

/** Of networks in one dictionary, that whose keys begin with the last names of the part: `model.teacher` of `model` with `teacher.fc.weight`. */
function below(candidate: Candidate, part: string): Candidate | undefined {
  const start = candidate.part === "" ? "" : `${candidate.part}.`;
  if (!part.startsWith(start)) return undefined;
  const prefix = `${part.slice(start.length)}.`;
  const own = tensorsIn(candidate.weights).filter(([key]) => key.startsWith(prefix));
  if (own.length === 0) return undefined;
  return { ...candidate, part, weights: new Map(own.map(([key, value]) => [key.slice(prefix.length), value])) };
}

/** The error for a part of a file that has none. */
export const noParts = () => new FormatError("only PyTorch files have parts");

function noWeights(what: string, [first]: readonly PlaceholderAt[]): string {
  if (!first) return `it has no ${what}`;
  const problem = `it has no ${what} that can be read: ${first.where || "it"} is of type ${first.type}`;
  return first.type.startsWith("torch.Tensor") ? problem : `${problem}; save the state_dict of a model, not the model`;
}

/** A JSON header follows its length, whose upper bytes are zero in any real file. */
export function looksLikeSafetensors(bytes: Uint8Array): boolean {
  return bytes[8] === 0x7b && bytes.subarray(5, 8).every((byte) => byte === 0);
}

/** A tensor, or where it is in the file. */
type Stored = Tensor | TensorRef;
type Contents = TorchObject<TensorRef>;
type Dict = Map<Contents, Contents>;

/** A dictionary that could be a network's weights. */
interface Candidate {
  readonly weights: Dict;
  /** Its path, joined by dots. */
  readonly part: string;
  /**
   * How likely these are the weights, most important first: whether keys are those of module parameters; elements in floating-point matrices and
   * kernels, in all floating-point tensors, in all tensors. A memory bank is a single matrix, vectors may be a history of losses, integers the
   * state of a random generator.
   */
  readonly weight: readonly number[];
}

function outweighs(a: Candidate, b: Candidate): boolean {
  const at = a.weight.findIndex((n, i) => n !== b.weight[i]);
  return at >= 0 && a.weight[at]! > b.weight[at]!;
}

function heaviest(candidates: readonly Candidate[]): Candidate | undefined {
  return candidates.reduce<Candidate | undefined>((best, c) => (best && !outweighs(c, best) ? best : c), undefined);
}

/** Dictionaries with tensors, reached by keys or list indices (an optimizer numbers its state), outer ones first. */
function candidates(root: Contents): Candidate[] {
  const found: Candidate[] = [];
  const seen = new Set<Contents>();
  let level: readonly (readonly [part: string, object: Contents])[] = [["", root]];
  for (let depth = 0; depth <= MAX_DEPTH && level.length > 0; depth++) {
    const next: [string, Contents][] = [];
    for (const [part, object] of level) {
      if (!(object instanceof Map || Array.isArray(object)) || seen.has(object)) continue;
      seen.add(object);
      // An optimizer's state for one large layer can outweigh a small network.
      if (object instanceof Map && object.has("state") && object.has("param_groups")) continue;
      const candidate = object instanceof Map && candidateOf(object, part);
      if (candidate) found.push(candidate);
      for (const [key, value] of object.entries())
        if (typeof key === "string" || Array.isArray(object))
          if (value instanceof Map || Array.isArray(value))
            next.push([part ? `${part}.${nameOf(key)}` : nameOf(key), value]);
    }
    level = next;
  }
  return found;
}

function candidateOf(weights: Dict, part: string): Candidate | undefined {
  // Scalars alone are more likely figures, such as the best accuracy.
  const arrays = tensorsIn(weights).filter(([, { shape }]) => shape.length > 0);
  if (arrays.length === 0) return undefined;
  const floats = arrays.filter(([, { dtype }]) => dtype.includes("float"));
  const matrices = floats.filter(([, { shape }]) => shape.length > 1);
  const sizes = [matrices, floats, arrays].map((some) => some.reduce((n, [, { shape }]) => n + sizeOf(shape), 0));
  const parameters = arrays.some(([key]) => /\.(weight|bias)$/.test(key));
  return { weights, part, weight: [Number(parameters), ...sizes] };
}

/** All placeholders, once each, in file order. */
function placeholdersIn(root: Contents): PlaceholderAt[] {
  const found: PlaceholderAt[] = [];
  const seen = new Set<Contents>();
  visit(root, []);
  return found;

  function visit(value: Contents, way: readonly string[]): void {
    if (value === null || typeof value !== "object" || found.length >= MAX_PLACEHOLDERS || seen.has(value)) return;
    seen.add(value);
    if (value instanceof Placeholder) found.push({ where: way.join("."), type: value.name });
    else if (value instanceof Map)
      for (const [key, item] of value) {
        visit(key, way);
        if (typeof item === "object") visit(item, [...way, nameOf(key)]);
      }
    else if (Array.isArray(value))
      for (const [i, item] of value.entries()) {
        if (typeof item === "object") visit(item, [...way, `${i}`]);
      }
    else if (value instanceof Set) for (const item of value) visit(item, way);
  }
}

/** A dictionary key, for messages and names of parts, shortened: a file can nest one long string many times. */
function nameOf(key: Contents): string {
  if (key instanceof Placeholder) return key.name;
  if (typeof key === "string") return key.length > MAX_NAME ? `${key.slice(0, MAX_NAME)}…` : key;
  return typeof key === "object" ? "…" : String(key);
}

function tensorsIn(weights: Dict): [string, Stored][] {
  return [...weights].filter((entry): entry is [string, Stored] => typeof entry[0] === "string" && isStored(entry[1]));
}

function cleanKeys(entries: readonly [string, Stored][]): Map<string, Stored> {
  const weights = entries.filter(([key]) => !profilerKey.test(key));
  // A counter beside a wrapped network, such as the n_averaged of torch's AveragedModel, is none of its keys.
  const arrays = weights.filter(([key, { shape }]) => shape.length > 0 || key.includes("."));
  const prefix = prefixes.find((start) => arrays.length > 0 && arrays.every(([key]) => key.startsWith(start)));
  if (prefix === undefined) return new Map(weights);
  return cleanKeys(arrays.map(([key, tensor]) => [key.slice(prefix.length), tensor]));
}

/** Numbers and text saved next to the weights: epoch, architecture, best accuracy. */
function scalarsBeside(weights: Dict | undefined, root: Contents): Map<string, Scalar | Stored> {
  const scalars = new Map<string, Scalar | Stored>();
  for (const [key, value] of root instanceof Map ? root : []) {
    if (typeof key !== "string") continue;
    if (isScalar(value) || (root !== weights && isStored(value) && value.shape.length === 0)) scalars.set(key, value);
  }
  return scalars;
}

type Scalar = string | number | bigint | boolean;

const isScalar = (value: Contents): value is Scalar => ["string", "number", "bigint", "boolean"].includes(typeof value);

function asText(scalars: ReadonlyMap<string, Scalar | Tensor>): Record<string, string> {
  // Object.fromEntries makes "__proto__" an ordinary field.
  return Object.fromEntries(
    [...scalars].map(([key, value]) => {
      if (typeof value !== "object") return [key, String(value)];
      const { data } = value.dtype.endsWith("float16") ? toFloat32(value) : value;
      return [key, String(data[0])];
    }),
  );
}

function isStored(value: Contents): value is Stored {
  return typeof value === "object" && value !== null && "dtype" in value;
}
