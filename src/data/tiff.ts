import { open } from "node:fs/promises";

/** Tags 259, 262 and 338 of a TIFF file, which the decoder does not report. */
export interface TiffTags {
  /** 1 none, 5 LZW, 6 and 7 JPEG, 8 deflate, … */
  readonly compression: number;
  /** 2 RGB, 5 CMYK, 6 YCbCr, … */
  readonly photometric: number;
  /** Meaning of the first extra channel: 1 or 2 transparency, 0 unspecified, the default. */
  readonly extraSample: number;
}

type Read = (offset: number, length: number) => Promise<Uint8Array>;

const tags = { compression: 259, photometric: 262, extraSample: 338 } as const;
/** More entries than any directory has; each takes at most 20 bytes. */
const mostEntries = 4096;

/** The tags of the first image of a TIFF or BigTIFF file; undefined without a readable directory. */
export async function tiffTags(source: string | Uint8Array): Promise<TiffTags | undefined> {
  if (typeof source !== "string") return parse(async (from, length) => source.subarray(from, from + length));
  const file = await open(source);
  try {
    return await parse(async (position, length) => {
      const { buffer, bytesRead } = await file.read({ buffer: new Uint8Array(length), position });
      return buffer.subarray(0, bytesRead);
    });
  } finally {
    await file.close();
  }
}

async function parse(read: Read): Promise<TiffTags | undefined> {
  const view = async (offset: number, length: number) => {
    const bytes = await read(offset, length);
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  };
  try {
    const header = await view(0, 16);
    const little = header.getUint16(0) === 0x4949;
    const big = header.getUint16(2, little) === 43;
    const wide = (from: DataView, at: number) => Number(from.getBigUint64(at, little));
    const start = big ? wide(header, 8) : header.getUint32(4, little);
    const [countSize, entrySize, valueAt] = big ? [8, 20, 12] : [2, 12, 8];
    const head = await view(start, countSize);
    const count = big ? wide(head, 0) : head.getUint16(0, little);
    const directory = await view(start + countSize, Math.min(count, mostEntries) * entrySize);
    const value = (tag: number): number => {
      for (let at = 0; at < directory.byteLength; at += entrySize)
        if (directory.getUint16(at, little) === tag) {
          const isLong = directory.getUint16(at + 2, little) === 4;
          return isLong ? directory.getUint32(at + valueAt, little) : directory.getUint16(at + valueAt, little);
        }
      return 0;
    };
    const { compression, photometric, extraSample } = tags;
    return { compression: value(compression), photometric: value(photometric), extraSample: value(extraSample) };
  } catch (error) {
    if (error instanceof RangeError) return undefined; // truncated; the decoder reports it
    throw error;
  }
}
