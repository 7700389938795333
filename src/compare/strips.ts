import type { StoredMap } from "../core/findings.js";
import { type Cell, drawMapGrid } from "../report/index.js";
import { planarLayer } from "../report/maps/layers.js";
import type { Comparison } from "./tables.js";

/** Where the networks of one seed look on the same few images: a row for each image, a column for each entrant. */
export interface MapStrips {
  readonly title: string;
  readonly note: string;
  readonly svg: string;
}

/** Longest side of an image in the drawing. */
const side = 88;

/** Null where nothing was measured. */
export function mapStrips({ plan, outcomes, looks }: Comparison, backbone: string): MapStrips | null {
  if (!looks) return null;
  const own = outcomes.filter(({ unit, looks: found }) => unit.backbone.label === backbone && found);
  const seed = plan.seeds.find((one) => own.some(({ unit }) => unit.seed === one));
  if (seed === undefined) return null;
  const entrants = plan.entrants.flatMap(({ label }) => {
    const found = own.find(({ unit }) => unit.seed === seed && unit.entrant.label === label)?.looks;
    return found && found.maps.length === looks.shown.length ? [{ label, found }] : [];
  });
  const images = looks.shown.map(({ image }) => planarLayer(image, side));
  const cells = images.map((image, i): Cell[] => [
    { image },
    ...entrants.map(({ found }) => ({ map: heatmap(found.maps[i]!), image })),
  ]);
  const title = `Grad-CAM on ${backbone}`;
  return {
    title,
    note: `The same ${images.length} test images for every module, with seed ${seed}: Grad-CAM for the true class, at ${[...new Set(entrants.map(({ found }) => found.layer))].join(" or ")}. One seed shows what maps look like; the intervals say whether they differ.`,
    svg: drawMapGrid(
      {
        title,
        columns: ["image", ...entrants.map(({ label }) => label)],
        rows: looks.shown.map(({ index, label }) => `${label}, test image ${index}`),
        cells,
      },
      { scale: "cell", cellSize: side },
    ),
  };
}

const heatmap = ({ height, width, data }: StoredMap) => ({ height, width, data: Float64Array.from(data) });
