import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-common";
import { FoveaError, messageOf } from "../../core/errors.js";
import { copyOf, type Tensor, tensor, zeros } from "../../core/tensor.js";
import { defaultOpset } from "../../formats/onnx/lower.js";
import { encodeOnnx, type OnnxValueInfo } from "../../formats/onnx/proto.js";
import { blockedDomain } from "./blocked/writer.js";

/** What a session host needs from onnxruntime-node or onnxruntime-web. */
export interface OrtModule {
  readonly InferenceSession: typeof InferenceSession;
  readonly Tensor: typeof OrtTensor;
}

/** One state array: its names in the model and its initial contents, which the session takes ownership of. */
export interface StateSpec {
  readonly before: string;
  readonly after: string;
  readonly initial: Tensor;
  /** Whether a run may write the new contents over the old ones (`output-aliasing.ts`). */
  readonly inPlace: boolean;
}

export interface SessionSpec {
  readonly model: Uint8Array;
  /** Shapes are used only with `sentinel`. */
  readonly outputs: readonly OnnxValueInfo[];
  readonly states: readonly StateSpec[];
  /** The output at which the binding stops copying results, which are then in the arrays given for them (`output-aliasing.ts`). */
  readonly sentinel: string | undefined;
}

/** Requests to a host: plain objects, so that they can be posted to a worker. */
export type HostRequest =
  | { readonly kind: "blockSize" }
  | { readonly kind: "writesInPlace" }
  | { readonly kind: "create"; readonly session: number; readonly spec: SessionSpec }
  | { readonly kind: "run"; readonly session: number; readonly inputs: Readonly<Record<string, Tensor>> }
  | { readonly kind: "readState"; readonly session: number; readonly index: number }
  | { readonly kind: "release"; readonly session: number };

export type HostResult = number | boolean | Record<string, Tensor> | Tensor | undefined;

interface Session extends Pick<SessionSpec, "outputs" | "sentinel"> {
  readonly session: InferenceSession;
  /** Names before and after a run, and the element type to read. */
  readonly states: readonly (Omit<StateSpec, "initial"> & { readonly dtype: Tensor["dtype"] })[];
  /** The state, by input name. */
  state: Record<string, OrtTensor>;
  /** With `sentinel`, where a run writes the new state, by the same names: to the same array, or to one it is swapped with. */
  next: Record<string, OrtTensor>;
  /** A run that overwrote the state has failed. */
  isLost: boolean;
}

/** Holds ONNX Runtime sessions and their state, in a worker thread or on the calling one. */
export class SessionHost {
  readonly #sessions = new Map<number, Session>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly ort: OrtModule,
    /** Threads per session, where sessions have their own. */
    private readonly threads?: number,
  ) {}

  /** Answers requests one at a time. @throws FoveaError with the first line of ONNX Runtime's message. */
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
    if (request.kind === "create") {
      this.#sessions.set(request.session, await this.#create(request.spec));
      return undefined;
    }
    if (request.kind === "blockSize") return this.#probeBlockSize();
    if (request.kind === "writesInPlace") return this.#probeInPlace();
    const session = this.#sessions.get(request.session);
    if (request.kind === "release") {
      this.#sessions.delete(request.session);
      if (!session) return undefined;
      await session.session.release();
      free([...Object.values(session.state), ...Object.values(session.next)].map(({ data }) => data as Float32Array));
      return undefined;
    }
    if (!session) throw new FoveaError("this executable has been released, or its engine has");
    if (session.isLost) throw new FoveaError("the state is lost: an earlier run failed while overwriting it");
    if (request.kind === "run")
      return session.sentinel ? this.#runInPlace(session, request.inputs) : this.#run(session, request.inputs);
    const { before, dtype } = session.states[request.index]!;
    return copyOf(fromOrt(session.state[before]!, dtype));
  }

  async #create(spec: SessionSpec): Promise<Session> {
    const session = await this.ort.InferenceSession.create(spec.model, {
      // With memory patterns every run would ask the system for fresh pages.
      enableMemPattern: false,
      logSeverityLevel: 3,
      // Threads that wait for more work after a run would keep a processor from the next session.
      ...(this.threads ? { intraOpNumThreads: this.threads, extra: { session: { force_spinning_stop: "1" } } } : {}),
    });
    free([spec.model]);
    const arraysOf = (make: (state: StateSpec) => Tensor) =>
      Object.fromEntries(spec.states.map((state) => [state.before, this.#toOrt(make(state))]));
    const state = arraysOf(({ initial }) => initial);
    const next = spec.sentinel
      ? arraysOf(({ initial, inPlace }) => (inPlace ? initial : zeros(initial.dtype, initial.shape)))
      : {};
    const states = spec.states.map(({ initial, ...rest }) => ({ ...rest, dtype: initial.dtype }));
    const { outputs, sentinel } = spec;
    return { session, outputs, sentinel, states, state, next, isLost: false };
  }

  /** The block size of this build and processor, found by padding four channels with ReorderInput; undefined without blocked operators. */
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

  /**
   * Whether results are written to given arrays, an input's among them, and the binding then stops at a sequence: adds 1 to two numbers
   * in place. The WebAssembly binding leaves such arrays unchanged.
   */
  async #probeInPlace(): Promise<boolean> {
    const value = { name: "x", dtype: "float32", shape: [2] } as const;
    const nodes = [
      ["Add", ["x", "one"], "y"],
      ["SequenceConstruct", ["y"], "sentinel"],
    ] as const;
    const model = encodeOnnx({
      nodes: nodes.map(([type, inputs, output]) => ({ type, name: output, inputs, outputs: [output], attributes: {} })),
      initializers: new Map([["one", tensor("float32", [], Float32Array.of(1))]]),
      inputs: [value],
      outputs: [
        { ...value, name: "sentinel", sequence: true },
        { ...value, name: "y" },
      ],
      opsets: { "": defaultOpset },
    });
    const x = new this.ort.Tensor("float32", Float32Array.of(1, 2), [2]);
    try {
      const session = await this.ort.InferenceSession.create(model, { logSeverityLevel: 4 });
      await runInto(session, { x }, { sentinel: null, y: x });
      await session.release();
      return x.data[0] === 2 && x.data[1] === 3;
    } catch {
      return false;
    }
  }

  async #run(session: Session, inputs: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
    const { outputs, states, state } = session;
    const results = await session.session.run({ ...this.#feeds(inputs), ...state });
    session.state = Object.fromEntries(states.map(({ before, after }) => [before, results[after]!]));
    free(Object.values(state).map(({ data }) => data as Float32Array));
    return Object.fromEntries(outputs.map(({ name }) => [name, fromOrt(results[name]!)]));
  }

  async #runInPlace(session: Session, inputs: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
    const { outputs, states, state, next, sentinel } = session;
    const results = outputs.map(({ dtype, shape }) => zeros(dtype, shape as readonly number[]));
    const into: Record<string, OrtTensor | null> = { [sentinel!]: null };
    for (const [i, { name }] of outputs.entries()) into[name] = this.#toOrt(results[i]!);
    for (const { before, after } of states) into[after] = next[before]!;
    const feeds = { ...this.#feeds(inputs), ...state };
    try {
      await runInto(session.session, feeds, into);
    } catch (error) {
      session.isLost = true;
      throw error;
    }
    [session.state, session.next] = [next, state];
    return Object.fromEntries(outputs.map(({ name }, i) => [name, results[i]!]));
  }

  #feeds(inputs: Readonly<Record<string, Tensor>>): Record<string, OrtTensor> {
    return Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, this.#toOrt(value)]));
  }

  #toOrt({ dtype, data, shape }: Tensor): OrtTensor {
    return new this.ort.Tensor(dtype as "float32", data as Float32Array, shape);
  }
}

/** The binding's error for a non-tensor result, thrown after everything has been computed. */
const noTensor = "Non tensor type is temporarily not supported.";

/** Runs a session that writes its results to the given arrays; the binding may complain that it cannot return the sequence. */
export async function runInto(
  session: InferenceSession,
  feeds: Record<string, OrtTensor>,
  into: Record<string, OrtTensor | null>,
): Promise<void> {
  try {
    await session.run(feeds, into);
  } catch (error) {
    if (messageOf(error) !== noTensor) throw error;
  }
}

/**
 * Frees arrays at once, by transferring them to a closed port. The garbage collector would come later: V8 does not account for their
 * memory until it is tens of megabytes.
 */
function free(arrays: readonly (Uint8Array | Float32Array)[]): void {
  const buffers = new Set(arrays.map(({ buffer }) => buffer as ArrayBuffer));
  if (buffers.size === 0) return;
  const { port1, port2 } = new MessageChannel();
  port2.close();
  port1.postMessage(undefined, [...buffers]);
  port1.close();
}

function fromOrt(value: OrtTensor, dtype = value.type as Tensor["dtype"]): Tensor {
  return { dtype, shape: [...value.dims], data: value.data } as Tensor;
}
