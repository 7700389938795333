import { Command } from "commander";
import {
  decodePicture,
  messageOf,
  OptionError,
  probabilities,
  requireFinite,
  toFloat64,
  toInput,
  topIndices,
  trace,
} from "../index.js";
import { count, withEngine } from "./arguments.js";
import { loadRun } from "./run.js";
import { percent, print, say } from "./terminal.js";

interface PredictFlags {
  readonly top: number;
  readonly weights?: string;
  readonly json?: boolean;
}

export const predictCommand = new Command("predict")
  .description("Classes of pictures, with probabilities")
  .argument("<run>", "run folder")
  .argument("<image...>", "JPEG, PNG, WebP, AVIF or TIFF files")
  .option("--top <k>", "how many classes to show for each picture", count, 5)
  .option("--weights <file>", "weights: a file, or best or last of the run (default: best)")
  .option("--json", "print one JSON object")
  .action(async (path: string, images: string[], { top, weights, json = false }: PredictFlags) => {
    const { model, classes, preprocessing } = await loadRun(path, weights);
    if (!classes || !preprocessing) throw new OptionError(`${path}: the run does not say its classes`);
    const { imageSize, resize } = preprocessing;
    const shape = [1, 3, imageSize, imageSize];
    const predictions = await withEngine(async (engine) => {
      const executable = await engine.compile(trace(model, shape));
      const results = [];
      for (const image of images) {
        try {
          const picture = await decodePicture(image, { shorterSide: resize });
          const { output } = await executable.run({
            input: { dtype: "float32", shape, data: toInput(picture, preprocessing) },
          });
          requireFinite("predict", [["the logits", output!]]);
          const logits = toFloat64(output!).data;
          const shares = probabilities(logits);
          results.push({
            image,
            classes: topIndices(logits, top).map((i) => ({ name: classes[i]!, index: i, probability: shares[i]! })),
          });
        } catch (error) {
          results.push({ image, error: messageOf(error) });
        }
      }
      return results;
    });
    for (const { image, error } of predictions) if (error) say(`fovea: ${image}: ${error}`);
    if (predictions.some(({ error }) => error)) process.exitCode = 1;
    print(json, { predictions }, () =>
      predictions
        .flatMap(({ image, classes: best }) =>
          best ? [`${image}: ${best.map((c) => `${c.name} ${percent(c.probability)}`).join(", ")}`] : [],
        )
        .join("\n"),
    );
  });
