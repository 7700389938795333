/** Computes: trains, explains and exports, where the page stays responsive. */

import { expose, transfer } from "comlink";
import { findGpu } from "fovea/engine";
import { attentionInfo, type Engine, listAttention, listModels, modelInfo, ortWebEngine } from "fovea/web";
import { type Computing, type GpuFinding, inStudio, withoutAdvice } from "../../logic/computing.js";
import type { Pretrained } from "../../logic/recipe.js";
import { type ModulePage, modulePage } from "./around.js";
import { type Comparison, compare, storedComparison, tableOf, unitsDone } from "./comparing.js";
import {
  type Judged,
  type Layers,
  Looker,
  type MethodItem,
  type Opinion,
  type Question,
  type Sight,
  type Source,
} from "./look.js";
import { checkedRun, type RunFile, runOfCheckpoint } from "./opened.js";
import { keepWeights } from "./recipe.js";
import { type Plan, run } from "./run.js";
import { type File, type Taken, take } from "./take.js";
import { telling } from "./telling.js";
import { runTraining, type TrainingEvent } from "./training.js";

/** An attention module, as lists show it. */
export interface ModuleEntry {
  readonly name: string;
  readonly title: string;
  readonly attends: string;
}

/** A network, as lists show it. */
export interface NetworkEntry {
  readonly name: string;
  /** The side of the input it was made for. */
  readonly imageSize: number;
  readonly optimizer: "sgd" | "adamw";
}

export interface Catalogue {
  readonly modules: readonly ModuleEntry[];
  readonly networks: readonly NetworkEntry[];
}

let controller = new AbortController();
let open: { readonly engine: Engine; readonly how: string } | undefined;

/** The engine that computes so. Whatever it cannot do, it says in the studio's words. */
async function engineOf({ device, threads, allowSoftware }: Computing): Promise<Engine> {
  const options = device === "webgpu" ? { device, allowSoftware } : { threads };
  const how = JSON.stringify(options);
  if (open && open.how !== how) {
    await open.engine.release();
    open = undefined;
  }
  open ??= { engine: inOurWords(ortWebEngine(options)), how };
  return open.engine;
}

const inOurWords = (engine: Engine): Engine => ({
  name: engine.name,
  compile: (graph) =>
    engine.compile(graph).catch((error: Error) => {
      // It may be there next time: a driver that was updated, a browser's setting.
      if (engine.name === "ort-webgpu") open = undefined;
      throw new Error(inStudio(error.message), { cause: error });
    }),
  release: () => engine.release(),
});

/** Whether work was stopped, as it says itself or by the signal's reason. */
const untilStopped = (work: Promise<boolean>): Promise<boolean> =>
  work.catch((error) => {
    if (controller.signal.aborted && error === controller.signal.reason) return true;
    throw error;
  });

const engine = {
  /** Modules that fit any network, and networks that classify. */
  catalogue(): Catalogue {
    const modules = listAttention()
      .map((name) => attentionInfo(name))
      .filter(({ kind, sized }) => kind === "gate" && !sized)
      .map(({ name, title, attends }) => ({ name, title, attends }));
    const networks = listModels()
      .map((name) => modelInfo(name))
      .filter(({ task }) => task === "classification")
      .map(({ name, input, optimizer = "sgd" }) => ({ name, imageSize: input[1], optimizer }));
    return { modules, networks };
  },

  /** The graphics card, or why there is none. */
  gpu: (allowSoftware: boolean): Promise<GpuFinding> =>
    findGpu().then(
      ({ name, isSoftware }) =>
        isSoftware && !allowSoftware
          ? { why: "WebGPU is emulated on the processor here, as there is no graphics card or no driver for it" }
          : { name },
      (error: Error) => ({ why: withoutAdvice(error.message) }),
    ),

  /** Trains from the start with a plan, or goes on with the stored one. Returns whether it was stopped. */
  async train(plan: Plan | null, how: Computing, tell: (event: TrainingEvent) => void): Promise<boolean> {
    controller = new AbortController();
    if (plan) await run.begin(plan);
    const stored = plan ?? (await run.plan());
    if (!stored) throw new Error("there is no training to go on with");
    const engine = await engineOf(how);
    return untilStopped(telling(tell, (tell) => runTraining(stored, engine, controller.signal, tell)));
  },

  /** Ends the training after the current step; its state is stored. */
  stop(): void {
    controller.abort();
  },

  /** Stores a file with pretrained weights. */
  keepWeights: (file: globalThis.File): Promise<Pretrained> => keepWeights(file),

  /** A run from elsewhere, as it is stored here. @throws Error if it cannot be opened. */
  checkedRun: (files: readonly RunFile[]): Promise<RunFile[]> => checkedRun(files),

  /** The run folder that a checkpoint could be of. */
  runOfCheckpoint: (file: globalThis.File): Promise<RunFile[]> => runOfCheckpoint(file),

  /** Opens the best weights of the last training, for the questions below. */
  async openNetwork(
    how: Computing,
  ): Promise<{ readonly classes: readonly string[]; readonly methods: readonly MethodItem[] }> {
    await looker?.release();
    looker = undefined;
    looker = await Looker.open(await engineOf({ ...how, threads: 1 }));
    return { classes: looker.plan.classes, methods: looker.methods };
  },

  /** What it says of every held-out image. */
  judge: (report: (judged: readonly Judged[]) => void): Promise<void> =>
    telling(report, (report) => opened().judge(report)),

  async see(source: Source, question: Question): Promise<Sight> {
    const sight = await opened().see(source, question);
    return transfer(sight, [sight.picture.data.buffer]);
  },

  cover: (x: number, y: number, size: number): Promise<Opinion> => opened().cover(x, y, size),

  /** Maps of an image at the layers of the network. */
  layers: (source: Source): Promise<Layers> => opened().layers(source),

  async storedComparison() {
    const comparison = await storedComparison();
    return comparison && { comparison, rows: tableOf(comparison), units: unitsDone(comparison) };
  },

  /** Trains what is open of a comparison. Returns whether it was stopped. */
  async compare(comparison: Comparison, how: Computing, tell: Parameters<typeof compare>[3]): Promise<boolean> {
    controller = new AbortController();
    const engine = await engineOf(how);
    return untilStopped(telling(tell, (tell) => compare(comparison, engine, controller.signal, tell)));
  },

  modulePage: (name: string): ModulePage => modulePage(name),

  take: (what: Taken): Promise<File> => take(opened(), what),
};

let looker: Looker | undefined;

function opened(): Looker {
  if (!looker) throw new Error("no network is open");
  return looker;
}

export type EngineWorker = typeof engine;
expose(engine);
