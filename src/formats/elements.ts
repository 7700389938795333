import { arrayTypes, type DType, type Tensor, tensor } from "../core/tensor.js";

/** Bytes per element of a dtype. */
export function bytesPerElement(dtype: DType): number {
  return arrayTypes[dtype].BYTES_PER_ELEMENT;
}

/**
 * A tensor of little-endian elements: a view of `bytes` if aligned, else a copy.
 *
 * @throws ShapeError if the number of bytes does not match the shape.
 */
export function tensorOf(dtype: DType, shape: readonly number[], bytes: Uint8Array): Tensor {
  const width = bytesPerElement(dtype);
  // Not slice(): that of a Node Buffer is a view.
  const { buffer, byteOffset } = bytes.byteOffset % width === 0 ? bytes : new Uint8Array(bytes);
  return tensor(dtype, shape, new arrayTypes[dtype](buffer, byteOffset, Math.floor(bytes.length / width)));
}

/** The elements of a tensor as little-endian bytes, a view. @throws ShapeError if data and shape disagree. */
export function bytesOf({ dtype, shape, data }: Tensor): Uint8Array {
  tensor(dtype, shape, data);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
