import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import type { ClassificationMetrics } from "../../src/core/evaluation.js";
import { Rng } from "../../src/core/rng.js";
import type { ReportEpoch, RunReport } from "../../src/report/index.js";

/** Names as they may stand in a folder of a user's. */
export const hostile = `<script>alert("1")</script> & 'q' \u0000\ud800`;

/** Compares with test/report/NAME; with UPDATE_SNAPSHOTS=1 writes it. Tests run from the root of the repository. */
export function assertSnapshot(name: string, text: string): void {
  const file = `test/report/${name}`;
  if (process.env.UPDATE_SNAPSHOTS) writeFileSync(file, text);
  assert.equal(text, readFileSync(file, "utf8"));
}

/** Fails unless every element that is opened is closed in order, and every attribute is quoted. */
export function assertWellFormed(markup: string): void {
  const open: string[] = [];
  const rest = markup.replace(
    /<(\/?)([a-z][a-z0-9]*)((?: [a-zA-Z0-9:-]+="[^"<]*")*)(\/?)>/g,
    (_, end, name, _attributes, closed) => {
      if (end) assert.equal(open.pop(), name);
      else if (!closed) open.push(name);
      return "";
    },
  );
  assert.deepEqual(open, []);
  assert.equal(rest.replace("<!doctype html>", "").indexOf("<"), -1, "a < outside of elements");
}

/** A training that looks like one. */
export function sampleHistory(epochs: number, validated = true): ReportEpoch[] {
  const rng = new Rng(7, "history");
  return Array.from({ length: epochs }, (_, i) => {
    const progress = 1 - Math.exp((-4.5 * (i + 1)) / Math.max(epochs, 6));
    const [trainTop1, top1] = [
      0.12 + 0.84 * progress + 0.008 * rng.normal(),
      0.1 + 0.8 * progress + 0.02 * rng.normal(),
    ];
    return {
      epoch: i + 1,
      step: 98 * (i + 1),
      lr: 0.05 * (1 + Math.cos((Math.PI * (i + 1)) / epochs)),
      trainLoss: 2.2 * (1 - progress) + 0.09 + 0.02 * rng.uniform(),
      trainTop1,
      loss: validated ? 2.1 * (1 - progress) + 0.32 + 0.06 * rng.uniform() : null,
      top1: validated ? top1 : null,
      top5: validated ? Math.min(1, top1 + 0.09) : null,
    };
  });
}

/** Measurements with most images on the diagonal. */
export function sampleMetrics(names: readonly string[], perClass = 100): ClassificationMetrics {
  const rng = new Rng(3, "confusion");
  const confusion = names.map((_, label) => {
    const row = names.map(() => 0);
    const skill = rng.uniform(0.7, 0.97);
    for (let i = 0; i < perClass; i++) {
      const near = (label + (rng.uniform() < 0.5 ? 1 : names.length - 1)) % names.length;
      row[rng.uniform() < skill ? label : rng.uniform() < 0.6 ? near : rng.int(names.length)]!++;
    }
    return row;
  });
  const classes = names.map((name, i) => {
    const [correct, predicted] = [confusion[i]![i]!, confusion.reduce((sum, row) => sum + row[i]!, 0)];
    return {
      name,
      count: perClass,
      correct,
      precision: predicted ? correct / predicted : null,
      recall: correct / perClass,
    };
  });
  const top1 = classes.reduce((sum, { correct }) => sum + correct, 0) / (perClass * names.length);
  return { count: perClass * names.length, top1, top5: (1 + top1) / 2, loss: 0.41, classes, confusion };
}

export const shapes = [
  "circle",
  "square",
  "triangle",
  "star",
  "cross",
  "ring",
  "crescent",
  "heart",
  "arrow",
  "pentagon",
];

export function sampleRun(): RunReport {
  return {
    title: "resnet20 with cbam on shapes",
    summary: [
      { label: "Parameters", value: 276_806 },
      { label: "MACs per image", value: "40.9 M" },
      { label: "Speed", value: "1,432 images/s" },
      { label: "Seed", value: 0 },
    ],
    history: sampleHistory(30),
    validation: sampleMetrics(shapes, 200),
    validationOf: "best weights",
    skipped: [
      { file: "train/heart/IMG_0012.heic", reason: "not an image that can be decoded" },
      { file: "train/star/.DS_Store.jpg", reason: "is empty" },
    ],
    config: {
      fovea: "0.1.0",
      data: "shapes",
      model: "resnet20",
      modelOptions: { numClasses: 10, stem: "cifar", attention: ["cbam", { reduction: 8, kernelSize: 7 }] },
      optimizer: { name: "sgd", lr: 0.1, momentum: 0.9, weightDecay: 0.0005, nesterov: true },
      schedule: { name: "cosine", warmupEpochs: 2 },
      preprocessing: { imageSize: 32, mean: [0.491, 0.482, 0.447], std: [0.247, 0.243, 0.262] },
      epochs: 30,
      batch: 128,
      ema: null,
      seed: 0,
    },
    next: [
      {
        purpose: "See where the network looks:",
        command: "npx fovea explain runs/shapes-resnet20-cbam photo.jpg --out maps",
      },
      { purpose: "Take it to the browser:", command: "npx fovea export runs/shapes-resnet20-cbam --out model.onnx" },
    ],
  };
}

const gradient = (height: number, width: number, low: number, high: number) => ({
  height,
  width,
  data: Array.from({ length: height * width }, (_, i) => low + ((high - low) * i) / (height * width - 1)),
});

/** An image of one color. */
const thumbnail = (shade: number, side = 8) => ({
  height: side,
  width: side,
  rgb: Buffer.alloc(3 * side * side, shade).toString("base64"),
});

/** Images that are followed through some epochs. */
export function sampleFollowed(
  names: readonly string[],
  epochs: number,
): Required<Pick<RunReport, "followed" | "maps">> {
  return {
    followed: names.map((label, i) => ({ index: 10 * i, label, image: thumbnail(30 * i) })),
    maps: Array.from({ length: epochs }, (_, e) => ({
      format: "fovea.maps.1",
      epoch: e + 1,
      layer: "layer3",
      gate: "layer3.2.cbam/spatial",
      looks: names.map((label, i) => ({
        predicted: i % 2 ? label : names[0]!,
        probability: i / names.length,
        cam: gradient(4, 4, -0.1 * i, 1),
        gate: gradient(8, 8, 0, 1),
      })),
    })),
  };
}

/** What weights make of the validation images. */
export function sampleFindings(names: readonly string[]): NonNullable<RunReport["findings"]> {
  const found = (label: string, i: number) => ({
    index: i,
    label,
    image: thumbnail(20 * i),
    predicted: names[(i + 1) % names.length]!,
    probability: 0.9,
    truth: 0.05,
    cam: i === 2 ? null : { predicted: gradient(4, 4, 0, 1), truth: gradient(4, 4, -1, 0) },
  });
  const mean = (value: number) => ({ mean: value, low: value - 0.1, high: value + 0.1 });
  return {
    epoch: 3,
    wrong: names.map(found),
    unsure: names.map(found),
    confused: names.map((label, i) => ({
      label,
      prediction: names[(i + 1) % names.length]!,
      count: 3 * i + 1,
      images: [{ index: i, label, image: thumbnail(90), probability: 0.7 }].slice(0, i),
    })),
    gates: {
      images: 200,
      chance: 0.045,
      gates: names.map((name, i) => ({
        name: `layer1.${i}.se/${name}`,
        kind: i ? "channel" : null,
        mean: 0.5,
        deviation: 0.1,
        dead: 0,
        saturated: 0.25,
        byClass: i ? 0.3 : null,
      })),
    },
    objects: {
      images: 200,
      chance: 0.15,
      rows: [
        { name: "Grad-CAM", control: false, pointing: mean(0.8), energyOverShare: mean(1.7) },
        { name: "center", control: true, pointing: mean(0.5), energyOverShare: { mean: null, low: null, high: null } },
      ],
    },
  };
}
