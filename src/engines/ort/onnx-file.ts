import { FormatError, messageOf } from "../../core/errors.js";
import { tensor, toFloat32 } from "../../core/tensor.js";
import type { Engine } from "../engine.js";
import { toOrt } from "./state.js";
import { cpuBackend } from "./targets/cpu.js";

/** An ONNX file that is ready to run: one image input, whose first output is logits. */
interface OnnxNetwork {
  /** [batch, 3, height, width]; null if any size is accepted. */
  readonly input: readonly (number | null)[];
  /** Shape of the logits; null where that follows from the input. */
  readonly output: readonly (number | null)[];
  /** Runs the file in place of the graph that it is given. */
  readonly engine: Engine;
}

/**
 * Opens an ONNX file on ONNX Runtime's CPU kernels, as any program would run it.
 *
 * @throws FormatError if ONNX Runtime does not take it, or it is not a network for images.
 */
export async function openOnnxNetwork(bytes: Uint8Array, file: string, threads: number): Promise<OnnxNetwork> {
  const { ort, options } = await cpuBackend().load(threads);
  const opening = ort.InferenceSession.create(bytes, { logSeverityLevel: 3, ...options });
  const session = await opening.catch((error: unknown) => {
    throw new FormatError(`${file}: ONNX Runtime cannot run it (${messageOf(error).split("\n")[0]})`);
  });
  const [input, ...others] = session.inputMetadata;
  const [output] = session.outputMetadata;
  if (!input?.isTensor || input.type !== "float32" || input.shape.length !== 4 || others.length > 0)
    throw new FormatError(`${file}: a network for images has one input of floats, [batch, 3, height, width]`);
  const sizes = (shape: readonly (number | string)[]) =>
    shape.map((size) => (typeof size === "number" && size > 0 ? size : null));
  const [batchSize = null, channels] = sizes(input.shape);
  if (channels !== null && channels !== 3)
    throw new FormatError(`${file}: takes images of ${channels} channels; RGB has 3`);
  if (!output?.isTensor || output.shape.length < 2)
    throw new FormatError(`${file}: its first output must be logits, [batch, classes, …]`);
  return {
    input: sizes(input.shape),
    output: sizes(output.shape),
    engine: {
      name: "onnx",
      compile: async () => ({
        run: async (arrays) => {
          const { shape, data: pixels } = toFloat32(arrays.input!);
          const [count = 0, ...image] = shape;
          // A file of a fixed batch size takes no fewer images: the rest is zeros, and left out of the logits.
          const batch = batchSize ?? count;
          const images = new Float32Array((pixels.length / count) * batch);
          images.set(pixels);
          const fed = tensor("float32", [batch, ...image], images);
          const results = await session.run({ [input.name]: toOrt(ort, fed) });
          const { type, data, dims } = results[output.name]!;
          if (!(data instanceof Float32Array)) throw new FormatError(`${file}: its logits are ${type}, not floats`);
          const own = data.subarray(0, (data.length / batch) * count);
          return { output: tensor("float32", [count, ...dims.slice(1)], own) };
        },
        readState: async () => new Map(),
        release: async () => {},
      }),
      release: () => session.release(),
    },
  };
}
