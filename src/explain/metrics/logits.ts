import { FoveaError, OptionError, ShapeError } from "../../core/errors.js";
import { check, fieldsOf, type Schema, tuple, whole } from "../../core/schema.js";
import { sizeOf, type Tensor, tensor, tensorSchema, toFloat64 } from "../../core/tensor.js";
import { type Engine, type Executable, engineSchema } from "../../engines/engine.js";
import { moduleSchema } from "../../nn/checks.js";
import { type Module, trace } from "../../nn/index.js";
import { probabilities } from "../../train/metrics.js";

/** A classifier as a function: inputs [N,C,H,W] as the network takes them → logits [N, classes], for any N. */
export type LogitsOf = (inputs: Tensor) => Promise<Tensor>;

/** An image as the network takes it, [C,H,W], and the class to explain. */
export interface Example {
  /** [C,H,W], normalized. */
  readonly input: Tensor;
  /** Index of the class. */
  readonly target: number;
}

export const exampleSchema: Schema<Example> = fieldsOf<Example>(
  { input: tensorSchema, target: whole(0) },
  "an example, { input, target }",
);

/** A network's scores for one class in each of several inputs. */
export interface ClassScores {
  readonly logits: Float64Array;
  /** Softmax of the logits. */
  readonly probabilities: Float64Array;
  /** Whether the class has the largest logit; the first if tied. */
  readonly best: readonly boolean[];
}

/** A score of a class: its softmax, or its logit. */
export type ScoreKind = "probability" | "logit";

/** A compiled network, for any number of inputs. */
export interface OpenLogits {
  /** Runs the network. */
  readonly logitsOf: LogitsOf;
  /** Frees the memory of the compiled graphs. */
  release(): Promise<void>;
}

/**
 * Compiles a classifier for inputs of one size. Inputs are run `batch` at a time; the last batch is padded by at most an eighth.
 *
 * @example
 * const { logitsOf, release } = await openLogits(model, [3, 32, 32], engine);
 *
 * @throws ShapeError from the returned function for inputs of another size.
 */
export async function openLogits(
  model: Module,
  inputShape: readonly [channels: number, height: number, width: number],
  engine: Engine,
  batch = 32,
): Promise<OpenLogits> {
  check("openLogits", "model", moduleSchema, model);
  check("openLogits", "inputShape", tuple("[channels, height, width]", whole(1), whole(1), whole(1)), inputShape);
  check("openLogits", "engine", engineSchema, engine);
  check("openLogits", "batch", whole(1, 4096), batch);
  const [channels, height, width] = inputShape;
  const each = channels * height * width;
  const compiled = new Map<number, Promise<Executable>>();
  const run = async (input: Tensor) => {
    const [size] = input.shape as [number];
    const executable = compiled.get(size) ?? engine.compile(trace(model, input.shape));
    compiled.set(size, executable);
    return (await (await executable).run({ input })).output!;
  };
  const logitsOf: LogitsOf = async (inputs) => {
    const [count] = inputs.shape;
    if (inputs.shape.length !== 4 || sizeOf(inputs.shape.slice(1)) !== each)
      throw new ShapeError(`logits: inputs must be [N,${channels},${height},${width}], got [${inputs.shape}]`);
    const { data } = toFloat64(inputs);
    let logits: Float64Array | undefined;
    let classes = 0;
    for (let start = 0; start < count!; start += batch) {
      const own = Math.min(batch, count! - start);
      // Sizes are compiled: these are few, and at most an eighth larger than needed.
      const grain = 2 ** Math.max(0, Math.floor(Math.log2(own)) - 3);
      const size = Math.min(batch, grain * Math.ceil(own / grain));
      const part = new Float64Array(size * each);
      part.set(data.subarray(start * each, (start + own) * each));
      const output = await run(tensor("float64", [size, channels, height, width], part));
      classes = output.shape[1]!;
      logits ??= new Float64Array(count! * classes);
      logits.set(toFloat64(output).data.subarray(0, own * classes), start * classes);
    }
    return tensor("float64", [count!, classes], logits ?? new Float64Array());
  };
  const release = async () => {
    for (const executable of compiled.values()) await (await executable).release();
    compiled.clear();
  };
  return { logitsOf, release };
}

/** Inputs per call: bounds memory when an image is varied many times. */
const atOnce = 32;

/**
 * The scores of one class for several inputs [C,H,W], which are made on demand.
 *
 * @throws OptionError if there is no such class. @throws FoveaError if a logit is not finite.
 */
export async function classScores(
  logitsOf: LogitsOf,
  count: number,
  make: (i: number) => Float64Array,
  shape: readonly number[],
  target: number,
): Promise<ClassScores> {
  const scores = { logits: new Float64Array(count), probabilities: new Float64Array(count), best: [] as boolean[] };
  const each = sizeOf(shape);
  for (let start = 0; start < count; start += atOnce) {
    const inputs = new Float64Array(Math.min(atOnce, count - start) * each);
    for (let i = 0; i * each < inputs.length; i++) inputs.set(make(start + i), i * each);
    const output = await logitsOf(tensor("float64", [inputs.length / each, ...shape], inputs));
    const classes = output.shape[1]!;
    const { data } = toFloat64(output);
    if (!(Number.isInteger(target) && target >= 0 && target < classes))
      throw new OptionError(`explain: class ${target} does not exist; the network has ${classes}, 0 to ${classes - 1}`);
    for (let i = 0; i * each < inputs.length; i++) {
      const row = data.subarray(i * classes, (i + 1) * classes);
      if (!row.every(Number.isFinite))
        throw new FoveaError("explain: logits are not finite, so maps cannot be measured");
      scores.logits[start + i] = row[target]!;
      scores.probabilities[start + i] = probabilities(row)[target]!;
      scores.best.push(row.indexOf(Math.max(...row)) === target);
    }
  }
  return scores;
}

/** The input of an example in float64, with its sizes. @throws ShapeError if it is not [C,H,W]. */
export function planesOf(
  where: string,
  { input }: Example,
): { data: Float64Array; shape: readonly [number, number, number]; plane: number } {
  check(where, "input", tensorSchema, input);
  const [channels, height, width] = input.shape;
  if (input.shape.length !== 3)
    throw new ShapeError(`${where}: an input must be [C,H,W], one image; got [${input.shape}]`);
  return { data: toFloat64(input).data, shape: [channels!, height!, width!], plane: height! * width! };
}
