import { batch, computed, effect, signal } from "@preact/signals";
import type { EpochMaps, SeenImage } from "fovea/explain";
import type { StepReport } from "fovea/web";
import { bestOf } from "../../logic/best.js";
import type { Computing } from "../../logic/computing.js";
import { asFolder, sortedClasses } from "../../logic/project.js";
import { defaultSettings, type Settings, usualBatch } from "../../logic/recipe.js";
import { runFilesAmong } from "../../logic/run-files.js";
import { whyNotTrainable } from "../../logic/split.js";
import type { Found, Unread } from "../parts/drop.js";
import { inOrder } from "../parts/in-order.js";
import type { Catalogue } from "../workers/engine.js";
import { listener, store, trainer } from "../workers/index.js";
import type { RunFile } from "../workers/opened.js";
import type { Line, Plan, RunState } from "../workers/run.js";
import type { TrainingEvent } from "../workers/training.js";
import { announce, sayProgress } from "./announce.js";
import {
  beginOnMachine,
  fetchRun,
  filesOf,
  follow,
  machineRun,
  machineThreads,
  remember,
  sendImages,
  sendWeights,
  stopMachine,
  weightsFromHub,
  where,
} from "./machine.js";
import { project, split } from "./project.js";

/**
 * `none`: nothing was trained. `preparing`, `running`, `stopping`: it is at work. `stopped`: it can go on. `interrupted`: the page was left while
 * it ran. `finished`: all epochs are done.
 */
export type Status = "none" | "preparing" | "running" | "stopping" | "stopped" | "interrupted" | "finished" | "failed";

export const status = signal<Status>("none");
export const failure = signal<string | null>(null);
export const plan = signal<Plan | null>(null);
export const lines = signal<readonly Line[]>([]);
export const step = signal<StepReport | null>(null);
export const preparing = signal<{ readonly done: number; readonly total: number } | null>(null);
/** How far computing the features of frozen parts is; null when it is done. */
export const features = signal<{ readonly done: number; readonly total: number } | null>(null);
export const followed = signal<readonly SeenImage[]>([]);
export const maps = signal<readonly EpochMaps[]>([]);
/** The share of the time that looking takes; null where it is not known. */
export const mapShare = signal<number | null>(null);
/** Whether there is a network to look at. */
export const hasWeights = signal(false);
/** Rises whenever the best weights may have changed. */
export const version = signal(0);

export const busy = computed(() => ["preparing", "running", "stopping"].includes(status.value));
/** Threads that the page may use. */
export const mostThreads = globalThis.crossOriginIsolated ? Math.min(8, navigator.hardwareConcurrency || 1) : 1;

const storedSettings = "fovea-studio-settings";

function rememberedSettings(): Settings {
  const usual = { ...defaultSettings, threads: Math.max(1, mostThreads - 1) };
  try {
    const stored = JSON.parse(localStorage.getItem(storedSettings) ?? "{}") as Partial<Settings>;
    const merged = { ...usual, ...stored };
    return {
      ...merged,
      threads: Math.min(merged.threads, mostThreads),
      device: merged.device === "webgpu" ? "webgpu" : "cpu",
    };
  } catch {
    return usual;
  }
}

export const settings = signal<Settings>(rememberedSettings());
effect(() => localStorage.setItem(storedSettings, JSON.stringify(settings.value)));

/** For tests, as the command line's --software-gpu. */
export const allowSoftware = new URLSearchParams(location.search).has("software-gpu");

/** What computes in the page, as it is chosen now. */
export const computing = (): Computing => {
  const { device, threads } = settings.value;
  return { device, threads, allowSoftware };
};

export const change = (some: Partial<Settings>) => void (settings.value = { ...settings.value, ...some });

export const catalogue = signal<Catalogue | null>(null);
export const loadCatalogue = async () => void (catalogue.value ??= await trainer().catalogue());

export const untrainable = computed(() => whyNotTrainable(project.value, split.value.parts));

/** Whether any images are held out. */
export const heldOut = computed(() => [...split.value.parts.values()].includes("validation"));

const trainedOn = computed(() => [...split.value.parts.values()].filter((part) => part === "train").length);
/** Images per step unless somebody says otherwise. */
export const suggestedBatch = computed(() => usualBatch(trainedOn.value));

/**
 * Opens a run or a checkpoint in the place of the last training: a folder, an archive or a file that was dropped or chosen, or the name of a run on the
 * machine; one after another. What cannot be opened changes nothing.
 */
export const openRun = (source: readonly Found[] | string, unread?: Unread): Promise<void> =>
  opening(async () => {
    // Part of a run is none.
    if (unread) throw new Error(`${unread.file}: ${unread.reason}`);
    refuseWhileBusy();
    const files = typeof source === "string" ? await filesOf(source) : await filesFrom(source);
    const run = (await trainer().checkedRun(files as never)) as never;
    // Reading takes a while: a training may have begun since.
    refuseWhileBusy();
    adopting = true;
    try {
      await store.adoptRun(run, project.value as never);
      remember(null);
      await openLastRun();
    } finally {
      adopting = false;
    }
    announce("The run is open.");
  });

const opening = inOrder();

/** Whether a run is taking the place of the last training: none may begin there. */
let adopting = false;

function refuseWhileBusy(): void {
  if (busy.value) throw new Error("a training is running; stop it first");
}

/** Says so if no training may begin now. */
function mayBegin(): boolean {
  if (adopting) announce("A run is being opened. Try again in a moment.");
  return !adopting;
}

async function filesFrom(found: readonly Found[]): Promise<readonly RunFile[]> {
  const byPath = new Map(found.map(({ path, file }) => [path, file]));
  const names = runFilesAmong([...byPath.keys()]);
  if (names.size > 0) return [...names].map(([name, path]) => [name, byPath.get(path)!]);
  const [only, ...others] = found;
  if (!only || others.length > 0) throw new Error("there is no run folder among these files");
  const files = /\.zip$/i.test(only.path) ? await store.runIn(only.file) : await trainer().runOfCheckpoint(only.file);
  return files as readonly RunFile[];
}

/** What was trained before this page was opened. Returns the images that it still needs. */
export async function openLastRun(): Promise<readonly string[]> {
  const last = await store.lastRun();
  if (!last) return [];
  batch(() => {
    plan.value = last.plan;
    lines.value = last.lines;
    followed.value = last.followed;
    maps.value = [];
    hasWeights.value = last.hasWeights;
    const done = last.lines.length;
    status.value =
      last.plan.opened || done >= last.plan.settings.epochs ? "finished" : done || last.config ? "interrupted" : "none";
    version.value++;
  });
  void showMaps(last, plan.value);
  // The machine may have gone on while no page was open.
  if (machineThreads && machineRun.value && status.value !== "finished") void workOnMachine(machineRun.value, false);
  return [...last.plan.train, ...last.plan.validation].map(({ id }) => id);
}

/** Shows the maps of the last training one by one: nothing waits for them. */
async function showMaps({ lines: done, followed: seen }: RunState, its: Plan | null): Promise<void> {
  for (const { epoch } of seen.length > 0 ? done : []) {
    const found = await store.mapsOf(epoch);
    // Another training may have taken its place, or gone on.
    if (plan.value !== its) return;
    const known = maps.value.some((one) => one.epoch === epoch);
    if (!known && found?.looks.length === seen.length) addMaps(found);
  }
}

const addMaps = (found: EpochMaps) =>
  void (maps.value = [...maps.value.filter(({ epoch }) => epoch !== found.epoch), found].sort(
    (a, b) => a.epoch - b.epoch,
  ));

export const weightsTrouble = signal<string | null>(null);

/** Takes a file with pretrained weights as the start. */
export async function startFrom(file: File): Promise<void> {
  weightsTrouble.value = null;
  try {
    const pretrained = await trainer().keepWeights(file);
    const size = catalogue.value?.networks.find(({ name }) => name === pretrained.network)?.imageSize ?? 224;
    change({ pretrained, attention: null, imageSize: size, lr: 0.003, optimizer: "adamw" });
  } catch (error) {
    weightsTrouble.value = (error as Error).message;
  }
}

/** Whether weights are on their way from the hub. */
export const fetching = signal(false);

/** The same with weights of the hub. */
export async function startFromHub(repository: string): Promise<void> {
  if (fetching.value) return;
  weightsTrouble.value = null;
  fetching.value = true;
  try {
    await startFrom(await weightsFromHub(repository));
  } catch (error) {
    weightsTrouble.value = (error as Error).message;
  } finally {
    fetching.value = false;
  }
}

/** The images and settings of now, as a training takes them. */
export function planNow(): Plan {
  const folder = asFolder(project.value, split.value.parts);
  const items = (part: "train" | "validation") => folder[part].map(({ image, label }) => ({ id: image.id, label }));
  return {
    settings: settings.value,
    classes: sortedClasses(project.value).map(({ name }) => name),
    train: items("train"),
    validation: items("validation"),
  };
}

export const start = async (): Promise<void> => {
  if (!mayBegin()) return;
  const fresh = planNow();
  batch(() => {
    plan.value = fresh;
    lines.value = [];
    maps.value = [];
    followed.value = [];
    mapShare.value = null;
    hasWeights.value = false;
  });
  remember(null);
  return where.value === "machine" ? workOnMachine(null, false) : work(fresh);
};

export const goOn = async (): Promise<void> => {
  if (mayBegin()) await (machineRun.value ? workOnMachine(machineRun.value, true) : work(null));
};

export async function stop(): Promise<void> {
  if (!busy.value) return;
  status.value = "stopping";
  if (machineRun.value) await stopMachine(machineRun.value).catch(() => {});
  else await trainer().stop();
}

const work = (fresh: Plan | null) =>
  concluding(() => trainer().train(fresh as never, computing(), listener(listen) as never));

/** Trains on the machine: begins with the images of now, goes on with a run, or only follows one. */
const workOnMachine = (run: string | null, begin: boolean) =>
  concluding(async () => {
    let current = run;
    if (current === null) {
      await store.beginRun(plan.value!);
      const { train, validation } = asFolder(project.value, split.value.parts);
      const placed = [...train, ...validation];
      const total = placed.length;
      const sent = await sendImages(placed, (done) => {
        preparing.value = { done, total };
        return status.value !== "stopping";
      });
      if (sent === null) {
        // Nothing was begun that could go on.
        plan.value = null;
        return true;
      }
      current = sent;
      if (plan.value!.settings.pretrained) await sendWeights(current);
      remember(current);
    }
    if (run === null || begin) await beginOnMachine(current, plan.value!.settings, begin);
    preparing.value = null;
    if (status.value === "stopping") await stopMachine(current);
    else status.value = "running";
    const { failure, finished } = await follow(
      current,
      (epoch) =>
        batch(() => {
          followed.value = epoch.followed;
          listen({ kind: "epoch", line: epoch.line, maps: epoch.maps, mapShare: null });
        }),
      listen,
    );
    if (lines.value.length) {
      await fetchRun(current);
      version.value++;
    }
    if (failure !== null) throw new Error(failure);
    return !finished;
  });

/** Runs a training to its end, whichever it is. `train` says whether it was stopped. */
async function concluding(train: () => Promise<boolean>): Promise<void> {
  batch(() => {
    failure.value = null;
    step.value = null;
    status.value = "preparing";
  });
  try {
    const stopped = await train();
    status.value = stopped ? "stopped" : "finished";
    const best = bestLine.value;
    const stored = step.value !== null || lines.value.length > 0;
    announce(
      stopped
        ? `Training stopped${stored ? " and stored" : " before its first step"}.`
        : `Training finished${best?.top1 == null ? "" : `: ${Math.round(100 * best.top1)} % of the held-out images are right`}.`,
    );
  } catch (error) {
    batch(() => {
      preparing.value = null;
      status.value = "failed";
      failure.value = (error as Error).message;
    });
    announce("Training failed.");
  }
}

function listen(event: TrainingEvent): void {
  batch(() => {
    if (event.kind === "preparing") preparing.value = event;
    else if (event.kind === "started") {
      preparing.value = null;
      followed.value = event.followed;
      lines.value = event.lines;
      maps.value = maps.value.filter(({ epoch }) => epoch <= event.lines.length);
      if (status.value === "preparing") status.value = "running";
    } else if (event.kind === "features") features.value = event.done < event.total ? event : null;
    else if (event.kind === "step") step.value = event.step;
    else if (!lines.value.some(({ epoch }) => epoch === event.line.epoch)) {
      lines.value = [...lines.value, event.line];
      if (event.maps) addMaps(event.maps);
      mapShare.value = event.mapShare;
      hasWeights.value = true;
      version.value++;
      const { top1 } = event.line;
      const right = top1 === null ? "" : `: ${Math.round(100 * top1)} % are right`;
      sayProgress(`Epoch ${event.line.epoch} of ${plan.value?.settings.epochs} is done${right}`);
    }
  });
}

export const bestLine = computed(() => bestOf(lines.value));
