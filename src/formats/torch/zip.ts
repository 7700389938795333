import { inflateSync } from "fflate";
import type { FormatError } from "../../core/errors.js";
import { messageOf } from "../../core/errors.js";
import type { Reading } from "../byte-source.js";
import { refusal } from "../refusal.js";
import { Budget } from "./budget.js";
import { Cursor } from "./cursor.js";

/** The largest compression ratio of deflate: a larger declared one is false. */
const MAX_DEFLATE_RATIO = 1032;

const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const ZIP64_LOCATOR_SIGNATURE = 0x07064b50;
const ZIP64_LOCATOR_BYTES = 20;
const ZIP64_END_SIGNATURE = 0x06064b50;
const ZIP64_END_BYTES = 56;
/** A hundred times what a large network takes. */
const MAX_DIRECTORY_BYTES = 2 ** 26;
const ENTRY_SIGNATURE = 0x02014b50;
const LOCAL_SIGNATURE = 0x04034b50;
/** Of the header before an entry's name. */
const LOCAL_BYTES = 30;
const ZIP64_FIELD = 1;
const IN_ZIP64 = 0xffffffff;

export interface Entry {
  readonly name: string;
  readonly deflated: boolean;
  readonly packed: number;
  readonly size: number;
  readonly offset: number;
}

/**
 * A zip or zip64 archive, of which no more is read than is asked for. Stored entries, the only kind that torch writes, are read by ranges;
 * others are inflated as a whole, within a budget. Checksums are not verified.
 */
export class ZipArchive {
  readonly #size: number;
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #budget: Budget;

  private constructor(size: number, entries: ReadonlyMap<string, Entry>, budget: Budget) {
    this.#size = size;
    this.#entries = entries;
    this.#budget = budget;
  }

  /** Reads the directory at the archive's end. @throws FormatError if it is missing or damaged, or entries share bytes. */
  static *open(size: number, budget = Budget.forFile(size)): Reading<ZipArchive> {
    const entries = yield* readDirectory(size);
    checkOverlap(entries.values());
    return new ZipArchive(size, entries, budget);
  }

  get names(): string[] {
    return [...this.#entries.keys()];
  }

  entry(name: string): Entry | undefined {
    return this.#entries.get(name);
  }

  /** The contents of an entry; undefined if there is none of that name. @throws FormatError if it is damaged. */
  *read(name: string): Reading<Uint8Array | undefined> {
    const entry = this.#entries.get(name);
    if (!entry) return undefined;
    const packed = yield* this.#packed(entry, 0, entry.packed);
    return entry.deflated ? this.#inflate(entry, packed) : packed;
  }

  /** A range of a stored entry. */
  *readRange(entry: Entry, begin: number, length: number): Reading<Uint8Array> {
    return yield* this.#packed(entry, begin, length);
  }

  *#packed(entry: Entry, begin: number, length: number): Reading<Uint8Array> {
    const { name, offset } = entry;
    this.#within(offset, LOCAL_BYTES, name);
    const local = new Cursor(yield [offset, LOCAL_BYTES], "zip archive");
    if (local.uint32() !== LOCAL_SIGNATURE) throw refuse(`entry "${name}" is not where the directory says`);
    local.take(22);
    const start = offset + LOCAL_BYTES + local.uint16() + local.uint16();
    this.#within(start, entry.packed, name);
    return yield [start + begin, length];
  }

  #within(offset: number, length: number, name: string): void {
    if (offset + length > this.#size)
      throw refuse(`entry "${name}" ends early: ${length} bytes needed, ${Math.max(0, this.#size - offset)} left`);
  }

  #inflate({ name, size }: Entry, packed: Uint8Array): Uint8Array {
    if (size > packed.length * MAX_DEFLATE_RATIO)
      throw refuse(`entry "${name}" claims ${size} bytes, more than its ${packed.length} compressed bytes can hold`);
    this.#budget.spend(size, `inflating "${name}"`);
    try {
      // One extra byte reveals an entry that is longer than declared.
      const content = inflateSync(packed, { out: new Uint8Array(size + 1) });
      if (content.length === size) return content;
    } catch (error) {
      throw refuse(`entry "${name}" is damaged: ${messageOf(error)}`);
    }
    throw refuse(`entry "${name}" does not inflate to the ${size} bytes it declares`);
  }
}

function* readDirectory(size: number): Reading<Map<string, Entry>> {
  const { count, offset, end } = yield* findDirectory(size);
  if (offset > end) throw refuse(`its directory should begin at byte ${offset}, after its end`);
  if (end - offset > MAX_DIRECTORY_BYTES)
    throw refuse(`its directory takes ${end - offset} bytes; at most ${MAX_DIRECTORY_BYTES} are read`);
  const cursor = new Cursor(yield [offset, end - offset], "zip archive");
  const entries = new Map<string, Entry>();
  for (let i = 0; i < count; i++) {
    const entry = readEntry(cursor);
    if (entries.has(entry.name)) throw refuse(`entry "${entry.name}" appears twice`);
    entries.set(entry.name, entry);
  }
  return entries;
}

/** Entries must not share bytes: otherwise a small file could expand without bound. */
function checkOverlap(entries: Iterable<Entry>): void {
  let end = 0;
  for (const { name, offset, packed } of [...entries].sort((a, b) => a.offset - b.offset)) {
    if (offset < end) throw refuse(`entry "${name}" begins inside another`);
    end = offset + LOCAL_BYTES + packed;
  }
}

interface Directory {
  readonly count: number;
  readonly offset: number;
  /** Where the record that locates it begins. */
  readonly end: number;
}

/** A record at the end of the file, before an optional comment, locates the directory. */
function* findDirectory(size: number): Reading<Directory> {
  const start = Math.max(0, size - END_BYTES - 0xffff - ZIP64_LOCATOR_BYTES);
  const tail = yield [start, size - start];
  const last = tail.length - END_BYTES;
  for (let at = last; at >= Math.max(0, last - 0xffff); at--) {
    if (tail[at] !== 0x50 || tail[at + 1] !== 0x4b) continue;
    const cursor = new Cursor(tail, "zip archive", at);
    if (cursor.uint32() !== END_SIGNATURE) continue;
    cursor.take(6);
    const count = cursor.uint16();
    cursor.take(4);
    const offset = cursor.uint32();
    if (cursor.uint16() !== last - at) continue;
    const large = at < ZIP64_LOCATOR_BYTES ? undefined : zip64Locator(tail.subarray(at - ZIP64_LOCATOR_BYTES, at));
    return large === undefined ? { count, offset, end: start + at } : yield* zip64Directory(large, size);
  }
  throw refuse("it has no directory at its end; the file is cut short");
}

/** Where the record of a zip64 directory is. */
function zip64Locator(bytes: Uint8Array): number | undefined {
  const locator = new Cursor(bytes, "zip archive");
  if (locator.uint32() !== ZIP64_LOCATOR_SIGNATURE) return undefined;
  locator.take(4);
  return locator.uint64();
}

function* zip64Directory(end: number, size: number): Reading<Directory> {
  const misplaced = () => refuse("its zip64 directory is not where it should be");
  if (end + ZIP64_END_BYTES > size) throw misplaced();
  const cursor = new Cursor(yield [end, ZIP64_END_BYTES], "zip archive");
  if (cursor.uint32() !== ZIP64_END_SIGNATURE) throw misplaced();
  cursor.take(28);
  const count = cursor.uint64();
  cursor.take(8);
  return { count, offset: cursor.uint64(), end };
}

function readEntry(cursor: Cursor): Entry {
  if (cursor.uint32() !== ENTRY_SIGNATURE) throw refuse("its directory is damaged");
  cursor.take(4);
  const flags = cursor.uint16();
  const method = cursor.uint16();
  cursor.take(8);
  const sizes = { packed: cursor.uint32(), size: cursor.uint32(), offset: 0 };
  const [nameLength, extraLength, commentLength] = [cursor.uint16(), cursor.uint16(), cursor.uint16()];
  cursor.take(8);
  sizes.offset = cursor.uint32();
  const name = new TextDecoder().decode(cursor.take(nameLength));
  const extra = new Cursor(cursor.take(extraLength), "zip archive");
  cursor.take(commentLength);
  widen(sizes, extra);
  if (flags & 1) throw refuse(`entry "${name}" is encrypted`);
  if (method !== 0 && method !== 8)
    throw refuse(`entry "${name}" is compressed by method ${method}; 0 and 8 are known`);
  if (method === 0 && sizes.packed !== sizes.size) throw refuse(`entry "${name}" has two different sizes`);
  return { name, deflated: method === 8, ...sizes };
}

/** Sizes over 32 bits are in the zip64 field, in this order. */
function widen(sizes: { packed: number; size: number; offset: number }, extra: Cursor): void {
  while (extra.bytes.length - extra.at >= 4) {
    const id = extra.uint16();
    const field = new Cursor(extra.take(extra.uint16()), "zip archive");
    if (id !== ZIP64_FIELD) continue;
    if (sizes.size === IN_ZIP64) sizes.size = field.uint64();
    if (sizes.packed === IN_ZIP64) sizes.packed = field.uint64();
    if (sizes.offset === IN_ZIP64) sizes.offset = field.uint64();
  }
}

function refuse(problem: string): FormatError {
  return refusal("zip archive", problem);
}
