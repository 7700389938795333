import { refusal } from "../refusal.js";
import { readTorchArchive } from "./archive.js";
import { readTorchLegacy } from "./legacy.js";
import type { TorchObject } from "./settle.js";

export type TorchLayout = "torch-zip" | "torch-legacy";

/** `torch.save`'s layout by the first bytes, or undefined if they are neither a zip's nor a pickle's. */
export function torchLayout(bytes: Uint8Array): TorchLayout | undefined {
  const [a, b, c, d] = bytes;
  if (a === 0x50 && b === 0x4b && c === 3 && d === 4) return "torch-zip";
  return a === 0x80 && b! >= 2 && b! <= 5 ? "torch-legacy" : undefined;
}

/**
 * Reads what `torch.save` wrote (`.pth .pt .th .tar …`), without Python and without running anything: the pickle may
 * only build tensors, containers, numbers, text and bytes.
 *
 * Dictionaries come as maps, tensors contiguous (as views of `bytes` where they lie so already; shared storages stay
 * shared). For the tensors of a checkpoint whatever its format, see `readCheckpoint`.
 *
 * @throws FormatError if the bytes are no torch file, are damaged, would take unreasonable memory, or name a Python
 *   class or function that is not on the list of harmless ones; the message names it.
 * @example
 * const object = readTorch(await readFile("resnet20.th"));
 * object instanceof Map && object.get("best_prec1"); // 91.78
 */
export function readTorch(bytes: Uint8Array): TorchObject {
  const layout = torchLayout(bytes);
  if (!layout) throw refusal("torch checkpoint", "it begins neither like a zip nor like a pickle");
  return layout === "torch-zip" ? readTorchArchive(bytes) : readTorchLegacy(bytes);
}
