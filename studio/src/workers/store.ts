/** Keeps the project and its images in the browser's private file system. */

import { expose } from "comlink";
import { Zip, ZipPassThrough } from "fflate";
import { Rng } from "fovea/engine";
import type { EpochMaps } from "fovea/explain";
import { generateShapes } from "fovea/web";
import { bounds, entriesOf, unpack } from "../../logic/archive.js";
import type { Taken } from "../../logic/arrival.js";
import { drawSample } from "../../logic/draw-samples.js";
import { fileName, type Part, type Placed, type Project, parseProject } from "../../logic/project.js";
import { defaultSettings } from "../../logic/recipe.js";
import { runFilesAmong } from "../../logic/run-files.js";
import type { SampleName } from "../../logic/samples.js";
import { splitProject } from "../../logic/split.js";
import { decode, interleaved, lookOf, mostBytes, sha256, thumbnail, whyNotAnImage } from "./decode.js";
import { folder, read, remove, storageReason, write } from "./files.js";
import type { RunFile } from "./opened.js";
import type { Config } from "./recipe.js";
import { type Plan, type RunState, run } from "./run.js";
import { telling } from "./telling.js";
import { keepThumbnail, tidyThumbnails } from "./thumbnails.js";

/** A file to take in, with the class that its folder names. */
export interface Incoming {
  readonly file: Blob;
  readonly name: string;
  readonly className?: string;
  readonly part?: Part;
  readonly burst?: string;
}

export interface Skipped {
  readonly file: string;
  readonly reason: string;
}

/** Images that were stored since the last report, and files that were not. */
export interface Arrived {
  readonly taken: readonly Taken[];
  readonly skipped: readonly Skipped[];
  readonly done: number;
  readonly total: number;
}

/** Files that systems leave behind. */
const junk = /(^|\/)(\.|__MACOSX\/|Thumbs\.db$|desktop\.ini$)/i;
/** Bytes of a file of a run. */
const mostRunFile = 1e9;

const images = folder("images");
const home = folder();

async function takeIn({ file, name, className, part, burst }: Incoming): Promise<Taken> {
  const reason = await whyNotAnImage(file);
  if (reason) throw new Error(reason);
  const bytes = await file.arrayBuffer();
  const sha = await sha256(bytes);
  const bitmap = await decode(new Blob([bytes]));
  try {
    const { width, height } = bitmap;
    const look = lookOf(bitmap);
    const id = crypto.randomUUID();
    await write(await images, id, bytes);
    await keepThumbnail(id, await thumbnail(bitmap));
    const rest = { ...(className === undefined ? {} : { className }), ...(part ? { part } : {}) };
    return { id, name, burst: burst ?? id, width, height, sha, look, ...rest };
  } finally {
    bitmap.close();
  }
}

/** Stores files, several at a time; reports at most every 200 ms. */
const takeAll = (incoming: readonly Incoming[], report: (arrived: Arrived) => void): Promise<void> =>
  telling(report, (report) => takeEach(incoming, report));

async function takeEach(incoming: readonly Incoming[], report: (arrived: Arrived) => void): Promise<void> {
  const total = incoming.length;
  const slots: (Taken | Skipped | undefined)[] = new Array(total);
  let [next, done, reported, last] = [0, 0, 0, performance.now()];
  const flush = () => {
    const taken: Taken[] = [];
    const skipped: Skipped[] = [];
    // In order: what is done beyond a gap waits.
    for (; reported < total && slots[reported]; reported++) {
      const slot = slots[reported]!;
      if ("reason" in slot) skipped.push(slot);
      else taken.push(slot);
    }
    report({ taken, skipped, done, total });
    last = performance.now();
  };
  const work = async () => {
    while (next < total) {
      const i = next++;
      const one = incoming[i]!;
      slots[i] = await takeIn(one).catch((error) => ({ file: one.name, reason: storageReason(error) }));
      done++;
      if (performance.now() - last > 200) flush();
    }
  };
  await Promise.all(Array.from({ length: 4 }, work));
  flush();
}

/** Class and part from the folders of a path: `data/train/ants/a.jpg`. */
function placeOf(path: string): Pick<Incoming, "name" | "className" | "part"> {
  const folders = path.split("/").filter(Boolean);
  const name = fileName(folders.pop() ?? path);
  const parts = folders.map((one) =>
    /^train(ing)?$/i.test(one) ? "train" : /^(val(id(ation)?)?|dev|test)$/i.test(one) ? "validation" : undefined,
  );
  const at = parts.findLastIndex((part) => part !== undefined);
  const part = at >= 0 && at < folders.length - 1 ? parts[at] : undefined;
  const className = folders[at >= 0 && part ? at + 1 : folders.length - 1];
  return { name, ...(className === undefined ? {} : { className }), ...(part ? { part } : {}) };
}

/** An archive as bytes. @throws Error if it is larger than memory may hold. */
async function bytesOf(file: Blob): Promise<Uint8Array<ArrayBuffer>> {
  if (file.size > bounds.archive)
    throw new Error(`${(file.size / 1e9).toFixed(1)} GB; archives of at most ${bounds.archive / 1e9} GB are read`);
  return new Uint8Array(await file.arrayBuffer());
}

const byPath = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) => (a < b ? -1 : a > b ? 1 : 0);

/** The images in an archive, in the order of their paths, and what is left out. */
async function imagesIn(file: Blob): Promise<{ incoming: Incoming[]; skipped: Skipped[] }> {
  const archive = await bytesOf(file);
  const wanted = (name: string) => !name.endsWith("/") && !junk.test(name);
  const { entries, refused } = entriesOf(archive, wanted, mostBytes);
  const skipped = refused.map(({ name, reason }) => ({ file: name, reason }));
  const found: (readonly [path: string, contents: Blob])[] = [];
  for (const entry of entries) {
    const bytes = await unpack(archive, entry);
    // The browser keeps it, not this program's memory.
    if (bytes) found.push([entry.name, new Blob([bytes])]);
    else skipped.push({ file: entry.name, reason: "damaged in the archive" });
  }
  const incoming = found.sort(byPath).map(([path, contents]) => ({ file: contents, ...placeOf(path) }));
  return { incoming, skipped };
}

/** The files of a run in an archive. @throws Error if there is none. */
async function runIn(file: Blob): Promise<RunFile[]> {
  const archive = await bytesOf(file);
  const { entries, refused } = entriesOf(archive, (name) => /\.(json|jsonl|safetensors)$/.test(name), mostRunFile);
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  const found = runFilesAmong([...byName.keys(), ...refused.map(({ name }) => name)]);
  const files: RunFile[] = [];
  for (const [name, path] of found) {
    const reason = refused.find((one) => one.name === path)?.reason;
    if (reason) throw new Error(`${name}: ${reason}`);
    const bytes = await unpack(archive, byName.get(path)!);
    if (!bytes) throw new Error(`${name} is damaged in the archive`);
    files.push([name, new Blob([bytes])]);
  }
  return files;
}

/** Puts a run, which was tried, in the place of the last training. Its images are those of the project of the same classes. */
async function adoptRun(files: readonly RunFile[], project: Project): Promise<void> {
  const config = new Map(files).get("config.json")!;
  const { model, data, preprocessing, training } = JSON.parse(await config.text()) as Config;
  const labels = new Map(data.classes.map((name, label) => [name, label]));
  const names = new Map(project.classes.map(({ id, name }) => [id, name]));
  const { parts } = splitProject(project);
  const validation = project.images.flatMap(({ id, classId }) => {
    const label = labels.get(names.get(classId) ?? "");
    return label === undefined || parts.get(id) !== "validation" ? [] : [{ id, label }];
  });
  const settings = {
    ...defaultSettings,
    network: model.name,
    attention: model.insert?.attention ?? null,
    imageSize: preprocessing.imageSize,
    epochs: training.epochs,
  };
  await run.replace({ settings, classes: data.classes, train: [], validation, opened: true }, files);
}

const tools = { generateShapes, random: (...path: (string | number)[]) => new Rng(1, ...path) };

const store = {
  /** What was stored before, as it was. */
  async open(): Promise<Project | undefined> {
    const file = await read(await home, "project.json");
    const project = file && parseProject(await file.text());
    // Kept, so that nothing is lost to a newer version's file.
    if (file && !project) await write(await home, `project-${Date.now()}.json`, file);
    return project;
  },

  /** The last training, as it was stored. */
  lastRun: (): Promise<RunState | undefined> => run.open(),

  /** Its maps after an epoch. */
  mapsOf: (epoch: number): Promise<EpochMaps | undefined> => run.mapsOf(epoch),

  /** Begins a training that runs elsewhere: what it is of. */
  beginRun: (plan: Plan): Promise<void> => run.begin(plan),

  /** Files of a training that ran elsewhere. */
  keepRun: (files: readonly RunFile[]): Promise<void> => run.keep(files),

  /** The files of a run folder in an archive. */
  runIn: (file: Blob): Promise<RunFile[]> => runIn(file),

  /** Takes a run folder for the last training. */
  adoptRun: (files: readonly RunFile[], project: Project): Promise<void> => adoptRun(files, project),

  /** The file with pretrained weights. */
  weightsFile: async (): Promise<File | undefined> => read(await folder("weights"), "checkpoint"),

  /** The file of an image. */
  file: async (id: string): Promise<File | undefined> => read(await images, id),

  /** Makes the thumbnail of an image anew. */
  async thumbnail(id: string): Promise<string | undefined> {
    const file = await read(await images, id);
    if (!file) return undefined;
    const bitmap = await decode(file);
    try {
      const address = await thumbnail(bitmap);
      await keepThumbnail(id, address);
      return address;
    } finally {
      bitmap.close();
    }
  },

  async save(project: Project): Promise<void> {
    await write(await home, "project.json", JSON.stringify(project));
  },

  /** Removes the files of images that nothing refers to. */
  async tidy(kept: readonly string[]): Promise<void> {
    const known = new Set(kept);
    const home = await images;
    for await (const name of home.keys()) if (!known.has(name)) await remove(home, name);
    await tidyThumbnails(known);
  },

  /** Takes in files; the folders in their paths name the classes. Archives are unpacked. */
  async add(
    files: readonly { readonly file: Blob; readonly path: string }[],
    report: (arrived: Arrived) => void,
  ): Promise<void> {
    const incoming: Incoming[] = [];
    const skipped: Skipped[] = [];
    for (const { file, path } of files) {
      if (junk.test(path)) continue;
      if (/\.zip$/i.test(path)) {
        const found = await imagesIn(file).catch(
          (error: Error) => void skipped.push({ file: path, reason: error.message }),
        );
        for (const one of found?.incoming ?? []) incoming.push(one);
        for (const one of found?.skipped ?? []) skipped.push(one);
      } else incoming.push({ file, ...placeOf(path) });
    }
    if (skipped.length) report({ taken: [], skipped, done: 0, total: incoming.length });
    await takeAll(incoming, report);
  },

  /** Takes in frames of one burst. */
  async addBurst(frames: readonly Blob[], burst: string, report: (arrived: Arrived) => void): Promise<void> {
    const end = (i: number) => String(i + 1).padStart(3, "0");
    await takeAll(
      frames.map((file, i) => ({ file, name: `burst-${burst}-${end(i)}.png`, burst })),
      report,
    );
  },

  /** Draws a sample anew. */
  async addSample(name: SampleName, report: (arrived: Arrived) => void): Promise<void> {
    const incoming: Incoming[] = [];
    for (const [i, { className, image }] of (await drawSample(name, tools)).entries()) {
      const canvas = new OffscreenCanvas(image.width, image.height);
      canvas.getContext("2d")!.putImageData(interleaved(image), 0, 0);
      const file = await canvas.convertToBlob({ type: "image/png" });
      incoming.push({ file, name: `${className}-${String(i).padStart(4, "0")}.png`, className });
    }
    await takeAll(incoming, report);
  },

  /** The images as an archive of folders, `train/CLASS/FILE` and `val/CLASS/FILE`. */
  async archive(placed: readonly Placed[]): Promise<Blob> {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    const finished = Promise.withResolvers<void>();
    const zip = new Zip((error, chunk, final) => {
      if (error) return finished.reject(error);
      chunks.push(chunk as Uint8Array<ArrayBuffer>);
      if (final) finished.resolve();
    });
    for (const { image, path } of placed) {
      const file = await read(await images, image.id);
      if (!file) continue;
      // Images are compressed already.
      const entry = new ZipPassThrough(path);
      entry.mtime = "2000-01-01";
      zip.add(entry);
      entry.push(new Uint8Array(await file.arrayBuffer()), true);
    }
    zip.end();
    await finished.promise;
    return new Blob(chunks, { type: "application/zip" });
  },
};

export type Store = typeof store;
expose(store);
