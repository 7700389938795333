import { parseEpochMaps, parseReportFacts, type ReportFacts } from "fovea/engine";
import type { EpochMaps, SeenImage } from "fovea/explain";
import type { ClassificationMetrics, EpochRecord } from "fovea/web";
import type { Settings } from "../../logic/recipe.js";
import { linesOf } from "../../logic/run-files.js";
import type { Item } from "./data.js";
import { folder, move, read, remove, write } from "./files.js";
import type { RunFile } from "./opened.js";
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

/** A training as it was left, without its maps. */
export interface RunState {
  readonly plan: Plan;
  readonly config: Config | null;
  readonly lines: readonly Line[];
  readonly followed: readonly SeenImage[];
  /** Whether there are weights to look at. */
  readonly hasWeights: boolean;
}

const home = () => folder("run");

/** A file of the run; undefined where it is missing or damaged. */
async function parsed<T>(name: string, parse: (json: string, name: string) => T, place = home()) {
  const file = await read(await place, name);
  try {
    return file && parse(await file.text(), name);
  } catch {
    return undefined;
  }
}

const asIs = <T>(json: string) => JSON.parse(json) as T;

/** `maps/epoch-1.json` is `epoch-1.json` in the folder `maps`. */
function pathOf(name: string): { readonly folders: readonly string[]; readonly last: string } {
  const folders = name.split("/");
  return { last: folders.pop()!, folders };
}

/** The run folder in the browser's storage: its files are those of `fovea train`, and `plan.json`. */
export const run = {
  async begin(plan: Plan): Promise<void> {
    await remove(await folder(), "run");
    await write(await home(), "plan.json", JSON.stringify(plan));
  },

  /** Stores files of a run by their names in it. */
  async keep(files: readonly RunFile[], place = "run"): Promise<void> {
    for (const [name, contents] of files) {
      const { folders, last } = pathOf(name);
      await write(await folder(place, ...folders), last, contents);
    }
  },

  /** Puts a run in the place of the last one, which stays until all of the new one is stored. */
  async replace(plan: Plan, files: readonly RunFile[]): Promise<void> {
    const [place, parent] = ["next-run", await folder()];
    // The plan comes last: without it there is no run.
    const all: RunFile[] = [...files, ["plan.json", new Blob([JSON.stringify(plan)])]];
    await remove(parent, place);
    try {
      await run.keep(all, place);
      await remove(parent, "run");
      for (const [name] of all) {
        const { folders, last } = pathOf(name);
        await move(await folder(place, ...folders), last, await folder("run", ...folders));
      }
    } finally {
      await remove(parent, place).catch(() => {});
    }
  },

  plan: () => parsed("plan.json", asIs<Plan>),
  config: () => parsed("config.json", asIs<Config>),

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

  facts: () => parsed("report.json", parseReportFacts),

  async writeFacts(facts: ReportFacts): Promise<void> {
    await write(await home(), "report.json", `${JSON.stringify(facts)}\n`);
  },

  /** The maps after an epoch, if there are any. */
  mapsOf: (epoch: number) => parsed(`epoch-${epoch}.json`, parseEpochMaps, folder("run", "maps")),

  async writeMaps(maps: EpochMaps): Promise<void> {
    await write(await folder("run", "maps"), `epoch-${maps.epoch}.json`, JSON.stringify(maps));
  },

  /** Everything of the last training, or undefined if there is none. */
  async open(): Promise<RunState | undefined> {
    const plan = await run.plan();
    if (!plan) return undefined;
    const lines = await run.lines();
    const followed = (await run.facts())?.followed ?? [];
    const hasWeights = (await read(await home(), "best.safetensors")) !== undefined;
    return { plan, config: (await run.config()) ?? null, lines, followed, hasWeights };
  },
};
