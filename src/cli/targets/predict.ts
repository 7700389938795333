import { stdout } from "node:process";
import { csv } from "../../core/csv.js";
import { messageOf } from "../../core/errors.js";
import {
  decodeImage,
  type Preprocessing,
  type SkippedFile,
  type TargetPrediction,
  writeFileAtomic,
} from "../../index.js";
import { openTargetPredictor } from "../../internal.js";
import { type EngineFlags, withEngine } from "../arguments.js";
import { type LoadedModel, saySkipped } from "../run.js";
import { taskFor } from "../tasks.js";
import { jsonLine, ProgressLine, percent, say, significant, visible } from "../terminal.js";

type Format = "text" | "csv" | "jsonl" | "json";

/** What is asked for. */
export interface TargetRequest {
  readonly loaded: LoadedModel;
  readonly preprocessing: Preprocessing;
  readonly classes: readonly string[] | null;
  readonly images: readonly string[];
  readonly skipped: readonly SkippedFile[];
  readonly format: Format;
  readonly out: string | undefined;
  /** Where to compute. */
  readonly on: EngineFlags;
}

interface Found {
  readonly image: string;
  readonly targets: readonly TargetPrediction[];
}
type Answer = Found | { readonly image: string; readonly error: string };

/** Writes the labels or numbers of every image. */
export async function predictTargetsOf(request: TargetRequest): Promise<void> {
  const { loaded, preprocessing, classes, images, skipped, format, out, on } = request;
  const answers: Answer[] = [];
  const written: string[] = [];
  const shown = (text: string) => (format === "csv" && stdout.isTTY ? `${visible(text.slice(0, -1))}\n` : text);
  const write = (text: string) => (out === undefined ? stdout.write(shown(text)) : written.push(text));
  const progress = new ProgressLine();
  await withEngine(async (engine) => {
    const network = { model: loaded.model, classes, preprocessing };
    const predictor = await openTargetPredictor(network, { engine, task: taskFor(loaded) });
    try {
      for (const [i, image] of images.entries()) {
        if (out === undefined && stdout.errored) break;
        const answer = await decodeImage(image, { shorterSide: preprocessing.resize })
          .then(async (decoded): Promise<Answer> => ({ image, targets: await predictor.predict(decoded) }))
          .catch((error: unknown): Answer => ({ image, error: messageOf(error).replace(`${image}: `, "") }));
        progress.clear();
        if ("error" in answer) {
          say(`fovea: ${image}: ${answer.error}`);
          process.exitCode = 1;
        }
        if (format === "csv" && !answers.some((one) => "targets" in one) && "targets" in answer) write(header(answer));
        answers.push(answer);
        if (format !== "json") write(lineOf(answer, format, loaded.task === "multi-label"));
        if (images.length > 1) progress.draw((i + 1) / images.length, `${i + 1} of ${images.length} images`);
      }
    } finally {
      await predictor.release();
    }
  }, on);
  progress.clear();
  saySkipped(skipped);
  if (format === "json") write(jsonLine({ predictions: answers, skipped }));
  if (out !== undefined) await writeFileAtomic(out, written.join(""));
}

const header = ({ targets }: Found) => csv([["image", ...targets.map(({ name }) => name)]]);

function lineOf(answer: Answer, format: Exclude<Format, "json">, labels: boolean): string {
  if (format === "jsonl") return jsonLine(answer);
  if ("error" in answer) return "";
  const { image, targets } = answer;
  if (format === "csv") return csv([[image, ...targets.map(({ value }) => value)]]);
  const parts = labels
    ? targets
        .filter(({ value }) => value > 0.5)
        .sort((a, b) => b.value - a.value)
        .map(({ name, value }) => `${name} ${percent(value)}`)
    : targets.map(({ name, value }) => `${name} ${significant(value, 5)}`);
  return `${visible(`${image}: ${parts.join(", ") || "none of the labels"}`)}\n`;
}
