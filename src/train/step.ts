import { gradients } from "../autodiff/gradients.js";
import { OptionError } from "../core/errors.js";
import {
  batchSize,
  callback,
  check,
  classCount,
  options as fields,
  flag,
  imageSize,
  maybe,
  type Schema,
  sizes,
  tuple,
} from "../core/schema.js";
import { settingsIn } from "../core/settings.js";
import { staticShape } from "../core/shape.js";
import { copyOf, sizeOf, type Tensor, tensor, zeros } from "../core/tensor.js";
import type { Graph, Node, Value } from "../graph/graph.js";
import { moduleSchema } from "../nn/checks.js";
import { constant, graphFor, initialize, type Module, Param, parametersOf, stateOf } from "../nn/index.js";
import {
  add,
  cast,
  div,
  equal,
  greater,
  maximum,
  minimum,
  mul,
  reduceMax,
  reduceSum,
  sqrt,
  square,
  sub,
  where,
} from "../ops/index.js";
import { total } from "../ops/total.js";
import { optimizerSchema } from "./checks.js";
import type { Objective } from "./objective.js";
import type { Optimizer } from "./optimizers.js";
import { type ParameterGroup, type StepSettings, stepFields, stepSettings } from "./settings.js";
import { classification } from "./task.js";

/** Options of a training step. */
export interface StepOptions extends StepSettings {
  /** The optimizer, such as `sgd()`. */
  readonly optimizer: Optimizer;
  /** Shape of the images, [batch, 3, height, width]. */
  readonly input: readonly [number, number, number, number];
  /** Number of classes. */
  readonly numClasses: number;
  /** Sizes of the logits after [batch, numClasses]: none for one label per image, [height, width] for a label at every position. */
  readonly positions?: readonly number[];
  /** Whether targets mix classes, as Mixup makes them. `correct` is then the sum of the targets' shares at the largest logits. Default false. */
  readonly mixedTargets?: boolean;
  /** What is minimized, such as `segmentation().objective`. Default: cross entropy of the network's output. */
  readonly objective?: Objective;
}

export const stepOptions: Schema<StepOptions> = fields<StepOptions>({
  optimizer: optimizerSchema,
  input: tuple("[batch, channels, height, width]", batchSize, batchSize, imageSize, imageSize),
  numClasses: classCount,
  positions: maybe(sizes),
  mixedTargets: maybe(flag),
  objective: maybe(callback),
  ...stepFields,
});

/** One training step as a graph, and the state it needs besides the model's. */
export interface TrainingStep {
  /** Forward pass, loss, gradients and updates. */
  readonly graph: Graph;
  /** Optimizer slots, averages of weights and sums of gradients, by name: `optimizer/momentum/…`, `ema/…`, `accumulated/…`. */
  readonly cells: ReadonlyMap<string, Param>;
  /** For inspection: the logits, and the gradient of each trained parameter before clipping (null where nothing uses it). */
  readonly logits: Value;
  /** The gradient of each parameter, by path. */
  readonly gradients: ReadonlyMap<string, Value | null>;
  /** The inputs `scalar/…` of a step, counted from 1, at a learning rate; with `gradAccumSteps`, which of the step's batches it is. */
  scalars(step: number, lr: number, part?: StepPart): Record<string, Tensor>;
}

/** A batch among those whose gradients make a step. */
export interface StepPart {
  /** Its position, counted from 0. */
  readonly index: number;
  /** How many there are. */
  readonly of: number;
}

/**
 * A whole training step as one graph: forward pass, loss, backward pass and optimizer. Frozen parameters are constants.
 * Inputs: `images`, `targets` (distributions over classes; all zeros where a position does not count), and the optimizer's numbers, `scalar/…`.
 * Outputs: `loss`; where that is not the plain cross entropy, as with label smoothing, also `crossEntropy`; and `correct`, the number of images in the
 * batch whose largest logit, the first if tied, is at the target (with a label at every position: the share of labeled positions where it is, times
 * the batch).
 *
 * @throws OptionError if a setting is wrong or every parameter is frozen.
 */
export function trainingStep(model: Module, options: StepOptions): TrainingStep {
  check("trainingStep", "model", moduleSchema, model);
  check("trainingStep", "options", stepOptions, options);
  return stepOn(model, options);
}

/** A {@link trainingStep}. With the cells of one that differs in its input only, both have the same state. */
export function stepOn(model: Module, options: StepOptions, shared?: TrainingStep["cells"]): TrainingStep {
  const { optimizer, input, numClasses, positions = [], groups = [], mixedTargets = false } = options;
  const { objective = classification.objective } = options;
  const { labelSmoothing, clipNorm, ema, recompute, gradAccumSteps, bceLoss, bceTargetThreshold } = settingsIn(
    stepSettings,
    options,
  );
  if (bceTargetThreshold !== null && !bceLoss) throw new OptionError("train: bceTargetThreshold needs bceLoss");
  const binary = bceLoss ? { targetThreshold: bceTargetThreshold } : undefined;
  const learned = [...parametersOf(initialize(model))].filter(([, param]) => param.trainable);
  if (learned.length === 0) throw new OptionError("train: every parameter is frozen, so there is nothing to train");
  const averaged =
    ema === null
      ? []
      : [...stateOf(model)].filter(([, p]) => p.dtype === "float" && (p.kind === "buffer" || p.trainable));
  const cells = shared ?? cellsFor(learned, optimizer, averaged, gradAccumSteps > 1);

  const graph = graphFor(model, { training: true, cells });
  const images = graph.input("images", { dtype: "float", shape: input });
  const targets = graph.input("targets", { dtype: "float", shape: [input[0], numClasses, ...positions] });
  const { logits, loss, crossEntropy, correct } = objective({ model, images, targets, labelSmoothing, binary });
  graph.output("loss", loss);
  if (crossEntropy) graph.output("crossEntropy", crossEntropy());
  if (correct) graph.output("correct", correct());
  else if (correct !== null)
    graph.output("correct", mixedTargets ? correctShare(logits, targets) : countCorrect(logits, targets));

  const values = learned.map(([, param]) => graph.state(param));
  const derived = gradients(loss, values, recompute ? { recompute: blockOf } : {});
  const accumulation = gradAccumSteps > 1 ? accumulationOf(graph) : undefined;
  const summed = derived.map((gradient, i) => {
    const cell = cells.get(`accumulated/${learned[i]![0]}`);
    return gradient && accumulation && cell ? accumulation.add(cell, gradient) : gradient;
  });
  /** Changes a cell in the last batch of a step only. */
  const update = (cell: Param, next: Value, before: Value) =>
    graph.update(cell, accumulation ? accumulation.atEnd(next, before) : next);
  const scale = clipNorm === null ? undefined : clipFactor(summed, clipNorm);
  const rates = rateGroups(graph, optimizer, groups);
  learned.forEach(([path, param], i) => {
    const gradient = summed[i];
    if (!gradient) return; // the authors' code has parameters that nothing uses
    const slots = Object.keys(optimizer.slots).map((slot) => [slot, cells.get(`optimizer/${slot}/${path}`)!] as const);
    const result = optimizer.update({
      value: values[i]!,
      gradient: scale ? mul(gradient, scale) : gradient,
      slots: Object.fromEntries(slots.map(([slot, cell]) => [slot, graph.state(cell)])),
      scalars: rates.find(({ has }) => has(path))!.values,
      decay: optimizer.decayNormsAndBiases || param.shape.length > 1 ? optimizer.weightDecay : 0,
    });
    update(param, result.value, values[i]!);
    for (const [slot, cell] of slots) update(cell, result.slots[slot]!, graph.state(cell));
  });
  if (averaged.length > 0) {
    const decay = graph.input("scalar/ema", { dtype: "float", shape: [] });
    const rest = sub(1, decay);
    const updated = new Map(graph.updates.map(({ cell, value }) => [cell, value]));
    for (const [path, param] of averaged) {
      const value = updated.get(param);
      if (!value) continue; // frozen batch norms
      const average = cells.get(`ema/${path}`)!;
      const before = graph.state(average);
      update(average, add(mul(before, decay), mul(value, rest)), before);
    }
  }
  return {
    graph,
    cells,
    logits,
    gradients: new Map(learned.map(([path], i) => [path, derived[i] ?? null])),
    scalars: (step, lr, { index, of } = { index: 0, of: 1 }) => {
      const numbers = rates.flatMap(({ prefix, lrFactor }) =>
        Object.entries(optimizer.scalars(step, lr * lrFactor)).map(([name, v]) => [prefix + name, v] as const),
      );
      if (averaged.length > 0) numbers.push(["scalar/ema", Math.min(ema!, (1 + step) / (10 + step))]);
      if (accumulation)
        numbers.push(
          ["scalar/share", 1 / of],
          ["scalar/kept", index > 0 ? 1 : 0],
          ["scalar/end", index === of - 1 ? 1 : 0],
        );
      return Object.fromEntries(numbers.map(([name, v]) => [name, tensor("float64", [], Float64Array.of(v))]));
    },
  };
}

/** The block that a module or parameter belongs to: its path up to the first number, `layer1.0` of `layer1.0.conv2`. */
export const blockPath = (path: string): string | undefined => path.match(/^.*?\.\d+(?=\.|$)/)?.[0];
const blockOf = ({ scope }: Node): string | undefined => blockPath(scope.path);

/** The optimizer's slots of each parameter at their initial values, and copies of what is averaged. */
function cellsFor(
  learned: readonly (readonly [string, Param])[],
  optimizer: Optimizer,
  averaged: readonly (readonly [string, Param])[],
  accumulated: boolean,
): Map<string, Param> {
  const cells = new Map<string, Param>();
  const add = (name: string, value: Tensor) => {
    const cell = new Param(value.shape, constant(0), "buffer");
    cell.value = value;
    cells.set(name, cell);
  };
  for (const [path, { shape }] of learned)
    for (const [slot, initial] of Object.entries(optimizer.slots))
      add(`optimizer/${slot}/${path}`, tensor("float32", shape, new Float32Array(sizeOf(shape)).fill(initial)));
  for (const [path, { value }] of averaged) add(`ema/${path}`, copyOf(value));
  if (accumulated) for (const [path, { shape }] of learned) add(`accumulated/${path}`, zeros("float32", shape));
  return cells;
}

/** Gradients summed over the batches of a step: inputs say how much a batch counts, whether it is the first, and whether it is the last. */
function accumulationOf(graph: Graph) {
  const [share, kept, end] = ["share", "kept", "end"].map((name) =>
    graph.input(`scalar/${name}`, { dtype: "float", shape: [] }),
  ) as [Value, Value, Value];
  const last = greater(end, 0);
  return {
    add: (cell: Param, gradient: Value): Value => {
      const sum = add(mul(graph.state(cell), kept), mul(gradient, share));
      graph.update(cell, sum);
      return sum;
    },
    atEnd: (next: Value, before: Value): Value => where(last, next, before),
  };
}

interface RateGroup extends Omit<ParameterGroup, "name"> {
  readonly prefix: string;
  readonly values: Readonly<Record<string, Value>>;
}

/** The optimizer's numbers as inputs, once per group and once for all other parameters. */
function rateGroups(graph: Graph, optimizer: Optimizer, groups: readonly ParameterGroup[]): RateGroup[] {
  const rest = { name: "", lrFactor: 1, has: () => true };
  return [...groups, rest].map(({ name, lrFactor, has }) => {
    const prefix = name ? `scalar/${name}/` : "scalar/";
    const names = Object.keys(optimizer.scalars(1, optimizer.lr));
    const values = Object.fromEntries(names.map((n) => [n, graph.input(prefix + n, { dtype: "float", shape: [] })]));
    return { lrFactor, has, prefix, values };
  });
}

/** min(1, limit / ‖all gradients‖), as in PyTorch's clip_grad_norm_. */
function clipFactor(derived: readonly (Value | null)[], limit: number): Value {
  const squares = derived.flatMap((g) => (g ? [total(square(g))] : []));
  // From the last parameter on: gradients become available in that order, and engines compute operands in order.
  const norm = sqrt(squares.reduceRight((a, b) => add(a, b)));
  return minimum(div(limit, add(norm, 1e-6)), norm.graph.scalar(1));
}

/** Largest logits marked C for class 0 down to 1 for the last class, so that the largest mark is the first of them; 0 elsewhere. */
function firstMarks(logits: Value): Value {
  const classes = staticShape(logits.shape)[1]!;
  const order = logits.graph.constant(
    tensor(
      "float32",
      [1, classes, ...logits.shape.slice(2).map(() => 1)],
      Float32Array.from({ length: classes }, (_, i) => classes - i),
    ),
  );
  return mul(cast(equal(logits, reduceMax(logits, [1]))), order);
}

/**
 * In how many images the largest logit, the first if tied, is at the target; with several positions, the share of those with a target, times the batch.
 */
function countCorrect(logits: Value, targets: Value): Value {
  const marks = firstMarks(logits);
  const atTarget = reduceSum(mul(marks, targets), [1]);
  // At least 1: if all are NaN, none is largest and none is correct.
  const right = cast(equal(atTarget, maximum(reduceMax(marks, [1]), logits.graph.scalar(1))));
  const sum = total(right);
  if (logits.shape.length === 2) return sum;
  const labeled = total(targets);
  return mul(div(sum, maximum(labeled, 1)), staticShape(logits.shape)[0]!);
}

/** The shares of mixed targets at the first largest logits, summed over the batch. */
function correctShare(logits: Value, targets: Value): Value {
  const marks = firstMarks(logits);
  const first = cast(equal(marks, maximum(reduceMax(marks, [1]), 1)));
  const shares = mul(first, targets);
  return total(shares);
}
