/** Signatures of other file types, as Latin-1 text, with their offset. */
const signatures: readonly (readonly [what: string, text: string, at?: number])[] = [
  ["a JPEG image", "\xff\xd8\xff"],
  ["a PNG image", "\x89PNG"],
  ["a GIF image", "GIF8"],
  ["an HDF5 file (Keras?)", "\x89HDF"],
  ["a gzip file", "\x1f\x8b"],
  ["a NumPy array", "\x93NUMPY"],
  ["a GGUF model", "GGUF"],
  ["a TensorFlow Lite model", "TFL3", 4],
  ["a PDF", "%PDF"],
  ["a zip archive", "PK"],
  ["a tar archive", "ustar", 257],
  ["a Git LFS pointer; fetch the file itself with git lfs pull", "version https://git-lfs"],
];

/** What an unexpected file seems to be, for an error message: `a JPEG image`, `HTML`, `unknown bytes 00 01 …`. */
export function describeFile(bytes: Uint8Array): string {
  if (bytes.length === 0) return "an empty file";
  const start = String.fromCharCode(...bytes.subarray(0, 512));
  const known = signatures.find(([, text, at = 0]) => start.startsWith(text, at));
  if (known) return known[0];
  if (/^\s*<(?:!doctype|html|head|\?xml)/i.test(start)) return "HTML or XML, as a failed download leaves";
  // An ONNX model is a protobuf message: field 1, the IR version, then the producer, its version, the graph or the operator sets.
  if (bytes[0] === 8 && bytes[1]! < 32 && [0x12, 0x1a, 0x3a, 0x42].includes(bytes[2]!)) return "an ONNX model";
  if (/^[\t\n\r\x20-\x7e]+$/.test(start)) return `text: ${JSON.stringify(start.slice(0, 40))}`;
  const head = [...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0"));
  return `unknown bytes ${head.join(" ")}`;
}
