import { type Tensor, toFloat32 } from "../../core/tensor.js";
import { inferenceRules, type Lowered, lowerToOnnx } from "../../formats/onnx/lower.js";
import { encodeOnnx } from "../../formats/onnx/proto.js";
import type { Rules } from "../../formats/onnx/writer.js";
import { type Cell, type Graph, type Program, program } from "../../graph/graph.js";
import type { Arrays, Engine, Executable } from "../engine.js";
import { checkFeeds, checkGraph } from "../feeds.js";
import { nativeRules } from "./rules/native.js";
import { trainingRules } from "./rules/training.js";
import { webRules } from "./rules/web.js";
import type { HostRequest, HostResult } from "./session.js";

/** Lowering for the CPU build of ONNX Runtime: the standard rules, faster ones where there are any. */
export const nodeRules: Rules = new Map([...inferenceRules, ...trainingRules, ...nativeRules]);

/** As {@link nodeRules}, for the WebAssembly build. */
export const wasmRules: Rules = new Map([...inferenceRules, ...trainingRules, ...webRules]);

/** Options of the engines on ONNX Runtime. */
export interface OrtOptions {
  /** Threads for computing. Default: as many as there are processors; in browsers what onnxruntime-web chooses. */
  readonly threads?: number;
  /** Rules that replace the engine's own, by operator name. */
  readonly rules?: Rules;
}

/** Where sessions live: a worker thread, or the calling one. */
export interface Host {
  ask(request: HostRequest): Promise<HostResult>;
  /** Ends every session. */
  stop(): Promise<void>;
}

/** The engine whose sessions live in a host. */
export function engineIn(host: Host, name: string, rules: Rules): Engine {
  return {
    name,
    async compile(graph) {
      checkGraph(graph);
      const lowered = lowerToOnnx(graph, rules);
      const spec = {
        model: encodeOnnx(lowered.model),
        outputs: [...graph.outputs.keys()],
        states: lowered.states.map(({ cell, before, after }) => ({
          before: before.name,
          after: after.name,
          initial: widthOf(cell),
        })),
      };
      const session = (await host.ask({ kind: "create", spec })) as number;
      return new OrtExecutable(host, session, graph, lowered);
    },
    release: () => host.stop(),
  };
}

const widthOf = (cell: Cell): Tensor => (cell.dtype === "float" ? toFloat32(cell.value) : cell.value);

class OrtExecutable implements Executable {
  readonly #program: Program;

  constructor(
    private readonly host: Host,
    private readonly session: number,
    private readonly graph: Graph,
    private readonly lowered: Lowered,
  ) {
    this.#program = program(graph);
  }

  async run(inputs: Arrays): Promise<Record<string, Tensor>> {
    checkFeeds(this.#program, this.graph.inputs.keys(), inputs);
    const feeds: Record<string, Tensor> = {};
    for (const { source, type } of this.#program.inputs)
      if (source.kind === "input")
        feeds[source.name] = type.dtype === "float" ? toFloat32(inputs[source.name]!) : inputs[source.name]!;
    return (await this.host.ask({ kind: "run", session: this.session, inputs: feeds })) as Record<string, Tensor>;
  }

  async readState(): Promise<Map<Cell, Tensor>> {
    const contents = (await this.host.ask({ kind: "readState", session: this.session })) as readonly Tensor[];
    return new Map(this.lowered.states.map(({ cell }, i) => [cell, contents[i]!]));
  }

  async release(): Promise<void> {
    await this.host.ask({ kind: "release", session: this.session });
  }
}
