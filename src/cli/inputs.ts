import { stat } from "node:fs/promises";
import { normalizations, OptionError, type Preprocessing, type SkippedFile } from "../index.js";
import { imagesBelow, photoResize, readWhole } from "../internal.js";
import type { InputFlags } from "./arguments.js";
import { type LoadedModel, preprocessingOf } from "./run.js";

/** Ten times the names of ImageNet-21k. */
const mostNameBytes = 2 ** 24;

/** The names in a file: a JSON list of strings, or one per line. @throws OptionError if there are none. */
export async function readClasses(file: string): Promise<readonly string[]> {
  const text = new TextDecoder().decode(await readWhole(file, mostNameBytes));
  let names: unknown = text.split(/\r?\n/).map((line) => line.trim());
  if (/^\s*[[{]/.test(text))
    try {
      names = listOf(JSON.parse(text));
    } catch {
      throw new OptionError(`--class-names ${file} begins like JSON, but is not valid`);
    }
  if (!Array.isArray(names) || !names.every((name): name is string => typeof name === "string"))
    throw new OptionError(
      `--class-names ${file} must be one class per line, a JSON list of strings, or an object of them by position`,
    );
  while (names.at(-1) === "") names.pop();
  if (names.length === 0) throw new OptionError(`--class-names ${file} has no names`);
  if (names.some((name) => /[\p{Cc}\uFFFD]/u.test(name)))
    throw new OptionError(`--class-names ${file} is not a file of names`);
  return names;
}

/** Of `{"0": "tench", …}` or `{"0": ["n01440764", "tench"], …}`, as ImageNet's names are published, the list; anything else as it is. */
function listOf(json: unknown): unknown {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return json;
  const found = json as Readonly<Record<string, unknown>>;
  return Array.from({ length: Object.keys(found).length }, (_, i) => {
    const name = found[i];
    return Array.isArray(name) ? name.at(-1) : name;
  });
}

/** The named files, and the images in named folders, searched recursively. */
export async function imagesOf(
  sources: readonly string[],
): Promise<{ readonly images: readonly string[]; readonly skipped: readonly SkippedFile[] }> {
  const found = await Promise.all(sources.map(imagesIn));
  return { images: found.flatMap(({ files }) => files), skipped: found.flatMap(({ skipped }) => skipped) };
}

async function imagesIn(source: string): Promise<Awaited<ReturnType<typeof imagesBelow>>> {
  const isFolder = await stat(source).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) return { files: [source], skipped: [] };
  const found = await imagesBelow(source);
  if (found.files.length === 0) throw new OptionError(`${source} has no images (jpg, png, webp, tiff, avif)`);
  return found;
}

/** The largest input of networks that are trained on whole images, such as CIFAR's, rather than the center of photos. */
const wholeUpTo = 64;

/** How photos become inputs of a network: as in its training, otherwise as usual for its size. */
export function photoPreprocessing(loaded: LoadedModel, flags: InputFlags): Preprocessing {
  const side = flags.imageSize ?? loaded.imageSize;
  const usual = { imageSize: side, resize: side > wholeUpTo ? photoResize(side) : side, ...normalizations.imagenet };
  return preprocessingOf(loaded, usual, flags);
}
