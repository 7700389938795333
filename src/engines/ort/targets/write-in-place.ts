import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-common";
import { FoveaError, messageOf } from "../../../core/errors.js";
import { type Tensor, tensor, zeros } from "../../../core/tensor.js";
import { defaultOpset } from "../../../formats/onnx/lower.js";
import { encodeOnnx } from "../../../formats/onnx/proto.js";
import { type OrtArrays, SessionState, toOrt } from "../state.js";
import { free } from "./free.js";
import type { OrtModule } from "./target.js";

/**
 * State that a run writes over itself. ONNX Runtime writes results to preallocated outputs, but its Node binding then returns a copy of each: of
 * all weights and optimizer slots, in every step. It copies in the order of the outputs, and stops with an error at the first that it
 * cannot represent, such as a sequence. So a sequence, the sentinel, comes first (`passes/alias-state.ts`): everything has been computed,
 * the error is expected, and nothing is copied. Where the probe fails, results are copied (`SessionState`).
 *
 * What would make this unnecessary: a `run` of onnxruntime-node that returns the tensors it was given for outputs, as onnxruntime-web's does
 * for GPU buffers (IOBinding).
 */
export class InPlaceState extends SessionState {
  /** Where a run writes the new state, by the same names: to the same array, or to one that it is swapped with. */
  #next = this.arrays(({ initial, inPlace }) => (inPlace ? initial : zeros(initial.dtype, initial.shape)));
  #isLost = false;

  override async run(feeds: OrtArrays): Promise<Record<string, Tensor>> {
    this.#requireKept();
    const { outputs, states, sentinel } = this.spec;
    const results = outputs.map(({ dtype, shape }) => zeros(dtype, shape as readonly number[]));
    const into: Record<string, OrtTensor | null> = { [sentinel!]: null };
    for (const [i, { name }] of outputs.entries()) into[name] = toOrt(this.ort, results[i]!);
    for (const { before, after } of states) into[after] = this.#next[before]!;
    this.#isLost = true; // unless the run ends
    await runInto(this.session, { ...feeds, ...this.constants, ...this.state }, into);
    this.#isLost = false;
    [this.state, this.#next] = [this.#next, this.state];
    return Object.fromEntries(outputs.map(({ name }, i) => [name, results[i]!]));
  }

  override read(index: number): Tensor | Promise<Tensor> {
    this.#requireKept();
    return super.read(index);
  }

  override async release(): Promise<void> {
    await super.release();
    free(Object.values(this.#next));
  }

  #requireKept(): void {
    if (this.#isLost) throw new FoveaError("the state is lost: an earlier run failed while overwriting it");
  }
}

/** The binding's error for a non-tensor result, thrown after everything has been computed. */
const noTensor = "Non tensor type is temporarily not supported.";

/** Runs a session that writes its results to the given arrays; the binding may complain that it cannot return the sequence. */
async function runInto(
  session: InferenceSession,
  feeds: OrtArrays,
  into: Record<string, OrtTensor | null>,
): Promise<void> {
  try {
    await session.run(feeds, into);
  } catch (error) {
    if (messageOf(error) !== noTensor) throw error;
  }
}

/**
 * Whether results are written to given arrays, an input's among them, and the binding then stops at a sequence: adds 1 to two numbers
 * in place. The WebAssembly binding leaves such arrays unchanged.
 */
export async function probeWritesInPlace(ort: OrtModule): Promise<boolean> {
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
  const x = new ort.Tensor("float32", Float32Array.of(1, 2), [2]);
  try {
    const session = await ort.InferenceSession.create(model, { logSeverityLevel: 4 });
    await runInto(session, { x }, { sentinel: null, y: x });
    await session.release();
    return x.data[0] === 2 && x.data[1] === 3;
  } catch {
    return false;
  }
}
