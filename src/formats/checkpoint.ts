import { FormatError } from "../core/errors.js";
import { type Tensor, toFloat32 } from "../core/tensor.js";
import { refusal } from "./refusal.js";
import { readSafetensors } from "./safetensors.js";
import { describeFile } from "./signature.js";
import { readTorch, type TorchLayout, type TorchObject, torchLayout } from "./torch/index.js";

/** The tensors of a checkpoint under their state-dict keys, and the scalars saved beside them as text. */
export interface Checkpoint {
  readonly format: "safetensors" | TorchLayout;
  readonly tensors: Map<string, Tensor>;
  readonly metadata: Record<string, string>;
}

export interface CheckpointOptions {
  /** Take the exponential moving average of the weights where the checkpoint has one beside the plain weights. */
  readonly ema?: boolean;
}

/** Where training scripts keep the weights, most telling first. */
const plainWrappers = ["state_dict", "model_state_dict", "model", "net"];
const emaWrappers = ["state_dict_ema", "model_ema", "ema_state_dict", "ema"];

/** Left in front of every key by `DataParallel` and `torch.compile`. */
const prefixes = ["module.", "_orig_mod."];

/** Counters that the profiler thop leaves in every module it has seen. */
const profilerKey = /(?:^|\.)total_(?:ops|params)$/;

/**
 * Reads a safetensors file or a torch checkpoint; the bytes tell which, not the name. Bytes can come from anywhere, in a browser too:
 * `new Uint8Array(await (await fetch(address)).arrayBuffer())`.
 *
 * In a torch checkpoint the state dict is found inside `state_dict`, `model_state_dict`, `model` or `net`, plain weights
 * before EMA weights; a `module.` or `_orig_mod.` common to all keys and thop's counters are dropped. Safetensors are
 * taken as they are.
 *
 * @param name of the file, for messages.
 * @param options `ema: true` takes the EMA weights instead; without them the checkpoint is refused.
 * @throws FormatError if the bytes are something else (it says what they look like), are damaged or hold no weights.
 * @example
 * const { tensors, metadata } = readCheckpoint(await readFile("resnet20.th"), "resnet20.th");
 * tensors.get("conv1.weight")?.shape; // [16, 3, 3, 3]
 */
export function readCheckpoint(bytes: Uint8Array, name = "checkpoint", options: CheckpointOptions = {}): Checkpoint {
  try {
    return read(bytes, options.ema ?? false);
  } catch (error) {
    throw error instanceof FormatError ? refusal(name, error.message) : error;
  }
}

function read(bytes: Uint8Array, ema: boolean): Checkpoint {
  if (looksLikeSafetensors(bytes)) return { format: "safetensors", ...readSafetensors(bytes) };
  const format = torchLayout(bytes);
  if (!format)
    throw new FormatError(`expected safetensors or a PyTorch checkpoint, this looks like ${describeFile(bytes)}`);
  const root = readTorch(bytes);
  const weights = ema ? findInside(root, emaWrappers) : findWeights(root);
  const tensors = cleanKeys(weights ? tensorsIn(weights) : []);
  if (tensors.size === 0) throw new FormatError(`it holds no ${ema ? "EMA weights" : "weights"} under a known key`);
  return { format, tensors, metadata: scalarsBeside(weights, root) };
}

/** A header of JSON follows the length, whose upper bytes are zero in every file that one can hold. */
export function looksLikeSafetensors(bytes: Uint8Array): boolean {
  return bytes[8] === 0x7b && bytes.subarray(5, 8).every((byte) => byte === 0);
}

type Dict = Map<TorchObject, TorchObject>;

function findWeights(object: TorchObject | undefined): Dict | undefined {
  if (!(object instanceof Map)) return undefined;
  // Values of rank 0 alone are rather figures, such as the best accuracy, beside the weights.
  const isWeights = [...object.values()].some((value) => isTensor(value) && value.shape.length > 0);
  return findInside(object, plainWrappers) ?? (isWeights ? object : findInside(object, emaWrappers));
}

function findInside(object: TorchObject, wrappers: readonly string[]): Dict | undefined {
  if (!(object instanceof Map)) return undefined;
  for (const wrapper of wrappers) {
    const weights = findWeights(object.get(wrapper));
    if (weights) return weights;
  }
  return undefined;
}

function tensorsIn(weights: Dict): [string, Tensor][] {
  return [...weights].filter((entry): entry is [string, Tensor] => typeof entry[0] === "string" && isTensor(entry[1]));
}

function cleanKeys(entries: readonly [string, Tensor][]): Map<string, Tensor> {
  const weights = entries.filter(([key]) => !profilerKey.test(key));
  const prefix = prefixes.find((start) => weights.length > 0 && weights.every(([key]) => key.startsWith(start)));
  if (prefix === undefined) return new Map(weights);
  return cleanKeys(weights.map(([key, tensor]) => [key.slice(prefix.length), tensor]));
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
