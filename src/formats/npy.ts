import { check } from "../core/schema.js";
import { type DType, type Tensor, tensorSchema } from "../core/tensor.js";

/** NumPy's names of the types that it has; it has no bfloat16. */
const names: Partial<Record<DType, string>> = {
  float64: "<f8",
  float32: "<f4",
  float16: "<f2",
  int64: "<i8",
  int32: "<i4",
  int16: "<i2",
  int8: "|i1",
  uint8: "|u1",
  bool: "|b1",
};

/**
 * An array in NumPy's format .npy, version 1.0: row-major, little-endian; `numpy.load` reads it. bfloat16 is written as its bits, `<u2`.
 *
 * @example
 * await writeFile("map.npy", encodeNpy(tensor("float64", [8, 8], map.data)));
 */
export function encodeNpy(t: Tensor): Uint8Array {
  check("encodeNpy", "t", tensorSchema, t);
  const { dtype, shape, data } = t;
  const dims = `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;
  const described = `{'descr': '${names[dtype] ?? "<u2"}', 'fortran_order': False, 'shape': ${dims}, }`;
  // Magic, version and length take ten bytes; data begin at a multiple of 64.
  const length = Math.ceil((10 + described.length + 1) / 64) * 64;
  const bytes = new Uint8Array(length + data.byteLength);
  bytes.set([0x93, ...new TextEncoder().encode("NUMPY"), 1, 0, (length - 10) & 255, (length - 10) >> 8]);
  bytes.set(new TextEncoder().encode(`${described.padEnd(length - 11)}\n`), 10);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), length);
  return bytes;
}
