import { arrayTypes, type DType, type Tensor, tensor } from "../core/tensor.js";

/** Bytes that one element of a dtype takes. */
export function bytesPerElement(dtype: DType): number {
  return arrayTypes[dtype].BYTES_PER_ELEMENT;
}

/**
 * A tensor of little-endian elements: a view of `bytes` where they are aligned to the element, else a copy.
 *
 * @throws ShapeError if there are more or fewer bytes than the shape takes.
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
