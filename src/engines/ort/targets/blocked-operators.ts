import { defaultOpset } from "../../../formats/onnx/lower.js";
import { encodeOnnx } from "../../../formats/onnx/proto.js";
import { blockedDomain } from "../blocked/writer.js";
import type { OrtModule } from "./target.js";

/**
 * ONNX Runtime's blocked operators (`com.microsoft.nchwc`) are meant for its own optimizer, which inserts them for constant weights; here they
 * compute with weights that change. Without them everything is lowered to standard operators.
 *
 * What would make this unnecessary: standard convolutions that keep a changing weight packed from run to run, or a schema for the blocked
 * operators that says the block size and checks shapes.
 *
 * @returns the block size of this build and processor, found by padding four channels with ReorderInput; undefined without such operators.
 */
export async function probeBlockSize(ort: OrtModule): Promise<number | undefined> {
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
    const session = await ort.InferenceSession.create(model, { logSeverityLevel: 4 });
    const { y } = await session.run({ x: new ort.Tensor("float32", Float32Array.of(1, 2, 3, 4), shape) });
    await session.release();
    const [, block] = y!.dims;
    const expected = [1, 2, 3, 4, ...Array<number>(block! - 4).fill(0)];
    return expected.every((value, i) => y!.data[i] === value) ? block : undefined;
  } catch {
    return undefined;
  }
}
