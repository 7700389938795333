import { check, having, instance, type Schema } from "../core/schema.js";

/** Random access to the bytes of a file, `Blob` or URL, for files larger than an array. */
export interface ByteSource {
  /** In bytes. */
  readonly size: number;
  /** Exactly `length` bytes from `offset`, within the size. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/**
 * The bytes of a `Blob`, such as a file dropped on a page.
 *
 * @example
 * const { tensors } = await openSafetensors(blobSource(input.files[0]));
 */
export function blobSource(blob: Blob): ByteSource {
  check("blobSource", "blob", instance(Blob, "a Blob"), blob);
  return {
    size: blob.size,
    read: async (offset, length) => new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()),
  };
}

/** Bytes in memory. */
export const bytesSource = (bytes: Uint8Array): ByteSource => ({
  size: bytes.length,
  read: async (offset, length) => bytes.subarray(offset, offset + length),
});

export const sourceSchema: Schema<ByteSource> = having("a source of bytes, such as blobSource() makes", "read");
