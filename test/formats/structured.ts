/** Files that are nearly right: each part as its format has it, with values that lie now and then. */
import { crc32, deflateSync } from "node:zlib";
import fc from "fast-check";
import { archiveFile, bytes, global, int, rebuild, storageId, uint, unicode, zipFile } from "./torch-files.js";

/** Mostly what is right, sometimes something else. */
const mostly = <T, U>(right: fc.Arbitrary<T>, wrong: fc.Arbitrary<U>, weight = 6): fc.Arbitrary<T | U> =>
  fc.oneof({ weight, arbitrary: right }, { weight: 1, arbitrary: wrong });

/** Numbers that break arithmetic, as they are spelled in JSON. */
const oddNumbers = fc.constantFrom(
  ...["-1", "0.5", "1e3", "1e999", "-0", "01", "2147483648", "4294967296", "9007199254740993", "18446744073709551616"],
  ...["NaN", "Infinity", "0x10", "1_000", "+1", "1.", ".5", "1e", "9".repeat(400)],
);
const odd = fc.oneof(
  oddNumbers,
  fc.constantFrom("null", "true", '""', "[]", "{}", '"1"', "[1,]", '{"a":1,"a":1}', '"\\ud800"', '"\\u0000"', '"', ""),
  fc.constantFrom("[".repeat(200), '{"a":'.repeat(200), `[${"0,".repeat(3000)}0]`, `"${"x".repeat(5000)}"`),
);
const names = fc.constantFrom(
  ...["conv.weight", "fc.bias", "", "__proto__", "constructor", "toString", "__metadata__", "0", "a\nb", "\u001b[2J"],
  ...["\u202eevil", "é", "e\u0301", "\ud83d\ude00", "x".repeat(3000), "layer1.0.bn1.running_mean"],
);
const quoted = (text: string) => JSON.stringify(text);
const sizes = fc.constantFrom<number[]>(0, 1, 2, 3, 4, 7, 8);
const oddSizes = fc.constantFrom<number[]>(-1, 2 ** 16, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1);

const widths = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, I16: 2, I8: 1, U8: 1, BOOL: 1 } as const;
const dtypes = Object.keys(widths) as (keyof typeof widths)[];
const tensorEntry = fc.record({
  name: names,
  dtype: fc.constantFrom(...dtypes),
  shape: fc.array(sizes, { maxLength: 4 }),
  written: fc.record({
    dtype: mostly(fc.constant(undefined), fc.oneof(fc.constantFrom('"F8_E4M3"', '"U64"', '"f32"'), odd), 12),
    shape: mostly(fc.constant(undefined), fc.oneof(odd, fc.array(oddSizes, { maxLength: 70 }).map(quotedList)), 12),
    begin: mostly(fc.constant(undefined), oddNumbers, 20),
    end: mostly(fc.constant(undefined), oddNumbers, 20),
    more: mostly(fc.constant(""), fc.constantFrom(',"x":1', ',"dtype":"F32"', ",", ',"shape":[1]'), 20),
  }),
});
function quotedList(list: readonly number[]): string {
  return `[${list.join()}]`;
}

/** Safetensors files: headers whose parts, order, offsets and length may each lie. */
export const safetensorsFiles = fc
  .record({
    entries: fc.array(tensorEntry, { maxLength: 6 }),
    gap: mostly(fc.constant(0), fc.constantFrom(-1, 1, 8), 12),
    metadata: mostly(fc.constant(""), fc.oneof(odd, fc.constant('{"a":"b"}')), 3),
    around: mostly(fc.constant(["{", "}"]), fc.constantFrom(["[", "]"], ["{", ""], ["\ufeff{", "}"], ["{", "}}"]), 20),
    length: mostly(fc.constant(undefined), fc.constantFrom(0n, 1n, 2n ** 25n + 1n, 2n ** 53n, 2n ** 64n - 1n), 20),
    padding: fc.constantFrom(0, 0, 0, 1, 7),
    tail: mostly(fc.constant(0), fc.constantFrom(-1, 1, 100), 12),
  })
  .map(({ entries, gap, metadata, around: [before, after], length, padding, tail }) => {
    let at = 0;
    const fields = entries.map(({ name, dtype, shape, written }) => {
      const begin = at;
      at += shape.reduce<number>((n, d) => n * d, widths[dtype]) + gap;
      const offsets = `[${written.begin ?? begin},${written.end ?? at}]`;
      const about = `"dtype":${written.dtype ?? quoted(dtype)},"shape":${written.shape ?? quotedList(shape)}`;
      return `${quoted(name)}:{${about},"data_offsets":${offsets}${written.more}}`;
    });
    if (metadata) fields.push(`"__metadata__":${metadata}`);
    const header = Buffer.from(`${before}${fields.join()}${after}${" ".repeat(padding)}`);
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(length ?? BigInt(header.length));
    return new Uint8Array(Buffer.concat([size, header, Buffer.alloc(Math.max(0, at + tail), 1)]));
  });

const fileNames = mostly(
  fc.constantFrom("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "a.bin"),
  fc.constantFrom(
    "../x",
    "/etc/passwd",
    "..",
    ".",
    "",
    "a/b",
    "a\\b",
    "C:x",
    "a\u0000",
    "\ud800",
    "x".repeat(300),
    "%2e",
  ),
);
/** The JSON beside a checkpoint in several files. */
export const shardIndexes = fc
  .record({
    map: fc.array(fc.tuple(names, fileNames.map(quoted)), { maxLength: 8 }),
    values: mostly(fc.constant(undefined), odd, 10),
    metadata: mostly(fc.constant('{"total_size":28}'), odd, 4),
    map2: mostly(fc.constant(""), fc.constantFrom(',"weight_map":{}', ',"x":[]', "}"), 10),
    many: mostly(fc.constant(0), fc.constantFrom(999, 1001, 3000), 30),
  })
  .map(({ map, values, metadata, map2, many }) => {
    const pairs = map.map(([key, file]) => `${quoted(key)}:${values ?? file}`);
    for (let i = 0; i < many; i++) pairs.push(`"k${i}":"f${i}.bin"`);
    return new TextEncoder().encode(`{"metadata":${metadata},"weight_map":{${pairs.join()}}${map2}}`);
  });

const zipEntry = fc.tuple(
  fc.constantFrom(
    "a/data.pkl",
    "a/data/0",
    "a/data/1",
    "a/byteorder",
    "a/version",
    "../x",
    "",
    "a/",
    "/a",
    "__proto__",
  ),
  fc.oneof(
    fc.constantFrom(bytes(), bytes("little"), bytes("big"), new Uint8Array(16), new Uint8Array(10_000)),
    fc.uint8Array({ maxLength: 60 }),
  ),
  fc.record(
    {
      deflate: fc.boolean(),
      size: fc.oneof(
        { weight: 8, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: fc.oneof(sizes, oddSizes) },
      ),
      flags: mostly(fc.constant(0), fc.constantFrom(1, 8, 0x800, 0xffff), 10),
      method: mostly(fc.constant(undefined), fc.constantFrom(0, 8, 9, 12, 99), 10),
    },
    { requiredKeys: [] },
  ),
);
/** Zip archives whose directory may lie. */
export const zipFiles = fc
  .tuple(
    fc.array(zipEntry, { maxLength: 6 }),
    fc.boolean(),
    fc.constantFrom("", "c", "PK\x05\x06".repeat(3), "x".repeat(1000)),
  )
  .map(([entries, zip64, comment]) =>
    zipFile(
      entries.map(([name, content, { deflate = false, size, flags = 0, method }]) => [
        name,
        content,
        { deflate, flags, ...(size === undefined ? {} : { size }), ...(method === undefined ? {} : { method }) },
      ]),
      { zip64, comment },
    ),
  );

const storageTypes = fc.constantFrom(
  ...["FloatStorage", "HalfStorage", "LongStorage", "BoolStorage", "QInt8Storage", "DoubleStorage", "Size", "x"],
);
const wholes = mostly(sizes, oddSizes);
const pickledTensor = fc
  .record({
    key: mostly(fc.constant("0"), fc.constantFrom("1", "2", "", "../0", "__proto__"), 20),
    length: mostly(fc.constant(4), wholes, 20),
    type: mostly(fc.constant("FloatStorage"), storageTypes, 20),
    offset: mostly(fc.constant(0), wholes, 10),
    shape: mostly(fc.constantFrom<number[][]>([4], [2, 2], [], [1, 4]), fc.array(wholes, { maxLength: 70 }), 10),
    strides: mostly(fc.constant(undefined), fc.array(wholes, { maxLength: 5 }), 10),
  })
  .map(({ key, length, type, offset, shape, strides }) => {
    const dense = shape.map((_, i) => shape.slice(i + 1).reduce((n, d) => n * d, 1));
    return rebuild(storageId(key, length, type), offset, shape, strides ?? dense);
  });
const pickledValue: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 20, arbitrary: pickledTensor },
  fc.constantFrom(
    ...[bytes("N"), bytes(0x88), int(7), unicode("text"), bytes("G\x7f\xf0\0\0\0\0\0\0"), bytes("]"), bytes("}")],
    ...[bytes(global("collections", "OrderedDict"), ")R"), bytes(global("os", "system")), bytes("h\x05"), bytes("0")],
    ...[bytes(global("project.model", "Net"), ")\x81}b"), bytes(global("torch", "device"), unicode("cpu"), "\x85R")],
  ),
);
/** A pickled dictionary, perhaps in dictionaries. */
const pickledDict = fc
  .tuple(
    fc.array(fc.tuple(names, pickledValue), { maxLength: 6 }),
    fc.array(fc.constantFrom("state_dict", "model", "ema", "optimizer", "__proto__"), { maxLength: 4 }),
  )
  .map(([items, path]) => {
    const dict = bytes("}(", ...items.flatMap(([key, value]) => [unicode(key), value]), "u");
    return path.reduce((inner, name) => bytes("}", unicode(name), inner, "s"), dict);
  });
/** PyTorch archives: dictionaries of tensors whose storages, shapes and strides may lie. */
export const torchArchives = fc
  .tuple(
    pickledDict,
    mostly(fc.constant(16), fc.constantFrom(0, 1, 15, 17, 32, 4096), 5),
    mostly(fc.constant("little"), fc.constantFrom("big", "", "x".repeat(100)), 10),
  )
  .map(([pickle, length, order]) =>
    archiveFile(pickle, {
      "data/0": new Uint8Array(length),
      "data/1": new Uint8Array(16),
      byteorder: bytes(order),
      version: bytes("3\n"),
    }),
  );

/** An IDX file, and whether it is packed. */
export const idxFiles = (rank: number) =>
  fc
    .record({
      magic: mostly(fc.constant(0x800 + rank), fc.constantFrom(0, 0x801, 0x803, 0x80d, 0xd03, 0xffffffff), 12),
      dims: fc.tuple(
        fc.constant(4),
        ...Array.from({ length: rank - 1 }, () => fc.constantFrom(1, 2, 3, 8)),
      ) as unknown as fc.Arbitrary<number[]>,
      lie: mostly(fc.constant(undefined), fc.tuple(fc.nat(2), fc.constantFrom(0, 1, 2 ** 16, 2 ** 31, 2 ** 32 - 1)), 8),
      tail: mostly(fc.constant(0), fc.constantFrom(-1, 1, 1000), 10),
      cut: mostly(fc.constant(undefined), fc.nat(20), 20),
      fill: fc.nat(255),
    })
    .map(({ magic, dims, lie, tail, cut, fill }) => {
      const size = dims.reduce((n, d) => n * d, 1);
      const written = dims.map((d, i) => (lie?.[0] === i ? lie[1] : d));
      const header = Buffer.alloc(4 + 4 * rank);
      [magic, ...written].forEach((value, i) => header.writeUInt32BE(value, 4 * i));
      return Buffer.concat([header, Buffer.alloc(Math.max(0, size + tail), rank === 1 ? fill % 12 : fill)]).subarray(
        0,
        cut,
      );
    });

/** CIFAR-10's files: records of a wrong length, labels that are none, names that are none. */
export const cifarFiles = fc.record({
  count: fc.nat(3),
  label: mostly(fc.nat(9), fc.nat(255), 4),
  tail: mostly(fc.constant(0), fc.constantFrom(-1, 1, 3072), 6),
  names: fc.oneof(
    fc.constant(undefined),
    fc.array(names, { maxLength: 12 }).map((list) => list.join("\n")),
    fc.constantFrom("", "\n".repeat(1000), "a\n".repeat(300), "\ufffd\u0000\n", "x".repeat(100_000)),
  ),
});

const pngChunk = (type: string, data: Uint8Array, length = data.length, crc?: number): Buffer => {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const [head, end] = [Buffer.alloc(4), Buffer.alloc(4)];
  head.writeUInt32BE(length);
  end.writeUInt32BE(crc ?? crc32(body));
  return Buffer.concat([head, body, end]);
};
const dimensions = mostly(
  fc.integer({ min: 1, max: 40 }),
  fc.constantFrom(0, 65_535, 65_536, 2 ** 31 - 1, 2 ** 32 - 1),
  6,
);
const ancillary = fc
  .tuple(
    fc.constantFrom(
      "PLTE",
      "tRNS",
      "gAMA",
      "iCCP",
      "eXIf",
      "tEXt",
      "zTXt",
      "iTXt",
      "acTL",
      "fcTL",
      "fdAT",
      "sBIT",
      "pHYs",
    ),
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom(
        new Uint8Array(768),
        bytes("x\0\0", deflateSync(Buffer.alloc(1_000_000))),
        bytes("II*\0", uint(4, 8)),
      ),
    ),
    mostly(fc.constant(undefined), fc.constantFrom(0, 2 ** 31 - 1, 2 ** 32 - 1), 8),
  )
  .map(([type, data, length]) => pngChunk(type, data, length));
/** PNG files of right checksums, whose chunks lie. */
export const pngFiles = fc
  .record({
    width: dimensions,
    height: dimensions,
    depth: mostly(fc.constantFrom(1, 2, 4, 8, 16), fc.nat(255), 10),
    color: mostly(fc.constantFrom(0, 2, 3, 4, 6), fc.nat(255), 10),
    interlace: mostly(fc.constantFrom(0, 1), fc.nat(255), 10),
    before: fc.array(ancillary, { maxLength: 3 }),
    after: fc.array(ancillary, { maxLength: 2 }),
    data: mostly(fc.constant(undefined), fc.constantFrom(0, 1, 10, 100_000, 5_000_000), 6),
    fill: fc.nat(255),
    crc: mostly(fc.constant(undefined), fc.constant(0), 20),
    end: mostly(fc.constant(true), fc.constant(false), 10),
  })
  .map(({ width, height, depth, color, interlace, before, after, data, fill, crc, end }) => {
    const header = Buffer.alloc(13);
    header.writeUInt32BE(width, 0);
    header.writeUInt32BE(height, 4);
    header.set([depth, color, 0, 0, interlace], 8);
    const channels = [1, 1, 3, 1, 2, 1, 4][color] ?? 1;
    const fitting = height * (1 + Math.ceil((width * depth * channels) / 8));
    const pixels = Buffer.alloc(data ?? Math.min(fitting, 200_000), fill);
    for (let y = 0, row = fitting / Math.max(1, height); y < height && y * row < pixels.length; y++)
      pixels[y * row] = fill % 6;
    return Buffer.concat([
      Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
      pngChunk("IHDR", header, 13, crc),
      ...before,
      pngChunk("IDAT", deflateSync(pixels, { level: 1 })),
      ...after,
      ...(end ? [pngChunk("IEND", new Uint8Array())] : []),
    ]);
  });

/** Tags of a TIFF image that decoders trust. */
const tiffTag = fc.constantFrom(
  ...[254, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 282, 284, 292, 317, 320, 322, 323, 324, 325, 330],
  ...[338, 339, 347, 529, 530, 532, 700, 33723, 34377, 34665, 34675],
);
const tiffValue = mostly(
  fc.integer({ min: 0, max: 40 }),
  fc.constantFrom(65_535, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1),
  6,
);
/** TIFF and BigTIFF files of one directory, of both byte orders, whose entries lie. */
export const tiffFiles = fc
  .record({
    width: fc.integer({ min: 1, max: 20 }),
    height: fc.integer({ min: 1, max: 20 }),
    channels: fc.constantFrom(1, 3, 4),
    big: fc.boolean(),
    little: fc.boolean(),
    lies: fc.array(
      fc.record({
        tag: tiffTag,
        type: mostly(fc.constantFrom(3, 4), fc.nat(20), 4),
        count: mostly(fc.constant(1), tiffValue, 3),
        value: tiffValue,
      }),
      { maxLength: 5 },
    ),
    next: mostly(fc.constant(0), fc.constantFrom(8, 16, 2 ** 31), 8),
    entries: mostly(fc.constant(undefined), fc.constantFrom(0, 5000, 65_535), 15),
    compression: mostly(fc.constant(1), fc.constantFrom(2, 3, 4, 5, 6, 7, 8, 32773, 50000, 50001, 32946, 34712), 3),
  })
  .map(({ width, height, channels, big, little, lies, next, entries, compression }) => {
    const start = big ? 16 : 8;
    const size = width * height * channels;
    const own = [
      ...[
        [256, 3, 1, width],
        [257, 3, 1, height],
        [258, 3, 1, 8],
        [259, 3, 1, compression],
        [262, 3, 1, channels > 1 ? 2 : 1],
      ],
      ...[
        [273, 4, 1, start],
        [277, 3, 1, channels],
        [278, 3, 1, height],
        [279, 4, 1, size],
      ],
    ].map(([tag, type, count, value]) => ({ tag: tag!, type: type!, count: count!, value: value! }));
    const tags = new Map([...own, ...lies].map((entry) => [entry.tag, entry]));
    const sorted = [...tags.values()].sort((a, b) => a.tag - b.tag);
    const number = (value: number, width: number) => {
      const out = Buffer.alloc(width);
      for (let i = 0; i < width; i++)
        out[little ? i : width - 1 - i] = Number((BigInt(value) >> BigInt(8 * i)) & 0xffn);
      return out;
    };
    const word = big ? 8 : 4;
    const directory = sorted.map(({ tag, type, count, value }) => {
      const inline = Buffer.alloc(word);
      number(value, type === 3 ? 2 : 4).copy(inline);
      return Buffer.concat([number(tag, 2), number(type, 2), number(count, word), inline]);
    });
    return Buffer.concat([
      Buffer.from(little ? "II" : "MM"),
      number(big ? 43 : 42, 2),
      ...(big ? [number(8, 2), number(0, 2)] : []),
      number(start + size, word),
      Buffer.alloc(size, 100),
      number(entries ?? sorted.length, big ? 8 : 2),
      ...directory,
      number(next, word),
    ]);
  });

/** Segments of JPEG, frames of GIF and chunks of WebP, put into a file of that format at its start or made to lie about their length. */
export const spliced = (files: Readonly<Record<"jpeg" | "gif" | "webp", Uint8Array>>) =>
  fc
    .record({
      format: fc.constantFrom("jpeg" as const, "gif" as const, "webp" as const),
      parts: fc.array(
        fc.tuple(
          fc.nat(255),
          fc.uint8Array({ maxLength: 30 }),
          mostly(fc.constant(undefined), fc.constantFrom(0, 1, 2, 65_535), 4),
        ),
        { minLength: 1, maxLength: 4 },
      ),
      patches: fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 3 }),
    })
    .map(({ format, parts, patches }) => {
      const file = files[format];
      const start = { jpeg: 2, gif: 13, webp: 12 }[format];
      const made = parts.map(([kind, data, length]) => {
        if (format === "jpeg") {
          const size = Buffer.alloc(2);
          size.writeUInt16BE(length ?? data.length + 2);
          return Buffer.concat([Buffer.of(0xff, 0xc0 | (kind & 0x3f)), size, data]);
        }
        if (format === "gif")
          return Buffer.concat([Buffer.of(0x21, kind, length ? length & 0xff : data.length), data, Buffer.of(0)]);
        const type = ["ICCP", "EXIF", "XMP ", "ANIM", "ANMF", "ALPH", "VP8 ", "VP8L", "VP8X"][kind % 9]!;
        return Buffer.concat([Buffer.from(type), uint(4, length ?? data.length), data, Buffer.alloc(data.length % 2)]);
      });
      const out = Buffer.concat([file.subarray(0, start), ...made, file.subarray(start)]);
      for (const [at, value] of patches) if (at < out.length) out[at] = value;
      return out;
    });

/** A JSON document with some values, anywhere in it, replaced, doubled or left out. */
export function alteredJson(document: unknown): fc.Arbitrary<string> {
  const places: (readonly (string | number)[])[] = [];
  const visit = (value: unknown, path: readonly (string | number)[]) => {
    places.push(path);
    if (typeof value !== "object" || value === null) return;
    for (const [key, inner] of Object.entries(value)) visit(inner, [...path, Array.isArray(value) ? Number(key) : key]);
  };
  visit(document, []);
  const change = fc.tuple(fc.constantFrom(...places), fc.oneof(odd, odd, fc.constant(undefined), names.map(quoted)));
  return fc.array(change, { minLength: 1, maxLength: 3 }).map((changes) => {
    const write = (value: unknown, path: readonly (string | number)[]): string | undefined => {
      const hit = changes.find(([place]) => place.length === path.length && place.every((step, i) => step === path[i]));
      if (hit) return hit[1];
      if (Array.isArray(value)) return `[${value.flatMap((inner, i) => write(inner, [...path, i]) ?? []).join()}]`;
      if (typeof value !== "object" || value === null) return JSON.stringify(value);
      const fields = Object.entries(value).flatMap(([key, inner]) => {
        const text = write(inner, [...path, key]);
        return text === undefined ? [] : [`${quoted(key)}:${text}`];
      });
      return `{${fields.join()}}`;
    };
    return write(document, []) ?? "";
  });
}
