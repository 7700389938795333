import type { Tensor } from "../../core/tensor.js";
import type { ByteSource } from "../byte-source.js";
import { refusal } from "../refusal.js";
import { type OpenTorch, openTorchArchive, readTorchArchive } from "./archive.js";
import { readTorchLegacy } from "./legacy.js";
import type { TorchObject } from "./settle.js";

export type TorchLayout = "torch-zip" | "torch-legacy";

/** The format of `torch.save` by the first bytes; undefined if they are neither a zip nor a pickle. */
export function torchLayout(bytes: Uint8Array): TorchLayout | undefined {
  const [a, b, c, d] = bytes;
  if (a === 0x50 && b === 0x4b && c === 3 && d === 4) return "torch-zip";
  return a === 0x80 && b! >= 2 && b! <= 5 ? "torch-legacy" : undefined;
}

/**
 * Reads a file written by `torch.save` (`.pth .pt .th .tar …`), without Python and without running code: the pickle may only build tensors,
 * containers, numbers, text and bytes.
 *
 * Dictionaries become maps; tensors are contiguous (views of `bytes` where possible; shared storages stay shared). To read just the tensors
 * of a checkpoint in any format, see `readCheckpoint`.
 *
 * @throws FormatError if the bytes are not a torch file, are damaged, would take unreasonable memory, or name a Python class or function
 *   that is not known to be harmless; the message names it.
 * @example
 * const object = readTorch(await readFile("resnet20.th"));
 * object instanceof Map && object.get("best_prec1"); // 91.78
 */
export function readTorch(bytes: Uint8Array): TorchObject {
  const layout = torchLayout(bytes);
  if (!layout) throw refusal("torch checkpoint", "it begins neither like a zip nor like a pickle");
  return layout === "torch-zip" ? readTorchArchive(bytes) : readTorchLegacy(bytes);
}

/**
 * Opens such a file of any size: reads what describes its tensors now, each tensor on demand. The format before torch 1.6 is read whole.
 *
 * @throws FormatError as {@link readTorch}.
 */
export async function openTorch(source: ByteSource, layout: TorchLayout): Promise<OpenTorch> {
  if (layout === "torch-zip") return openTorchArchive(source);
  const root = readTorchLegacy(await source.read(0, source.size));
  return { root, read: async (tensor) => tensor as Tensor };
}
