import { FormatError } from "../../core/errors.js";
import type { Engine } from "../../engines/engine.js";
import type { Comparison, Worst } from "./comparison.js";
import { GoldenFile } from "./file.js";
import { checkMetricsFile } from "./metrics.js";
import { checkModuleFile } from "./module.js";
import { checkNetworkFile } from "./network.js";
import { checkParametersFile } from "./seeing.js";
import { checkAttributionsFile } from "./seeing-attributions.js";
import { checkCamsFile } from "./seeing-cams.js";
import { checkStatisticsFile } from "./statistics.js";
import { checkTrainedFile, type TrainedData } from "./trained.js";
import { checkTrajectoryFile } from "./trajectory.js";

export type { Worst } from "./comparison.js";
export type { TrainedData } from "./trained.js";

/** The outcome of checking one golden file with one engine. */
export interface GoldenReport {
  /** What the file covers: a module, or a network. */
  readonly module: string;
  /** Whether all tensors are within tolerance. */
  readonly ok: boolean;
  /** The tensor with the largest error. */
  readonly worst: Worst;
}

/**
 * Checks a golden file of any kind: one module, a whole network, optimizer steps, trained weights, explanations, or statistics. The file's
 * metadata says which. Kinds and tolerances are described in the file format's documentation.
 *
 * @throws FormatError if the file is damaged, or names an unknown module, option or key.
 */
export async function checkGolden(bytes: Uint8Array, engine: Engine, data: TrainedData): Promise<GoldenReport> {
  const file = new GoldenFile(bytes);
  const kind = file.hasText("kind") ? file.text("kind") : "module";
  const check = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  if (!check) throw new FormatError(`golden file: kind "${kind}" is not one of ${Object.keys(kinds).join(", ")}`);
  const { ok, worst } = await check(file, engine, data);
  const about = ["module", "network"].find((name) => file.hasText(name));
  return { module: about ? file.text(about) : kind, ok, worst };
}

const kinds: Record<string, (file: GoldenFile, engine: Engine, data: TrainedData) => Promise<Comparison>> = {
  module: checkModuleFile,
  network: checkNetworkFile,
  trajectory: checkTrajectoryFile,
  trained: checkTrainedFile,
  "seeing/parameters": checkParametersFile,
  "seeing/cams": checkCamsFile,
  "seeing/metrics": checkMetricsFile,
  "seeing/attributions": checkAttributionsFile,
  "comparing/statistics": checkStatisticsFile,
};
