import type {
  ConfusedImages,
  EpochMaps,
  Finding,
  Findings,
  FoundObjects,
  GateFigures,
  SeenImage,
  StoredMap,
  StoredMean,
  Thumbnail,
} from "../core/findings.js";
import type { Heatmap } from "../explain/heatmap.js";
import type { PlanarImage } from "./heatmap.js";
import { type Cell, drawMapGrid, type MapGrid, type MapGridOptions } from "./maps/index.js";
import { type Column, panel, scrollable, section, table } from "./page.js";
import { element, type Markup, raw } from "./svg.js";
import { formatNumber, formatShare, plural } from "./text.js";

/** Epochs whose maps are shown, evenly apart. */
const shownEpochs = 8;

/** Some of the epochs, evenly apart, with the first, the last and `best`. */
export function someEpochs<T extends { readonly epoch: number }>(all: readonly T[], count: number, best?: number): T[] {
  const chosen = new Set(
    Array.from({ length: count }, (_, i) => all[Math.round((i / (count - 1)) * (all.length - 1))]),
  );
  return all.filter((one) => one.epoch === best || chosen.has(one));
}

/** The same few images after every epoch: where the network looks, and what it predicts. */
export function followedMaps(
  followed: readonly SeenImage[],
  maps: readonly EpochMaps[],
  best: number | undefined,
): Markup | false {
  const known = maps.filter(({ looks }) => looks.length === followed.length);
  const last = known.at(-1);
  if (!last || followed.length === 0) return false;
  const epochs = someEpochs(known, shownEpochs, best);
  const name = (epoch: number) => `epoch ${formatNumber(epoch)}${epoch === best ? " (best)" : ""}`;
  const rows = ["images", ...epochs.map(({ epoch }) => name(epoch))];
  const images = followed.map(({ image }) => planarOf(image));
  const columns = followed.map(({ label }) => label);
  const grid = (
    title: string,
    scale: MapGridOptions["scale"],
    cellOf: (maps: EpochMaps, i: number) => StoredMap | null,
    isGate = false,
  ) => {
    const cells = epochs.map((one) => images.map((image, i) => runMapCell(cellOf(one, i), image, isGate)));
    return gridOf({ title, columns, rows, cells: [images.map((image) => ({ image })), ...cells] }, { scale });
  };
  const said: Column<EpochMaps>[] = [
    { name: "epoch", cell: ({ epoch }) => name(epoch) },
    ...followed.map(
      ({ label, index }, i): Column<EpochMaps> => ({
        name: `${label}, no. ${index}`,
        kind: "number",
        cell: ({ looks }) => {
          const { predicted, probability } = looks[i]!;
          return [formatShare(probability), predicted !== label && element("small", {}, `predicted as ${predicted}`)];
        },
      }),
    ),
  ];
  return section(
    "Where it looks, epoch by epoch",
    `The same ${plural(followed.length, "validation image")}, chosen at random before the training. Grad-CAM for the true class at ${last.layer}. Each map has its own scale, which starts at 0, since values change in size during training. In maps with negative values, red is evidence for the class and blue against it.`,
    panel(grid(`Grad-CAM at ${last.layer} by epoch`, "cell", ({ looks }, i) => looks[i]!.cam)),
    last.gate !== null &&
      panel(
        element("h3", {}, `The last spatial gate: ${last.gate}`),
        grid(`${last.gate} by epoch`, "shared", ({ looks }, i) => looks[i]!.gate, true),
      ),
    panel(element("h3", {}, "Probability of the true class"), table("Probability of the true class", said, epochs)),
  );
}

/** What the best weights make of the validation images. */
export function findingsSections(findings: Findings): (Markup | false)[] {
  const { epoch, wrong, unsure, confused, gates, objects } = findings;
  const weights = `weights of epoch ${formatNumber(epoch)}`;
  return [
    wrong.length > 0 &&
      findingSection(
        "Most wrong",
        `Wrong predictions with the lowest probability of the true class, ${weights}.`,
        wrong,
      ),
    unsure.length > 0 &&
      findingSection("Least certain", `Predictions with the smallest lead over the next class, ${weights}.`, unsure),
    confused.length > 0 && confusions(confused),
    gates !== null && gateTable(gates),
    objects !== null && objectTable(objects),
  ];
}

function findingSection(title: string, note: string, findings: readonly Finding[]): Markup {
  const images = findings.map(({ image }) => planarOf(image));
  const mapped = findings.some(({ cam }) => cam !== null);
  const row = (of: "predicted" | "truth"): Cell[] =>
    findings.map(({ cam }, i) => runMapCell(cam?.[of] ?? null, images[i]!)!);
  const columns: Column<Finding>[] = [
    { name: "image", cell: ({ index }) => `no. ${index}` },
    { name: "true class", cell: ({ label }) => label },
    { name: "answer", cell: ({ predicted }) => predicted },
    { name: "probability", kind: "number", cell: ({ probability }) => formatShare(probability) },
    { name: "of the true class", kind: "number", cell: ({ truth }) => formatShare(truth) },
  ];
  const grid = gridOf(
    {
      title: `${title}: images${mapped ? " and their Grad-CAM" : ""}`,
      columns: findings.map(({ index }) => `no. ${index}`),
      rows: mapped ? ["images", "evidence for the prediction", "evidence for the true class"] : ["images"],
      cells: [images.map((image) => ({ image })), ...(mapped ? [row("predicted"), row("truth")] : [])],
    },
    { scale: "column" },
  );
  return section(title, note, panel(grid), panel(table(title, columns, findings)));
}

function confusions(confused: readonly ConfusedImages[]): Markup {
  return section(
    "Images behind the confusion matrix",
    "For the most frequent mistakes, the images that were misclassified with the highest probability.",
    panel(
      confused.map(({ label, prediction, count, images }) => {
        const what = `${label} predicted as ${prediction}`;
        const options: MapGridOptions = { cellSize: 72, description: `${plural(images.length, "image")}.` };
        const grid = images.length > 0 && {
          title: what,
          columns: images.map(({ probability }) => formatShare(probability)),
          rows: images.length ? [""] : [],
          cells: [images.map(({ image }) => ({ image: planarOf(image) }))],
        };
        return element(
          "details",
          { class: "images" },
          element("summary", {}, `${what}: ${plural(count, "image")}`),
          grid && raw(drawMapGrid(grid, options)),
        );
      }),
    ),
  );
}

function gateTable({ images, chance, gates }: NonNullable<Findings["gates"]>): Markup {
  const columns: Column<GateFigures>[] = [
    { name: "gate", kind: "code", cell: ({ name }) => name },
    { name: "kind", cell: ({ kind }) => kind ?? "–" },
    { name: "mean", kind: "number", cell: ({ mean }) => formatNumber(mean, 3) },
    { name: "moves", kind: "number", cell: ({ deviation }) => formatNumber(deviation, 2) },
    { name: "dead", kind: "number", cell: ({ dead }) => formatShare(dead) },
    { name: "saturated", kind: "number", cell: ({ saturated }) => formatShare(saturated) },
    { name: "with the class", kind: "number", cell: ({ byClass }) => formatShare(byClass) },
  ];
  return section(
    "Gates",
    `Over ${plural(images, "validation image")}. Moves: the standard deviation over images. Dead and saturated: the shares below 0.05 and above 0.95. With the class: the share of the movement that the class explains; ${formatShare(chance)} by chance.`,
    panel(table("Gates", columns, gates, 24)),
  );
}

function objectTable({ images, chance, rows }: FoundObjects): Markup {
  const interval = (show: (value: number | null) => string, { mean, low, high }: StoredMean) => [
    show(mean),
    low !== null && high !== null && element("small", {}, `${show(low)} to ${show(high)}`),
  ];
  const columns: Column<FoundObjects["rows"][number]>[] = [
    { name: "map", cell: ({ name, control }) => [name, control && element("small", {}, "control")] },
    { name: "pointing", kind: "number", cell: ({ pointing }) => interval((v) => formatShare(v), pointing) },
    {
      name: "energy ÷ area",
      kind: "number",
      cell: ({ energyOverShare }) => interval((v) => formatNumber(v, 3), energyOverShare),
    },
  ];
  return section(
    "Whether it looks at the object",
    `Over ${plural(images, "validation image")} whose object is known, with 95 % intervals. Pointing: how often the largest value lies in the object; a random position hits in ${formatShare(chance)}. Energy ÷ area: the share of the map in the object, divided by the object's share of the image; chance is 1. A map that does not beat the controls, random values and a blob at the center, says nothing about where the network looks.`,
    panel(table("Whether it looks at the object", columns, rows)),
  );
}

/** A grid that keeps its text legible on a phone. */
export const gridOf = (grid: MapGrid, options: MapGridOptions): Markup =>
  scrollable(grid.title, raw(drawMapGrid(grid, options)));

/** A map over its image; only the image if there is no map. */
export const runMapCell = (map: StoredMap | null, image: PlanarImage, isGate = false): Cell =>
  map ? { map: heatmapOf(map), image, isGate } : { image };

const heatmapOf = ({ height, width, data }: StoredMap): Heatmap => ({ height, width, data: Float64Array.from(data) });

export function planarOf({ height, width, rgb }: Thumbnail): PlanarImage {
  return { height, width, pixels: Uint8Array.from(atob(rgb), (c) => c.charCodeAt(0)) };
}
