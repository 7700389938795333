/**
 * Number of frames that a PNG file announces, in its acTL chunk before the first IDAT (PNG, third edition, 11.3.6.1).
 *
 * @param start first bytes, one per character
 */
export function pngFrames(start: string): number {
  const number = (at: number) => [0, 1, 2, 3].reduce((sum, i) => 256 * sum + start.charCodeAt(at + i), 0);
  for (let at = 8; at + 12 <= start.length; at += 12 + number(at)) {
    const type = start.slice(at + 4, at + 8);
    if (type === "acTL") return number(at + 8);
    if (type === "IDAT") break;
  }
  return 1;
}
