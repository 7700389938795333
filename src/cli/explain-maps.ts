import { basename } from "node:path";
import { type Explainer, explanationMethods, inputRegion, openExplainer } from "../explain.js";
import { type Engine, type Explanation, type MethodChoice, openPredictor, type RgbImage } from "../index.js";
import type { Cell, ImageCell } from "../internal.js";
import { ofSeen } from "../internal.js";
import { type Answer, type ExplainContext, forEachImage, pictureOptions } from "./explain.js";
import { openRanking, passedLayers, rankingText } from "./explain-checks.js";
import { nameOf, type Sameness, samenessOf } from "./explain-flags.js";
import { openPictures, openRaw, shortNames, written } from "./explain-pictures.js";
import { paragraphs, percent, significant, table } from "./terminal.js";

/** What the table shows about one map. */
interface MapEntry
  extends Pick<Explanation, "method" | "variant" | "layer" | "score" | "value" | "range" | "completeness"> {
  /** Other requested methods that give the same map. */
  readonly same: readonly string[];
  readonly size: readonly [height: number, width: number];
  readonly forwards: number;
  readonly settings: Explanation["settings"];
  readonly notes: readonly string[];
  readonly raw?: string;
}

interface ImageEntry {
  readonly image: string;
  readonly class: number;
  readonly className: string;
  /** Null if the network gives no logits for whole images. */
  readonly probability: number | null;
  readonly maps: readonly MapEntry[];
}

/** The maps of methods at layers, for each image: drawn, written and listed. */
export async function explainImages(context: ExplainContext, engine: Engine): Promise<Answer> {
  const { network, images, methods, flags } = context;
  const ranks = flags.layer?.[0] === "all";
  const layers = ranks ? passedLayers(network).map(({ path }) => path) : flags.layer;
  const same = new Map((layers ?? [undefined]).map((layer) => [layer, samenessOf(network, methods, layer, flags)]));
  const drawn = pictureOptions(flags);
  const pictures =
    drawn && (await openPictures(drawn.out, "Where it looks", images.length, { scale: flags.scale ?? "column" }));
  const raw = flags.raw === undefined ? undefined : await openRaw(flags.raw);
  const entries: ImageEntry[] = [];
  const used = methods.filter((choice) => [...same.values()].some(({ instead }) => !instead.has(nameOf(choice))));
  // What is drawn is what the network saw: the image is scaled and cropped once.
  const ofSeenImages = { ...network, preprocessing: ofSeen(network.preprocessing) };
  const explainer = await openExplainer(ofSeenImages, {
    engine,
    method: used,
    ...(layers ? { layer: layers } : {}),
    ...(flags.score ? { score: flags.score } : {}),
  });
  const predictor = context.aim.classifies
    ? await openPredictor(ofSeenImages, { engine, top: context.aim.classes })
    : null;
  const ranking = ranks ? await openRanking(network, engine) : undefined;
  await forEachImage(context, async ({ name, decoded, seen }) => {
    const predictions = await predictor?.predict(seen);
    const all = await explained(explainer, seen, context.aim.class ?? predictions?.[0]?.index);
    const kept = all.filter((one) => !samenessAt(same, one).instead.has(one.method));
    const [first] = kept as [Explanation];
    const maps = kept.map((one) => ({
      name: fileName(one, layers),
      shape: [one.map.height, one.map.width],
      data: one.map.data,
    }));
    const files = (await raw?.write(entries.length, maps, maps.length * images.length)) ?? [];
    const prediction = predictions?.find(({ index }) => index === first.class);
    const entry: ImageEntry = {
      image: name,
      class: first.class,
      className: first.className ?? prediction?.name ?? `class ${first.class}`,
      probability: prediction?.probability ?? null,
      maps: kept.map((one, i) => entryOf(one, samenessAt(same, one), files[i])),
    };
    entries.push(entry);
    await ranking?.add(decoded, first.class, new Map(kept.map((one) => [one.layer!, one.map])));
    const region = flags.photograph ? inputRegion(decoded, network.preprocessing) : undefined;
    const shown = { image: flags.photograph ? decoded : seen, ...(region ? { region } : {}) };
    await pictures?.add(
      name,
      ["image", ...kept.map((one, i) => titleOf(one, entry.maps[i]!, layers, used.length))],
      [{ title: rowTitle(entry), cells: [shown, ...kept.map((one) => cellOf(one, shown))] }],
    );
  });
  await ranking?.release();
  await explainer.release();
  const out = (await pictures?.finish()) ?? [];
  const ranked = ranking && entries.length > 0 ? ranking.ranks() : undefined;
  const lines = [...new Set([...same.values()].flatMap((each) => each.lines))];
  return {
    value: { images: entries, same: lines, ...(ranked ? { layers: ranked } : {}), out },
    lines: paragraphs(
      ...(ranked ? [rankingText(ranked, entries.length)] : entries.length > 0 ? [mapTable(entries)] : []),
      ...nonEmpty([...lines, ...failing(used), ...notesOf(entries)]),
      ...nonEmpty(written([...out, ...entries.flatMap(({ maps }) => maps.flatMap(({ raw: file }) => file ?? []))])),
    ),
  };
}

/** A map over its image; one of single pixels alone, since it would hardly be seen there. */
const cellOf = ({ map, attribution }: Explanation, shown: ImageCell): Cell =>
  attribution && !shown.region ? { map } : { map, ...shown };

const nonEmpty = (lines: readonly string[]) => (lines.length > 0 ? [lines] : []);

const explained = (explainer: Explainer, image: RgbImage, index: number | undefined) =>
  explainer.explain(image, index === undefined ? {} : { class: index });

/** What coincides at the layer of an explanation; methods that explain the input have no layer. */
const samenessAt = (same: ReadonlyMap<string | undefined, Sameness>, { layer }: Explanation): Sameness =>
  same.get(layer ?? undefined) ?? same.values().next().value!;

function entryOf(one: Explanation, { instead }: Sameness, raw: string | undefined): MapEntry {
  const { method, variant, layer, score, value, map, range, completeness, forwards, settings, notes } = one;
  return {
    method,
    variant,
    same: [...instead].filter(([, stands]) => stands === method).map(([name]) => name),
    layer,
    score,
    value,
    size: [map.height, map.width],
    range,
    completeness,
    forwards,
    settings,
    notes,
    ...(raw === undefined ? {} : { raw }),
  };
}

/** `gradcam = hirescam`, with the variant where there are several. */
const labelOf = ({ method, variant, same }: MapEntry): string =>
  [variant ? `${method} (${variant})` : method, ...same].join(" = ");

/** The title of a map: its method, with the layer if there are several, or only the layer if there is one method. */
function titleOf(one: Explanation, entry: MapEntry, layers: readonly string[] | undefined, methods: number): string {
  if (!layers || layers.length < 2 || !one.layer) return labelOf(entry);
  return methods > 1 ? `${one.layer} ${labelOf(entry)}` : one.layer;
}

const fileName = ({ method, layer }: Explanation, layers: readonly string[] | undefined): string =>
  layers && layers.length > 1 && layer ? `${method}-${layer}` : method;

const shareOf = ({ probability }: ImageEntry): string => (probability === null ? "–" : percent(probability));

const rowTitle = (entry: ImageEntry): string =>
  `${basename(entry.image)}: ${entry.className}${entry.probability === null ? "" : `, ${shareOf(entry)}`}`;

function mapTable(entries: readonly ImageEntry[]): string[] {
  const complete = entries.some(({ maps }) => maps.some(({ completeness }) => completeness));
  const names = shortNames(entries.map(({ image }) => image));
  const rows = entries.flatMap((entry) =>
    entry.maps.map((map) => [
      names.get(entry.image)!,
      entry.className,
      shareOf(entry),
      map.layer ?? "input",
      labelOf(map),
      `${significant(map.range[0])} to ${significant(map.range[1])}`,
      ...(complete ? [completenessText(map)] : []),
    ]),
  );
  const header = ["image", "class", "probability", "layer", "method", "range", ...(complete ? ["completeness"] : [])];
  return table(rows, header);
}

/** How closely the map adds up to the score that it explains. */
function completenessText({ completeness, settings }: MapEntry): string {
  if (!completeness) return "";
  const steps = settings.steps === undefined ? "" : ` after ${settings.steps} steps`;
  return `off by ${significant(100 * completeness.error, 2)} %${steps}`;
}

/** Methods that are known to show little of what a network has learned. */
const failing = (methods: readonly MethodChoice[]): string[] =>
  methods
    .map(nameOf)
    .filter((name) => explanationMethods.get(name)!.failsSanityChecks)
    .map(
      (name) =>
        `${name} gives much the same map for random weights (Adebayo et al., 2018): it shows edges rather than reasons`,
    );

/** Notes about the maps, without duplicates. */
function notesOf(entries: readonly ImageEntry[]): string[] {
  const where = new Map<string, string[]>();
  const names = shortNames(entries.map(({ image }) => image));
  for (const { image, maps } of entries)
    for (const map of maps)
      for (const note of map.notes) {
        const key = `${labelOf(map)}${map.layer ? ` at ${map.layer}` : ""}: ${note}`;
        where.set(key, [...(where.get(key) ?? []), names.get(image)!]);
      }
  return [...where].map(([note, images]) =>
    images.length === entries.length && images.length > 1
      ? note
      : `${images.slice(0, 3).join(", ")}${images.length > 3 ? ` and ${images.length - 3} more` : ""}: ${note}`,
  );
}
