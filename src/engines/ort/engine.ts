import { type Fields, options as fields, flag, instance, maybe, oneOf, threadCount } from "../../core/schema.js";
import { copyOf, type Tensor, tensor, toFloat32 } from "../../core/tensor.js";
import type { Rules } from "../../formats/onnx/writer.js";
import { type Cell, liveProgram, type Program, type Value } from "../../graph/graph.js";
import type { Arrays, Engine, Executable } from "../engine.js";
import { checkFeeds, checkGraph } from "../feeds.js";
import { fromLayout } from "./blocked/layout.js";
import { compile } from "./compile.js";
import { encode } from "./passes/encode.js";
import type { Module } from "./passes/pass.js";
import type { Host } from "./session.js";
import type { Backend } from "./targets/target.js";
import type { DeviceOptions } from "./targets/webgpu.js";

/** Options of the ONNX Runtime engines. */
export interface OrtOptions extends DeviceOptions {
  /** Compute threads. Default: one per processor; in browsers, what onnxruntime-web chooses. */
  readonly threads?: number;
  /** Lowering rules that override the engine's own, by operator. */
  readonly rules?: Rules;
}

export const ortFields: Fields<OrtOptions> = {
  device: maybe(oneOf("cpu", "webgpu")),
  allowSoftware: maybe(flag),
  threads: maybe(threadCount),
  rules: maybe(instance<Rules>(Map as never, "a Map of rules")),
};
export const ortWebOptions = fields<OrtOptions>(ortFields);

/** Next session id, unique across hosts. */
let nextSession = 0;

/** An engine whose sessions live in a host. */
export function engineIn<Facts>(host: Host, backend: Backend<Facts>): Engine {
  let facts: Promise<unknown> | undefined;
  return {
    name: backend.name,
    async compile(graph) {
      checkGraph(graph);
      const target = await backend.targetFor(graph, () => (facts ??= host.ask({ kind: "probe" })) as Promise<Facts>);
      const module = compile(graph, target);
      const spec = encode(module, target);
      const arrays = [...spec.states.map(({ initial }) => initial), ...Object.values(spec.constants)];
      const transfer = [spec.model, ...arrays.map(({ data }) => data)].map(({ buffer }) => buffer);
      const session = nextSession++;
      await host.ask({ kind: "create", session, spec }, transfer);
      return new OrtExecutable(host, session, module);
    },
    release: () => host.stop(),
  };
}

/** An array in the model's element type, alone in its buffer: the whole buffer is sent to the sessions' thread. */
function asInput(value: Tensor, dtype: Value["type"]["dtype"]): Tensor {
  const { shape, data } = value;
  if (dtype === "int" && value.dtype !== "int64") return tensor("int64", shape, BigInt64Array.from(data, BigInt));
  const read = dtype === "float" ? toFloat32(value) : value;
  return read.data.byteLength < read.data.buffer.byteLength ? copyOf(read) : read;
}

class OrtExecutable implements Executable {
  readonly #program: Program;
  /** The last call queued behind a state read, or the read itself. */
  #queue: Promise<void> | undefined;

  constructor(
    private readonly host: Host,
    private readonly session: number,
    private readonly module: Module,
  ) {
    this.#program = liveProgram(module.graph);
  }

  async run(inputs: Arrays): Promise<Record<string, Tensor>> {
    checkFeeds(this.#program, this.module.graph.inputs.keys(), inputs);
    const feeds: Record<string, Tensor> = {};
    for (const { source, type } of this.#program.inputs) feeds[source.name] = asInput(inputs[source.name]!, type.dtype);
    return this.#inTurn(() => this.host.ask({ kind: "run", session: this.session, inputs: feeds }));
  }

  readState(): Promise<Map<Cell, Tensor>> {
    const read = async () => {
      const states = new Map<Cell, Tensor>();
      // One array at a time: all at once would take twice their memory.
      for (const [index, { cell }] of this.module.lowered.states.entries()) {
        const contents = await this.host.ask({ kind: "readState", session: this.session, index });
        const layout = this.module.stateLayouts.get(cell);
        states.set(cell, layout ? fromLayout(contents, layout) : contents);
      }
      return this.module.restore(states);
    };
    return this.#inTurn(read, true);
  }

  release(): Promise<void> {
    return this.#inTurn(() => this.host.ask({ kind: "release", session: this.session }));
  }

  /**
   * Hosts answer requests in order, so requests are sent at once. But reading the state takes several, and a run in between would change
   * what is yet to be read: calls made meanwhile wait.
   */
  #inTurn<T>(act: () => Promise<T>, isMultiple = false): Promise<T> {
    const result = this.#queue ? this.#queue.then(act) : act();
    if (isMultiple || this.#queue) {
      const ended = () => {
        if (this.#queue === turn) this.#queue = undefined;
      };
      const turn: Promise<void> = result.then(ended, ended);
      this.#queue = turn;
    }
    return result;
  }
}
