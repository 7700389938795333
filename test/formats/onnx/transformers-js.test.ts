import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import sharp from "sharp";
import { Rng } from "../../../src/core/rng.js";
import { decodeImage } from "../../../src/data/decode.js";
import { type Preprocessing, toInput } from "../../../src/data/index.js";
import { exportTransformersJs } from "../../../src/formats/transformers-js.js";
import { resnet } from "../../../src/models/index.js";
import { trace } from "../../../src/nn/index.js";
import { probabilities } from "../../../src/train/index.js";
import { temporaryFolder } from "../../support/fovea.js";
import { runReference, unsettle } from "./support.js";

/** What the test uses of @huggingface/transformers, which is too large to be a dependency of ours. */
interface Transformers {
  readonly env: { allowRemoteModels: boolean; localModelPath: string };
  pipeline(
    task: "image-classification",
    model: string,
  ): Promise<{
    (file: string, options: { top_k: number }): Promise<{ label: string; score: number }[]>;
    dispose(): Promise<unknown>;
  }>;
}
const transformersPackage = "@huggingface/transformers";
const transformers: Transformers | undefined = await import(transformersPackage).catch(() => undefined);

const classes = ["cat", "dog", "owl", "ünïcode"];
const preprocessing: Preprocessing = { imageSize: 32, resize: 40, mean: [0.5, 0.45, 0.4], std: [0.25, 0.2, 0.3] };
const model = unsettle(resnet(20, { numClasses: 4, attention: "cbam" }));
const folder = temporaryFolder();

test("the folder has what transformers.js asks for", () => {
  const files = exportTransformersJs(trace(model, ["N", 3, 32, 32]), { classes, preprocessing });
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(folder, "net", path)), { recursive: true });
    writeFileSync(join(folder, "net", path), bytes);
  }
  assert.deepEqual([...files.keys()], ["config.json", "preprocessor_config.json", "onnx/model.onnx"]);
  const read = (path: string) => JSON.parse(new TextDecoder().decode(files.get(path)));
  assert.deepEqual(read("config.json").id2label, { 0: "cat", 1: "dog", 2: "owl", 3: "ünïcode" });
  const { size, crop_size, image_mean } = read("preprocessor_config.json");
  assert.deepEqual([size, crop_size, image_mean], [{ shortest_edge: 40 }, { height: 32, width: 32 }, [0.5, 0.45, 0.4]]);
});

test("classes that do not fit the network are refused", () => {
  const graph = trace(model, ["N", 3, 32, 32]);
  assert.throws(
    () => exportTransformersJs(graph, { classes: ["a"], preprocessing }),
    /1 classes need logits \[N,1\], the network gives \[N,4\]/,
  );
});

/** A made-up photograph: coarse and fine noise, blurred. */
async function photograph(name: string, width: number, height: number): Promise<string> {
  const file = join(folder, name);
  const rng = new Rng(5, name);
  const [w, h] = [Math.ceil(width / 8), Math.ceil(height / 8)];
  const noise = Buffer.from(Array.from({ length: 3 * w * h }, () => rng.int(256)));
  await sharp(noise, { raw: { width: w, height: h, channels: 3 } })
    .resize(width, height, { fit: "fill", kernel: "cubic" })
    .png()
    .toFile(file);
  return file;
}

test("transformers.js loads the folder, and its pipeline gives our probabilities", {
  skip: transformers ? false : `${transformersPackage} is not installed: npm install --no-save ${transformersPackage}`,
}, async () => {
  const { env, pipeline } = transformers!;
  env.allowRemoteModels = false;
  env.localModelPath = folder;
  const classify = await pipeline("image-classification", "net");
  // What needs no resampling agrees exactly; the filters differ elsewhere.
  for (const [width, height, limit] of [
    [40, 40, 1e-4],
    [320, 240, 1e-2],
    [200, 333, 1e-2],
  ] as const) {
    const file = await photograph(`${width}x${height}.png`, width, height);
    const input = toInput(await decodeImage(file, { shorterSide: preprocessing.resize }), preprocessing);
    const feeds = { input: { dtype: "float32", shape: [1, 3, 32, 32], data: input } as const };
    const { output } = await runReference(trace(model, [1, 3, 32, 32]), feeds);
    const ours = probabilities(output!.data as Float64Array);
    const theirs = await classify(file, { top_k: 4 });
    assert.equal(theirs.length, 4);
    for (const { label, score } of theirs) {
      const difference = Math.abs(score - ours[classes.indexOf(label)]!);
      assert.ok(difference < limit, `${width}×${height}, ${label}: ${difference}`);
    }
  }
  await classify.dispose();
});
