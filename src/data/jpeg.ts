/** Number of scans of a JPEG file: one for all components or one each; more if progressive. */
export function jpegScans(bytes: Uint8Array): number {
  let scans = 0;
  for (let at = bytes.indexOf(0xff, 2); at >= 0 && at + 3 < bytes.length; at = bytes.indexOf(0xff, at)) {
    const marker = bytes[at + 1]!;
    if (marker === endOfImage) break;
    if (marker === startOfScan) scans++;
    if (marker === 0xff) at += 1;
    else if (isAlone(marker)) at += 2;
    else at += 2 + Math.max(2, 256 * bytes[at + 2]! + bytes[at + 3]!);
  }
  return scans;
}

const startOfScan = 0xda;
const endOfImage = 0xd9;

/** Markers without a length: an escaped 0xff in the data, restarts, the start of the image. */
const isAlone = (marker: number) => marker <= 1 || (marker >= 0xd0 && marker <= 0xd8);
