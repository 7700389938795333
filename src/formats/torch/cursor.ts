import type { FormatError } from "../../core/errors.js";
import { refusal } from "../refusal.js";

/** Reads little-endian values in sequence. A read beyond the end is an error. */
export class Cursor {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  #at: number;

  constructor(bytes: Uint8Array, what: string, at = 0) {
    // Plain arrays: parts of a Node Buffer would be Buffers.
    this.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
    this.#at = at;
    if (at < 0 || at > bytes.length) throw this.refuse(`needs byte ${at}, the file has ${bytes.length}`);
  }

  get at(): number {
    return this.#at;
  }

  uint8(): number {
    return this.#view.getUint8(this.#skip(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.#skip(2), true);
  }

  int32(): number {
    return this.#view.getInt32(this.#skip(4), true);
  }

  uint32(): number {
    return this.#view.getUint32(this.#skip(4), true);
  }

  /** A 64-bit count, at most 2⁵³: no file is longer. */
  uint64(): number {
    const value = Number(this.#view.getBigUint64(this.#skip(8), true));
    if (!Number.isSafeInteger(value)) throw this.refuse(`a length of ${value} bytes`);
    return value;
  }

  /** Pickle is little-endian except for its floats. */
  float64BigEndian(): number {
    return this.#view.getFloat64(this.#skip(8));
  }

  /** The next `length` bytes, a view. */
  take(length: number): Uint8Array {
    const start = this.#skip(length);
    return this.bytes.subarray(start, start + length);
  }

  /** ASCII up to the next line feed, which is consumed; at most `limit` characters. */
  line(limit: number): string {
    const end = this.bytes.subarray(this.#at, this.#at + limit + 1).indexOf(10);
    if (end < 0) throw this.refuse(`no end of line within ${limit} characters`);
    return String.fromCharCode(...this.take(end + 1).subarray(0, end));
  }

  refuse(problem: string): FormatError {
    return refusal(this.#what, `${problem} (at byte ${this.#at})`);
  }

  #skip(length: number): number {
    const start = this.#at;
    if (length < 0 || length > this.bytes.length - start)
      throw this.refuse(`ends early: ${length} bytes needed, ${this.bytes.length - start} left`);
    this.#at += length;
    return start;
  }
}
