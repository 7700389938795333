import { stdout } from "node:process";
import { messageOf } from "../core/errors.js";
import { type Engine, type RgbImage, type SkippedFile, writeFileAtomic } from "../index.js";
import { csv, decodeWithBits, dimNote } from "../internal.js";
import { type EngineFlags, withEngine } from "./arguments.js";
import { saySkipped } from "./run.js";
import { jsonLine, ProgressLine, say, visible } from "./terminal.js";

/** What was found in an image, or why nothing was. */
export type Answer<A> = Found<A> | { readonly image: string; readonly error: string };
type Found<A> = { readonly image: string } & A;

/** The images to predict, and where to compute. */
export interface PredictRequest {
  readonly images: readonly string[];
  readonly skipped: readonly SkippedFile[];
  readonly on: EngineFlags;
}

/** Predicts one image after another. */
export interface ImagePredictor<A> {
  predict(decoded: RgbImage, index: number): Promise<A>;
  release(): Promise<void>;
}

/** What a task does in its own way. */
interface Loop<A> {
  /** The shorter side to which images may be decoded. Default: their own. */
  readonly shorterSide?: number;
  open(engine: Engine): Promise<ImagePredictor<A>>;
  onAnswer(answer: Answer<A>): void;
  /** Whether nobody reads any more. */
  readonly isOver?: () => boolean;
}

/**
 * Predicts all images. One that cannot be read is said, and makes the exit status 1. At the end, files that were skipped are named, and 16-bit images
 * that are nearly black.
 */
export async function predictAll<A>({ images, skipped, on }: PredictRequest, loop: Loop<A>): Promise<void> {
  const progress = new ProgressLine();
  const depths: number[] = [];
  await withEngine(async (engine) => {
    const predictor = await loop.open(engine);
    const answerFor = async (image: string, index: number): Promise<Answer<A>> => {
      try {
        const { image: decoded, bits } = await decodeWithBits(image, {
          ...(loop.shorterSide !== undefined && { shorterSide: loop.shorterSide }),
        });
        if (bits) depths.push(bits);
        return { image, ...(await predictor.predict(decoded, index)) };
      } catch (error) {
        return { image, error: messageOf(error).replace(`${image}: `, "") };
      }
    };
    try {
      for (const [i, image] of images.entries()) {
        if (loop.isOver?.()) break;
        const answer = await answerFor(image, i);
        progress.clear();
        if ("error" in answer) {
          say(`fovea: ${image}: ${answer.error}`);
          process.exitCode = 1;
        }
        loop.onAnswer(answer);
        if (images.length > 1) progress.draw((i + 1) / images.length, `${i + 1} of ${images.length} images`);
      }
    } finally {
      await predictor.release();
    }
  }, on);
  progress.clear();
  saySkipped(skipped);
  const note = dimNote(depths);
  if (note) say(note);
}

/** How answers are written. */
export const formats = ["text", "csv", "jsonl", "json"] as const;
/** The name of a format. */
export type Format = (typeof formats)[number];

/** Where answers go, and what they look like. */
interface Writing<A> {
  readonly format: Format;
  /** The file; undefined: as they come, to whoever reads. */
  readonly out: string | undefined;
  readonly shorterSide: number;
  open(engine: Engine): Promise<ImagePredictor<A>>;
  /** The columns of a table besides `image`; without an answer, if no image could be read. */
  columns(first: A | undefined): readonly string[];
  cells(answer: A): readonly (string | number)[];
  /** After the name of the image. */
  text(answer: A): string;
}

/** Predicts all images, and writes the answers as text, a table or JSON. */
export async function writePredictions<A>(request: PredictRequest, writing: Writing<A>): Promise<void> {
  const { format, out, columns, cells, text } = writing;
  const predictions: Answer<A>[] = [];
  const written: string[] = [];
  // To programs CSV goes as it is. Its fields may hold anything, which a terminal would obey.
  const shown = (line: string) => (format === "csv" && stdout.isTTY ? `${visible(line.slice(0, -1))}\n` : line);
  const write = (line: string) => (out === undefined ? stdout.write(shown(line)) : written.push(line));
  let headed = format !== "csv";
  const head = (first?: A) => {
    if (!headed) write(csv([["image", ...columns(first)]]));
    headed = true;
  };
  await predictAll<A>(request, {
    shorterSide: writing.shorterSide,
    open: writing.open,
    isOver: () => out === undefined && Boolean(stdout.errored),
    onAnswer: (answer) => {
      if (format === "json") predictions.push(answer);
      else if (format === "jsonl") write(jsonLine(answer));
      else if (!("error" in answer)) {
        head(answer);
        if (format === "csv") write(csv([[answer.image, ...cells(answer)]]));
        else write(`${visible(`${answer.image}: ${text(answer)}`)}\n`);
      }
    },
  });
  head();
  if (format === "json") write(jsonLine({ predictions, skipped: request.skipped }));
  if (out !== undefined) await writeFileAtomic(out, written.join(""));
}
