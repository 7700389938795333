import { join } from "node:path";
import { DataError, messageOf } from "../core/errors.js";
import { check, options as fields, imageSize as imageSide, maybe, type Schema, text } from "../core/schema.js";
import { checkIndex, type Dataset, type RgbImage, type SkippedFile } from "./dataset.js";
import { decodeImage, imageSizeOf } from "./decode.js";
import { type Found, fileNames, list } from "./files.js";
import type { SightedDataset } from "./people.js";
import { resample } from "./resample.js";

/** Options of {@link openMarket1501}. */
export interface Market1501Options {
  /** Side to which images are stretched. Default 128. */
  readonly imageSize?: number;
}

export const marketOptions: Schema<Market1501Options> = fields<Market1501Options>({ imageSize: maybe(imageSide) });

/** Data for re-identification: to learn from, to look for, and to look in. */
export interface RetrievalSplits {
  /** To learn from. */
  readonly train: SightedDataset;
  /** Images to look for. */
  readonly query: SightedDataset;
  /** Images to look in; identity −1 is junk, 0 are distractors. */
  readonly gallery: SightedDataset;
}

const usual = "Market-1501-v15.09.15";
/** Its folders. */
export const marketFolders = { train: "bounding_box_train", query: "query", gallery: "bounding_box_test" } as const;

/**
 * Images in the layout of Market-1501 (Node only), which DukeMTMC-reID and others share: folders `bounding_box_train`, `query` and
 * `bounding_box_test` of files such as `0002_c1s1_000451_03.jpg`, identity 2 by camera 1. `folder` contains them, or the folder
 * `Market-1501-v15.09.15`. Identities below 1 (junk −1, distractors 0) are not trained on. Networks here take squares, so images are stretched
 * to one. Files without such a name or that cannot be read are in `skipped`.
 *
 * @throws DataError if a folder is missing or holds no such image.
 *
 * @example
 * const { train, query, gallery } = await openMarket1501("./Market-1501-v15.09.15", { imageSize: 128 });
 */
export async function openMarket1501(folder: string, options: Market1501Options = {}): Promise<RetrievalSplits> {
  check("openMarket1501", "folder", text, folder);
  check("openMarket1501", "options", marketOptions, options);
  const { imageSize = 128 } = options;
  const home = await homeOf(folder);
  const read = (name: string, isUsed: (identity: number) => boolean) => sightings(join(home, name), imageSize, isUsed);
  return {
    train: await read(marketFolders.train, (identity) => identity > 0),
    query: await read(marketFolders.query, (identity) => identity > 0),
    gallery: await read(marketFolders.gallery, () => true),
  };
}

/** Whether a folder has those of Market-1501. */
export const isMarket = ({ folders }: Pick<Found, "folders">): boolean =>
  Object.values(marketFolders).every((name) => folders.includes(name));

async function homeOf(folder: string): Promise<string> {
  const found = await list(folder);
  if (isMarket(found)) return folder;
  const inner = join(folder, usual);
  if (found.folders.includes(usual) && isMarket(await list(inner))) return inner;
  throw new DataError(
    `${folder}: expected the folders ${Object.values(marketFolders).join(", ")}, found ${found.folders.slice(0, 8).join(", ") || "none"}`,
  );
}

interface Sighting {
  readonly file: string;
  readonly identity: number;
  readonly camera: number;
}

/** The identity on an image and its camera, by the name of the file: 2 and 1 of `0002_c1s1_000451_03.jpg`. */
export function sightingIn(name: string): { readonly identity: number; readonly camera: number } | undefined {
  const [, identity, camera] = /^(-1|\d{1,8})_c(\d{1,4})\D/.exec(name) ?? [];
  return identity === undefined ? undefined : { identity: Number(identity), camera: Number(camera) };
}

async function sightings(folder: string, side: number, isUsed: (identity: number) => boolean): Promise<SightedDataset> {
  const found: Sighting[] = [];
  const skipped: SkippedFile[] = [];
  for (const name of await fileNames(folder)) {
    const file = join(folder, name);
    const seen = sightingIn(name);
    if (!seen) skipped.push({ file, reason: "its name does not begin with IDENTITY_cCAMERA" });
    else if (!isUsed(seen.identity)) skipped.push({ file, reason: "junk or a distractor" });
    else found.push({ file, ...seen });
  }
  const readable = await readableOf(found, skipped);
  if (readable.length === 0)
    throw new DataError(`${folder} holds no images named like 0002_c1s1_000451_03.jpg, identity 2 by camera 1`);
  return datasetOf(folder, readable, skipped, side);
}

/** Those whose header can be read: an image that is replaced by another later on would have a wrong identity. */
async function readableOf(found: readonly Sighting[], skipped: SkippedFile[]): Promise<Sighting[]> {
  const readable: Sighting[] = [];
  for (const one of found)
    await imageSizeOf(one.file).then(
      () => readable.push(one),
      (error) => skipped.push({ file: one.file, reason: messageOf(error).replace(`${one.file}: `, "") }),
    );
  return readable;
}

/** A whole image as a square. */
export const stretched = (image: RgbImage, side: number): RgbImage => resample(image, side, side);

function datasetOf(
  folder: string,
  found: readonly Sighting[],
  skipped: readonly SkippedFile[],
  side: number,
): SightedDataset {
  const identities = found.map(({ identity }) => identity);
  const known = [...new Set(identities)].sort((a, b) => a - b);
  const position = new Map(known.map((identity, i) => [identity, i]));
  const dataset: Dataset = {
    name: folder,
    classes: known.map(String),
    length: found.length,
    labels: identities.map((identity) => position.get(identity)!),
    skipped,
    size: { height: side, width: side },
    image: async (index) => stretched(await decodeImage(found[checkIndex(dataset, index)]!.file), side),
    file: (index) => found[checkIndex(dataset, index)]!.file,
  };
  return { dataset, identities, cameras: found.map(({ camera }) => camera) };
}
