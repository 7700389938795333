import { basename } from "node:path";
import { type Gate, gates, pairwiseMap } from "../explain.js";
import { type Engine, type Module, type RgbImage, trace } from "../index.js";
import type { Cell } from "../internal.js";
import { type Answer, type ExplainContext, forEachImage, pictureOptions } from "./explain.js";
import { openPictures, openRaw, type PictureRow, shortNames, written } from "./explain-pictures.js";
import { paragraphs, significant, table } from "./terminal.js";

/** Images whose gates are read at once: as many as fit into memory anywhere. */
const atOnce = 16;

interface GatedImage {
  readonly name: string;
  readonly decoded: RgbImage;
  readonly seen: RgbImage;
}

/** Every gate of every module of all images, drawn and written. */
export async function drawGates(context: ExplainContext, engine: Engine): Promise<Answer> {
  const { network, images, flags } = context;
  const drawn = pictureOptions(flags);
  const pictures = drawn && (await openPictures(drawn.out, "Gates", images.length, { scale: flags.scale ?? "column" }));
  const raw = flags.raw === undefined ? undefined : await openRaw(flags.raw);
  const planes = planesOf(network.model, network.preprocessing.imageSize);
  const found: GateEntry[] = [];
  let waiting: GatedImage[] = [];
  let done = 0;
  const flush = async () => {
    const all = await gates(
      network,
      waiting.map(({ decoded }) => decoded),
      { engine },
    );
    for (const [i, image] of waiting.entries()) {
      const own = all.filter((gate) => gate.image === i);
      const files =
        (await raw?.write(
          done++,
          own.map(({ name, map }) => ({ name, ...map })),
          own.length * images.length,
        )) ?? [];
      found.push(...own.map((gate, k) => entryOf(image.name, gate, files[k])));
      const { columns, rows } = rowsOf(image, own, planes);
      await pictures?.add(image.name, columns, rows);
    }
    waiting = [];
  };
  await forEachImage(context, async (image) => {
    waiting.push(image);
    if (waiting.length === atOnce) await flush();
  });
  if (waiting.length > 0) await flush();
  const out = (await pictures?.finish()) ?? [];
  const names = shortNames(found.map(({ image }) => image));
  return {
    value: { gates: found, out },
    lines: paragraphs(
      table(
        found.map(({ image, gate, kind, shape, range, mean }) => [
          names.get(image)!,
          gate,
          kind ?? "–",
          shape.join("×"),
          `${significant(range[0])} to ${significant(range[1])}`,
          significant(mean),
        ]),
        ["image", "gate", "kind", "size", "range", "mean"],
      ),
      ...written([...out, ...found.flatMap(({ raw: file }) => file ?? [])]),
    ),
  };
}

/** What the table shows about a gate of an image. */
interface GateEntry {
  readonly image: string;
  readonly gate: string;
  readonly kind: Gate["kind"];
  readonly shape: readonly number[];
  readonly range: readonly [number, number];
  readonly mean: number;
  readonly raw?: string;
}

function entryOf(image: string, { name, kind, map }: Gate, raw: string | undefined): GateEntry {
  let [low, high, sum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (const value of map.data) [low, high, sum] = [Math.min(low, value), Math.max(high, value), sum + value];
  return {
    image,
    gate: name,
    kind,
    shape: map.shape,
    range: [low, high],
    mean: sum / map.data.length,
    ...(raw ? { raw } : {}),
  };
}

/** A row for each module of an image. */
function rowsOf(image: GatedImage, own: readonly Gate[], planes: ReadonlyMap<string, Plane>) {
  const names = [...new Set(own.map((gate) => placeOf(gate).name))];
  const modules = [...new Set(own.map((gate) => placeOf(gate).path))];
  const rows = modules.map((path): PictureRow => {
    const cells = names.map((name) => {
      const gate = own.find((one) => placeOf(one).path === path && placeOf(one).name === name);
      return gate ? cellOf(gate, image.seen, planes.get(path)) : null;
    });
    return { title: `${basename(image.name)}: ${path}`, cells: [{ image: image.seen }, ...cells] };
  });
  return { columns: ["image", ...names], rows };
}

/** The module of a gate, and the gate's name in it. */
function placeOf({ name }: Gate): { readonly path: string; readonly name: string } {
  const at = name.lastIndexOf("/");
  return { path: name.slice(0, Math.max(0, at)), name: name.slice(at + 1) };
}

interface Plane {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** What modules give, by path: relations of all positions are between those of this plane. */
function planesOf(model: Module, side: number): Map<string, Plane> {
  const found = new Map<string, Plane>();
  for (const { path, value } of trace(model, [1, 3, side, side]).calls) {
    const [, channels, height, width] = value.shape.map(Number);
    if (value.shape.length === 4) found.set(path, { channels: channels!, height: height!, width: width! });
  }
  return found;
}

/** A gate as it is drawn: bars for channels, strips next to the image, a map over it, or, for pairwise relations, those of the center position. */
export function cellOf(gate: Gate, seen: RgbImage, plane?: Plane): Cell {
  const { shape, data } = gate.map;
  const [first, height, width] = shape as [number, number, number];
  if (gate.kind === "pairwise" || shape.length === 2) return relations(gate, seen, plane);
  if (height === 1 && width === 1) return { channels: data };
  const mean = overChannels(data, first);
  if (gate.kind === "strip" || height === 1 || width === 1)
    return width === 1 ? { rows: mean, image: seen } : { columns: mean, image: seen };
  return { map: { height, width, data: mean }, image: seen, isGate: true };
}

/** What a position attends to; relations of channels are a matrix without a place in the image. */
function relations({ name, map }: Gate, seen: RgbImage, plane?: Plane): Cell {
  const [height, width] = map.shape as [number, number];
  const positions = plane ? plane.height * plane.width : undefined;
  const ofChannels = plane?.channels === height && (positions !== height || /channel/i.test(name));
  if (positions !== height || ofChannels) return { map: { height, width, data: map.data }, isGate: true };
  const position = { row: plane!.height >> 1, column: plane!.width >> 1 };
  return { map: pairwiseMap(map.data, plane!.height, plane!.width, position), image: seen, position, isGate: true };
}

function overChannels(data: Float64Array, channels: number): Float64Array {
  const mean = new Float64Array(data.length / channels);
  data.forEach((value, i) => {
    mean[i % mean.length]! += value / channels;
  });
  return mean;
}
