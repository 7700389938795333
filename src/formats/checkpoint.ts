import { averaged } from "../core/averaged.js";
import { FormatError } from "../core/errors.js";
import { bytes as bytesSchema, check, options as fields, flag, maybe, type Schema, text } from "../core/schema.js";
import { type Tensor, toFloat32 } from "../core/tensor.js";
import { refusal } from "./refusal.js";
import { readSafetensors } from "./safetensors.js";
import { describeFile } from "./signature.js";
import { Placeholder, readTorch, type TorchLayout, type TorchObject, torchLayout } from "./torch/index.js";

/** The tensors of a checkpoint under their state-dict keys, and the scalars saved beside them as text. */
export interface Checkpoint {
  /** Format of the file. */
  readonly format: "safetensors" | TorchLayout;
  /** The tensors, by key. */
  readonly tensors: Map<string, Tensor>;
  /** Text that the file carries next to the tensors. */
  readonly metadata: Record<string, string>;
  /** Where in a PyTorch file the weights were, such as `state_dict`; empty for the file itself. */
  readonly part?: string;
  /** Where else there are tensors that could be weights: a moving average, the second network of a pair. */
  readonly otherParts?: readonly string[];
  /** The objects in PyTorch files that only Python code could restore, the first 1000: nothing but their type was read. */
  readonly placeholders?: readonly PlaceholderAt[];
}

/** An object that was not read. */
export interface PlaceholderAt {
  /** The names that lead to it, joined by dots; empty for the file itself. Of several files, the file's name stands before them. */
  readonly where: string;
  /** Its Python type, such as `omegaconf.dictconfig.DictConfig`. */
  readonly type: string;
}

/** Options of {@link readCheckpoint}. */
export interface CheckpointOptions {
  /** Take the exponential moving average of the weights where the checkpoint has one beside the plain weights. */
  readonly ema?: boolean;
  /** Take the weights at this place in a PyTorch file, one of the `part` and `otherParts` that are found without it. */
  readonly part?: string;
}

export const checkpointOptions: Schema<CheckpointOptions> = fields<CheckpointOptions>({
  ema: maybe(flag),
  part: maybe(text),
});

/** How deep dictionaries are searched for weights. */
const MAX_DEPTH = 8;

export const MAX_PLACEHOLDERS = 1000;
const MAX_NAME = 100;

/** Left in front of every key by `DataParallel` and `torch.compile`. */
const prefixes = ["module.", "_orig_mod."];

/** Counters that the profiler thop leaves in every module it has seen. */
const profilerKey = /(?:^|\.)total_(?:ops|params)$/;

/**
 * Reads a safetensors file or a torch checkpoint; the bytes tell which, not the name. Bytes can come from anywhere, in a browser too:
 * `new Uint8Array(await (await fetch(address)).arrayBuffer())`.
 *
 * In a torch checkpoint the weights are the dictionary with the most elements in its matrices and kernels (of those with keys that end in
 * `.weight` or `.bias`, if there are any), whatever it is called and
 * however deep it is; those that a name on the way calls an average (EMA, SWA, teacher) are taken only where there are no others. A `module.` or
 * `_orig_mod.` common to all keys, counters beside them and thop's are dropped. Safetensors are taken as they are.
 *
 * @param name of the file, for messages.
 * @param options `ema: true` takes the EMA weights instead, `part: "generator"` those at that place; without them the checkpoint is refused.
 * @throws FormatError if the bytes are something else (it says what they look like), are damaged or hold no weights.
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

function read(bytes: Uint8Array, { ema = false, part }: CheckpointOptions): Checkpoint {
  if (looksLikeSafetensors(bytes)) {
    if (part !== undefined) throw noParts();
    return { format: "safetensors", ...readSafetensors(bytes) };
  }
  const format = torchLayout(bytes);
  if (!format)
    throw new FormatError(`expected safetensors or a PyTorch checkpoint, this looks like ${describeFile(bytes)}`);
  const root = readTorch(bytes);
  const found = candidates(root);
  const chosen = part === undefined ? choose(found, ema) : partNamed(found, part);
  const placeholders = placeholdersIn(root);
  for (const [key, value] of chosen?.weights ?? [])
    if (value instanceof Placeholder)
      throw new FormatError(
        `among the weights, ${nameOf(key)} is of type ${value.name}, which is not read; save tensors only`,
      );
  const tensors = cleanKeys(chosen ? tensorsIn(chosen.weights) : []);
  if (!chosen || tensors.size === 0) throw new FormatError(noWeights(ema ? "EMA weights" : "weights", placeholders));
  return {
    format,
    tensors,
    metadata: scalarsBeside(chosen.weights, root),
    part: chosen.part,
    otherParts: found.filter((c) => c !== chosen).map(({ part }) => part),
    placeholders,
  };
}

function choose(found: readonly Candidate[], ema: boolean): Candidate | undefined {
  const [average, plain] = [true, false].map((is) => heaviest(found.filter(({ part }) => averaged.test(part) === is)));
  if (ema || !plain) return average;
  // Beside an average, vectors alone are no weights but the mean and deviation of the images, a generator's state.
  return plain.weight[1] === 0 && average && average.weight[1]! > 0 ? average : plain;
}

function partNamed(found: readonly Candidate[], part: string): Candidate {
  const chosen = found.find((candidate) => candidate.part === part);
  if (chosen) return chosen;
  const parts = found.slice(0, 5).map((candidate) => candidate.part || "the file itself");
  throw new FormatError(
    `it has no tensors at ${JSON.stringify(part)}, but at ${parts.join(", ") || "no other place either"}`,
  );
}

/** The error for a part of a file that has none. */
export const noParts = () => new FormatError("only PyTorch files have parts");

function noWeights(what: string, [first]: readonly PlaceholderAt[]): string {
  if (!first) return `it holds no ${what}`;
  const problem = `it holds no ${what} that can be read: ${first.where || "it"} is of type ${first.type}`;
  return first.type.startsWith("torch.Tensor") ? problem : `${problem}; save the state_dict of a model, not the model`;
}

/** A header of JSON follows the length, whose upper bytes are zero in every file that one can hold. */
export function looksLikeSafetensors(bytes: Uint8Array): boolean {
  return bytes[8] === 0x7b && bytes.subarray(5, 8).every((byte) => byte === 0);
}

type Dict = Map<TorchObject, TorchObject>;

/** A dictionary that could be a network's weights. */
interface Candidate {
  readonly weights: Dict;
  /** Names on the way to it, joined by dots. */
  readonly part: string;
  /**
   * How much there is: whether keys are those of modules' parameters; elements in matrices and kernels of floating point, in all tensors of
   * floating point, in all tensors. A memory bank is a single matrix, vectors may be a history of losses, whole numbers the state of a random generator.
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

/** Dictionaries with tensors, reached by names or places in a list: what an optimizer keeps is numbered. The outer ones come first. */
function candidates(root: TorchObject): Candidate[] {
  const found: Candidate[] = [];
  const seen = new Set<TorchObject>();
  let level: readonly (readonly [part: string, object: TorchObject])[] = [["", root]];
  for (let depth = 0; depth <= MAX_DEPTH && level.length > 0; depth++) {
    const next: [string, TorchObject][] = [];
    for (const [part, object] of level) {
      if (!(object instanceof Map || Array.isArray(object)) || seen.has(object)) continue;
      seen.add(object);
      // An optimizer's memory of one large layer can outweigh a small network.
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
  // Values of rank 0 alone are rather figures, such as the best accuracy, beside the weights.
  const arrays = tensorsIn(weights).filter(([, { shape }]) => shape.length > 0);
  if (arrays.length === 0) return undefined;
  const floats = arrays.filter(([, { dtype }]) => dtype.includes("float"));
  const matrices = floats.filter(([, { shape }]) => shape.length > 1);
  const sizes = [matrices, floats, arrays].map((some) => some.reduce((n, [, { data }]) => n + data.length, 0));
  const parameters = arrays.some(([key]) => /\.(weight|bias)$/.test(key));
  return { weights, part, weight: [Number(parameters), ...sizes] };
}

/** All placeholders, each once, in the file's order. */
function placeholdersIn(root: TorchObject): PlaceholderAt[] {
  const found: PlaceholderAt[] = [];
  const seen = new Set<TorchObject>();
  visit(root, []);
  return found;

  function visit(value: TorchObject, way: readonly string[]): void {
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

/** A key of a dictionary, for messages and names of parts: a file can nest one long text in itself again and again. */
function nameOf(key: TorchObject): string {
  if (key instanceof Placeholder) return key.name;
  if (typeof key === "string") return key.length > MAX_NAME ? `${key.slice(0, MAX_NAME)}…` : key;
  return typeof key === "object" ? "…" : String(key);
}

function tensorsIn(weights: Dict): [string, Tensor][] {
  return [...weights].filter((entry): entry is [string, Tensor] => typeof entry[0] === "string" && isTensor(entry[1]));
}

function cleanKeys(entries: readonly [string, Tensor][]): Map<string, Tensor> {
  const weights = entries.filter(([key]) => !profilerKey.test(key));
  // A counter beside a wrapped network, such as the n_averaged of torch's AveragedModel, is none of its keys.
  const arrays = weights.filter(([key, { shape }]) => shape.length > 0 || key.includes("."));
  const prefix = prefixes.find((start) => arrays.length > 0 && arrays.every(([key]) => key.startsWith(start)));
  if (prefix === undefined) return new Map(weights);
  return cleanKeys(arrays.map(([key, tensor]) => [key.slice(prefix.length), tensor]));
}

/** Numbers and text saved next to the weights: epoch, architecture, best accuracy. */
function scalarsBeside(weights: Dict | undefined, root: TorchObject): Record<string, string> {
  const scalars: [string, string][] = [];
  for (const [key, value] of root instanceof Map ? root : []) {
    if (typeof key !== "string") continue;
    if (["string", "number", "bigint", "boolean"].includes(typeof value)) scalars.push([key, String(value)]);
    else if (root !== weights && isTensor(value) && value.shape.length === 0)
      scalars.push([key, String(value.dtype.endsWith("float16") ? toFloat32(value).data[0] : value.data[0])]);
  }
  // Object.fromEntries makes "__proto__" an ordinary field.
  return Object.fromEntries(scalars);
}

function isTensor(value: TorchObject): value is Tensor {
  return typeof value === "object" && value !== null && "dtype" in value;
}
