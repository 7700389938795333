import type { Graph } from "../../graph/graph.js";
import { aliasState } from "./passes/alias-state.js";
import { emit } from "./passes/emit.js";
import { fuseSmallUpdates } from "./passes/fuse-small-updates.js";
import { type Module, type Pass, runPasses } from "./passes/pass.js";
import { scheduleUpdates, scheduleWeights } from "./passes/schedule.js";
import type { Target } from "./targets/target.js";

/** The compiler, pass by pass. */
export const passes: Readonly<Record<string, Pass>> = {
  "fuse-small-updates": fuseSmallUpdates,
  emit,
  "schedule-updates": scheduleUpdates,
  "schedule-weights": scheduleWeights,
  "alias-state": aliasState,
};

/**
 * Compiles a graph for a target: the engine, the profiler, tools and tests all run what this returns.
 *
 * @param visit Sees the module after each pass.
 * @example
 * const { lowered } = compile(graph, cpuTarget({ blockSize: 16, writesInPlace: true }));
 * printModule(lowered);
 */
export const compile = (graph: Graph, target: Target, visit?: (pass: string, module: Module) => void): Module =>
  runPasses(graph, target, { ...target.before, ...passes, ...target.after }, visit);
