import { unusable } from "../../../core/errors.js";
import { inferenceRules } from "../../../formats/onnx/lower.js";
import type { Rules } from "../../../formats/onnx/writer.js";
import { type Graph, isOp } from "../../../graph/graph.js";
import { foldBatchNorm } from "../../../graph/passes/fold-batch-norm.js";
import { convWeightGradOp } from "../../../ops/conv.js";
import type { BlockedRule } from "../blocked/rule.js";
import { blockedRules } from "../blocked/rules/index.js";
import { layerShape } from "../conv-layer.js";
import type { Pass } from "../passes/pass.js";
import { nativeRules } from "../rules/native.js";
import { trainingRules } from "../rules/training.js";
import { allowedBy, defaultTuning, type EnginePrecision, type Tuning } from "../tuning.js";
import { probeBlockSize } from "./blocked-operators.js";
import type { Backend, Target } from "./target.js";
import { probeWritesInPlace } from "./write-in-place.js";

/** Standard ONNX, replaced where something is faster on the native build. */
export const cpuRules: Rules = new Map([...inferenceRules, ...trainingRules, ...nativeRules]);

/** What a processor and the installed build can do. */
export interface CpuFacts {
  /** Channels in a block: 16 with AVX-512, 8 with AVX2; undefined without blocked operators. */
  readonly blockSize: number | undefined;
  readonly writesInPlace: boolean;
}

/** What is compiled how on the CPU: see the options of `ortEngine`. */
export interface CpuOptions {
  readonly layout?: "auto" | "plain" | "blocked";
  readonly precision?: EnginePrecision;
  readonly tuning?: Tuning;
  /** Rules in place of the backend's own. */
  readonly rules?: Rules;
}

/** The CPU as a target. */
export function cpuTarget({ blockSize: block, writesInPlace }: CpuFacts, options: CpuOptions = {}): Target {
  const { precision = "float32", tuning = defaultTuning, rules = new Map() } = options;
  const own = ({ ops, ...rule }: BlockedRule) => ({ ...rule, ops: ops.filter((op) => !rules.has(op)) });
  return {
    name: block === undefined ? "cpu" : `cpu, blocks of ${block}`,
    rules: new Map([...cpuRules, ...rules]),
    blocks:
      block === undefined
        ? undefined
        : { block, winograd: allowedBy(precision, tuning.winograd), rules: blockedRules.map(own) },
    writesInPlace,
    readsInPlace: true,
    ...(block === undefined ? {} : { before: { "fold-batch-norm": foldNorms } }),
  };
}

/** In plain graphs ONNX Runtime folds them. */
const foldNorms: Pass = (module) =>
  module.graph.updates.length > 0 ? module : { ...module, graph: foldBatchNorm(module.graph, true) };

/** The native build of ONNX Runtime on the CPU. */
export function cpuBackend(options: CpuOptions = {}): Backend<CpuFacts> {
  const { layout = "auto", tuning = defaultTuning } = options;
  return {
    name: layout === "auto" ? "ort" : `ort-${layout}`,
    async load(threads) {
      const ort = await import("onnxruntime-node").catch(unusable("ortEngine", "onnxruntime-node", "1.30.0"));
      // Threads that wait for more work after a run would keep a processor from the next session.
      const extra = { session: { force_spinning_stop: "1" } };
      return { ort, options: threads === undefined ? {} : { intraOpNumThreads: threads, extra } };
    },
    probe: async (ort) => ({ blockSize: await probeBlockSize(ort), writesInPlace: await probeWritesInPlace(ort) }),
    async targetFor(graph, probe) {
      const isBlocked = layout === "blocked" || (layout === "auto" && gainsFromBlocks(graph, tuning));
      const nothing: CpuFacts = { blockSize: undefined, writesInPlace: false };
      const facts = isBlocked || graph.updates.length > 0 ? await probe() : nothing;
      return cpuTarget(isBlocked ? facts : { ...facts, blockSize: undefined }, options);
    },
  };
}

/** Whether a graph is as fast in blocks or faster: where convolutions learn, with more than a few images; else without updates. */
function gainsFromBlocks({ nodes, updates }: Graph, { fewImages }: Tuning): boolean {
  const learning = nodes.filter((node) => isOp(node, convWeightGradOp));
  if (learning.length > 0) return learning.some(({ inputs }) => Number(inputs[0]!.shape[0]) > fewImages);
  return updates.length === 0 && nodes.some((node) => layerShape(node) !== undefined);
}
