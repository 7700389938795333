import { crc32, deflateSync } from "node:zlib";

export interface Stored {
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  readonly color: number;
  readonly interlace?: number;
  /** Filter of each row. */
  readonly filter?: (row: number) => number;
}

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}

/** A PNG file of these rows of bytes, filtered as the standard says. */
export function png(
  { width, height, bits, color, interlace = 0, filter = () => 0 }: Stored,
  rows: Uint8Array[],
): Buffer {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([bits, color, 0, 0, interlace], 8);
  const step = Math.max(1, (bits * (color === 2 ? 3 : 1)) >> 3);
  const paeth = (a: number, b: number, c: number) => {
    const p = a + b - c;
    const [pa, pb, pc] = [Math.abs(p - a), Math.abs(p - b), Math.abs(p - c)];
    return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
  };
  const packed = rows.map((row, y) => {
    const kind = filter(y);
    const out = Buffer.alloc(row.length + 1);
    out[0] = kind;
    row.forEach((value, i) => {
      const left = i >= step ? row[i - step]! : 0;
      const up = y > 0 ? rows[y - 1]![i]! : 0;
      const corner = y > 0 && i >= step ? rows[y - 1]![i - step]! : 0;
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][kind]!;
      out[i + 1] = value - guess;
    });
    return out;
  });
  const palette = Buffer.from(Array.from({ length: 768 }, (_, i) => (i * 37) % 256));
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", head),
    ...(color === 3 ? [chunk("PLTE", palette.subarray(0, 3 * 2 ** bits))] : []),
    chunk("IDAT", deflateSync(Buffer.concat(packed))),
    chunk("IEND", new Uint8Array()),
  ]);
}

/** Values packed as bits of rows. */
export function packedRows(values: ArrayLike<number>, width: number, bits: number): Uint8Array[] {
  return Array.from({ length: values.length / width }, (_, y) => {
    const row = new Uint8Array(Math.ceil((width * bits) / 8));
    for (let x = 0; x < width; x++) {
      const value = values[y * width + x]!;
      if (bits === 16) row.set([value >> 8, value & 255], 2 * x);
      else row[(x * bits) >> 3]! |= value << (8 - bits - ((x * bits) & 7));
    }
    return row;
  });
}
