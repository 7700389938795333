import { requireFinite } from "../core/finite.js";
import {
  signal as abortSignal,
  batchSize,
  callback,
  check,
  options as fields,
  maybe,
  type Schema,
  whole,
} from "../core/schema.js";
import { toFloat32 } from "../core/tensor.js";
import { checkDataset, preprocessingSchema } from "../data/checks.js";
import { type Dataset, defaultPreprocessing, inputWriter, type Preprocessing } from "../data/index.js";
import { type Engine, engineSchema } from "../engines/engine.js";
import { foldBatchNorm } from "../graph/passes/fold-batch-norm.js";
import { type Calibration, codeFor, quantizeDequantize, type Range, roundedValues } from "../graph/passes/quantize.js";
import { moduleSchema } from "../nn/checks.js";
import { type Module, trace } from "../nn/index.js";

/** Options of {@link calibrate}. */
export interface CalibrateOptions {
  /** What computes. */
  readonly engine: Engine;
  /** How many images to look at, spread over the data set. Default 128. */
  readonly images?: number;
  /** Images per batch; affects speed, not the result. Default 16. */
  readonly batch?: number;
  /** How images become inputs. Default: what suits the data set. */
  readonly preprocessing?: Preprocessing;
  /** Aborts the work. */
  readonly signal?: AbortSignal;
  /** Called after each batch, with the number of images done and in total. */
  onProgress?(done: number, total: number): void;
}

export const calibrateOptions: Schema<CalibrateOptions> = fields<CalibrateOptions>({
  engine: engineSchema,
  images: maybe(whole(1)),
  batch: maybe(batchSize),
  preprocessing: maybe(preprocessingSchema),
  signal: maybe(abortSignal),
  onProgress: maybe(callback),
});

/** How many elements of an image's activations are kept: fewer of more images, so that the memory has a bound. */
const keptOf = (images: number) => Math.max(16, Math.min(512, Math.floor(2 ** 17 / images)));

/** Weyl's sequence of the golden ratio: spread evenly, and in step with neither rows nor columns. */
const golden = (Math.sqrt(5) - 1) / 2;

/** Parts of the whole range that are tried as the range. */
const shares = Array.from({ length: 15 }, (_, i) => 1 - i / 20);

/**
 * Measures how far a network's activations reach, so that {@link exportOnnx} can write one that computes in integers: for each array
 * that is rounded to bytes, the range with the least squared error over samples of all images. (A range that leaves out a few large
 * numbers rounds all others less.)
 *
 * @throws DataError if an image cannot be read; FoveaError if activations are not finite.
 *
 * @example
 * const calibration = await calibrate(model, data.train, { engine });
 * await writeFile("model.onnx", exportOnnx(trace(model, ["N", 3, 32, 32]), { precision: "int8", calibration }));
 */
export async function calibrate(model: Module, dataset: Dataset, options: CalibrateOptions): Promise<Calibration> {
  check("calibrate", "model", moduleSchema, model);
  checkDataset("calibrate", "dataset", dataset);
  check("calibrate", "options", calibrateOptions, options);
  const { engine, preprocessing = defaultPreprocessing(dataset), signal, onProgress } = options;
  const count = Math.min(options.images ?? 128, dataset.length);
  const batch = Math.min(options.batch ?? 16, count);
  const { imageSize } = preprocessing;
  const graph = foldBatchNorm(trace(model, [batch, 3, imageSize, imageSize]));
  const values = roundedValues(graph);
  const nameOf = (i: number) => `activation/${i}`;
  values.forEach((value, i) => graph.output(nameOf(i), value));
  const samples = values.map(() => new Sample(count));
  const write = inputWriter(preprocessing);
  const executable = await engine.compile(graph);
  try {
    for (let start = 0; start < count; start += batch) {
      signal?.throwIfAborted();
      const data = new Float32Array(batch * 3 * imageSize ** 2);
      const images = Math.min(batch, count - start);
      for (let i = 0; i < images; i++)
        write(await dataset.image(Math.floor(((start + i) * dataset.length) / count)), data, i * 3 * imageSize ** 2);
      const outputs = await executable.run({
        input: { dtype: "float32", shape: graph.inputs.get("input")!.shape as number[], data },
      });
      for (const [i, sample] of samples.entries()) {
        const output = outputs[nameOf(i)]!;
        requireFinite("calibrate", [[`the activations of ${values[i]!.node?.scope.path || "the input"}`, output]]);
        const all = toFloat32(output).data;
        const size = all.length / batch;
        for (let image = 0; image < images; image++) sample.add(all.subarray(image * size, (image + 1) * size));
      }
      onProgress?.(start + images, count);
    }
  } finally {
    await executable.release();
  }
  return { ranges: samples.map((sample) => sample.range()) };
}

/** Some of an array's elements over all images, and the least and the largest of all. */
class Sample {
  readonly #elements: Float32Array;
  #length = 0;
  #low = 0;
  #high = 0;

  readonly #kept: number;

  constructor(images: number) {
    this.#kept = keptOf(images);
    this.#elements = new Float32Array(images * this.#kept);
  }

  add(elements: Float32Array): void {
    for (const v of elements) {
      if (v < this.#low) this.#low = v;
      else if (v > this.#high) this.#high = v;
    }
    const count = Math.min(this.#kept, elements.length);
    for (let i = 0; i < count; i++)
      this.#elements[this.#length++] = elements[Math.floor(((i * golden) % 1) * elements.length)]!;
  }

  /** The range with the least squared error. */
  range(): Range {
    const candidates = shares.map((share): Range => [share * this.#low, share * this.#high]);
    const exact = Float64Array.from(this.#elements.subarray(0, this.#length));
    const errors = candidates.map((range) => squaredError(exact, range));
    return candidates[errors.indexOf(Math.min(...errors))]!;
  }
}

/** Of numbers that are rounded to bytes over a range. */
function squaredError(data: Float64Array, range: Range): number {
  const [rounded] = quantizeDequantize.run([{ dtype: "float64", shape: [data.length], data }], codeFor(range));
  return rounded!.data.reduce((sum, v, i) => sum + (v - data[i]!) ** 2, 0);
}
