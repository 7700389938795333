import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-common";
import { copyOf, type Tensor } from "../../core/tensor.js";
import { defaultOpset } from "../../formats/onnx/lower.js";
import { encodeOnnx } from "../../formats/onnx/proto.js";
import { blockedDomain } from "./blocked/writer.js";

/** What a session host needs of onnxruntime-node or onnxruntime-web. */
export interface OrtModule {
  readonly InferenceSession: typeof InferenceSession;
  readonly Tensor: typeof OrtTensor;
}

/** One state array: its names in the model and its first contents. */
export interface StateSpec {
  readonly before: string;
  readonly after: string;
  readonly initial: Tensor;
}

export interface SessionSpec {
  readonly model: Uint8Array;
  readonly outputs: readonly string[];
  readonly states: readonly StateSpec[];
  readonly threads?: number;
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
  readonly spec: SessionSpec;
  /** State before and after a run change places: ONNX Runtime does not know about buffers that are both read and written. */
  current: Record<string, OrtTensor>;
  next: Record<string, OrtTensor>;
}

/** Holds ONNX Runtime sessions and their state. Lives in a worker thread, or wherever else it is called. */
export class SessionHost {
  readonly #sessions = new Map<number, Session>();
  readonly #ort: OrtModule;
  #count = 0;

  constructor(ort: OrtModule) {
    this.#ort = ort;
  }

  async handle(request: HostRequest): Promise<HostResult> {
    if (request.kind === "create") return this.#create(request.spec);
    if (request.kind === "blockSize") return this.#probeBlockSize();
    const session = this.#sessions.get(request.session)!;
    if (request.kind === "run") return this.#run(session, request.inputs);
    if (request.kind === "readState")
      return session.spec.states.map(({ before, initial }) => fromOrt(session.current[before]!, initial.dtype));
    this.#sessions.delete(request.session);
    await session.session.release();
    return undefined;
  }

  async #create(spec: SessionSpec): Promise<number> {
    const session = await this.#ort.InferenceSession.create(spec.model, {
      // Patterns of earlier runs would make every run ask the system for fresh pages.
      enableMemPattern: false,
      logSeverityLevel: 3,
      ...(spec.threads ? { intraOpNumThreads: spec.threads } : {}),
    });
    // Buffers of their own: runs write into them, and two cells may have been given the same contents.
    const buffers = (name: "before" | "after") =>
      Object.fromEntries(spec.states.map((state) => [state[name], this.#toOrt(copyOf(state.initial))]));
    const id = this.#count++;
    this.#sessions.set(id, {
      session,
      spec: { ...spec, model: new Uint8Array() },
      current: buffers("before"),
      next: buffers("after"),
    });
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
      const session = await this.#ort.InferenceSession.create(model, { logSeverityLevel: 4 });
      const { y } = await session.run({ x: new this.#ort.Tensor("float32", Float32Array.of(1, 2, 3, 4), shape) });
      await session.release();
      const [, block] = y!.dims;
      const expected = [1, 2, 3, 4, ...Array<number>(block! - 4).fill(0)];
      return expected.every((value, i) => y!.data[i] === value) ? block : undefined;
    } catch {
      return undefined;
    }
  }

  async #run(session: Session, inputs: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
    const { spec, current, next } = session;
    const feeds = Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, this.#toOrt(value)]));
    const fetches = { ...Object.fromEntries(spec.outputs.map((name) => [name, null])), ...next };
    const results = await session.session.run({ ...feeds, ...current }, fetches);
    session.current = Object.fromEntries(spec.states.map(({ before, after }) => [before, next[after]!]));
    session.next = Object.fromEntries(spec.states.map(({ before, after }) => [after, current[before]!]));
    return Object.fromEntries(spec.outputs.map((name) => [name, fromOrt(results[name]!)]));
  }

  #toOrt({ dtype, data, shape }: Tensor): OrtTensor {
    return new this.#ort.Tensor(dtype as "float32", data as Float32Array, shape);
  }
}

function fromOrt(value: OrtTensor, dtype = value.type as Tensor["dtype"]): Tensor {
  return { dtype, shape: [...value.dims], data: value.data } as Tensor;
}
