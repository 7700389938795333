import { Rng, resizeShorter } from "fovea/engine";
import { type EpochMaps, epochMaps, type Glances, openGlances, type SeenImage, seenImage } from "fovea/explain";
import {
  type Dataset,
  type Engine,
  FoveaError,
  loadState,
  type Module,
  type Preprocessing,
  type RgbImage,
  type Tensor,
} from "fovea/web";

const followedImages = 6;
const thumbnailSide = 64;

/** How an image that is already cropped to the input becomes it again. */
export const ofSeen = (preprocessing: Preprocessing): Preprocessing => ({
  ...preprocessing,
  resize: preprocessing.imageSize,
});

/** Maps of the same few validation images after every epoch. Training is the same with and without. */
export class MapRecorder {
  #able = true;
  #glances: Glances | undefined;

  private constructor(
    private readonly network: Module,
    private readonly classes: readonly string[],
    private readonly preprocessing: Preprocessing,
    private readonly labels: readonly number[],
    private readonly images: readonly RgbImage[],
    readonly followed: readonly SeenImage[],
  ) {}

  static async open(network: Module, data: Dataset, preprocessing: Preprocessing): Promise<MapRecorder> {
    const chosen = chosenImages(data);
    const images = await Promise.all(chosen.map(async (i) => seenImage(await data.image(i), preprocessing)));
    const labels = chosen.map((i) => data.labels[i]!);
    const followed = chosen.map((index, i) => ({
      index,
      label: data.classes[labels[i]!]!,
      image: kept(images[i]!),
    }));
    return new MapRecorder(network, data.classes, preprocessing, labels, images, followed);
  }

  /** The maps after an epoch; undefined where the network has no layer with a plane. */
  async look(epoch: number, weights: ReadonlyMap<string, Tensor>, engine: Engine): Promise<EpochMaps | undefined> {
    if (!this.#able || this.images.length === 0) return undefined;
    try {
      loadState(this.network, weights);
      return await this.#maps(epoch, engine);
    } catch (error) {
      if (!(error instanceof FoveaError)) throw error;
      this.#able = false;
      return undefined;
    }
  }

  async #maps(epoch: number, engine: Engine): Promise<EpochMaps> {
    const network = { model: this.network, preprocessing: ofSeen(this.preprocessing) };
    this.#glances ??= await openGlances(network, this.images.length, engine);
    return epochMaps(this.#glances, epoch, this.images, this.labels, this.classes);
  }

  async release(): Promise<void> {
    await this.#glances?.release();
  }
}

/** A few images, the same for every training on the same images, of as many classes as there are: those that `fovea train` follows. */
function chosenImages(data: Dataset): number[] {
  const order = [...new Rng(0, "followed images").permutation(data.length)];
  const classes = new Set<number>();
  const first = order.filter((index) => !classes.has(data.labels[index]!) && classes.add(data.labels[index]!));
  return [...new Set([...first, ...order])]
    .slice(0, followedImages)
    .sort((a, b) => data.labels[a]! - data.labels[b]! || a - b);
}

function kept(image: RgbImage): SeenImage["image"] {
  const { width, height, pixels } =
    Math.min(image.width, image.height) > thumbnailSide ? resizeShorter(image, thumbnailSide) : image;
  let text = "";
  for (const byte of pixels) text += String.fromCharCode(byte);
  return { width, height, rgb: btoa(text) };
}
