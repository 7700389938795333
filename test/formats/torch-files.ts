import { deflateRawSync } from "node:zlib";

/** Bytes from numbers and Latin-1 text, one after the other. */
export function bytes(...parts: (number | string | Uint8Array)[]): Uint8Array {
  return new Uint8Array(
    Buffer.concat(
      parts.map((part) =>
        typeof part === "number" ? Buffer.of(part) : typeof part === "string" ? Buffer.from(part, "latin1") : part,
      ),
    ),
  );
}

export function uint(width: 2 | 4 | 8, value: number): Uint8Array {
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
  return out.subarray(0, width);
}

/** `cMODULE\nNAME\n` */
export function global(module: string, name: string): string {
  return `c${module}\n${name}\n`;
}

/** Pickled text. */
export function unicode(text: string): Uint8Array {
  const utf8 = Buffer.from(text);
  return bytes("X", uint(4, utf8.length), utf8);
}

/** A pickled integer. */
export function int(value: number): Uint8Array {
  return bytes("J", uint(4, value));
}

/** A pickled persistent id of a storage. */
export function storageId(key: string, length: number, type = "FloatStorage"): Uint8Array {
  return bytes("(", unicode("storage"), global("torch", type), unicode(key), unicode("cpu"), int(length), "tQ");
}

/** The pickled call of `_rebuild_tensor_v2`. */
export function rebuild(storage: Uint8Array, offset: number, shape: number[], strides: number[]): Uint8Array {
  const list = (values: number[]) => bytes("(", ...values.map(int), "t");
  const hooks = bytes(global("collections", "OrderedDict"), ")R");
  return bytes(
    global("torch._utils", "_rebuild_tensor_v2"),
    "(",
    storage,
    int(offset),
    list(shape),
    list(strides),
    0x89,
    hooks,
    "tR",
  );
}

/** A file in the layout before torch 1.6, around a pickled object without its protocol and stop bytes. */
export function legacyFile(object: Uint8Array, storages: Record<string, Uint8Array> = {}, width = 4): Uint8Array {
  const pickle = (...parts: (number | string | Uint8Array)[]) => bytes(0x80, 2, ...parts, ".");
  return bytes(
    pickle(0x8a, 10, "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"),
    pickle("M", uint(2, 1001)),
    pickle("}", unicode("little_endian"), 0x88, "s"),
    pickle(object),
    pickle("](", ...Object.keys(storages).map(unicode), "e"),
    ...Object.values(storages).flatMap((data) => [uint(8, data.length / width), data]),
  );
}

export interface ZipEntryOptions {
  readonly deflate?: boolean;
  readonly size?: number;
  readonly flags?: number;
  readonly method?: number;
}

/** A zip archive. With `zip64`, every size is written the long way. */
export function zipFile(
  entries: readonly (readonly [name: string, content: Uint8Array, options?: ZipEntryOptions])[],
  { zip64 = false, comment = "" } = {},
): Uint8Array {
  const locals: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const [name, content, options = {}] of entries) {
    const packed = options.deflate ? deflateRawSync(content) : content;
    const size = options.size ?? content.length;
    const method = options.method ?? (options.deflate ? 8 : 0);
    const small = (value: number) => uint(4, zip64 ? 0xffffffff : value);
    const head = bytes(uint(2, 20), uint(2, options.flags ?? 0), uint(2, method), uint(8, 0));
    const extra = zip64
      ? bytes(uint(2, 1), uint(2, 24), uint(8, size), uint(8, packed.length), uint(8, offset))
      : bytes();
    const local = bytes(
      "PK\x03\x04",
      head,
      uint(4, packed.length),
      uint(4, size),
      uint(2, name.length),
      uint(2, 0),
      name,
      packed,
    );
    directory.push(
      bytes(
        "PK\x01\x02",
        uint(2, 20),
        head,
        small(packed.length),
        small(size),
        uint(2, name.length),
        uint(2, extra.length),
        uint(2, 0),
      ),
      bytes(uint(8, 0), small(offset), name, extra),
    );
    locals.push(local);
    offset += local.length;
  }
  const central = bytes(...directory);
  const count = entries.length;
  const end64 = bytes(
    "PK\x06\x06",
    uint(8, 44),
    uint(4, 0),
    uint(8, 0),
    uint(8, count),
    uint(8, count),
    uint(8, central.length),
    uint(8, offset),
  );
  const locator = bytes("PK\x06\x07", uint(4, 0), uint(8, offset + central.length), uint(4, 1));
  const end = bytes(
    "PK\x05\x06",
    uint(4, 0),
    uint(2, count),
    uint(2, count),
    uint(4, central.length),
    uint(4, zip64 ? 0xffffffff : offset),
    uint(2, comment.length),
    comment,
  );
  return bytes(...locals, central, ...(zip64 ? [end64, locator] : []), end);
}

/** A file in the layout since torch 1.6. */
export function archiveFile(object: Uint8Array, others: Record<string, Uint8Array> = {}): Uint8Array {
  const rest = Object.entries(others).map(([name, data]) => [`archive/${name}`, data] as const);
  return zipFile([["archive/data.pkl", bytes(0x80, 2, object, ".")], ...rest]);
}
