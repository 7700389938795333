import { FormatError } from "../core/errors.js";
import { withFile } from "../files/read.js";
import { readFrom } from "../formats/byte-source.js";
import { looksLikeSafetensors } from "../formats/checkpoint.js";
import { openSafetensors } from "../formats/safetensors.js";
import { describeFile } from "../formats/signature.js";
import { torchLayout } from "../formats/torch/index.js";
import { ZipArchive } from "../formats/torch/zip.js";

/**
 * What shows, without reading the tensors, that a file is not weights or not all of them; undefined if nothing does. A safetensors file gives
 * its size in its header, a zip archive has its directory at the end. In PyTorch files before 1.6 a missing end does not show.
 */
export function damageOf(path: string): Promise<string | undefined> {
  return withFile(path, async (file) => {
    const start = await file.read(0, Math.min(file.size, 512));
    const layout = torchLayout(start);
    try {
      if (looksLikeSafetensors(start)) await openSafetensors(file);
      else if (layout === "torch-zip") await readFrom(ZipArchive.open(file.size), file);
      else if (layout === undefined) return `neither safetensors nor a PyTorch checkpoint, but ${describeFile(start)}`;
      return undefined;
    } catch (error) {
      if (error instanceof FormatError) return error.message;
      throw error;
    }
  });
}
