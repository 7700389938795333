import { open } from "node:fs/promises";

/** What the decoder does not report of a TIFF file: its tags 259, 262, 338, and 341 or 281. */
export interface TiffTags {
  /** 1 none, 5 LZW, 6 and 7 JPEG, 8 deflate, … */
  readonly compression: number;
  /** 2 RGB, 5 CMYK, 6 YCbCr, … */
  readonly photometric: number;
  /** Meaning of the first extra channel: 1 or 2 transparency, 0 unspecified, the default. */
  readonly extraSample: number;
  /** The largest possible sample; 0 if not given. */
  readonly largestSample: number;
}

type Read = (offset: number, length: number) => Promise<Uint8Array>;

const tags = { compression: 259, photometric: 262, extraSample: 338, largest: 341, largestOld: 281 } as const;
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
    /** The first value of an integer tag, stored in the directory, or elsewhere if there are too many. */
    const value = async (tag: number): Promise<number> => {
      for (let at = 0; at < directory.byteLength; at += entrySize)
        if (directory.getUint16(at, little) === tag) {
          const size = { 3: 2, 4: 4 }[directory.getUint16(at + 2, little)];
          if (size === undefined) return 0;
          const count = big ? wide(directory, at + 4) : directory.getUint32(at + 4, little);
          const isInside = count * size <= (big ? 8 : 4);
          const place = () => (big ? wide(directory, at + valueAt) : directory.getUint32(at + valueAt, little));
          const [from, first] = isInside ? [directory, at + valueAt] : [await view(place(), size), 0];
          return size === 4 ? from.getUint32(first, little) : from.getUint16(first, little);
        }
      return 0;
    };
    return {
      compression: await value(tags.compression),
      photometric: await value(tags.photometric),
      extraSample: await value(tags.extraSample),
      largestSample: (await value(tags.largest)) || (await value(tags.largestOld)),
    };
  } catch (error) {
    if (error instanceof RangeError) return undefined; // truncated; the decoder reports it
    throw error;
  }
}
