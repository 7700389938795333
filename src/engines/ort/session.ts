import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-common";
import { FoveaError, messageOf } from "../../core/errors.js";
import { copyOf, type Tensor } from "../../core/tensor.js";
import { defaultOpset } from "../../formats/onnx/lower.js";
import { encodeOnnx } from "../../formats/onnx/proto.js";
import { blockedDomain } from "./blocked/writer.js";

/** What a session host needs of onnxruntime-node or onnxruntime-web. */
export interface OrtModule {
  readonly InferenceSession: typeof InferenceSession;
  readonly Tensor: typeof OrtTensor;
}

/** One state array: its names in the model and its first contents, which the session takes over. */
export interface StateSpec {
  readonly before: string;
  readonly after: string;
  readonly initial: Tensor;
}

export interface SessionSpec {
  readonly model: Uint8Array;
  readonly outputs: readonly string[];
  readonly states: readonly StateSpec[];
}

/** Requests to a host, one object each, so that they cross to a worker as messages. */
export type HostRequest =
  | { readonly kind: "blockSize" }
  | { readonly kind: "create"; readonly spec: SessionSpec }
  | { readonly kind: "run"; readonly session: number; readonly inputs: Readonly<Record<string, Tensor>> }
  | { readonly kind: "readState"; readonly session: number }
  | { readonly kind: "release"; readonly session: number };

export type HostResult = number | Record<string, Tensor> | readonly Tensor[] | undefined;

interface Session {
  readonly session: InferenceSession;
  readonly outputs: readonly string[];
  /** Names before and after a run, and what is asked for when it is read. */
  readonly states: readonly (Omit<StateSpec, "initial"> & { readonly dtype: Tensor["dtype"] })[];
  /**
   * The state by the names it is fed under. A run gives it anew: ONNX Runtime does not know about buffers that are both read and
   * written, and onnxruntime-web leaves given output buffers at zero.
   */
  state: Record<string, OrtTensor>;
}

/** Holds ONNX Runtime sessions and their state. Lives in a worker thread, or wherever else it is called. */
export class SessionHost {
  readonly #sessions = new Map<number, Session>();
  #count = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly ort: OrtModule,
    /** Threads of each session, where sessions have their own. */
    private readonly threads?: number,
  ) {}

  /** Answers requests one after the other. @throws FoveaError with the first line of what ONNX Runtime says. */
  ask(request: HostRequest): Promise<HostResult> {
    const answer = this.#last.then(() => this.#answer(request));
    this.#last = answer.catch(() => undefined);
    return answer.catch((error: unknown) => {
      throw new FoveaError(`ONNX Runtime: ${messageOf(error).split("\n")[0]}`);
    });
  }

  /** Releases every session. */
  async stop(): Promise<void> {
    await Promise.all([...this.#sessions.keys()].map((session) => this.ask({ kind: "release", session })));
  }

  async #answer(request: HostRequest): Promise<HostResult> {
    if (request.kind === "create") return this.#create(request.spec);
    if (request.kind === "blockSize") return this.#probeBlockSize();
    const session = this.#sessions.get(request.session)!;
    if (request.kind === "run") return this.#run(session, request.inputs);
    if (request.kind === "readState")
      return session.states.map(({ before, dtype }) => copyOf(fromOrt(session.state[before]!, dtype)));
    this.#sessions.delete(request.session);
    await session.session.release();
    return undefined;
  }

  async #create(spec: SessionSpec): Promise<number> {
    const session = await this.ort.InferenceSession.create(spec.model, {
      // Patterns of earlier runs would make every run ask the system for fresh pages.
      enableMemPattern: false,
      logSeverityLevel: 3,
      ...(this.threads ? { intraOpNumThreads: this.threads } : {}),
    });
    const state = Object.fromEntries(spec.states.map(({ before, initial }) => [before, this.#toOrt(initial)]));
    const states = spec.states.map(({ before, after, initial }) => ({ before, after, dtype: initial.dtype }));
    const id = this.#count++;
    this.#sessions.set(id, { session, outputs: spec.outputs, states, state });
    return id;
  }

  /** Channels in a block of this build and processor, as ReorderInput shows by filling four channels up; undefined where there are no blocks. */
  async #probeBlockSize(): Promise<number | undefined> {
    const shape = [1, 4, 1, 1];
    const model = encodeOnnx({
      nodes: [
        { type: "ReorderInput", domain: blockedDomain, name: "probe", inputs: ["x"], outputs: ["y"], attributes: {} },
      ],
      initializers: new Map(),
      inputs: [{ name: "x", dtype: "float32", shape }],
      outputs: [{ name: "y", dtype: "float32", shape: [1, "block", 1, 1] }],
      opsets: { "": defaultOpset, [blockedDomain]: 1 },
    });
    try {
      const session = await this.ort.InferenceSession.create(model, { logSeverityLevel: 4 });
      const { y } = await session.run({ x: new this.ort.Tensor("float32", Float32Array.of(1, 2, 3, 4), shape) });
      await session.release();
      const [, block] = y!.dims;
      const expected = [1, 2, 3, 4, ...Array<number>(block! - 4).fill(0)];
      return expected.every((value, i) => y!.data[i] === value) ? block : undefined;
    } catch {
      return undefined;
    }
  }

  async #run(session: Session, inputs: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
    const { outputs, states, state } = session;
    const feeds = Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, this.#toOrt(value)]));
    const results = await session.session.run({ ...feeds, ...state });
    session.state = Object.fromEntries(states.map(({ before, after }) => [before, results[after]!]));
    letGo(Object.values(state));
    return Object.fromEntries(outputs.map((name) => [name, fromOrt(results[name]!)]));
  }

  #toOrt({ dtype, data, shape }: Tensor): OrtTensor {
    return new this.ort.Tensor(dtype as "float32", data as Float32Array, shape);
  }
}

/** Frees arrays at once, by moving them to a port that nobody reads: the garbage collector would keep a whole state or two. */
function letGo(tensors: readonly OrtTensor[]): void {
  if (tensors.length === 0) return;
  const { port1, port2 } = new MessageChannel();
  port2.close();
  port1.postMessage(
    undefined,
    tensors.map(({ data }) => (data as Float32Array).buffer as ArrayBuffer),
  );
  port1.close();
}

function fromOrt(value: OrtTensor, dtype = value.type as Tensor["dtype"]): Tensor {
  return { dtype, shape: [...value.dims], data: value.data } as Tensor;
}
