import type { EpochMaps, RunReport, SeenImage } from "fovea/explain";
import type { ClassificationMetrics, EpochRecord } from "fovea/web";
import { areMaps, hasFollowed } from "../../logic/findings.js";
import type { Settings } from "../../logic/recipe.js";
import { linesOf } from "../../logic/run-files.js";
import type { Item } from "./data.js";
import { folder, read, remove, write } from "./files.js";
import type { Config } from "./recipe.js";

/** What a training is of, fixed when it begins: whatever happens to the project, it goes on with these images. */
export interface Plan {
  readonly settings: Settings;
  readonly classes: readonly string[];
  readonly train: readonly Item[];
  readonly validation: readonly Item[];
  /** It was trained elsewhere, and opened here. */
  readonly opened?: true;
}

/** A line of `metrics.jsonl`. */
export type Line = EpochRecord & {
  readonly seconds: number;
  readonly imagesPerSecond: number;
  readonly validation: ClassificationMetrics | null;
};

/** `report.json`, as `fovea train` writes it: what the report shows beyond the figures. */
export type Facts = Required<Pick<RunReport, "skipped" | "test" | "followed" | "findings">> & {
  readonly format: "fovea.report.1";
  readonly parameters: number;
  readonly images: { readonly training: number; readonly validation: number } | null;
};

/** A training as it was left. */
export interface RunState {
  readonly plan: Plan;
  readonly config: Config | null;
  readonly lines: readonly Line[];
  readonly followed: readonly SeenImage[];
  readonly maps: readonly EpochMaps[];
  /** Whether there are weights to look at. */
  readonly hasWeights: boolean;
}

const home = () => folder("run");

async function json<T>(name: string, place = home()): Promise<T | undefined> {
  const file = await read(await place, name);
  if (!file) return undefined;
  try {
    return JSON.parse(await file.text()) as T;
  } catch {
    return undefined;
  }
}

/** The run folder in the browser's storage: its files are those of `fovea train`, and `plan.json`. */
export const run = {
  async begin(plan: Plan): Promise<void> {
    await remove(await folder(), "run");
    await write(await home(), "plan.json", JSON.stringify(plan));
  },

  plan: () => json<Plan>("plan.json"),
  config: () => json<Config>("config.json"),

  async writeConfig(config: Config): Promise<void> {
    await write(await home(), "config.json", `${JSON.stringify(config, null, 2)}\n`);
  },

  async lines(): Promise<Line[]> {
    const file = await read(await home(), "metrics.jsonl");
    return linesOf(file ? await file.text() : "") as Line[];
  },

  async writeLines(lines: readonly Line[]): Promise<void> {
    await write(await home(), "metrics.jsonl", lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  },

  async writeWeights(which: "best" | "last", bytes: Uint8Array): Promise<void> {
    await write(await home(), `${which}.safetensors`, bytes as Uint8Array<ArrayBuffer>);
  },

  async weights(which: "best" | "last"): Promise<Uint8Array | undefined> {
    const file = await read(await home(), `${which}.safetensors`);
    return file && new Uint8Array(await file.arrayBuffer());
  },

  facts: () => json<Facts>("report.json"),

  async writeFacts(facts: Facts): Promise<void> {
    await write(await home(), "report.json", `${JSON.stringify(facts)}\n`);
  },

  async writeMaps(maps: EpochMaps): Promise<void> {
    await write(await folder("run", "maps"), `epoch-${maps.epoch}.json`, JSON.stringify(maps));
  },

  /** Everything of the last training, or undefined if there is none. */
  async open(): Promise<RunState | undefined> {
    const plan = await json<Plan>("plan.json");
    if (!plan) return undefined;
    const lines = await run.lines();
    const facts = await run.facts();
    const followed = hasFollowed(facts) ? facts!.followed : [];
    const maps: EpochMaps[] = [];
    for (const { epoch } of followed.length > 0 ? lines : []) {
      const found = await json<EpochMaps>(`epoch-${epoch}.json`, folder("run", "maps"));
      if (areMaps(found, followed.length)) maps.push(found!);
    }
    const hasWeights = (await read(await home(), "best.safetensors")) !== undefined;
    return { plan, config: (await run.config()) ?? null, lines, followed, maps, hasWeights };
  },
};
