import assert from "node:assert/strict";
import { after, test } from "node:test";
import { defaultPreprocessing, Rng } from "../../src/engine.js";
import { adamw, createDataset, createModel, evaluate, generateShapes, ortEngine, train } from "../../src/index.js";
import { initialize } from "../../src/nn.js";
import { type Drawn, drawSample } from "../../studio/logic/draw-samples.js";
import { samples } from "../../studio/logic/samples.js";
import { ifLong } from "../support/long.js";
import { openBrowser, said, serve, skip, visit } from "./support.js";

const off = skip || ifLong;
const served = off ? undefined : serve();
const browser = off ? undefined : openBrowser();
after(async () => {
  await (await browser)?.close();
  (await served)?.close();
});

/** The classes of the samples, each of 80 images. */
const classes: Readonly<Record<string, readonly string[]>> = {
  shapes: ["circle", "heart", "star", "triangle"],
  anywhere: ["circle", "heart", "star", "triangle"],
  textures: ["checks", "dots", "rings", "stripes"],
  shortcut: ["circle", "square"],
};

const tools = { generateShapes, random: (...path: (string | number)[]) => new Rng(1, ...path) };
const bytesOf = ({ image }: Drawn) => Buffer.from(image.pixels).toString("latin1");

for (const { name, imageSize } of samples)
  test(`the sample ${name}: 80 images of each class, all different, and the same every time`, async () => {
    const drawn = await drawSample(name, tools);
    for (const className of classes[name]!)
      assert.equal(drawn.filter((one) => one.className === className).length, 80, className);
    assert.equal(drawn.length, 80 * classes[name]!.length);
    for (const { image } of drawn) {
      assert.deepEqual([image.width, image.height, image.pixels.length], [imageSize, imageSize, 3 * imageSize ** 2]);
      assert.ok(new Set(image.pixels).size > 20, "it shows something");
    }
    assert.equal(new Set(drawn.map(bytesOf)).size, drawn.length);
    assert.deepEqual((await drawSample(name, tools)).map(bytesOf), drawn.map(bytesOf));
  });

const isTagged = ({ image: { width, height, pixels } }: Drawn) =>
  [0, 1, 2].every((c) => [2, 7].every((at) => pixels[(c * height + at) * width + at] === 250));

/** The images of two classes as a data set. */
function datasetOf(drawn: readonly Drawn[]) {
  const names = ["circle", "square"];
  const { width, height } = drawn[0]!.image;
  const pixels = Uint8Array.from(drawn.flatMap(({ image }) => [...image.pixels]));
  const labels = drawn.map(({ className }) => names.indexOf(className));
  return createDataset({ name: "shortcut", classes: names, width, height, pixels, labels });
}

test("in the sample shortcut, a tag tells circles from squares in 15 of 16 images", async () => {
  const drawn = await drawSample("shortcut", tools);
  const tagged = (className: string) => drawn.filter((one) => one.className === className && isTagged(one)).length;
  assert.deepEqual([tagged("circle"), tagged("square")], [75, 5]);
});

test("a network that is trained on the sample shortcut goes by the tag", { skip: ifLong }, async () => {
  const drawn = await drawSample("shortcut", tools);
  const data = datasetOf(drawn);
  const engine = ortEngine();
  const preprocessing = defaultPreprocessing(data, 32);
  const model = initialize(createModel("resnet20", { numClasses: 2 }), { seed: 0 });
  await train(model, data, { engine, epochs: 8, batch: 16, optimizer: adamw({ lr: 0.003 }), preprocessing, seed: 0 });
  // Squares that it knows, with a tag.
  const swapped = drawn
    .filter((one) => one.className === "square" && !isTagged(one))
    .map(({ image }): Drawn => {
      const pixels = image.pixels.map((byte, i) =>
        [i % 32, Math.floor(i / 32) % 32].every((at) => at > 1 && at < 8) ? 250 : byte,
      );
      return { className: "circle", image: { ...image, pixels } };
    });
  assert.ok(swapped.every(isTagged));
  const { top1 } = await evaluate(model, datasetOf(swapped), { engine, preprocessing });
  assert.ok(top1 >= 0.8, `${top1} of the squares with a tag are circles to it`);
  await engine.release();
});

test("every sample is taken in with one click, and can be undone", { skip: off }, async () => {
  const { page, context, faults } = await visit((await browser)!, (await served)!.url);
  for (const { name, title, imageSize } of samples) {
    await page.getByRole("button", { name: `Try it: ${title}` }).click();
    await said(page, `Added ${80 * classes[name]!.length} images.`);
    // Those further down are drawn when they are scrolled to.
    const first = page.getByLabel("Name of the class").first();
    assert.ok(classes[name]!.includes(await first.inputValue()), await first.inputValue());
    await page
      .getByText(/^80 images/)
      .first()
      .waitFor();
    const settings = await page.evaluate(() => localStorage.getItem("fovea-studio-settings"));
    assert.equal(JSON.parse(settings!).imageSize, imageSize);
    await page.getByRole("button", { name: /^Undo: add/ }).click();
    await page.getByRole("region", { name: "Samples" }).waitFor();
  }
  assert.deepEqual(faults, []);
  await context.close();
});
