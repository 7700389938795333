/**
 * The pictures of docs/seeing.md: every method, and every kind of gate, on the first images of `shapes-free`.
 *
 *     npm run docs:gallery -- RUN_FOLDER
 *
 * RUN_FOLDER is a run of `fovea train shapes-free --model resnet20 --attention cbam`. CBAM has gates of channels and of positions; the other kinds are
 * drawn from networks before training.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { argv } from "node:process";
import { pathToFileURL } from "node:url";
import { cellOf } from "../src/cli/explain-gates.js";
import { drawMapGrid, explanationMethods, gates, type MapGrid, openExplainer, seenImage } from "../src/explain.js";
import {
  type Classifier,
  createModelByName,
  type Dataset,
  type Engine,
  generateShapes,
  loadRun,
  type MethodChoice,
  type MethodName,
  ortEngine,
  type RgbImage,
} from "../src/index.js";
import type { Cell } from "../src/internal.js";
import { initialize } from "../src/nn.js";

/** Methods that try many variations of an image, with as many as a picture needs. */
const shortened: Partial<Record<MethodName, MethodChoice>> = { rise: ["rise", { samples: 200 }] };

/** Modules whose gates are of kinds that CBAM does not have. */
const others = ["coord", "simam", "pam"] as const;

interface Shown {
  readonly image: RgbImage;
  readonly label: number;
  readonly title: string;
}

/** The pictures by their file names. The same network, images and engine give the same bytes. */
export async function gallery(network: Classifier, dataset: Dataset, engine: Engine): Promise<Map<string, string>> {
  const shown = await Promise.all(
    [0, 1, 2, 3].map(async (index): Promise<Shown> => {
      const label = dataset.labels[index]!;
      return { image: await dataset.image(index), label, title: dataset.classes[label]! };
    }),
  );
  const methods = [...explanationMethods.values()];
  const titled = (kind: string) => methods.filter((method) => method.kind === kind).map(({ name }) => name);
  return new Map([
    ["class-activation.svg", await methodPicture("Class activation", network, shown, titled("activation"), engine)],
    ["attribution.svg", await methodPicture("Attribution", network, shown, titled("attribution"), engine)],
    ["gates-cbam.svg", await gatePicture("Gates of CBAM", network, shown.slice(0, 1), engine)],
    ...(await Promise.all(others.map((name) => untrainedGates(name, network, shown.slice(0, 1), engine)))),
  ]);
}

/** A row for each method, a column for each image; each map on a scale of its own, since units differ. */
async function methodPicture(
  title: string,
  network: Classifier,
  images: readonly Shown[],
  names: readonly MethodName[],
  engine: Engine,
): Promise<string> {
  const explainer = await openExplainer(network, { engine, method: names.map((name) => shortened[name] ?? name) });
  const columns: Cell[][] = [];
  for (const { image, label } of images) {
    const seen = seenImage(image, network.preprocessing);
    const found = await explainer.explain(image, { class: label });
    columns.push([
      { image: seen },
      ...found.map(({ map, attribution }): Cell => (attribution ? { map } : { map, image: seen })),
    ]);
  }
  await explainer.release();
  const rows = ["image", ...names];
  const grid: MapGrid = {
    title: `${title}: every method, for the class of each image`,
    columns: images.map((shown) => shown.title),
    rows,
    cells: rows.map((_, r) => columns.map((column) => column[r]!)),
  };
  return drawMapGrid(grid, { scale: "cell", cellSize: 112 });
}

/** A row for each module, a column for each of its gates. */
async function gatePicture(
  title: string,
  network: Classifier,
  [first]: readonly Shown[],
  engine: Engine,
): Promise<string> {
  const all = await gates(network, [first!.image], { engine });
  const split = (name: string) =>
    [name.slice(0, name.lastIndexOf("/")), name.slice(name.lastIndexOf("/") + 1)] as const;
  // The last block of each stage: the others look alike.
  const kept = all.filter(({ name }) => name.split("/")[0]!.includes(".2."));
  const [paths, names] = [0, 1].map((k) => [...new Set(kept.map(({ name }) => split(name)[k as 0 | 1]))]) as [
    string[],
    string[],
  ];
  const seen = seenImage(first!.image, network.preprocessing);
  const side = (path: string) => network.preprocessing.imageSize / 2 ** (Number(path[5]) - 1);
  const cells = paths.map((path): (Cell | null)[] => [
    { image: seen },
    ...names.map((name) => {
      const gate = kept.find((one) => one.name === `${path}/${name}`);
      const plane = { channels: 0, height: side(path), width: side(path) };
      return gate ? cellOf(gate, seen, plane) : null;
    }),
  ]);
  return drawMapGrid({ title, columns: ["image", ...names], rows: paths, cells }, { scale: "cell", cellSize: 150 });
}

async function untrainedGates(
  name: (typeof others)[number],
  { preprocessing, classes }: Classifier,
  images: readonly Shown[],
  engine: Engine,
): Promise<readonly [string, string]> {
  // Relations of all positions are as many numbers as positions squared: at half the size.
  const imageSize = name === "pam" ? preprocessing.imageSize / 2 : preprocessing.imageSize;
  const model = initialize(createModelByName("resnet20", { numClasses: classes!.length, attention: [name, {}] }));
  const network = { model, classes, preprocessing: { ...preprocessing, imageSize, resize: imageSize } };
  return [`gates-${name}.svg`, await gatePicture(`Gates of ${name}, before training`, network, images, engine)];
}

if (import.meta.url === pathToFileURL(argv[1] ?? "").href) {
  const run = argv[2];
  if (!run) throw new Error("usage: npm run docs:gallery -- RUN_FOLDER");
  const dataset = generateShapes({ count: 8, placement: "free", split: "validation" });
  const engine = ortEngine({ threads: 1 });
  const folder = join("docs", "gallery");
  await mkdir(folder, { recursive: true });
  for (const [file, svg] of await gallery(await loadRun(run), dataset, engine))
    await writeFile(join(folder, file), svg);
  await engine.release();
}
