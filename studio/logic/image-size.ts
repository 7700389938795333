/** How large images are, from their first bytes: before anything is decoded. */

export interface Size {
  readonly width: number;
  readonly height: number;
}

const readers = { png: pngSize, jpeg: jpegSize, webp: webpSize, avif: avifSize };
export type ImageFormat = keyof typeof readers;

/** The size of an image; undefined if these bytes do not tell it. */
export const sizeOf = (format: ImageFormat, bytes: Uint8Array): Size | undefined => {
  try {
    return readers[format](new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch {
    return undefined; // It ends too early.
  }
};

function pngSize(view: DataView): Size {
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

/** From the first frame header. */
function jpegSize(view: DataView): Size | undefined {
  for (let at = 2; ; ) {
    // Decoders pass over stray bytes, and any number of FF may come before a marker.
    while (view.getUint8(at) !== 0xff) at++;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) at++;
    else if (lengthless(marker)) at += 2;
    // The image ends, or its pixels begin, before a frame header.
    else if (marker === 0xd9 || marker === 0xda) return undefined;
    else if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker))
      return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    else at += 2 + view.getUint16(at + 2);
  }
}

/** Whether nothing follows a JPEG marker: stuffed zeros, TEM, restarts and the start. */
const lengthless = (marker: number) => marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd8);

const tagAt = (view: DataView, at: number): string =>
  String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(at + i)));

/** Of the canvas, of a lossless image, or of a frame of VP8. */
function webpSize(view: DataView): Size | undefined {
  const kind = tagAt(view, 12);
  const three = (at: number) => view.getUint16(at, true) + (view.getUint8(at + 2) << 16);
  if (kind === "VP8X") return { width: 1 + three(24), height: 1 + three(27) };
  if (kind === "VP8L") {
    const bits = view.getUint32(21, true);
    return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff) };
  }
  if (kind === "VP8 ") return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  return undefined;
}

/** The largest of the images that it holds: parts of one, and the whole. */
function avifSize(view: DataView): Size | undefined {
  let largest: Size | undefined;
  for (let at = 0; at + 16 <= view.byteLength; at++) {
    if (view.getUint8(at) !== 0x69 || tagAt(view, at) !== "ispe") continue;
    const found = { width: view.getUint32(at + 8), height: view.getUint32(at + 12) };
    if (!largest || found.width * found.height > largest.width * largest.height) largest = found;
  }
  return largest;
}
