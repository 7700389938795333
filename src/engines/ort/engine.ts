import { type Fields, options as fields, instance, maybe, threadCount } from "../../core/schema.js";
import { copyOf, type Tensor, tensor, toFloat32 } from "../../core/tensor.js";
import { inferenceRules, type Lowered, lowerToOnnx } from "../../formats/onnx/lower.js";
import { encodeOnnx } from "../../formats/onnx/proto.js";
import type { Rules } from "../../formats/onnx/writer.js";
import { type Cell, type Graph, type Program, program, type Value } from "../../graph/graph.js";
import type { Arrays, Engine, Executable } from "../engine.js";
import { checkFeeds, checkGraph } from "../feeds.js";
import type { BlockedTarget } from "./blocked/conv-layer.js";
import { blockedDialect } from "./blocked/dialect.js";
import { keptStep } from "./in-place.js";
import { type PackedState, packState } from "./pack-state.js";
import { defaultRegimes, type Regimes, winogradWith } from "./regimes.js";
import { nativeRules } from "./rules/native.js";
import { trainingRules } from "./rules/training.js";
import { webRules } from "./rules/web.js";
import { withWinograd } from "./rules/web-winograd.js";
import type { HostRequest, HostResult, SessionSpec } from "./session.js";

/** Lowering for the CPU build of ONNX Runtime: the standard rules, faster ones where there are any. */
export const nodeRules: Rules = new Map([...inferenceRules, ...trainingRules, ...nativeRules]);

/** As {@link nodeRules}, for the WebAssembly build. */
export const wasmRules: Rules = withWinograd(new Map([...inferenceRules, ...trainingRules, ...webRules]));

/** Options of the engines on ONNX Runtime. */
export interface OrtOptions {
  /** Threads for computing. Default: as many as there are processors; in browsers what onnxruntime-web chooses. */
  readonly threads?: number;
  /** Rules that replace the engine's own, by operator name. */
  readonly rules?: Rules;
}

/** What engines on ONNX Runtime can be told. */
export const ortFields: Fields<OrtOptions> = {
  threads: maybe(threadCount),
  rules: maybe(instance<Rules>(Map as never, "a Map of rules")),
};
export const ortWebOptions = fields<OrtOptions>(ortFields);

/** Which graphs are written in blocks, and how: `ortEngine` says what each means. */
export interface BlockOptions {
  readonly layout: "auto" | "plain" | "blocked";
  readonly winograd: boolean;
  readonly regimes: Regimes;
}

/** Builds of ONNX Runtime without blocked operators. */
export const noBlocks: BlockOptions = { layout: "plain", winograd: false, regimes: defaultRegimes };

/** Sessions that were ever created, which are their numbers: a number of another host, or of one that has ended, is no session's. */
let sessions = 0;

/** Where sessions live: a worker thread, or the calling one. */
export interface Host {
  /** Sends a request. Arrays in `handedOver` may be moved to where the sessions live: the caller has no more use of them. */
  ask(request: HostRequest, handedOver?: readonly ArrayBufferLike[]): Promise<HostResult>;
  /** Ends every session. */
  stop(): Promise<void>;
}

/**
 * A graph as ONNX Runtime gets it: small cells packed, and written in blocks if it is said for which; but operators that have other rules
 * than {@link nodeRules} are written by those.
 */
export function lower(
  given: Graph,
  rules: Rules,
  target: BlockedTarget | undefined,
): PackedState & { readonly lowered: Lowered } {
  const packed = packState(given);
  const own = new Set([...rules.keys()].filter((op) => rules.get(op) !== nodeRules.get(op)));
  const dialect = target && blockedDialect(target, rules, own);
  return { ...packed, lowered: lowerToOnnx(packed.graph, rules, { dialect }) };
}

/** The engine whose sessions live in a host. */
export function engineIn(host: Host, name: string, rules: Rules, { layout, winograd, regimes }: BlockOptions): Engine {
  let block: Promise<HostResult> | undefined;
  let writesInPlace: Promise<HostResult> | undefined;
  /** What the blocks are like, if a graph shall be written in blocks. */
  const targetFor = async (graph: Graph): Promise<BlockedTarget | undefined> => {
    if (layout === "plain" || (layout === "auto" && !learnsConvolutions(graph, regimes.fewImages))) return undefined;
    block ??= host.ask({ kind: "blockSize" });
    const size = await block;
    return typeof size === "number" ? { block: size, winograd: winogradWith(regimes.winograd, winograd) } : undefined;
  };
  return {
    name,
    async compile(given) {
      checkGraph(given);
      const { graph, lowered, unpack } = lower(given, rules, await targetFor(given));
      const learns = graph.updates.length > 0 && !lowered.model.outputs.some(({ shape }) => shape.includes("N"));
      const kept =
        learns && (await (writesInPlace ??= host.ask({ kind: "writesInPlace" }))) ? keptStep(lowered) : undefined;
      const spec: SessionSpec = {
        model: encodeOnnx(kept?.model ?? lowered.model),
        stop: kept?.stop,
        outputs: lowered.model.outputs.filter(({ name }) => graph.outputs.has(name)),
        states: lowered.states.map(({ cell, before, after, form }) => ({
          before: before.name,
          after: after.name,
          initial: form ? form.pack(widthOf(cell)) : copyOf(widthOf(cell)),
          inPlace: kept?.inPlace.has(before.name) ?? false,
        })),
      };
      const handedOver = [spec.model.buffer, ...spec.states.map(({ initial }) => initial.data.buffer)];
      const session = sessions++;
      await host.ask({ kind: "create", session, spec }, handedOver);
      return new OrtExecutable(host, session, graph, lowered, unpack);
    },
    release: () => host.stop(),
  };
}

/** Whether a graph has gradients of convolutions, over more than a few images. */
const learnsConvolutions = (graph: Graph, fewImages: number): boolean =>
  graph.nodes.some(({ op, inputs }) => op.name === "ConvWeightGrad" && Number(inputs[0]!.shape[0]) > fewImages);

const widthOf = (cell: Cell): Tensor => (cell.dtype === "float" ? toFloat32(cell.value) : cell.value);

/** An array as the model reads it, alone in its buffer: all of that would be sent to where the sessions live. */
function asInput(value: Tensor, dtype: Value["type"]["dtype"]): Tensor {
  const { shape, data } = value;
  if (dtype === "int" && value.dtype !== "int64") return tensor("int64", shape, BigInt64Array.from(data, BigInt));
  const read = dtype === "float" ? toFloat32(value) : value;
  return read.data.byteLength < read.data.buffer.byteLength ? copyOf(read) : read;
}

class OrtExecutable implements Executable {
  readonly #program: Program;
  /** The last of the calls that wait for the state to be read, or the reading itself. */
  #waiting: Promise<void> | undefined;

  constructor(
    private readonly host: Host,
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
      if (source.kind === "input") feeds[source.name] = asInput(inputs[source.name]!, type.dtype);
    const run = () => this.host.ask({ kind: "run", session: this.session, inputs: feeds });
    return (await this.#inTurn(run)) as Record<string, Tensor>;
  }

  readState(): Promise<Map<Cell, Tensor>> {
    return this.#inTurn(() => this.#readStates(), true);
  }

  /**
   * Hosts answer requests in their order, so they are sent at once. But reading takes several, and a run between them would change what is
   * still to be read: what is called meanwhile waits.
   */
  #inTurn<T>(act: () => Promise<T>, takesSeveral = false): Promise<T> {
    const result = this.#waiting ? this.#waiting.then(act) : act();
    if (takesSeveral || this.#waiting) {
      const ended = () => {
        if (this.#waiting === waiting) this.#waiting = undefined;
      };
      const waiting: Promise<void> = result.then(ended, ended);
      this.#waiting = waiting;
    }
    return result;
  }

  /** One array after the other: all of them at once would stand in memory twice more. */
  async #readStates(): Promise<Map<Cell, Tensor>> {
    const states = new Map<Cell, Tensor>();
    for (const [index, { cell, form }] of this.lowered.states.entries()) {
      const contents = (await this.host.ask({ kind: "readState", session: this.session, index })) as Tensor;
      states.set(cell, form ? form.unpack(contents) : contents);
    }
    return this.unpack(states);
  }

  async release(): Promise<void> {
    await this.#inTurn(() => this.host.ask({ kind: "release", session: this.session }));
  }
}
