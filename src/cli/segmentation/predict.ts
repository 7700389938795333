import { realpath } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import {
  type LabelMap,
  OptionError,
  openSegmenter,
  type Preprocessing,
  type RgbImage,
  writeFileAtomic,
} from "../../index.js";
import { encodePng, labelColors, makeFolder, overlay } from "../../internal.js";
import { type Answer, type PredictRequest, predictAll } from "../predict-loop.js";
import type { LoadedModel } from "../run.js";
import { asArgument, percent, print, visible } from "../terminal.js";

/** What is asked for. */
export interface MaskRequest extends PredictRequest {
  readonly loaded: LoadedModel;
  readonly preprocessing: Preprocessing;
  readonly classes: readonly string[] | null;
  readonly out: string;
  readonly json: boolean;
}

/** The masks of one image. */
interface Masks {
  readonly mask: string;
  readonly overlay: string;
  /** Share of the pixels, the largest first. */
  readonly classes: readonly { readonly name: string; readonly index: number; readonly share: number }[];
}

/** Writes a mask and an overlay of every image: `<name>.png`, whose values are classes, and `<name>-overlay.png`. */
export async function predictMasks(request: MaskRequest): Promise<void> {
  const { loaded, preprocessing, classes, images, skipped, out, json } = request;
  const names = namesFor(images);
  await refuseOverwriting(images, names, out);
  await makeFolder(out);
  const answers: Answer<Masks>[] = [];
  await predictAll<Masks>(request, {
    open: async (engine) => {
      const segmenter = await openSegmenter({ model: loaded.model, classes, preprocessing }, { engine });
      return {
        release: () => segmenter.release(),
        async predict(decoded, i) {
          const labels = await segmenter.segment(decoded);
          const [mask, over] = [join(out, `${names[i]!}.png`), join(out, `${names[i]!}-overlay.png`)];
          await writeFileAtomic(mask, maskPng(labels));
          await writeFileAtomic(over, overlayPng(decoded, labels));
          return { mask, overlay: over, classes: sharesOf(labels, classes) };
        },
      };
    },
    onAnswer: (answer) => {
      answers.push(answer);
      if (!json && !("error" in answer)) print(false, answer, () => [textOf(answer)]);
    },
  });
  if (classes) await writeFileAtomic(join(out, "classes.txt"), `${classes.join("\n")}\n`);
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

function textOf({ image, mask, overlay: over, classes }: Masks & { readonly image: string }): string {
  const shown = classes.slice(0, 5).map(({ name, share }) => `${name} ${percent(share)}`);
  return visible(`${image}: ${shown.join(", ")}${classes.length > 5 ? ", …" : ""} → ${mask}, ${over}`);
}
