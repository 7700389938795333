import type * as common from "onnxruntime-common";
import type { Rules } from "../../../formats/onnx/writer.js";
import type { Graph } from "../../../graph/graph.js";
import type { BlockedTarget } from "../blocked/blocked-layer.js";
import type { BlockedRule } from "../blocked/rule.js";
import type { Pass } from "../passes/pass.js";
import type { SessionSpec, SessionState } from "../state.js";

/** What sessions need from onnxruntime-node or onnxruntime-web. */
export type OrtModule = Pick<typeof common, "InferenceSession" | "Tensor">;

/** ONNX Runtime as it was loaded, and options for every session. */
export interface Loaded {
  readonly ort: OrtModule;
  readonly options?: common.InferenceSession.SessionOptions;
  /** Opens a session whose state is not held in arrays of the CPU. */
  readonly open?: (spec: SessionSpec) => Promise<SessionState>;
}

/**
 * A build of ONNX Runtime on a kind of processor: all that the engine, the compiler and the sessions do differently there. `Facts` is what
 * its probe finds out.
 */
export interface Backend<Facts = unknown> {
  /** Name of the engine. */
  readonly name: string;
  /** Loads the package. Sessions, and so this and the probe, may be in another thread than the rest. */
  load(threads: number | undefined): Promise<Loaded>;
  /** Finds out what this build and processor can do, by running small models. */
  probe(ort: OrtModule): Promise<Facts>;
  /** What to compile a graph for. Probes only if it matters for this graph. */
  targetFor(graph: Graph, probe: () => Promise<Facts>): Promise<Target>;
}

/** What a graph is compiled for: all that passes depend on. */
export interface Target {
  readonly name: string;
  /** Plain rules. */
  readonly rules: Rules;
  /** Blocked operators to use, and the rules that emit them, in the order in which they are tried; undefined for none. */
  readonly blocks: (BlockedTarget & { readonly rules: readonly BlockedRule[] }) | undefined;
  /** Whether a run can write results over the arrays of its inputs. */
  readonly writesInPlace: boolean;
  /** Whether a run reads given arrays where they are, without a copy. */
  readonly readsInPlace: boolean;
  /** Passes of its own, before and after those of `compile.ts`. */
  readonly before?: Readonly<Record<string, Pass>>;
  readonly after?: Readonly<Record<string, Pass>>;
}
