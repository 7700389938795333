import { type SampleName, samples } from "./samples.js";

/** Bytes, plane by plane. */
interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/** Random numbers, as `Rng` of the library gives them. */
interface Random {
  uniform(low: number, high: number): number;
  normal(): number;
}

/** What of the library is drawn with. */
export interface Tools {
  generateShapes(options: {
    readonly count: number;
    readonly seed: number;
    readonly placement: "centered" | "free";
    readonly size: number;
  }): {
    readonly classes: readonly string[];
    readonly labels: ArrayLike<number>;
    image(index: number): Promise<RgbImage>;
  };
  random(...path: (string | number)[]): Random;
}

/** An image of a sample, and its class. */
export interface Drawn {
  readonly className: string;
  readonly image: RgbImage;
}

const perClass = 80;

/** The images of a sample, the same every time. */
export function drawSample(name: SampleName, tools: Tools): Promise<Drawn[]> {
  const { imageSize } = samples.find((one) => one.name === name)!;
  switch (name) {
    case "shapes":
      return shapes(tools, ["circle", "heart", "star", "triangle"], "centered", imageSize);
    case "anywhere":
      return shapes(tools, ["circle", "heart", "star", "triangle"], "free", imageSize);
    case "textures":
      return Promise.resolve(textures(tools, imageSize));
    case "shortcut":
      return shortcut(tools, imageSize);
  }
}

async function shapes(
  { generateShapes }: Tools,
  wanted: readonly string[],
  placement: "centered" | "free",
  size: number,
): Promise<Drawn[]> {
  const data = generateShapes({ count: 10 * perClass, seed: 1, placement, size });
  const drawn: Drawn[] = [];
  for (const [i, label] of Array.from(data.labels).entries()) {
    const className = data.classes[label]!;
    if (wanted.includes(className)) drawn.push({ className, image: await data.image(i) });
  }
  return drawn;
}

/** One in so many images of a class has what the others have not. */
const exception = 16;
const [tagSide, tagMargin] = [6, 2];

/** Circles with a tag, and squares without: nearly all. */
async function shortcut(tools: Tools, size: number): Promise<Drawn[]> {
  const seen = new Map<string, number>();
  return (await shapes(tools, ["circle", "square"], "centered", size)).map(({ className, image }) => {
    const nth = seen.get(className) ?? 0;
    seen.set(className, nth + 1);
    const tagged = (className === "circle") !== (nth % exception === exception - 1);
    return { className, image: tagged ? withTag(image) : image };
  });
}

/** White, at the top left. */
function withTag({ width, height, pixels }: RgbImage): RgbImage {
  const tagged = pixels.slice();
  for (let c = 0; c < 3; c++)
    for (let y = tagMargin; y < tagMargin + tagSide; y++) {
      const start = (c * height + y) * width + tagMargin;
      tagged.fill(250, start, start + tagSide);
    }
  return { width, height, pixels: tagged };
}

const share = (x: number) => x - Math.floor(x);

/** Which of two colors a texture has at a point, in units of its period. */
const patterns: Readonly<Record<string, (u: number, v: number) => boolean>> = {
  checks: (u, v) => share(u) < 0.5 !== share(v) < 0.5,
  dots: (u, v) => Math.hypot(share(u) - 0.5, share(v) - 0.5) < 0.32,
  rings: (u, v) => share(Math.hypot(u, v)) < 0.5,
  stripes: (u) => share(u) < 0.5,
};

function textures({ random }: Tools, size: number): Drawn[] {
  return Object.entries(patterns).flatMap(([className, isSecond]) =>
    Array.from({ length: perClass }, (_, i) => ({
      className,
      image: texture(isSecond, size, random("textures", className, i)),
    })),
  );
}

/** Points in a pixel along each axis: edges are smooth. */
const fine = 3;
/** Standard deviation, in bytes. */
const noise = 10;

/** A texture at random scale, angle and place, in two random colors. */
function texture(isSecond: (u: number, v: number) => boolean, size: number, rng: Random): RgbImage {
  const period = rng.uniform(size / 7, size / 3.5);
  const angle = rng.uniform(0, 2 * Math.PI);
  const [x0, y0] = [rng.uniform(0, size), rng.uniform(0, size)];
  const [cos, sin] = [Math.cos(angle) / period, Math.sin(angle) / period];
  const [first, second] = colors(rng);
  const pixels = new Uint8ClampedArray(3 * size * size);
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++) {
      let hits = 0;
      for (let i = 0; i < fine ** 2; i++) {
        const [dx, dy] = [x + ((i % fine) + 0.5) / fine - x0, y + (Math.floor(i / fine) + 0.5) / fine - y0];
        if (isSecond(dx * cos + dy * sin, dy * cos - dx * sin)) hits++;
      }
      const mix = hits / fine ** 2;
      for (let c = 0; c < 3; c++)
        pixels[(c * size + y) * size + x] = first[c]! + mix * (second[c]! - first[c]!) + noise * rng.normal();
    }
  return { width: size, height: size, pixels: new Uint8Array(pixels.buffer) };
}

/** Two colors that differ enough to be told apart, in bytes. */
function colors(rng: Random): readonly [readonly number[], readonly number[]] {
  const color = () => [0, 1, 2].map(() => rng.uniform(20, 235));
  const first = color();
  let second = color();
  while (Math.abs(lightness(first) - lightness(second)) < 60) second = color();
  return [first, second];
}

const lightness = ([r, g, b]: readonly number[]) => 0.3 * r! + 0.6 * g! + 0.1 * b!;
