/**
 * Numbers as the bytes of a NumPy file, version 1.0: the magic string, the version, the length of the header as two bytes, the header (a Python
 * dictionary, padded by spaces to a multiple of 64 bytes, and a newline), then float64 numbers, little-endian, the last axis first to vary.
 * `numpy.load(file)` reads it. The format: https://numpy.org/neps/nep-0001-npy-format.html
 *
 * @example
 * npyBytes([2, 3], Float64Array.of(1, 2, 3, 4, 5, 6)); // 128 bytes of header, 48 of numbers
 */
export function npyBytes(shape: readonly number[], data: Float64Array): Uint8Array {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const dictionary = `{'descr': '<f8', 'fortran_order': False, 'shape': (${sizes}), }`;
  const before = 10; // magic, version, length
  const length = Math.ceil((before + dictionary.length + 1) / 64) * 64 - before;
  const bytes = new Uint8Array(before + length + 8 * data.length);
  bytes.set([0x93, ...Buffer.from("NUMPY"), 1, 0, length & 0xff, length >> 8]);
  bytes.set(Buffer.from(`${dictionary.padEnd(length - 1)}\n`), before);
  const view = new DataView(bytes.buffer, before + length);
  data.forEach((value, i) => {
    view.setFloat64(8 * i, value, true);
  });
  return bytes;
}
