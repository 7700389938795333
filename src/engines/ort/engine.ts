import { type Fields, options as fields, instance, maybe, threadCount } from "../../core/schema.js";
import { copyOf, type Tensor, tensor, toFloat32 } from "../../core/tensor.js";
import { inferenceRules, type Lowered, lowerToOnnx } from "../../formats/onnx/lower.js";
import { encodeOnnx } from "../../formats/onnx/proto.js";
import type { Rules } from "../../formats/onnx/writer.js";
import { type Cell, type Graph, liveProgram, type Program, type Value } from "../../graph/graph.js";
import type { Arrays, Engine, Executable } from "../engine.js";
import { checkFeeds, checkGraph } from "../feeds.js";
import type { BlockedTarget } from "./blocked/conv-layer.js";
import { blockedEmitter } from "./blocked/node-emitter.js";
import { type FusedUpdates, fuseSmallUpdates } from "./fuse-small-updates.js";
import { outputAliasing } from "./output-aliasing.js";
import { nativeRules } from "./rules/native.js";
import { trainingRules } from "./rules/training.js";
import { webRules } from "./rules/web.js";
import { withWinograd } from "./rules/web-winograd.js";
import type { HostRequest, HostResult, SessionSpec } from "./session.js";
import { defaultTuning, type Tuning, upToTile, type WinogradTile } from "./tuning.js";

/** Rules for the native CPU build of ONNX Runtime: standard ONNX, replaced where something is faster. */
export const nodeRules: Rules = new Map([...inferenceRules, ...trainingRules, ...nativeRules]);

/** Rules for the WebAssembly build. */
export const wasmRules: Rules = withWinograd(new Map([...inferenceRules, ...trainingRules, ...webRules]));

/** Options of the ONNX Runtime engines. */
export interface OrtOptions {
  /** Compute threads. Default: one per processor; in browsers, what onnxruntime-web chooses. */
  readonly threads?: number;
  /** Lowering rules that override the engine's own, by operator name. */
  readonly rules?: Rules;
}

export const ortFields: Fields<OrtOptions> = {
  threads: maybe(threadCount),
  rules: maybe(instance<Rules>(Map as never, "a Map of rules")),
};
export const ortWebOptions = fields<OrtOptions>(ortFields);

/** Which graphs are lowered to blocked operators, and how: see the options of `ortEngine`. */
export interface BlockOptions {
  readonly layout: "auto" | "plain" | "blocked";
  readonly winogradTile: WinogradTile;
  readonly tuning: Tuning;
}

/** Builds of ONNX Runtime without blocked operators. */
export const noBlocks: BlockOptions = { layout: "plain", winogradTile: 2, tuning: defaultTuning };

/** Next session id, unique across hosts. */
let nextSession = 0;

/** Where sessions live: in a worker thread, or on the calling one. */
export interface Host {
  /** Sends a request. Arrays in `transfer` may be moved to the sessions' thread: the caller must not use them again. */
  ask(request: HostRequest, transfer?: readonly ArrayBufferLike[]): Promise<HostResult>;
  /** Ends every session. */
  stop(): Promise<void>;
}

/**
 * Lowers a graph for ONNX Runtime: fuses small updates, then emits blocked operators for `target`, if given, except for operators whose
 * rule differs from {@link nodeRules}.
 */
export function lower(
  given: Graph,
  rules: Rules,
  target: BlockedTarget | undefined,
): FusedUpdates & { readonly lowered: Lowered } {
  const fused = fuseSmallUpdates(given);
  const overrides = new Set([...rules.keys()].filter((op) => rules.get(op) !== nodeRules.get(op)));
  const emitter = target && blockedEmitter(target, rules, overrides);
  return { ...fused, lowered: lowerToOnnx(fused.graph, rules, { emitter }) };
}

/** An engine whose sessions live in a host. */
export function engineIn(
  host: Host,
  name: string,
  rules: Rules,
  { layout, winogradTile, tuning }: BlockOptions,
): Engine {
  let block: Promise<HostResult> | undefined;
  let writesInPlace: Promise<HostResult> | undefined;
  /** The target of the blocked lowering, if a graph is to have one. */
  const targetFor = async (graph: Graph): Promise<BlockedTarget | undefined> => {
    if (layout === "plain" || (layout === "auto" && !learnsConvolutions(graph, tuning.fewImages))) return undefined;
    block ??= host.ask({ kind: "blockSize" });
    const size = await block;
    return typeof size === "number" ? { block: size, winograd: upToTile(tuning.winograd, winogradTile) } : undefined;
  };
  return {
    name,
    async compile(given) {
      checkGraph(given);
      const { graph, lowered, unfuse } = lower(given, rules, await targetFor(given));
      const learns = graph.updates.length > 0 && !lowered.model.outputs.some(({ shape }) => shape.includes("N"));
      const aliased =
        learns && (await (writesInPlace ??= host.ask({ kind: "writesInPlace" }))) ? outputAliasing(lowered) : undefined;
      const spec: SessionSpec = {
        model: encodeOnnx(aliased?.model ?? lowered.model),
        sentinel: aliased?.sentinel,
        outputs: lowered.model.outputs.filter(({ name }) => graph.outputs.has(name)),
        states: lowered.states.map(({ cell, before, after, layout }) => ({
          before: before.name,
          after: after.name,
          initial: layout ? layout.fromPlain(contentsOf(cell)) : copyOf(contentsOf(cell)),
          inPlace: aliased?.inPlace.has(before.name) ?? false,
        })),
      };
      const transfer = [spec.model.buffer, ...spec.states.map(({ initial }) => initial.data.buffer)];
      const session = nextSession++;
      await host.ask({ kind: "create", session, spec }, transfer);
      return new OrtExecutable(host, session, graph, lowered, unfuse);
    },
    release: () => host.stop(),
  };
}

/** Whether a graph has weight gradients of convolutions over more than a few images. */
const learnsConvolutions = (graph: Graph, fewImages: number): boolean =>
  graph.nodes.some(({ op, inputs }) => op.name === "ConvWeightGrad" && Number(inputs[0]!.shape[0]) > fewImages);

const contentsOf = (cell: Cell): Tensor => (cell.dtype === "float" ? toFloat32(cell.value) : cell.value);

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
    private readonly graph: Graph,
    private readonly lowered: Lowered,
    private readonly unfuse: FusedUpdates["unfuse"],
  ) {
    this.#program = liveProgram(graph);
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

  /** One array at a time: all at once would take twice their memory. */
  async #readStates(): Promise<Map<Cell, Tensor>> {
    const states = new Map<Cell, Tensor>();
    for (const [index, { cell, layout }] of this.lowered.states.entries()) {
      const contents = (await this.host.ask({ kind: "readState", session: this.session, index })) as Tensor;
      states.set(cell, layout ? layout.toPlain(contents) : contents);
    }
    return this.unfuse(states);
  }

  async release(): Promise<void> {
    await this.#inTurn(() => this.host.ask({ kind: "release", session: this.session }));
  }
}
