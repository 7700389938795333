import { signal } from "@preact/signals";
import type { EpochMaps, SeenImage } from "fovea/explain";
import type { Placed } from "../../logic/project.js";
import type { Settings } from "../../logic/recipe.js";
import { linesOf } from "../../logic/run-files.js";
import { store } from "../workers/index.js";
import type { Line } from "../workers/run.js";
import type { TrainingEvent } from "../workers/training.js";

/** Processors of the machine that served this page and trains for it; null where none does. */
export const machineThreads =
  Number(document.querySelector<HTMLMetaElement>('meta[name="fovea-machine"]')?.content ?? 0) || null;

/** Where trainings run. */
export const where = signal<"page" | "machine">("page");

const remembered = "fovea-studio-machine-run";
/** The machine's run that the last training is; null if it was one of the page. */
export const machineRun = signal<string | null>(machineThreads ? localStorage.getItem(remembered) : null);

export function remember(run: string | null): void {
  machineRun.value = run;
  if (run === null) localStorage.removeItem(remembered);
  else localStorage.setItem(remembered, run);
}

/** An epoch as the machine tells it. */
export interface MachineEpoch {
  readonly line: Line;
  readonly maps: EpochMaps | null;
  readonly followed: readonly SeenImage[];
}

export interface MachineEnd {
  readonly failure: string | null;
  readonly finished: boolean;
}

/** A run on the machine, as lists show it. */
export interface MachineRun {
  readonly name: string;
  readonly network: string;
  readonly classes: readonly string[];
}

const silence = (): never => {
  throw new Error("“fovea studio” does not answer. Is it still running?");
};

const request = (path: string, init?: RequestInit): Promise<Response> => fetch(`./api/${path}`, init).catch(silence);

/** @throws Error with what the machine says if it refuses. */
async function answered(path: string, init?: RequestInit): Promise<Response> {
  const response = await request(path, init);
  if (!response.ok) throw new Error((await response.text()).trim());
  return response;
}

const ask = async <T>(path: string, init?: RequestInit): Promise<T> => (await (await answered(path, init)).json()) as T;

const encoded = (path: string) => path.split("/").map(encodeURIComponent).join("/");

export const listRuns = () => ask<MachineRun[]>("runs");

/** Images on their way at a time. */
const atATime = 4;

/** Sends the images to the machine. Returns the name of the run, or null once `goOn` says no. */
export async function sendImages(placed: readonly Placed[], goOn: (done: number) => boolean): Promise<string | null> {
  const { run } = await ask<{ run: string }>("runs", { method: "POST" });
  let [next, done, wanted] = [0, 0, true];
  const send = async () => {
    while (wanted && next < placed.length) {
      const { image, path } = placed[next++]!;
      const body = await store.file(image.id);
      if (body) await ask(`runs/${encoded(run)}/images/${encoded(path)}`, { method: "PUT", body });
      wanted = goOn(++done) && wanted;
    }
  };
  await Promise.all(Array.from({ length: atATime }, send));
  return wanted ? run : null;
}

/** Weights of a repository on the hub, `OWNER/NAME`: the machine asks for them, the page may not. */
export async function weightsFromHub(repository: string): Promise<File> {
  const response = await answered("hub", json({ repository }));
  return new File([await response.blob().catch(silence)], `hf:${repository}`);
}

const json = (value: unknown): RequestInit => ({
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(value),
});

/** Sends the file with the pretrained weights. */
export async function sendWeights(run: string): Promise<void> {
  const body = await store.weightsFile();
  if (!body) throw new Error("the file with the pretrained weights is gone; choose it again");
  await ask(`runs/${encoded(run)}/weights`, { method: "PUT", body });
}

export const beginOnMachine = (
  run: string,
  { threads: _threads, device: _device, ...settings }: Settings,
  resume: boolean,
) => ask(`runs/${encoded(run)}/train`, json({ ...settings, resume }));

export const stopMachine = (run: string) => ask(`runs/${encoded(run)}/stop`, json({}));

/** How far the machine is within an epoch, or with the features of frozen parts. */
export type MachineNews = Extract<TrainingEvent, { readonly kind: "step" | "features" }>;

/** Tells of every epoch, from the first on, and how far the next one is, until the training ends. */
export function follow(
  run: string,
  onEpoch: (epoch: MachineEpoch) => void,
  onNews: (news: MachineNews) => void,
): Promise<MachineEnd> {
  return new Promise((resolve) => {
    const events = new EventSource(`./api/runs/${encoded(run)}/events`);
    events.addEventListener("epoch", ({ data }) => onEpoch(JSON.parse(data) as MachineEpoch));
    events.addEventListener("news", ({ data }) => onNews(JSON.parse(data) as MachineNews));
    events.addEventListener("end", ({ data }) => {
      events.close();
      resolve(JSON.parse(data) as MachineEnd);
    });
  });
}

/** A file of a run; undefined where there is none. */
async function fileOf(run: string, name: string): Promise<Blob | undefined> {
  const response = await request(`runs/${encoded(run)}/files/${name}`);
  return response.ok ? response.blob().catch(silence) : undefined;
}

const needed = ["config.json", "metrics.jsonl", "best.safetensors", "last.safetensors"];

/** The files of a run. @throws Error if one that every run has cannot be read. */
export async function filesOf(run: string): Promise<[string, Blob][]> {
  const read = (names: readonly string[]) =>
    Promise.all(names.map(async (name) => [name, await fileOf(run, name)] as const));
  const files = await read([...needed, "report.json"]);
  const missing = files.find(([name, file]) => !file && needed.includes(name));
  if (missing) throw new Error(`${missing[0]} of the machine's run cannot be read`);
  const metrics = await new Map(files).get("metrics.jsonl")!.text();
  const maps = await read((linesOf(metrics) as Line[]).map(({ epoch }) => `maps/epoch-${epoch}.json`));
  return [...files, ...maps].flatMap(([name, file]): [string, Blob][] => (file ? [[name, file]] : []));
}

/** Copies the run into the page's storage, from where it is looked at and taken away. */
export async function fetchRun(run: string): Promise<void> {
  await store.keepRun(await filesOf(run));
}
