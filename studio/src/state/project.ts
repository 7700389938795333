import { batch, computed, signal } from "@preact/signals";
import { Arrival, counted } from "../../logic/arrival.js";
import {
  changed,
  emptyHistory,
  type History,
  historyOf,
  moved,
  presentOf,
  redoableOf,
  undoableOf,
} from "../../logic/history.js";
import { className, emptyProject, type ImageClass, type Project, type StoredImage } from "../../logic/project.js";
import type { Sample } from "../../logic/samples.js";
import { repeatedImages, splitProject } from "../../logic/split.js";
import { inOrder } from "../parts/in-order.js";
import { listener, store } from "../workers/index.js";
import type { Arrived, Skipped } from "../workers/store.js";
import { announce, sayProgress } from "./announce.js";

const history = signal<History>(emptyHistory);
export const project = computed(() => presentOf(history.value));
/** Whether the stored project has been read. */
export const ready = signal(false);
export const selection = signal<ReadonlySet<string>>(new Set());
/** Files that were not taken in, since they were last looked at. */
export const skipped = signal<readonly Skipped[]>([]);

/** Shows files that cannot be taken in. */
export function skip(some: readonly Skipped[]): void {
  if (some.length === 0) return;
  skipped.value = [...skipped.value, ...some];
  announce(`${some.length} ${some.length === 1 ? "file" : "files"} skipped.`);
}

/** How far taking in files is; null when nothing is taken in. */
export const arriving = signal<{ readonly done: number; readonly total: number } | null>(null);
/** Why the project cannot be stored, in words. */
export const storageTrouble = signal<string | null>(null);

export const split = computed(() => splitProject(project.value));
export const repeated = computed(() => repeatedImages(project.value));
/** What undoing would take back, in words. */
export const undoable = computed(() => undoableOf(history.value));
export const redoable = computed(() => redoableOf(history.value));

export const imagesByClass = computed(() => {
  const byClass = new Map<string, StoredImage[]>(project.value.classes.map(({ id }) => [id, []]));
  for (const image of project.value.images) byClass.get(image.classId)?.push(image);
  return byClass;
});

/** Changes the project so that it can be undone. */
function change(what: string, next: Project): void {
  history.value = changed(history.value, { what, project: next });
  save();
}

export function undo(): void {
  const what = undoable.value;
  if (what !== null) go(-1, `Undone: ${what}`);
}

export function redo(): void {
  const what = redoable.value;
  if (what !== null) go(1, `Done again: ${what}`);
}

function go(by: -1 | 1, words: string): void {
  batch(() => {
    history.value = moved(history.value, by);
    selection.value = new Set();
  });
  announce(words);
  save();
}

let saving: Promise<void> = Promise.resolve();
let timer: ReturnType<typeof setTimeout> | undefined;

function save(): void {
  clearTimeout(timer);
  timer = setTimeout(saveNow, 200);
}

/** Stores the project, after what is being stored. */
export function saveNow(): Promise<void> {
  clearTimeout(timer);
  timer = undefined;
  const next = project.value;
  saving = saving
    .then(() => store.save(next))
    .then(
      () => void (storageTrouble.value = null),
      (error: Error) => void (storageTrouble.value = error.message),
    );
  return saving;
}

addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden" && timer) void saveNow();
});

/** Reads what was stored, and removes files that nothing refers to but `kept`. */
export async function openProject(kept: readonly string[]): Promise<void> {
  const stored = await store.open();
  if (stored) history.value = historyOf(stored);
  ready.value = true;
  await store.tidy([...project.value.images.map(({ id }) => id), ...kept]);
}

const colors = 6;
/** The color of a class, as a number: the same in every view. */
export const colorOf = (classId: string): number =>
  Math.max(
    0,
    project.value.classes.findIndex(({ id }) => id === classId),
  ) % colors;

function newClass(wanted: string, classes: readonly ImageClass[]): ImageClass {
  const names = classes.map(({ name }) => name);
  return { id: crypto.randomUUID(), name: className(wanted, names) };
}

export function addClass(wanted = "new class"): ImageClass {
  const { classes } = project.value;
  const added = newClass(wanted, classes);
  change(`add class “${added.name}”`, { ...project.value, classes: [...classes, added] });
  return added;
}

export function renameClass(id: string, wanted: string): void {
  const { classes } = project.value;
  const old = classes.find((one) => one.id === id);
  if (!old || wanted.trim() === old.name || wanted.trim() === "") return;
  const others = classes.filter((one) => one.id !== id).map(({ name }) => name);
  const name = className(wanted, others);
  change(`rename “${old.name}”`, {
    ...project.value,
    classes: classes.map((one) => (one.id === id ? { ...one, name } : one)),
  });
}

export function removeClass(id: string): void {
  const { classes, images } = project.value;
  const name = classes.find((one) => one.id === id)?.name;
  change(`remove class “${name}”`, {
    ...project.value,
    classes: classes.filter((one) => one.id !== id),
    images: images.filter(({ classId }) => classId !== id),
  });
  announce(`Removed class ${name}. Undo brings it back.`);
}

export function moveImages(ids: ReadonlySet<string>, classId: string): void {
  const { images, classes } = project.value;
  const moved = images.filter((image) => ids.has(image.id) && image.classId !== classId);
  if (moved.length === 0) return;
  const name = classes.find(({ id }) => id === classId)?.name;
  change(`move ${counted(moved.length)} to “${name}”`, {
    ...project.value,
    images: images.map((image) => (ids.has(image.id) ? { ...image, classId } : image)),
  });
  announce(`Moved ${counted(moved.length)} to ${name}`);
}

export function removeImages(ids: ReadonlySet<string>): void {
  const { images } = project.value;
  const kept = images.filter(({ id }) => !ids.has(id));
  if (kept.length === images.length) return;
  change(`remove ${counted(images.length - kept.length)}`, { ...project.value, images: kept });
  selection.value = new Set();
  announce(`Removed ${counted(images.length - kept.length)}. Undo brings them back.`);
}

export function removeEverything(): void {
  change("remove everything", emptyProject);
  selection.value = new Set();
}

type Arriving = (report: (arrived: Arrived) => void) => Promise<void>;

const arrivals = inOrder();

/** Takes in what `work` reports. What comes meanwhile waits. */
const arrive = (what: string, arrival: Arrival, work: Arriving) => arrivals(() => takeIn(what, arrival, work));

async function takeIn(what: string, arrival: Arrival, work: Arriving): Promise<void> {
  let failed = 0;
  arriving.value = { done: 0, total: 0 };
  try {
    await work(
      listener(({ taken, skipped: left, done, total }: Arrived) => {
        batch(() => {
          arriving.value = { done, total };
          if (total > 0) sayProgress(`Taking in images: ${done} of ${total}`);
          if (left.length) skipped.value = [...skipped.value, ...left];
          failed += left.length;
          if (taken.length) history.value = arrival.take(history.value, taken);
        });
      }),
    );
  } catch (error) {
    skipped.value = [...skipped.value, { file: what, reason: (error as Error).message }];
  } finally {
    arriving.value = null;
  }
  const { added, repeated } = arrival;
  const notes = [
    `Added ${counted(added)}`,
    ...(repeated ? [`${counted(repeated)} already there, left out`] : []),
    ...(failed ? [`${failed} ${failed === 1 ? "file" : "files"} skipped`] : []),
  ];
  announce(`${notes.join(". ")}.`);
  await saveNow();
}

/** Takes in files. Folders in their paths name the classes; without, they go to `classId`. */
export const addFiles = (files: readonly { readonly file: Blob; readonly path: string }[], classId?: string) =>
  arrive("files", new Arrival(classId), (report) => {
    // In a class's own box, folders say nothing.
    const flat = (path: string) => (classId === undefined || /\.zip$/i.test(path) ? path : path.split("/").pop()!);
    return store.add(
      files.map(({ file, path }) => ({ file, path: flat(path) })),
      report as never,
    );
  });

export const addBurst = (frames: readonly Blob[], classId: string) =>
  arrive("frames of the camera", new Arrival(classId), (report) =>
    store.addBurst(frames, crypto.randomUUID().slice(0, 8), report as never),
  );

export const addSample = ({ name, title }: Sample) =>
  arrive(`the sample “${title}”`, new Arrival(), (report) => store.addSample(name, report as never));
