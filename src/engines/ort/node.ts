import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { FoveaError } from "../../core/errors.js";
import { type Tensor, toFloat32 } from "../../core/tensor.js";
import { inferenceRules, type Lowered, lowerToOnnx } from "../../formats/onnx/lower.js";
import { encodeOnnx } from "../../formats/onnx/proto.js";
import type { Rules } from "../../formats/onnx/writer.js";
import { type Cell, type Graph, type Program, program } from "../../graph/graph.js";
import type { Arrays, Engine, Executable } from "../engine.js";
import { checkFeeds, checkGraph } from "../feeds.js";
import { blockedDialect } from "./blocked/dialect.js";
import { type PackedState, packState } from "./pack-state.js";
import { nativeRules } from "./rules/native.js";
import { trainingRules } from "./rules/training.js";
import type { HostRequest, HostResult } from "./session.js";

/** Lowering for the CPU build of ONNX Runtime: the standard rules, faster ones where there are any. */
export const nodeRules: Rules = new Map([...inferenceRules, ...trainingRules, ...nativeRules]);

/** Options of {@link ortEngine}. */
export interface OrtOptions {
  /** Threads for computing. Default: as many as there are processors. */
  readonly threads?: number;
  /** Rules that replace the engine's own, by operator name. */
  readonly rules?: Rules;
  /**
   * How activations and weights lie in memory: `plain` (row-major, standard operators), `blocked` (channels in blocks, by operators of
   * ONNX Runtime's own that are faster with changing weights), or `auto` (default): blocked for graphs with gradients of
   * convolutions, where this processor has such operators.
   */
  readonly layout?: "auto" | "plain" | "blocked";
}

/**
 * ONNX Runtime on the processor, in float32. Sessions live in a worker thread: the event loop stays free while they run.
 *
 * @example
 * const engine = ortEngine();
 * const executable = await engine.compile(trace(model, [1, 3, 32, 32]));
 * const { output } = await executable.run({ input: float32([1, 3, 32, 32], pixels) });
 */
export function ortEngine({
  threads = availableParallelism(),
  rules = new Map(),
  layout = "auto",
}: OrtOptions = {}): Engine {
  const all: Rules = new Map([...nodeRules, ...rules]);
  const host = new WorkerHost();
  let block: Promise<number | undefined> | undefined;
  /** What writes a graph in blocks, if it shall be. */
  const dialectFor = async (graph: Graph) => {
    if (layout === "plain" || (layout === "auto" && !learnsConvolutions(graph))) return undefined;
    block ??= host.ask({ kind: "blockSize" }) as Promise<number | undefined>;
    const size = await block;
    return size === undefined ? undefined : blockedDialect(size, all);
  };
  return {
    name: layout === "auto" ? "ort" : `ort-${layout}`,
    async compile(given) {
      checkGraph(given);
      const { graph, unpack } = packState(given);
      const lowered = lowerToOnnx(graph, all, { dialect: await dialectFor(graph) });
      const spec = {
        model: encodeOnnx(lowered.model),
        outputs: [...graph.outputs.keys()],
        states: lowered.states.map(({ cell, before, after, form }) => ({
          before: before.name,
          after: after.name,
          initial: form ? form.pack(widthOf(cell)) : widthOf(cell),
        })),
        threads,
      };
      const session = (await host.ask({ kind: "create", spec })) as number;
      return new OrtExecutable(host, session, graph, lowered, unpack);
    },
    release: () => host.stop(),
  };
}

const learnsConvolutions = (graph: Graph): boolean => graph.nodes.some(({ op }) => op.name === "ConvWeightGrad");

const widthOf = (cell: Cell): Tensor => (cell.dtype === "float" ? toFloat32(cell.value) : cell.value);

class OrtExecutable implements Executable {
  readonly #program: Program;

  constructor(
    private readonly host: WorkerHost,
    private readonly session: number,
    private readonly graph: Graph,
    private readonly lowered: Lowered,
    private readonly unpack: PackedState["unpack"],
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
    const states = new Map(
      this.lowered.states.map(({ cell, form }, i) => [cell, form ? form.unpack(contents[i]!) : contents[i]!]),
    );
    return this.unpack(states);
  }

  async release(): Promise<void> {
    await this.host.ask({ kind: "release", session: this.session });
  }
}

/** The worker thread, started when first needed. It keeps the process alive only while a request is open. */
class WorkerHost {
  #worker: Worker | undefined;
  readonly #open = new Map<number, { resolve(result: HostResult): void; reject(error: Error): void }>();
  #count = 0;

  ask(request: HostRequest): Promise<HostResult> {
    const worker = (this.#worker ??= this.#start());
    const id = this.#count++;
    worker.ref();
    return new Promise((resolve, reject) => {
      this.#open.set(id, { resolve, reject });
      worker.postMessage({ id, request });
    });
  }

  async stop(): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = undefined;
  }

  #start(): Worker {
    const worker = new Worker(new URL("./worker.js", import.meta.url));
    worker.on("message", ({ id, result, error }: { id: number; result?: HostResult; error?: string }) => {
      const request = this.#open.get(id)!;
      this.#open.delete(id);
      if (this.#open.size === 0) worker.unref();
      if (error === undefined) request.resolve(result);
      else request.reject(new FoveaError(`ONNX Runtime: ${error.split("\n")[0]}`));
    });
    const fail = (error: Error) => {
      for (const request of this.#open.values()) request.reject(error);
      this.#open.clear();
      this.#worker = undefined;
    };
    worker.on("error", fail);
    worker.on("exit", () => fail(new FoveaError("ONNX Runtime: the worker thread has ended")));
    return worker;
  }
}
