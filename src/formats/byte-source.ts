import { OptionError } from "../core/errors.js";
import { check, having, instance, type Schema, whole } from "../core/schema.js";

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
    async read(offset, length) {
      checkRange("blobSource", blob.size, offset, length);
      return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
    },
  };
}

const count = whole(0);

/** @throws OptionError for a range that is not within `size` bytes. */
export function checkRange(owner: string, size: number, offset: number, length: number): void {
  check(owner, "offset", count, offset);
  check(owner, "length", count, length);
  if (offset + length > size)
    throw new OptionError(`${owner}: offset + length must be at most ${size}, the size, got ${offset} + ${length}`);
}

/** Bytes that are in memory already. */
export const bytesSource = (bytes: Uint8Array): ByteSource => ({
  size: bytes.length,
  read: async (offset, length) => bytes.subarray(offset, offset + length),
});

/** Bytes that are read at a time where little is asked for. */
const block = 2 ** 20;

/** A source that reads in blocks, for those who ask for many small ranges one after the other. What it gives is memory of its own. */
export function inBlocks(source: ByteSource): ByteSource {
  const { size } = source;
  let [start, held]: [number, Uint8Array] = [0, new Uint8Array()];
  return {
    size,
    async read(offset, length) {
      if (length >= block) return source.read(offset, length);
      let [from, bytes] = [start, held];
      if (offset < from || offset + length > from + bytes.length) {
        [from, bytes] = [offset, await source.read(offset, Math.min(block, size - offset))];
        [start, held] = [from, bytes];
      }
      return bytes.slice(offset - from, offset - from + length);
    },
  };
}

/** What is read by ranges. */
export const sourceSchema: Schema<ByteSource> = having("a source of bytes, such as blobSource() makes", "read");

/** Reads a file by asking for ranges of it: the same code for bytes that are in memory and for those that are not. */
export type Reading<T> = Generator<readonly [offset: number, length: number], T, Uint8Array>;

/** Reads from memory; ranges are views. */
export function readNow<T>(reading: Reading<T>, bytes: Uint8Array): T {
  let step = reading.next();
  while (!step.done) {
    const [offset, length] = step.value;
    step = reading.next(bytes.subarray(offset, offset + length));
  }
  return step.value;
}

/** Reads from a source. */
export async function readFrom<T>(reading: Reading<T>, source: ByteSource): Promise<T> {
  let step = reading.next();
  while (!step.done) step = reading.next(await source.read(...step.value));
  return step.value;
}
