import { gradients } from "../autodiff/gradients.js";
import { OptionError } from "../core/errors.js";
import { staticShape } from "../core/shape.js";
import { copyOf, sizeOf, zeros } from "../core/tensor.js";
import type { Graph, Value } from "../graph/graph.js";
import { constant, crossEntropy, graphFor, initialize, type Module, Param, parametersOf } from "../nn/index.js";
import { add, cast, div, equal, minimum, mul, reduceMax, reduceSum, sqrt, square } from "../ops/index.js";
import type { Optimizer } from "./optimizers.js";

/** What a training step is made of. */
export interface StepOptions {
  readonly optimizer: Optimizer;
  /** Shape of the images, [batch, 3, height, width]. */
  readonly input: readonly [number, number, number, number];
  readonly classes: number;
  /** Sizes of the logits after [batch, classes]: none for one label a picture, [height, width] for a label at every position. */
  readonly positions?: readonly number[];
  readonly labelSmoothing?: number;
  /** Scale gradients down so that their joint Euclidean norm is at most this. */
  readonly clipNorm?: number | null;
  /** Decay of an exponential moving average of the weights, for example 0.999. */
  readonly ema?: number | null;
}

/** One training step as a graph, and the state that it needs beside the model's own. */
export interface TrainingStep {
  readonly graph: Graph;
  /** Slots of the optimizer and averages of weights, by name: `optimizer/momentum/…`, `ema/…`. */
  readonly cells: ReadonlyMap<string, Param>;
  /** For looking inside: the logits, and the gradient of each parameter before clipping (null where nothing uses it). */
  readonly logits: Value;
  readonly gradients: ReadonlyMap<string, Value | null>;
}

/**
 * Writes a whole training step as one graph: forward pass, cross entropy, backward pass and optimizer.
 * Inputs: `images`, `targets` (distributions over classes), and the optimizer's scalars as `scalar/…`.
 * Outputs: `loss`, and `correct`, how many images of the batch have their largest logit at the target (with a label at every
 * position: the share of each image that has, summed).
 */
export function trainingStep(model: Module, options: StepOptions): TrainingStep {
  const { optimizer, input, classes, positions = [], labelSmoothing = 0, clipNorm = null, ema = null } = options;
  if (clipNorm !== null && !(clipNorm > 0)) throw new OptionError(`train: clipNorm must be positive, got ${clipNorm}`);
  if (ema !== null && !(ema > 0 && ema < 1)) throw new OptionError(`train: ema must be between 0 and 1, got ${ema}`);
  const parameters = [...parametersOf(initialize(model))];
  const cells = new Map<string, Param>();
  const cell = (name: string, { shape, value }: Param, initial: "zero" | "copy" = "zero"): Param => {
    const made = new Param(shape, constant(0), "buffer");
    made.value = initial === "copy" ? copyOf(value) : zeros("float32", shape);
    cells.set(name, made);
    return made;
  };
  const slots = parameters.map(([path, param]) =>
    optimizer.slots.map((slot) => [slot, cell(`optimizer/${slot}/${path}`, param)] as const),
  );
  const averages = ema === null ? [] : parameters.map(([path, param]) => cell(`ema/${path}`, param, "copy"));

  const graph = graphFor(model, { training: true, cells });
  const images = graph.input("images", { dtype: "float", shape: input });
  const targets = graph.input("targets", { dtype: "float", shape: [input[0], classes, ...positions] });
  const logits = model.call(images);
  const loss = crossEntropy(logits, targets, { labelSmoothing });
  graph.output("loss", loss);
  graph.output("correct", countCorrect(logits, targets));

  const values = parameters.map(([, param]) => graph.state(param));
  const derived = gradients(loss, values);
  const scale = clipNorm === null ? undefined : clipFactor(derived, clipNorm);
  const scalars = Object.fromEntries(
    Object.keys(optimizer.scalars(1, optimizer.lr)).map((name) => [
      name,
      graph.input(`scalar/${name}`, { dtype: "float", shape: [] }),
    ]),
  );
  parameters.forEach(([, param], i) => {
    const gradient = derived[i];
    if (!gradient) return; // the authors' code has parameters that nothing uses
    const result = optimizer.update({
      value: values[i]!,
      gradient: scale ? mul(gradient, scale) : gradient,
      slots: Object.fromEntries(slots[i]!.map(([slot, c]) => [slot, graph.state(c)])),
      scalars,
      decay: optimizer.decayNormsAndBiases || param.shape.length > 1 ? optimizer.weightDecay : 0,
    });
    graph.update(param, result.value);
    for (const [slot, c] of slots[i]!) graph.update(c, result.slots[slot]!);
    const average = averages[i];
    if (average && ema !== null) graph.update(average, add(mul(graph.state(average), ema), mul(result.value, 1 - ema)));
  });
  return { graph, cells, logits, gradients: new Map(parameters.map(([path], i) => [path, derived[i] ?? null])) };
}

/** min(1, limit / ‖all gradients‖), as PyTorch's clip_grad_norm_. */
function clipFactor(derived: readonly (Value | null)[], limit: number): Value {
  const squares = derived.flatMap((g) =>
    g
      ? [
          reduceSum(
            square(g),
            g.shape.map((_, i) => i),
            { keepdims: false },
          ),
        ]
      : [],
  );
  const norm = sqrt(squares.reduce((a, b) => add(a, b)));
  return minimum(div(limit, add(norm, 1e-6)), norm.graph.scalar(1));
}

/** In how many images the largest logit is where the target is; where there are several positions, shares of images. */
function countCorrect(logits: Value, targets: Value): Value {
  const atTarget = reduceSum(mul(logits, targets), [1]);
  const right = cast(equal(atTarget, reduceMax(logits, [1])));
  const total = reduceSum(
    right,
    right.shape.map((_, i) => i),
    { keepdims: false },
  );
  const positions = sizeOf(staticShape(right.shape.slice(1)));
  return positions === 1 ? total : mul(total, 1 / positions);
}
