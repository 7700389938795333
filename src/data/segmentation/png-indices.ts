import { inflateSync } from "node:zlib";
import { DataError, messageOf } from "../../core/errors.js";

/** The numbers that a gray or palette PNG file stores, before any palette: `width * height`, row by row. */
export interface StoredPixels {
  readonly width: number;
  readonly height: number;
  /** Bytes, or words where samples have 16 bits. */
  readonly data: Uint8Array | Uint16Array;
}

const signature = "\x89PNG\r\n\x1a\n";
/** 100 megapixels, as of images. */
const mostPixels = 1e8;
const [gray, rgb, palette] = [0, 2, 3];

/** Adam7: first column and row of each pass, and the steps between. */
const passes = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/**
 * The stored numbers of a gray or palette PNG file (PNG, third edition). Decoders of images show colors: a palette's instead of its
 * indices, and few bits scaled to eight. RGB is read if it is gray.
 *
 * @throws DataError that says what is wrong with the file.
 */
export function pngIndices(file: Uint8Array): StoredPixels {
  if (Buffer.from(file.subarray(0, 8)).toString("latin1") !== signature)
    throw new DataError("it is not a PNG file; masks are PNG, with a class number per pixel");
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  let header: Header | undefined;
  const parts: Uint8Array[] = [];
  for (let at = 8; at + 12 <= file.length; ) {
    const length = view.getUint32(at);
    const type = Buffer.from(file.subarray(at + 4, at + 8)).toString("latin1");
    if (at + 12 + length > file.length) throw new DataError("it is truncated");
    if (type === "IHDR") header = headerOf(view, at + 8);
    if (type === "IDAT") parts.push(file.subarray(at + 8, at + 8 + length));
    if (type === "IEND") break;
    at += 12 + length;
  }
  if (!header) throw new DataError("it is truncated");
  const { width, height, interlaced } = header;
  const sizes = interlaced ? passes.map((pass) => passSize(header, pass)) : [{ width, height }];
  const total = sizes.reduce((sum, size) => sum + packedSize(header, size), 0);
  const packed = inflated(parts, total);
  const data = header.bits === 16 ? new Uint16Array(width * height) : new Uint8Array(width * height);
  let offset = 0;
  sizes.forEach((size, i) => {
    const [left, top, across, down] = interlaced ? passes[i]! : [0, 0, 1, 1];
    const bytes = packedSize(header, size);
    if (bytes === 0) return;
    const rows = unfiltered(packed.subarray(offset, offset + bytes), header, size);
    offset += bytes;
    for (let y = 0; y < size.height; y++)
      for (let x = 0; x < size.width; x++)
        data[(top + y * down) * width + left + x * across] = sample(rows, header, rowBytes(header, size.width) * y, x);
  });
  return { width, height, data };
}

interface Header {
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  /** Samples of a pixel. */
  readonly samples: number;
  readonly interlaced: boolean;
}

function headerOf(view: DataView, at: number): Header {
  const [width, height] = [view.getUint32(at), view.getUint32(at + 4)];
  const [bits, color, , , interlace] = [0, 1, 2, 3, 4].map((i) => view.getUint8(at + 8 + i)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  if (width === 0 || height === 0 || width * height > mostPixels)
    throw new DataError(`it is ${width} × ${height}; up to ${mostPixels / 1e6} megapixels are read`);
  const depths: Readonly<Record<number, readonly number[]>> = {
    [gray]: [1, 2, 4, 8, 16],
    [palette]: [1, 2, 4, 8],
    [rgb]: [8],
  };
  const samples: Readonly<Record<number, number>> = { [gray]: 1, [palette]: 1, [rgb]: 3, 4: 2, 6: 4 };
  if (color === 4 || color === 6)
    throw new DataError("it has transparency; save masks as gray or palette PNG, with a class number per pixel");
  if (!depths[color]?.includes(bits) || interlace > 1)
    throw new DataError(
      `its color type is ${color} with ${bits} bits; save masks as gray or palette PNG of at most 8 bits`,
    );
  return { width, height, bits, samples: samples[color]!, interlaced: interlace === 1 };
}

type Size = { readonly width: number; readonly height: number };

const passSize = ({ width, height }: Size, [left, top, across, down]: (typeof passes)[number]): Size => ({
  width: Math.ceil((width - left) / across),
  height: Math.ceil((height - top) / down),
});

const rowBytes = ({ bits, samples }: Header, width: number) => Math.ceil((width * bits * samples) / 8);

/** Bytes of a pass: a filter type and the samples of each row. */
const packedSize = (header: Header, { width, height }: Size) =>
  width === 0 || height === 0 ? 0 : height * (1 + rowBytes(header, width));

function inflated(parts: readonly Uint8Array[], length: number): Uint8Array {
  try {
    const bytes = inflateSync(Buffer.concat(parts), { maxOutputLength: length + 1 });
    if (bytes.length >= length) return bytes.subarray(0, length);
  } catch (error) {
    throw new DataError(`its pixels are damaged (${messageOf(error)})`);
  }
  throw new DataError("its pixels are truncated");
}

/** Undoes the filter of every row. */
function unfiltered(packed: Uint8Array, header: Header, { width, height }: Size): Uint8Array {
  const length = rowBytes(header, width);
  const step = Math.max(1, (header.bits * header.samples) >> 3);
  const rows = new Uint8Array(length * height);
  for (let y = 0; y < height; y++) {
    const from = y * (length + 1);
    const filter = packed[from]!;
    if (filter > 4) throw new DataError(`its pixels are damaged (filter ${filter})`);
    const to = y * length;
    for (let i = 0; i < length; i++) {
      const left = i >= step ? rows[to + i - step]! : 0;
      const up = y > 0 ? rows[to + i - length]! : 0;
      const corner = y > 0 && i >= step ? rows[to + i - length - step]! : 0;
      rows[to + i] = packed[from + 1 + i]! + predicted(filter, left, up, corner);
    }
  }
  return rows;
}

function predicted(filter: number, left: number, up: number, corner: number): number {
  if (filter === 0) return 0;
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  // Paeth: whichever is nearest to left + up − corner.
  const estimate = left + up - corner;
  const [a, b, c] = [Math.abs(estimate - left), Math.abs(estimate - up), Math.abs(estimate - corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

/** The sample at column x of the row that starts at `row`. */
function sample(rows: Uint8Array, { bits, samples }: Header, row: number, x: number): number {
  if (samples === 3) {
    const at = row + 3 * x;
    if (rows[at] !== rows[at + 1] || rows[at] !== rows[at + 2])
      throw new DataError("it is in color (RGB); save masks as gray or palette PNG, with a class number per pixel");
    return rows[at]!;
  }
  if (bits === 8) return rows[row + x]!;
  if (bits === 16) return 256 * rows[row + 2 * x]! + rows[row + 2 * x + 1]!;
  const at = x * bits;
  return (rows[row + (at >> 3)]! >> (8 - bits - (at & 7))) & ((1 << bits) - 1);
}
