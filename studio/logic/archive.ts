/** Zip archives, which may come from anywhere: what is unpacked is bounded by the directory before anything is. */

/** An entry of an archive. */
export interface Entry {
  readonly name: string;
  /** Bytes in the archive, and unpacked. */
  readonly size: number;
  readonly originalSize: number;
  readonly method: number;
  /** Where its own header is. */
  readonly offset: number;
  readonly locked: boolean;
}

/** An entry that is not unpacked. */
export interface Refusal {
  readonly name: string;
  readonly reason: string;
}

/** An archive may unpack to `ratio` times its size and `free` bytes, and never to more than `unpacked`. */
export const bounds = { archive: 2e9, entries: 100_000, unpacked: 4e9, ratio: 20, free: 1e7 } as const;

const damaged = "it is damaged, or not a zip archive";
const megabytes = (bytes: number) => `${Math.ceil(bytes / 1e6).toLocaleString("en-US")} MB`;

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array) => new DataView(buffer, byteOffset, byteLength);

/**
 * The entries that are wanted and may be unpacked, each to at most `most` bytes; and those that may not.
 *
 * @throws Error if it is no archive, or one that is made to do harm: too many entries, entries that share a name or overlap, or that
 * unpack to far more than it is.
 */
export function entriesOf(
  archive: Uint8Array,
  wanted: (name: string) => boolean,
  most: number,
): { readonly entries: readonly Entry[]; readonly refused: readonly Refusal[] } {
  const entries: Entry[] = [];
  const refused: Refusal[] = [];
  const found = directoryOf(archive).filter(({ name }) => wanted(name));
  checkDistinct(found, archive.length);
  for (const entry of found) {
    const { name, size, originalSize, locked } = entry;
    const bytes = Math.max(size, originalSize);
    if (locked) refused.push({ name, reason: "locked with a password" });
    else if (bytes > most) refused.push({ name, reason: `${megabytes(bytes)}; at most ${megabytes(most)} are read` });
    else entries.push(entry);
  }
  const room = Math.min(bounds.unpacked, bounds.ratio * archive.length + bounds.free);
  const unpacked = entries.reduce((sum, { originalSize }) => sum + originalSize, 0);
  if (unpacked > room)
    throw new Error(`it would unpack to ${megabytes(unpacked)}, far more than its ${megabytes(archive.length)}`);
  return { entries, refused };
}

/** An entry's own header, before its name. */
const headerBytes = 30;

/** @throws Error if entries have the same name, share bytes or reach beyond the archive's end: it could unpack to far more than it is. */
function checkDistinct(entries: readonly Entry[], length: number): void {
  const names = new Set<string>();
  let end = 0;
  for (const { name, offset, size } of [...entries].sort((a, b) => a.offset - b.offset)) {
    if (names.has(name)) throw new Error(`it has two entries named “${name}”`);
    names.add(name);
    if (offset < end) throw new Error("its entries overlap, which no normal archive's do");
    end = offset + headerBytes + size;
  }
  if (end > length) throw new Error("its entries reach beyond its end");
}

/** The bytes of an entry; undefined if they are damaged or not as many as announced, or packed in a way that nobody uses any more. */
export async function unpack(
  archive: Uint8Array<ArrayBuffer>,
  { offset, size, originalSize, method }: Entry,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    const view = viewOf(archive);
    if (view.getUint32(offset, true) !== 0x04034b50) return undefined;
    const start = offset + headerBytes + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
    const packed = archive.subarray(start, start + size);
    if (packed.length !== size) return undefined;
    if (method === 0) return size === originalSize ? packed.slice() : undefined;
    return method === 8 ? await inflated(packed, originalSize) : undefined;
  } catch {
    return undefined;
  }
}

/** So many bytes, or undefined: no more are unpacked than that. */
async function inflated(packed: Uint8Array<ArrayBuffer>, size: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const bytes = new Uint8Array(size);
  let length = 0;
  for (const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader(); ; ) {
    const { value, done } = await reader.read();
    if (done) return length === size ? bytes : undefined;
    if (length + value.length > size) {
      await reader.cancel();
      return undefined;
    }
    bytes.set(value, length);
    length += value.length;
  }
}

/** @throws Error if there is no directory, or it is not as long as it says. */
function directoryOf(archive: Uint8Array): Entry[] {
  try {
    const view = viewOf(archive);
    const { count, offset } = endOf(view);
    if (count > bounds.entries) throw new TypeError("too many");
    const entries: Entry[] = [];
    for (let i = 0, at = offset; i < count; i++) {
      if (view.getUint32(at, true) !== 0x02014b50) throw new RangeError("no entry");
      entries.push(entryAt(archive, view, at));
      at += 46 + [28, 30, 32].reduce((sum, field) => sum + view.getUint16(at + field, true), 0);
    }
    return entries;
  } catch (error) {
    if (error instanceof TypeError)
      throw new Error(`it has more than ${bounds.entries.toLocaleString("en-US")} entries`);
    throw new Error(damaged);
  }
}

/** How many entries there are, and where their directory begins: of Zip64 where that is used. */
function endOf(view: DataView): { readonly count: number; readonly offset: number } {
  // A comment may follow.
  let end = view.byteLength - 22;
  while (view.getUint32(end, true) !== 0x06054b50) if (--end < view.byteLength - 22 - 65_535) throw new RangeError();
  if (end >= 20 && view.getUint32(end - 20, true) === 0x07064b50) {
    const large = Number(view.getBigUint64(end - 12, true));
    if (view.getUint32(large, true) === 0x06064b50)
      return {
        count: Number(view.getBigUint64(large + 32, true)),
        offset: Number(view.getBigUint64(large + 48, true)),
      };
  }
  return { count: view.getUint16(end + 10, true), offset: view.getUint32(end + 16, true) };
}

const full = 0xffffffff;

function entryAt(archive: Uint8Array, view: DataView, at: number): Entry {
  const nameLength = view.getUint16(at + 28, true);
  const name = textOf(archive.subarray(at + 46, at + 46 + nameLength));
  // What does not fit into 32 bits is in an extra field, in this order.
  const long = extraField(view, at + 46 + nameLength, view.getUint16(at + 30, true));
  const field = (offset: number) => {
    const value = view.getUint32(at + offset, true);
    return value === full ? (long.shift() ?? value) : value;
  };
  const [originalSize, size, offset] = [field(24), field(20), field(42)] as const;
  const locked = (view.getUint16(at + 8, true) & 1) === 1;
  return { name, size, originalSize, offset, locked, method: view.getUint16(at + 10, true) };
}

/** The numbers of the Zip64 field among the extra fields; none without it. */
function extraField(view: DataView, start: number, length: number): number[] {
  for (let at = start; at + 4 <= start + length; at += 4 + view.getUint16(at + 2, true))
    if (view.getUint16(at, true) === 1)
      return Array.from({ length: Math.floor(view.getUint16(at + 2, true) / 8) }, (_, i) =>
        Number(view.getBigUint64(at + 4 + 8 * i, true)),
      );
  return [];
}

/** A name: UTF-8, or what older programs wrote. */
function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("latin1").decode(bytes);
  }
}
