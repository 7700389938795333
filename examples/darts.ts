import type { Dataset } from "fovea";
import { Rng } from "fovea/engine";
import sharp from "sharp";

export const size = 32;
export const names = ["tip", "left wing", "notch", "right wing"];
const colors = ["red", "cyan", "yellow", "lime"];
export type Point = readonly [x: number, y: number];

/** How far darts turn. A quick run has nearly upright ones. */
const turn = process.env.SMALL ? 0.3 : Math.PI;

const scene = (split: string, index: number) => new Rng(0, "darts", split, index);
function cornersOf(rng: Rng): Point[] {
  const [x, y, length, width] = [rng.uniform(13, 19), rng.uniform(13, 19), rng.uniform(16, 22), rng.uniform(10, 16)];
  const angle = rng.uniform(-turn, turn);
  const at = (along: number, across: number): Point => [
    x + along * Math.cos(angle) - across * Math.sin(angle),
    y + along * Math.sin(angle) + across * Math.cos(angle),
  ];
  return [at(length / 2, 0), at(-length / 2, -width / 2), at(-length / 4, 0), at(-length / 2, width / 2)];
}

/** Whether a line from the point to the right crosses the outline an odd number of times. */
const inside = (corners: readonly Point[], x: number, y: number): boolean =>
  corners.reduce((odd, [ax, ay], i) => {
    const [bx, by] = corners[(i + 1) % corners.length]!;
    return ay > y !== by > y && x < ax + ((bx - ax) * (y - ay)) / (by - ay) ? !odd : odd;
  }, false);

function paint(rng: Rng): Uint8Array {
  const corners = cornersOf(rng);
  const color = (low: number, high: number) => [0, 1, 2].map(() => rng.uniform(low, high));
  const ground = color(20, 120);
  const disks = [1, 2, 3].map(() => ({
    ...{ x: rng.uniform(0, size), y: rng.uniform(0, size), r: rng.uniform(3, 6) },
    color: color(20, 120),
  }));
  const dart = color(150, 230);
  const pixels = new Uint8Array(3 * size * size);
  for (let i = 0; i < size * size; i++) {
    const [x, y] = [(i % size) + 0.5, Math.floor(i / size) + 0.5];
    const disk = disks.find((one) => Math.hypot(x - one.x, y - one.y) < one.r);
    const shown = inside(corners, x, y) ? dart : (disk?.color ?? ground);
    for (let c = 0; c < 3; c++) pixels[c * size * size + i] = Math.min(255, Math.max(0, shown[c]! + 8 * rng.normal()));
  }
  return pixels;
}

/** Images of a dart of any direction, length and color before three disks, with noise. `targets` are x and y of its corners. */
export const darts = (split: string, length: number): Dataset => ({
  ...{ name: "darts", classes: names, length, labels: new Uint8Array(length), skipped: [] },
  size: { width: size, height: size },
  image: async (index) => ({ width: size, height: size, pixels: paint(scene(split, index)) }),
  targets: (index) => cornersOf(scene(split, index)).flat(),
});

/** The key points of an image. */
export const pointsOf = (dataset: Pick<Dataset, "targets">, index: number): Point[] => {
  const flat = dataset.targets!(index);
  return names.map((_, k) => [flat[2 * k]!, flat[2 * k + 1]!]);
};

/** A picture of images side by side: found key points as dots, true ones as rings. */
export async function picture(dataset: Dataset, found: readonly (readonly Point[])[]): Promise<string> {
  const tiles = found.map(async (points, i) => {
    const { pixels } = await dataset.image(i);
    const area = size * size;
    const bytes = Uint8Array.from({ length: 3 * area }, (_, j) => pixels[(j % 3) * area + Math.floor(j / 3)]!);
    const png = sharp(bytes, { raw: { width: size, height: size, channels: 3 } }).png();
    const href = `data:image/png;base64,${(await png.toBuffer()).toString("base64")}`;
    const rings = pointsOf(dataset, i).map(([x, y]) => `<circle cx="${x}" cy="${y}" r="1.3" class="ring"/>`);
    const dots = points.map(([x, y], k) => `<circle cx="${x}" cy="${y}" r="0.6" fill="${colors[k]}"/>`);
    const image = `<image width="${size}" height="${size}" href="${href}"/>`;
    return `<g transform="translate(${i * size} 0)">${[image, ...rings, ...dots].join("")}</g>`;
  });
  const [width, style] = [found.length * size, "<style>.ring { fill: none; stroke: white; stroke-width: 0.3 }</style>"];
  const parts = ["<title>Key points, found and true</title>", style, ...(await Promise.all(tiles))].join("");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${size}" width="${5 * width}">${parts}</svg>\n`;
}
