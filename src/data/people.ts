import { Rng } from "../core/rng.js";
import { seed as anySeed, check, options as fields, maybe, type Schema, whole } from "../core/schema.js";
import type { Dataset } from "./dataset.js";
import { createDataset } from "./memory.js";

/** Images of which it is known who is on them, and which camera took them: what `retrievalMetrics` needs. */
export interface SightedDataset {
  /** The images; classes are identities. */
  readonly dataset: Dataset;
  /** The identity on each image. */
  readonly identities: readonly number[];
  /** The camera of each image. */
  readonly cameras: readonly number[];
}

/** Options of {@link generatePeople}. */
export interface PeopleOptions {
  /** Number of identities. Default 64. */
  readonly identities?: number;
  /** The first of them; others are other people. Default 1. */
  readonly first?: number;
  /** Number of cameras. Default 4. */
  readonly cameras?: number;
  /** Images of each identity by each camera. Default 2. */
  readonly images?: number;
  /** Side in pixels, 16 … 256. Default 32. */
  readonly size?: number;
  /** Default 0. */
  readonly seed?: number;
}

const few = whole(1, 100_000);
export const peopleOptions: Schema<PeopleOptions> = fields<PeopleOptions>({
  identities: maybe(few),
  first: maybe(few),
  cameras: maybe(whole(1, 1000)),
  images: maybe(whole(1, 1000)),
  size: maybe(whole(16, 256)),
  seed: maybe(anySeed),
});

/** The side that lengths below are for. */
const usualSize = 32;

/**
 * Generated images for re-identification, a stand-in for data of people: an identity has colors of head, coat, stripes and legs, a camera a
 * ground and a light, and each image its place, shade and noise.
 *
 * @example
 * const seen = generatePeople({ identities: 128 });
 * const unseen = generatePeople({ identities: 24, first: 1001 });
 */
export function generatePeople(options: PeopleOptions = {}): SightedDataset {
  check("generatePeople", "options", peopleOptions, options);
  const { identities: count = 64, first = 1, cameras: eyes = 4, images = 2, size = usualSize, seed = 0 } = options;
  const known = Array.from({ length: count }, (_, i) => first + i);
  const taken = known.flatMap((identity, label) =>
    Array.from({ length: eyes * images }, (_, i) => ({ identity, label, camera: 1 + (i % eyes), view: i })),
  );
  const pixels = new Uint8Array(taken.length * size * size * 3);
  taken.forEach((one, i) => paint(one, size, seed, pixels.subarray(i * size * size * 3, (i + 1) * size * size * 3)));
  const dataset = createDataset({
    name: "people",
    classes: known.map((identity) => `person ${identity}`),
    height: size,
    width: size,
    pixels,
    labels: taken.map(({ label }) => label),
  });
  return {
    dataset,
    identities: taken.map(({ identity }) => identity),
    cameras: taken.map(({ camera }) => camera),
  };
}

interface Taken {
  readonly identity: number;
  readonly camera: number;
  readonly view: number;
}

function paint({ identity, camera, view: which }: Taken, size: number, seed: number, pixels: Uint8Array): void {
  const person = new Rng(seed, "person", identity);
  const color = () => [0, 1, 2].map(() => person.uniform(20, 235));
  const colors = { head: color(), coat: color(), legs: color(), stripe: color() };
  const every = 2 + person.int(4);
  const place = new Rng(seed, "camera", camera);
  const ground = [0, 1, 2].map(() => place.uniform(40, 200));
  const light = [0, 1, 2].map(() => place.uniform(0.6, 1.2));
  const view = new Rng(seed, "view", identity, which);
  const [left, top, shade] = [8 + view.int(8), view.int(5), view.uniform(0.85, 1.1)];
  const unit = (place: number) => Math.floor((place * usualSize) / size);
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++) {
      const part = partAt(unit(x) - left, unit(y) - top, every);
      for (let c = 0; c < 3; c++) {
        const value = part ? colors[part][c]! * shade * light[c]! : ground[c]!;
        pixels[(c * size + y) * size + x] = Math.max(0, Math.min(255, Math.round(value + view.uniform(-12, 12))));
      }
    }
}

/** The part of a person at a place, counted from the top left of the person. */
function partAt(u: number, v: number, every: number): "head" | "coat" | "stripe" | "legs" | null {
  if (v < 6) return u > 3 && u < 9 ? "head" : null;
  if (u < 0 || u > 11 || v > 27) return null;
  if (v > 17) return "legs";
  return v % every === 0 ? "stripe" : "coat";
}
