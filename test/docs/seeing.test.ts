import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { explanationMethods } from "../../src/explain/index.js";
import { generateShapes } from "../../src/index.js";
import { createModelByName } from "../../src/models/index.js";
import { initialize } from "../../src/nn/index.js";
import { gallery } from "../../tools/gallery.js";
import { ort } from "../support/engines.js";
import { ifLong } from "../support/long.js";

const page = readFileSync("docs/seeing.md", "utf8");
const picture = (name: string) => readFileSync(`docs/gallery/${name}`, "utf8");

test("the gallery shows every method, and the page every picture, in words too", () => {
  for (const { name, kind } of explanationMethods.values())
    assert.ok(picture(kind === "activation" ? "class-activation.svg" : "attribution.svg").includes(`>${name}<`), name);
  const links = [...page.matchAll(/!\[([^\]]+)\]\((gallery\/[^)]+)\)/g)];
  assert.deepEqual(
    links.map(([, , file]) => file!.slice("gallery/".length)).sort(),
    readdirSync("docs/gallery").sort(),
  );
  for (const [, words, file] of links) assert.ok(words!.length > 20 && existsSync(`docs/${file}`), file);
});

test("pictures of the gallery need nothing else, and are read aloud", () => {
  for (const name of readdirSync("docs/gallery")) {
    const svg = picture(name);
    assert.match(svg, /<title>/);
    assert.doesNotMatch(svg, /<script|[>" ]NaN|(?:href|src)="(?!data:|#)/);
  }
});

test("the same network and images give the same gallery", { skip: ifLong }, async () => {
  const model = initialize(createModelByName("resnet20", { numClasses: 10, attention: ["cbam", {}] }), { seed: 1 });
  const dataset = generateShapes({ count: 4, size: 32, split: "validation" });
  const preprocessing = { imageSize: 32, resize: 32, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] } as const;
  const network = { model, preprocessing, classes: dataset.classes };
  const first = await gallery(network, dataset, ort);
  assert.deepEqual(await gallery(network, dataset, ort), first);
  assert.equal(first.size, readdirSync("docs/gallery").length);
});
