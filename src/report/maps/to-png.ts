import { encodePng, type PngImage } from "../png.js";
import { palette } from "../theme.js";
import { dotsWide, eachDot, glyph } from "./font.js";
import type { Ink, Item, Region, Scene, Segment } from "./scene.js";

type Rgb = readonly [red: number, green: number, blue: number];

const rgb = (hex: string): Rgb => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as unknown as Rgb;
const inks: Record<Ink, Rgb> = {
  ink: rgb(palette.ink[0]),
  muted: rgb(palette.muted[0]),
  outline: rgb(palette.ink[0]),
  accent: rgb(palette.accent[0]),
};
const white: Rgb = [255, 255, 255];

/** The scene on white, `density` pixels per unit, as the bytes of a PNG file. */
export function sceneToPng({ width, height, items }: Scene, density: number): Uint8Array {
  const margin = 8;
  const canvas = new Canvas(Math.ceil((width + 2 * margin) * density), Math.ceil((height + 2 * margin) * density));
  const place = ({ left, top, width, height }: Region): Region => ({
    left: (left + margin) * density,
    top: (top + margin) * density,
    width: width * density,
    height: height * density,
  });
  for (const item of items) draw(canvas, item, place, density);
  return encodePng(canvas);
}

function draw(canvas: Canvas, item: Item, place: (at: Region) => Region, density: number): void {
  const lines = (segments: readonly Segment[]) => {
    const placed = segments.map(([x1, y1, x2, y2]): Segment => {
      const at = place({ left: x1, top: y1, width: x2 - x1, height: y2 - y1 });
      return [at.left, at.top, at.left + at.width, at.top + at.height];
    });
    for (const segment of placed) canvas.line(segment, 2.5 * density, inks.ink);
    for (const segment of placed) canvas.line(segment, density, white);
  };
  if (item.kind === "image") canvas.image(item.image, place(item.at), item.smooth);
  else if (item.kind === "rect") canvas.rect(place(item.at), inks[item.ink], 1);
  else if (item.kind === "veil") canvas.rect(place(item.at), white, 0.65);
  else if (item.kind === "lines") lines(item.segments);
  else if (item.kind === "frame") lines(sidesOf(item.at));
  else {
    const shift = { start: 0, middle: 0.5, end: 1 }[item.align] * dotsWide(item.text);
    eachDot(item.text, (column, row) => {
      const at = { left: item.x - shift + column, top: item.y - glyph.baseline + row, width: 1, height: 1 };
      canvas.rect(place(at), inks[item.ink], 1);
    });
  }
}

function sidesOf({ left, top, width, height }: Region): Segment[] {
  const [right, bottom] = [left + width, top + height];
  return [
    [left, top, right, top],
    [right, top, right, bottom],
    [right, bottom, left, bottom],
    [left, bottom, left, top],
  ];
}

class Canvas {
  readonly pixels: Uint8Array;

  constructor(
    readonly width: number,
    readonly height: number,
  ) {
    this.pixels = new Uint8Array(3 * width * height).fill(255);
  }

  #blend(x: number, y: number, color: ArrayLike<number>, alpha: number): void {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return;
    const at = 3 * (y * this.width + x);
    for (let c = 0; c < 3; c++)
      this.pixels[at + c] = Math.round(this.pixels[at + c]! * (1 - alpha) + color[c]! * alpha);
  }

  /** Every pixel whose center lies in the box, at least one. */
  #each({ left, top, width, height }: Region, visit: (x: number, y: number) => void): void {
    const [x0, y0] = [Math.round(left), Math.round(top)];
    const [x1, y1] = [Math.max(x0 + 1, Math.round(left + width)), Math.max(y0 + 1, Math.round(top + height))];
    for (let y = y0; y < y1; y++) for (let x = x0; x < x1; x++) visit(x, y);
  }

  rect(at: Region, color: Rgb, alpha: number): void {
    this.#each(at, (x, y) => this.#blend(x, y, color, alpha));
  }

  line([x1, y1, x2, y2]: Segment, thickness: number, color: Rgb): void {
    const steps = Math.max(1, Math.ceil(Math.hypot(x2 - x1, y2 - y1)));
    for (let i = 0; i <= steps; i++) {
      const [x, y] = [x1 + ((x2 - x1) * i) / steps, y1 + ((y2 - y1) * i) / steps];
      this.rect({ left: x - thickness / 2, top: y - thickness / 2, width: thickness, height: thickness }, color, 1);
    }
  }

  image(image: PngImage, at: Region, smooth: boolean): void {
    const colorAt = (x: number, y: number): readonly [color: ArrayLike<number>, alpha: number] => {
      const i = y * image.width + x;
      if (!image.palette) return [image.pixels.subarray(3 * i, 3 * i + 3), 1];
      const index = image.pixels[i]!;
      return [image.palette.subarray(3 * index, 3 * index + 3), (image.alpha?.[index] ?? 255) / 255];
    };
    this.#each(at, (x, y) => {
      const u = ((x + 0.5 - at.left) / at.width) * image.width;
      const v = ((y + 0.5 - at.top) / at.height) * image.height;
      const clamp = (value: number, length: number) => Math.min(length - 1, Math.max(0, value));
      if (!smooth) {
        const [color, alpha] = colorAt(clamp(Math.floor(u), image.width), clamp(Math.floor(v), image.height));
        this.#blend(x, y, color, alpha);
        return;
      }
      const [left, top] = [Math.floor(u - 0.5), Math.floor(v - 0.5)];
      const mixed = [0, 0, 0];
      let total = 0;
      for (const [dx, dy] of corners) {
        const weight = Math.abs(1 - dx - (u - 0.5 - left)) * Math.abs(1 - dy - (v - 0.5 - top));
        const [color, alpha] = colorAt(clamp(left + dx, image.width), clamp(top + dy, image.height));
        for (let c = 0; c < 3; c++) mixed[c]! += weight * alpha * color[c]!;
        total += weight * alpha;
      }
      if (total > 0)
        this.#blend(
          x,
          y,
          mixed.map((sum) => sum / total),
          total,
        );
    });
  }
}

const corners = [
  [0, 0],
  [1, 0],
  [0, 1],
  [1, 1],
] as const;
