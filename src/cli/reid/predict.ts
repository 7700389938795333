import { realpath, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import process, { stdout } from "node:process";
import { csv } from "../../core/csv.js";
import { messageOf } from "../../core/errors.js";
import {
  type Dataset,
  decodeImage,
  type Engine,
  OptionError,
  type Preprocessing,
  type SkippedFile,
  writeFileAtomic,
} from "../../index.js";
import { distances, extractFeatures, nearest, sightingIn, stretched } from "../../internal.js";
import { type EngineFlags, withEngine } from "../arguments.js";
import { imagesOf } from "../inputs.js";
import { type LoadedModel, saySkipped } from "../run.js";
import { jsonLine, ProgressLine, say, significant, visible } from "../terminal.js";
import type { GalleryFlags } from "./flags.js";
import { drawRankedList, mostDrawn } from "./ranked-list.js";

type Format = "text" | "csv" | "jsonl" | "json";

/** What is asked for. */
interface Asked {
  readonly gallery: string;
  readonly top: number;
  readonly format: Format;
  readonly out?: string | undefined;
  readonly rankedList?: string | undefined;
}

interface RankingRequest extends Asked {
  readonly loaded: LoadedModel;
  readonly preprocessing: Preprocessing;
  readonly images: readonly string[];
  readonly skipped: readonly SkippedFile[];
  /** Where to compute. */
  readonly on: EngineFlags;
}

/** What flags ask for. @throws OptionError for a missing gallery, or a flag about classes. */
export function rankingOf(
  flags: GalleryFlags & Omit<Asked, "gallery"> & { readonly tta?: string; readonly classNames?: string },
): Asked {
  const { gallery, rankedList, top, format, out, tta, classNames } = flags;
  for (const [flag, value] of Object.entries({ tta, "class-names": classNames }))
    if (value !== undefined) throw new OptionError(`--${flag} is for classes; the network is for reid`);
  if (gallery === undefined)
    throw new OptionError("name the images to look in: --gallery FOLDER. The network finds those of the same identity");
  return { gallery, top, format, out, rankedList };
}

/** An image that was found, and whether it is of the same identity, if the names of both files say so. */
export interface Found {
  readonly image: string;
  readonly distance: number;
  readonly match?: boolean;
}

/** An image and what was found, nearest first. */
export interface Ranking {
  readonly image: string;
  readonly ranked: readonly Found[];
}
type Answer = Ranking | { readonly image: string; readonly error: string };

/** Finds the nearest images of a gallery for each image. */
export async function rankGallery(request: RankingRequest): Promise<void> {
  const { images, gallery, format, out, rankedList, top } = request;
  if (rankedList !== undefined && images.length > mostDrawn)
    throw new OptionError(`--ranked-list draws at most ${mostDrawn} images, got ${images.length}`);
  const { images: files, skipped } = await imagesOf([await galleryIn(gallery)]);
  const [looked, there] = await withEngine(
    async (engine) => [await featuresOf(images, request, engine), await featuresOf(files, request, engine)] as const,
    request.on,
  );
  const known = there.filter((one): one is Readable => "features" in one);
  const unreadable = there.flatMap((one) => ("error" in one ? [{ file: one.image, reason: one.error }] : []));
  if (known.length === 0) throw new OptionError(`--gallery ${gallery}: none of its images can be read`);
  const answers = await Promise.all(
    looked.map(
      async (one): Promise<Answer> =>
        "error" in one ? one : { image: one.image, ranked: await rank(one, known, top) },
    ),
  );
  for (const answer of answers)
    if ("error" in answer) {
      say(`fovea: ${answer.image}: ${answer.error}`);
      process.exitCode = 1;
    }
  const left = [...request.skipped, ...skipped, ...unreadable];
  saySkipped(left);
  const text = textOf(answers, left, format, top);
  if (out !== undefined) await writeFileAtomic(out, text);
  else stdout.write(format === "csv" && stdout.isTTY ? `${visible(text.slice(0, -1))}\n` : text);
  const rankings = answers.filter((one): one is Ranking => "ranked" in one);
  if (rankedList !== undefined && rankings.length > 0)
    await writeFileAtomic(rankedList, await drawRankedList(rankings));
}

/** A folder of images; that of the gallery, in Market-1501's layout. */
async function galleryIn(folder: string): Promise<string> {
  const inner = join(folder, "bounding_box_test");
  const isFolder = await stat(inner).then(
    (found) => found.isDirectory(),
    () => false,
  );
  return isFolder ? inner : folder;
}

interface Readable {
  readonly image: string;
  readonly features: Float64Array;
}

/** The features of each image, or why there are none. */
async function featuresOf(
  files: readonly string[],
  { loaded, preprocessing }: RankingRequest,
  engine: Engine,
): Promise<(Readable | { readonly image: string; readonly error: string })[]> {
  const side = preprocessing.imageSize;
  const errors = new Map<number, string>();
  const dataset: Dataset = {
    name: "images",
    classes: ["image"],
    length: files.length,
    labels: files.map(() => 0),
    skipped: [],
    size: { width: side, height: side },
    image: async (index) => {
      const file = files[index]!;
      try {
        return stretched(await decodeImage(file), side);
      } catch (error) {
        errors.set(index, messageOf(error).replace(`${file}: `, ""));
        return { width: side, height: side, pixels: new Uint8Array(3 * side * side) };
      }
    },
  };
  const progress = new ProgressLine();
  const found = await extractFeatures(loaded.model, dataset, {
    engine,
    preprocessing: { ...preprocessing, resize: side },
    onProgress: (done, total) => {
      if (total > 1) progress.draw(done / total, `features of ${done} of ${total} images`);
    },
  }).finally(() => progress.clear());
  return files.map((image, i) => {
    const error = errors.get(i);
    return error === undefined ? { image, features: found[i]! } : { image, error };
  });
}

/**
 * The nearest images, without the image itself. Where names say who is on it and which camera took it, junk and the same identity by the same camera are
 * left out, as in evaluation.
 */
async function rank(
  { image, features }: Readable,
  gallery: readonly Readable[],
  top: number,
): Promise<readonly Found[]> {
  const own = sightingIn(basename(image));
  const real = await realpath(image);
  const between = distances(
    features,
    gallery.map((one) => one.features),
  );
  const ranked: Found[] = [];
  for (const at of nearest(between)) {
    if (ranked.length === top) break;
    const file = gallery[at]!.image;
    const other = sightingIn(basename(file));
    const same = own && other && own.identity === other.identity;
    if (other?.identity === -1 || (same && own.camera === other.camera) || (await realpath(file)) === real) continue;
    ranked.push({ image: file, distance: between[at]!, ...(same === undefined ? {} : { match: same }) });
  }
  return ranked;
}

function textOf(answers: readonly Answer[], skipped: readonly SkippedFile[], format: Format, top: number): string {
  if (format === "json") return jsonLine({ predictions: answers, skipped });
  if (format === "jsonl") return answers.map((answer) => jsonLine(answer)).join("");
  const rankings = answers.filter((one): one is Ranking => "ranked" in one);
  if (format === "text")
    return rankings
      .map(({ image, ranked }) => {
        const found = ranked.map((one) => `${one.image} ${significant(one.distance, 4)}`);
        return `${visible(`${image}: ${found.join(", ") || "nothing"}`)}\n`;
      })
      .join("");
  const header = Array.from({ length: top }, (_, i) => [`image_${i + 1}`, `distance_${i + 1}`]).flat();
  return csv([
    ["image", ...header],
    ...rankings.map(({ image, ranked }) => [
      image,
      ...Array.from({ length: top }, (_, i) => [ranked[i]?.image ?? "", ranked[i]?.distance ?? ""]).flat(),
    ]),
  ]);
}
