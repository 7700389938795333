/** The chunks of a PNG file before the image data, from its first bytes, one per character: type, and where the contents begin and end. */
function* chunks(start: string): Generator<readonly [type: string, from: number, to: number]> {
  for (let at = 8; at + 12 <= start.length; ) {
    const type = start.slice(at + 4, at + 8);
    if (type === "IDAT") return;
    const end = at + 8 + number(start, at);
    yield [type, at + 8, end];
    at = end + 4;
  }
}

const number = (text: string, at: number) => [0, 1, 2, 3].reduce((sum, i) => 256 * sum + text.charCodeAt(at + i), 0);

/**
 * Number of frames that a PNG file declares, in its acTL chunk before the first IDAT (PNG, third edition, 11.3.6.1).
 *
 * @param start first bytes, one per character
 */
export function pngFrames(start: string): number {
  for (const [type, from] of chunks(start)) if (type === "acTL") return number(start, from);
  return 1;
}

/** How many bits of a sample are significant according to the sBIT chunk (11.3.2.7), the maximum over channels; undefined without one. */
export function pngSignificantBits(start: string): number | undefined {
  for (const [type, from, to] of chunks(start))
    if (type === "sBIT" && to - from >= 1 && to - from <= 4 && to <= start.length)
      return Math.max(...Array.from({ length: to - from }, (_, i) => start.charCodeAt(from + i)));
  return undefined;
}
