import { decodeImage, type RgbImage } from "../../index.js";
import { encodePng, stretched } from "../../internal.js";
import type { Ranking } from "./predict.js";

/** Rows of a picture. */
export const mostDrawn = 100;
/** Most images in a row: ranks beyond are only listed. */
const mostRanks = 20;

const side = 96;
const frame = 4;
const gap = 8;
const cell = side + 2 * frame;
const pitch = cell + gap;

const colors = { query: [40, 40, 40], match: [0, 158, 115], other: [213, 94, 0], unknown: [160, 160, 160] } as const;

/** Each image, and to its right what was found, nearest first: framed green if it is of the same identity, orange if not, gray if that is not known. */
export async function drawRankedList(rankings: readonly Ranking[]): Promise<Uint8Array> {
  const columns = 1 + Math.min(mostRanks, Math.max(...rankings.map(({ ranked }) => ranked.length)));
  const [width, height] = [columns * pitch + gap, rankings.length * pitch + gap];
  const pixels = new Uint8Array(3 * width * height).fill(255);
  const draw = async (file: string, kind: keyof typeof colors, row: number, column: number) => {
    const image = stretched(await decodeImage(file), side);
    const [left, top] = [gap + column * pitch, gap + row * pitch];
    for (let y = 0; y < cell; y++)
      for (let x = 0; x < cell; x++)
        pixels.set(pixelOf(image, x - frame, y - frame) ?? colors[kind], 3 * ((top + y) * width + left + x));
  };
  for (const [row, { image, ranked }] of rankings.entries()) {
    await draw(image, "query", row, 0);
    for (const [i, found] of ranked.slice(0, mostRanks).entries())
      await draw(found.image, found.match === undefined ? "unknown" : found.match ? "match" : "other", row, i + 1);
  }
  return encodePng({ width, height, pixels });
}

function pixelOf({ pixels }: RgbImage, x: number, y: number): readonly number[] | undefined {
  if (x < 0 || y < 0 || x >= side || y >= side) return undefined;
  return [0, 1, 2].map((channel) => pixels[(channel * side + y) * side + x]!);
}
