import { readNow } from "../../src/formats/byte-source.js";
import { ZipArchive } from "../../src/formats/torch/zip.js";

/** An archive in memory. */
export function openZip(bytes: Uint8Array) {
  const zip = readNow(ZipArchive.open(bytes.length), bytes);
  return { names: zip.names, read: (name: string) => readNow(zip.read(name), bytes) };
}
