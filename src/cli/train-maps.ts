import { FoveaError, messageOf } from "../core/errors.js";
import { type EpochMaps, followedImages, type SeenImage, type Thumbnail, thumbnailSide } from "../core/findings.js";
import { Rng } from "../core/rng.js";
import { epochMaps, type Glances, openGlances, seenImage } from "../explain.js";
import {
  alignClasses,
  DataError,
  type Dataset,
  type Engine,
  loadState,
  type Module,
  type Preprocessing,
  type Tensor,
  trace,
} from "../index.js";
import { buildNetwork, ofSeen, planarLayer, type RunFolder, settled } from "../internal.js";
import { say } from "./terminal.js";

export type RgbImage = Awaited<ReturnType<Dataset["image"]>>;

/** Maps of the same few validation images after every epoch, in the run folder. Training is the same with and without. */
export class MapRecorder {
  readonly #network: Module;
  readonly #images: RgbImage[];
  readonly #data: Dataset;
  /** Whether the network can be explained; found out at the first epoch. */
  #able = true;
  #glances: Glances | undefined;

  private constructor(
    private readonly run: RunFolder,
    data: Dataset,
    readonly followed: readonly SeenImage[],
    images: RgbImage[],
  ) {
    const { model, preprocessing, training } = run.config;
    this.#network = buildNetwork(settled(model), preprocessing, training.seed);
    this.#images = images;
    this.#data = data;
  }

  /** @returns undefined without validation images */
  static async open(run: RunFolder, validation: Dataset): Promise<MapRecorder | undefined> {
    const { data: about } = run.config;
    const data = alignClasses(validation, about.classes).dataset;
    const chosen = await chosenImages(data, run.config.preprocessing);
    if (chosen.length === 0) return undefined;
    const followed = chosen.map(({ index, image }) => keptImage(data, index, image));
    return new MapRecorder(
      run,
      data,
      followed,
      chosen.map(({ image }) => image),
    );
  }

  /** Writes the maps of an epoch; undefined if the network cannot be explained, which is reported once. */
  async add(epoch: number, weights: ReadonlyMap<string, Tensor>, engine: Engine): Promise<EpochMaps | undefined> {
    if (!this.#able) return undefined;
    try {
      loadState(this.#network, weights);
      const maps = await this.#maps(epoch, engine);
      await this.run.writeMaps(maps);
      return maps;
    } catch (error) {
      if (!(error instanceof FoveaError)) throw error;
      this.#able = false;
      say(`no maps in the report: ${messageOf(error)}`);
      return undefined;
    }
  }

  async #maps(epoch: number, engine: Engine): Promise<EpochMaps> {
    const { classes } = this.#data;
    const preprocessing = ofSeen(this.run.config.preprocessing);
    const network = { model: this.#network, preprocessing };
    // Its memory goes with the engine's.
    this.#glances ??= await openGlances(network, this.#images.length, engine);
    const labels = this.followed.map(({ index }) => this.#data.labels[index]!);
    return epochMaps(this.#glances, epoch, this.#images, labels, classes);
  }
}

/** A few images, the same for every run on the same data, of as many classes as possible; unreadable ones are skipped. */
async function chosenImages(
  data: Dataset,
  preprocessing: Preprocessing,
): Promise<{ index: number; image: RgbImage }[]> {
  const order = [...new Rng(0, "followed images").permutation(data.length)];
  const classes = new Set<number>();
  const first: number[] = [];
  for (const index of order) {
    if (classes.has(data.labels[index]!)) continue;
    classes.add(data.labels[index]!);
    first.push(index);
  }
  const chosen: { index: number; image: RgbImage }[] = [];
  for (const index of new Set([...first, ...order])) {
    if (chosen.length === followedImages) break;
    const image = await readable(data, index);
    if (image) chosen.push({ index, image: seenImage(image, preprocessing) });
  }
  return chosen.sort((a, b) => data.labels[a.index]! - data.labels[b.index]! || a.index - b.index);
}

/** An image, or undefined if it cannot be read. */
export const readable = (data: Dataset, index: number): Promise<RgbImage | undefined> =>
  data.image(index).catch((error) => {
    if (error instanceof DataError) return undefined;
    throw error;
  });

/** An image that has been {@link seenImage}, small enough to be kept. */
export function keptImage(data: Dataset, index: number, image: RgbImage): SeenImage {
  return { index, label: data.classes[data.labels[index]!]!, image: thumbnail(image, thumbnailSide) };
}

/** An image of at most `side` pixels a side, to be kept. */
export function thumbnail(image: RgbImage, side: number): Thumbnail {
  const { width, height, pixels } = planarLayer(image, side);
  return { height, width, rgb: Buffer.from(pixels).toString("base64") };
}

export const isGated = (model: Module, { imageSize }: Preprocessing): boolean =>
  trace(model, [1, 3, imageSize, imageSize]).taps.length > 0;
