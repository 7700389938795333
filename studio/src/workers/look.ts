import { inputWriter } from "fovea/engine";
import { type Explainer, explainableLayers, explanationMethods, openExplainer, seenImage } from "fovea/explain";
import {
  type Engine,
  type Executable,
  FoveaError,
  loadState,
  type MethodName,
  type Module,
  type RgbImage,
  readSafetensors,
  trace,
} from "fovea/web";
import type { Plane } from "../../logic/colors.js";
import { shrunk, storedImage } from "./data.js";
import { decode, interleaved, pixelsOf, whyNotAnImage } from "./decode.js";
import { ofSeen } from "./maps.js";
import { type Config, networkOf } from "./recipe.js";
import { type Plan, run } from "./run.js";
import { energyOf, softmax } from "./softmax.js";

/** What the network says of a held-out image. */
export interface Judged {
  readonly id: string;
  readonly label: number;
  readonly predicted: number;
  /** Of what was said. */
  readonly probability: number;
  /** Of the image's own class. */
  readonly truth: number;
}

/** Probabilities of all classes, and how unusual the image is. */
export interface Opinion {
  readonly probabilities: readonly number[];
  /** The share of the held-out images with weaker evidence than this one; null where there are too few to tell. */
  readonly stronger: number | null;
}

/** An image as the network sees it, with what it says and where it looks. */
export interface Sight extends Opinion {
  readonly picture: { readonly width: number; readonly height: number; readonly data: Uint8ClampedArray<ArrayBuffer> };
  readonly map: Plane | null;
  readonly range: readonly [number, number];
  /** The class that the map explains. */
  readonly explained: number;
  readonly layer: string | null;
  readonly notes: readonly string[];
}

/** A method, as lists show it. */
export interface MethodItem {
  readonly name: string;
  readonly title: string;
  readonly insensitive: boolean;
}

/** Where an image comes from. */
export type Source = { readonly id: string } | { readonly file: Blob } | { readonly frame: ImageBitmap };

/** How a network is asked about an image. */
export interface Question {
  readonly method: string;
  /** The class to explain; null: what is predicted. */
  readonly class: number | null;
}

/** Maps of one image at several layers. */
export interface Layers {
  readonly picture: Sight["picture"];
  /** The class it says. */
  readonly said: number;
  readonly layers: readonly { readonly path: string; readonly map: Plane; readonly range: readonly [number, number] }[];
}

/** So many layers are looked at. */
const mostLayers = 12;

/** So few images do not say what is usual. */
const fewest = 20;

/** A trained network that is asked about images. */
export class Looker {
  readonly #explainers = new Map<string, Promise<Explainer>>();
  #energies: number[] = [];
  /** What was looked at last, as the network saw it. */
  #seen: RgbImage | undefined;

  private constructor(
    readonly plan: Plan,
    readonly config: Config,
    readonly network: Module,
    private readonly engine: Engine,
    private readonly executable: Executable,
  ) {}

  /** The best weights of the last training. @throws if there are none. */
  static async open(engine: Engine): Promise<Looker> {
    const [plan, config, bytes] = [await run.plan(), await run.config(), await run.weights("best")];
    if (!plan || !config || !bytes) throw new FoveaError("nothing is trained yet");
    const network = networkOf(config);
    loadState(network, readSafetensors(bytes).tensors);
    const side = config.preprocessing.imageSize;
    return new Looker(plan, config, network, engine, await engine.compile(trace(network, [1, 3, side, side])));
  }

  get methods(): MethodItem[] {
    return [...explanationMethods.values()].map(({ name, title, failsSanityChecks }) => ({
      name,
      title,
      insensitive: failsSanityChecks,
    }));
  }

  async release(): Promise<void> {
    await this.executable.release();
    for (const explainer of this.#explainers.values()) await (await explainer).release();
  }

  /** What the network says of every held-out image. */
  async judge(report: (judged: readonly Judged[]) => void): Promise<void> {
    const energies: number[] = [];
    let some: Judged[] = [];
    let last = performance.now();
    for (const { id, label } of this.plan.validation) {
      const image = await storedImage(id).catch(() => undefined);
      if (!image) continue;
      const logits = await this.#logits(seenImage(shrunk(image, this.#side), this.config.preprocessing));
      const shares = softmax(logits);
      const predicted = shares.indexOf(Math.max(...shares));
      energies.push(energyOf(logits));
      some.push({ id, label, predicted, probability: shares[predicted]!, truth: shares[label]! });
      if (performance.now() - last < 100) continue;
      report(some);
      some = [];
      last = performance.now();
    }
    this.#energies = energies.sort((a, b) => a - b);
    report(some);
  }

  /** Looks at an image. */
  async see(source: Source, { method, class: wanted }: Question): Promise<Sight> {
    const image = await imageOf(source);
    const seen = seenImage(shrunk(image, this.#side), this.config.preprocessing);
    this.#seen = seen;
    const logits = await this.#logits(seen);
    const opinion = this.#opinion(logits);
    const explained = wanted ?? opinion.probabilities.indexOf(Math.max(...opinion.probabilities));
    const { width, height, data } = interleaved(seen);
    const picture = { width, height, data: data as Uint8ClampedArray<ArrayBuffer> };
    const notes: string[] = [];
    try {
      const [found] = await (await this.#explainer(method)).explain(seen, { class: explained });
      const { map, range, layer } = found!;
      notes.push(...found!.notes);
      const plane = { width: map.width, height: map.height, data: Float32Array.from(map.data) };
      return { ...opinion, picture, map: plane, range, explained, layer, notes };
    } catch (error) {
      if (!(error instanceof FoveaError)) throw error;
      return { ...opinion, picture, map: null, range: [0, 0], explained, layer: null, notes: [error.message] };
    }
  }

  /** The opinion of what was looked at last, with a gray square over a part of it; shares of the side from the top left. */
  async cover(x: number, y: number, size: number): Promise<Opinion> {
    if (!this.#seen) throw new FoveaError("no image was looked at");
    const { width, height } = this.#seen;
    const pixels = this.#seen.pixels.slice();
    const gray = this.config.preprocessing.mean.map((mean) => Math.round(255 * mean));
    const [left, right] = [x - size / 2, x + size / 2].map((at) =>
      Math.min(width, Math.max(0, Math.round(at * width))),
    );
    const [top, bottom] = [y - size / 2, y + size / 2].map((at) =>
      Math.min(height, Math.max(0, Math.round(at * height))),
    );
    for (let c = 0; c < 3; c++)
      for (let row = top!; row < bottom!; row++)
        pixels.fill(gray[c]!, (c * height + row) * width + left!, (c * height + row) * width + right!);
    return this.#opinion(await this.#logits({ width, height, pixels }));
  }

  /** Where it looks at each of its layers, or a dozen of them, for what it says of an image. */
  async layers(source: Source): Promise<Layers> {
    const seen = seenImage(shrunk(await imageOf(source), this.#side), this.config.preprocessing);
    const shares = softmax(await this.#logits(seen));
    const said = shares.indexOf(Math.max(...shares));
    const network = { model: this.network, preprocessing: ofSeen(this.config.preprocessing) };
    const all = explainableLayers(network).filter(({ passes }) => passes);
    const every = Math.max(1, Math.ceil(all.length / mostLayers));
    // The last one always.
    const layer = all.filter((_, i) => (all.length - 1 - i) % every === 0).map(({ path }) => path);
    const explainer = await openExplainer(network, { engine: this.engine, method: "gradcam", layer });
    try {
      const found = await explainer.explain(seen, { class: said });
      const { width, height, data } = interleaved(seen);
      return {
        picture: { width, height, data: data as Uint8ClampedArray<ArrayBuffer> },
        said,
        layers: found.map(({ layer, map, range }) => ({
          path: layer!,
          map: { width: map.width, height: map.height, data: Float32Array.from(map.data) },
          range,
        })),
      };
    } finally {
      await explainer.release();
    }
  }

  get #side(): number {
    return this.config.preprocessing.imageSize;
  }

  /** Of an image that is already cropped to the input. */
  async #logits(seen: RgbImage): Promise<number[]> {
    const side = this.#side;
    const data = new Float32Array(3 * side ** 2);
    inputWriter(ofSeen(this.config.preprocessing))(seen, data, 0);
    const { output } = await this.executable.run({ input: { dtype: "float32", shape: [1, 3, side, side], data } });
    return Array.from(output!.data, Number);
  }

  #opinion(logits: readonly number[]): Opinion {
    const energy = energyOf(logits);
    const known = this.#energies;
    const stronger = known.length < fewest ? null : known.filter((one) => one < energy).length / known.length;
    return { probabilities: softmax(logits), stronger };
  }

  #explainer(method: string): Promise<Explainer> {
    let explainer = this.#explainers.get(method);
    if (!explainer) {
      const { network: model, config, engine } = this;
      const network = { model, preprocessing: ofSeen(config.preprocessing) };
      explainer = openExplainer(network, { engine, method: method as MethodName });
      this.#explainers.set(method, explainer);
    }
    return explainer;
  }
}

async function imageOf(source: Source): Promise<RgbImage> {
  if ("id" in source) return storedImage(source.id);
  if ("file" in source) {
    const reason = await whyNotAnImage(source.file);
    if (reason) throw new FoveaError(`this file is ${reason}`);
  }
  const bitmap = "frame" in source ? source.frame : await decode(source.file);
  try {
    return pixelsOf(bitmap);
  } finally {
    bitmap.close();
  }
}
