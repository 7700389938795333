import { realpath } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { messageOf } from "../../core/errors.js";
import {
  decodeImage,
  type LabelMap,
  OptionError,
  openSegmenter,
  type Preprocessing,
  type RgbImage,
  type SkippedFile,
  writeFileAtomic,
} from "../../index.js";
import { encodePng, labelColors, makeFolder, overlay } from "../../internal.js";
import { type EngineFlags, withEngine } from "../arguments.js";
import type { LoadedModel } from "../run.js";
import { saySkipped } from "../run.js";
import { asArgument, ProgressLine, percent, print, say, visible } from "../terminal.js";

/** What is asked for. */
export interface MaskRequest {
  readonly loaded: LoadedModel;
  readonly preprocessing: Preprocessing;
  readonly classes: readonly string[] | null;
  readonly images: readonly string[];
  readonly skipped: readonly SkippedFile[];
  readonly out: string;
  readonly json: boolean;
  /** Where to compute. */
  readonly on: EngineFlags;
}

/** The masks of one image, or why there are none. */
type Answer =
  | {
      readonly image: string;
      readonly mask: string;
      readonly overlay: string;
      /** Share of the pixels, the largest first. */
      readonly classes: readonly { readonly name: string; readonly index: number; readonly share: number }[];
    }
  | { readonly image: string; readonly error: string };

/** Writes a mask and an overlay of every image: `<name>.png`, whose values are classes, and `<name>-overlay.png`. */
export async function predictMasks({
  loaded,
  preprocessing,
  classes,
  images,
  skipped,
  out,
  json,
  on,
}: MaskRequest): Promise<void> {
  const names = namesFor(images);
  await refuseOverwriting(images, names, out);
  await makeFolder(out);
  const answers: Answer[] = [];
  const progress = new ProgressLine();
  await withEngine(async (engine) => {
    const segmenter = await openSegmenter({ model: loaded.model, classes, preprocessing }, { engine });
    try {
      for (const [i, image] of images.entries()) {
        const answer = await masksOf(image, names[i]!).catch((error: unknown): Answer => {
          process.exitCode = 1;
          return { image, error: messageOf(error).replace(`${image}: `, "") };
        });
        progress.clear();
        if ("error" in answer) say(`fovea: ${image}: ${answer.error}`);
        else if (!json) print(false, answer, () => [textOf(answer)]);
        answers.push(answer);
        if (images.length > 1) progress.draw((i + 1) / images.length, `${i + 1} of ${images.length} images`);
      }
    } finally {
      await segmenter.release();
    }

    async function masksOf(image: string, name: string): Promise<Answer> {
      const decoded = await decodeImage(image);
      const labels = await segmenter.segment(decoded);
      const answer = { image, mask: join(out, `${name}.png`), overlay: join(out, `${name}-overlay.png`) };
      await writeFileAtomic(answer.mask, maskPng(labels));
      await writeFileAtomic(answer.overlay, overlayPng(decoded, labels));
      return { ...answer, classes: sharesOf(labels, classes) };
    }
  }, on);
  progress.clear();
  if (classes) await writeFileAtomic(join(out, "classes.txt"), `${classes.join("\n")}\n`);
  saySkipped(skipped);
  if (json) print(true, { predictions: answers, skipped }, () => []);
}

/** Names of the files of each image: its own, with a number where several have it. */
function namesFor(images: readonly string[]): string[] {
  const taken = new Set<string>();
  return images.map((image) => {
    const own = basename(image, extname(image));
    let name = own;
    for (let i = 2; taken.has(name) || taken.has(`${name}-overlay`); i++) name = `${own}-${i}`;
    taken.add(name);
    taken.add(`${name}-overlay`);
    return name;
  });
}

/** @throws OptionError if a mask would be written over one of the images. */
async function refuseOverwriting(images: readonly string[], names: readonly string[], out: string): Promise<void> {
  const real = (path: string) => realpath(path).catch(() => undefined);
  const sources = new Set(await Promise.all(images.map(real)));
  for (const name of names)
    for (const file of [join(out, `${name}.png`), join(out, `${name}-overlay.png`)]) {
      const there = await real(file);
      if (there !== undefined && sources.has(there))
        throw new OptionError(`--out ${asArgument(out)}: ${file} is one of the images; choose another folder`);
    }
}

const maskPng = ({ width, height, data }: LabelMap) => encodePng({ width, height, pixels: data, palette: labelColors });

function overlayPng(image: RgbImage, labels: LabelMap): Uint8Array {
  const { width, height, pixels } = overlay(image, labels);
  const area = width * height;
  const interleaved = new Uint8Array(3 * area);
  for (let c = 0; c < 3; c++) for (let i = 0; i < area; i++) interleaved[3 * i + c] = pixels[c * area + i]!;
  return encodePng({ width, height, pixels: interleaved });
}

function sharesOf({ data }: LabelMap, classes: readonly string[] | null) {
  const counts = new Map<number, number>();
  for (const label of data) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts]
    .sort(([a, n], [b, m]) => m - n || a - b)
    .map(([index, count]) => ({ name: classes?.[index] ?? `class ${index}`, index, share: count / data.length }));
}

function textOf({ image, mask, overlay: over, classes }: Extract<Answer, { readonly mask: string }>): string {
  const shown = classes.slice(0, 5).map(({ name, share }) => `${name} ${percent(share)}`);
  return visible(`${image}: ${shown.join(", ")}${classes.length > 5 ? ", …" : ""} → ${mask}, ${over}`);
}
