import { zlibSync } from "fflate";

/** An image to encode: `pixels` are interleaved RGB or, with a palette, one index per pixel. */
export interface PngImage {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
  /** Up to 256 colors, three bytes each. */
  readonly palette?: Uint8Array;
  /** Opacity of the palette's first colors, 0 … 255; the others are opaque. */
  readonly alpha?: Uint8Array;
}

/**
 * The bytes of a PNG file (ISO/IEC 15948), the same in browsers and in Node.
 *
 * @example
 * encodePng({ width: 1, height: 1, pixels: Uint8Array.of(255, 0, 0) }); // one red pixel
 */
export function encodePng({ width, height, pixels, palette, alpha }: PngImage): Uint8Array {
  const stride = palette ? width : 3 * width;
  const rows = new Uint8Array(height * (stride + 1)); // each row begins with its filter: 0, none
  for (let y = 0; y < height; y++) rows.set(pixels.subarray(y * stride, (y + 1) * stride), y * (stride + 1) + 1);
  const header = concat([bigEndian(width), bigEndian(height), Uint8Array.of(8, palette ? 3 : 2, 0, 0, 0)]);
  return concat([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk("IHDR", header),
    ...(palette ? [chunk("PLTE", palette)] : []),
    ...(palette && alpha ? [chunk("tRNS", alpha)] : []),
    chunk("IDAT", zlibSync(rows, { level: 9 })),
    chunk("IEND", new Uint8Array()),
  ]);
}

/** The image as a data URI for `href`. */
export function pngDataUri(image: PngImage): string {
  const bytes = encodePng(image);
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return `data:image/png;base64,${btoa(text)}`;
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const body = concat([Uint8Array.from(type, (c) => c.charCodeAt(0)), data]);
  return concat([bigEndian(data.length), body, bigEndian(crc32(body))]);
}

const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

function crc32(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = crcTable[(crc ^ byte) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

function bigEndian(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
