import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-common";
import type { Tensor } from "../../core/tensor.js";
import type { OnnxValueInfo } from "../../formats/onnx/proto.js";
import { free } from "./targets/free.js";
import type { OrtModule } from "./targets/target.js";

/** One state array: its names in the model and its initial contents, which the session takes ownership of. */
interface StateSpec {
  readonly before: string;
  readonly after: string;
  readonly initial: Tensor;
  /** Whether a run may write the new contents over the old ones (`passes/alias-state.ts`). */
  readonly inPlace: boolean;
}

/** A compiled graph, encoded: what a session is opened with. Plain data, so that it can be posted to a worker. */
export interface SessionSpec {
  readonly model: Uint8Array;
  readonly inputs: readonly OnnxValueInfo[];
  /** Shapes are used only where outputs have arrays of their own. */
  readonly outputs: readonly OnnxValueInfo[];
  readonly states: readonly StateSpec[];
  /** Constants that every run is given, by input name, because ONNX Runtime copies those in a model. The session takes ownership of them. */
  readonly constants: Readonly<Record<string, Tensor>>;
  /** The output at which the binding stops copying results, which are then in the arrays given for them (`targets/write-in-place.ts`). */
  readonly sentinel: string | undefined;
}

/** Arrays of ONNX Runtime by their names in a model. */
export type OrtArrays = Readonly<Record<string, OrtTensor>>;

/** An open session and its state, which every run returns anew. */
export class SessionState {
  /** The state, by input name. */
  protected state: OrtArrays;
  protected readonly constants: OrtArrays;

  constructor(
    protected readonly ort: OrtModule,
    protected readonly session: InferenceSession,
    protected readonly spec: SessionSpec,
  ) {
    this.state = this.arrays(({ initial }) => initial);
    const constants = Object.entries(spec.constants).map(([name, tensor]) => [name, toOrt(ort, tensor)] as const);
    this.constants = Object.fromEntries(constants);
  }

  /** Runs the session once, and keeps the new state. Returns the graph's outputs. */
  async run(feeds: OrtArrays): Promise<Record<string, Tensor>> {
    const before = this.state;
    const results = await this.session.run({ ...feeds, ...this.constants, ...before });
    this.state = Object.fromEntries(this.spec.states.map((state) => [state.before, results[state.after]!]));
    this.discard(Object.values(before));
    return Object.fromEntries(this.spec.outputs.map(({ name }) => [name, fromOrt(results[name]!)]));
  }

  /** The contents of a state array; valid until the next run. */
  read(index: number): Tensor | Promise<Tensor> {
    return fromOrt(this.state[this.spec.states[index]!.before]!);
  }

  /** Releases the session, and frees the state. */
  async release(): Promise<void> {
    await this.session.release();
    this.discard([...Object.values(this.state), ...Object.values(this.constants)]);
  }

  /** Frees arrays of state that are no longer needed. */
  protected discard(arrays: readonly OrtTensor[]): void {
    free(arrays);
  }

  /** An array for each state, by input name. */
  protected arrays(make: (state: StateSpec) => Tensor): OrtArrays {
    return Object.fromEntries(this.spec.states.map((state) => [state.before, toOrt(this.ort, make(state))]));
  }
}

export const toOrt = (ort: OrtModule, { dtype, data, shape }: Tensor): OrtTensor =>
  new ort.Tensor(dtype as "float32", data as Float32Array, shape);

export const fromOrt = (value: OrtTensor): Tensor =>
  ({ dtype: value.type, shape: [...value.dims], data: value.data }) as Tensor;
