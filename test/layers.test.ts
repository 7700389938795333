import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { test } from "node:test";

/** Who may import whom. `root` are the files of src/ itself. */
const mayImport: Record<string, readonly string[]> = {
  core: [],
  graph: ["core"],
  ops: ["core", "graph"],
  autodiff: ["core", "graph", "ops"],
  nn: ["core", "graph", "ops"],
  attention: ["core", "graph", "ops", "nn"],
  models: ["core", "graph", "ops", "nn", "attention"],
  formats: ["core", "graph", "ops"],
  files: ["core", "formats"],
  hub: ["core", "formats", "files"],
  engines: ["core", "graph", "ops", "formats"],
  data: ["core"],
  train: ["core", "graph", "ops", "autodiff", "nn", "engines", "data", "formats", "files"],
  inference: ["core", "graph", "nn", "attention", "models", "engines", "data", "formats", "hub", "train"],
  explain: ["core", "graph", "ops", "autodiff", "nn", "attention", "models", "engines", "data", "train", "inference"],
  report: ["core", "graph", "explain"],
  compare: [
    "core",
    "graph",
    "ops",
    "nn",
    "attention",
    "models",
    "formats",
    "files",
    "engines",
    "data",
    "train",
    "inference",
    "explain",
    "report",
  ],
  testing: [
    "core",
    "graph",
    "ops",
    "autodiff",
    "nn",
    "attention",
    "models",
    "formats",
    "engines",
    "data",
    "train",
    "inference",
    "explain",
    "compare",
  ],
  cli: ["core", "root", "testing", "compare"],
  root: [
    "core",
    "graph",
    "ops",
    "autodiff",
    "nn",
    "attention",
    "models",
    "formats",
    "files",
    "hub",
    "engines",
    "data",
    "train",
    "inference",
    "explain",
    "report",
    "compare",
  ],
};

/** Packages, and the files that may import them. */
const packages: readonly (readonly [name: RegExp, where: RegExp])[] = [
  [/^onnxruntime-/, /^engines\/ort\//],
  [/^sharp$/, /^data\/(decode|significant-bits)\.ts$/],
  [/^fflate$/, /^(formats\/torch\/|report\/png\.ts)/],
  [/^fs-native-extensions$/, /^files\/lock\.ts$/],
  [/^commander$/, /^cli\//],
  [/^(bullmq|ioredis)$/, /^compare\/node\/(queue|send)\.ts$/],
  [/^hyparquet-writer$/, /^compare\/parquet\.ts$/],
  [/^yaml$/, /^compare\/node\/yaml-file\.ts$/],
  [/^valibot$/, /^core\/schema\.ts$/],
  [
    /^node:/,
    /^(cli\/|compare\/node\/|files\/|hub\/|engines\/ort\/(node|worker)\.ts|train\/(run-folder|load-weights)\.ts|data\/(segmentation\/(png-indices|layouts|coco|folder|class-list)|labels\/(images|open)|files|tiff|class-folders|cifar|idx|decode|folder-listing|image-folder|market|mask-files|plausible|splits|open)\.ts)/,
  ],
];

const sources = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
const layerOf = (file: string) => (file.includes("/") ? file.slice(0, file.indexOf("/")) : "root");
const importsOf = (file: string) =>
  [...readFileSync(join("src", file), "utf8").matchAll(/\bfrom "([^"\n]+)";$|\bimport\("([^"]+)"\)/gm)].map(
    ([, from, loaded]) => (from ?? loaded)!,
  );

test("each layer imports only what it may", () => {
  for (const file of sources)
    for (const target of importsOf(file)) {
      if (target.startsWith(".")) {
        const [from, to] = [layerOf(file), layerOf(relative("src", resolve("src", file, "..", target)))];
        assert.ok(
          from === to || mayImport[from]?.includes(to),
          `${file} (layer ${from}) must not import ${target} (layer ${to})`,
        );
      } else {
        const owner = packages.find(([name]) => name.test(target));
        assert.ok(owner, `${file} imports ${target}, which no layer owns`);
        assert.match(file, owner[1], `${file} must not import ${target}`);
      }
    }
});

test("layers do not import each other in circles", () => {
  const reach = (layer: string, seen = new Set<string>()): Set<string> => {
    for (const next of mayImport[layer]!) if (!seen.has(next)) reach(next, seen.add(next));
    return seen;
  };
  for (const layer of Object.keys(mayImport)) assert.ok(!reach(layer).has(layer), layer);
});

test("no source file is longer than 400 lines", () => {
  for (const file of sources) assert.ok(readFileSync(join("src", file), "utf8").split("\n").length <= 401, file);
});
