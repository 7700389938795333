import { gradients } from "../../src/autodiff/gradients.js";
import { sizeOf, type Tensor, tensor } from "../../src/core/tensor.js";
import { Graph, type Node, type Value } from "../../src/graph/graph.js";
import { verify } from "../../src/graph/verify.js";
import { BatchNorm, constant, crossEntropy, flatten, globalAveragePool, Param } from "../../src/nn/index.js";
import * as o from "../../src/ops/index.js";
import { adamw, type Optimizer, sgd } from "../../src/train/index.js";
import { Draw } from "./draw.js";
import { layers, wholeBlocks } from "./layers.js";

/** A random network. All follows from the seed; to shrink one, layers are left out and the input is made smaller. */
export interface Plan {
  readonly seed: number;
  /** [N,C,H,W] */
  readonly input: readonly [number, number, number, number];
  /** Which of the drawn layers stand: what layer i is depends on the seed, on i, and on the map that reaches it. */
  readonly layers: readonly number[];
  /** Which draw of weights and inputs; the network is the same. */
  readonly numbers: number;
}

/** A training step, or (one in five) an inference, and the numbers to run it with. */
export interface Network {
  readonly graph: Graph;
  readonly feeds: Readonly<Record<string, Tensor>>;
}

/** Multiply-accumulates of one layer, and elements of one map, that the reference engine is asked for. */
const limits = { macs: 1_000_000, elements: 12_000 };

export function planOf(seed: number): Plan {
  const draw = new Draw(seed, "plan");
  let input: Plan["input"];
  do {
    input = [
      draw.pick([1, 2, 2, 3, 4, 5, 7, 8, 16, draw.between(1, 20)]),
      draw.channels(),
      draw.between(1, 17),
      draw.between(1, 17),
    ];
    if (draw.chance(0.2)) input = [input[0], draw.pick([1, 3]), input[2], input[3]];
  } while (sizeOf(input) > limits.elements / 2);
  return { seed, input, layers: Array.from({ length: draw.between(1, 6) }, (_, i) => i), numbers: 0 };
}

/** What layers write with: parameters of random contents, and a limit on what may be computed. */
export class Builder {
  /** Maps so far. */
  readonly values: Value[] = [];
  readonly parameters = new Map<Param, string>();
  readonly graph: Graph;

  constructor(
    training: boolean,
    private readonly plan: Plan,
    /** Share of parameters that are not learned, and so are constants to engines. */
    private readonly frozen: number,
  ) {
    this.graph = new Graph(training, (owner) => this.parameters.get(owner as Param));
  }

  allows(macs: number, elements: number): boolean {
    return macs <= limits.macs && elements <= limits.elements;
  }

  /** Numbers of an array, by its name. */
  numbers(name: string, shape: readonly number[], low: number, high: number): Tensor<"float32"> {
    const draw = new Draw(this.plan.seed, "numbers", this.plan.numbers, name);
    return tensor("float32", shape, draw.array(sizeOf(shape), low, high));
  }

  weight(shape: readonly number[], draw: Draw): Value {
    const reach = Math.sqrt(5 / sizeOf(shape.slice(1)));
    return this.graph.state(this.add("weight", new Param(shape, constant(0)), draw, -reach, reach));
  }

  vector(length: number, draw: Draw): Value {
    return this.graph.state(this.add("vector", new Param([length], constant(0)), draw, -0.5, 0.5));
  }

  /** A parameter whose elements are all equal. */
  filled(shape: readonly number[], draw: Draw, value: number): Value {
    return this.graph.state(this.add("filled", new Param(shape, constant(0)), draw, value, value));
  }

  batchNorm(x: Value, draw: Draw): Value {
    const count = sizeOf(x.shape as number[]) / (x.shape[1] as number);
    if (this.graph.training && count < 2) return x;
    const norm = new BatchNorm(x.shape[1] as number);
    this.add("gamma", norm.weight, draw, 0.5, 1.5);
    this.add("beta", norm.bias, draw, -0.5, 0.5);
    this.add("mean", norm.running_mean, draw, -0.5, 0.5);
    this.add("variance", norm.running_var, draw, 0.5, 1.5);
    // Statistics must not cancel where the mean is large beside the deviation.
    const far = draw.chance(0.04) ? o.add(x, 300) : x;
    norm.num_batches_tracked.value = tensor("int64", [], BigInt64Array.of(7n));
    this.parameters.set(norm.num_batches_tracked, `batches.${this.parameters.size}`);
    return norm.call(far);
  }

  private add(kind: string, param: Param, draw: Draw, low: number, high: number): Param {
    const name = `${kind}.${this.parameters.size}`;
    this.parameters.set(param, name);
    param.value = this.numbers(name, param.shape, low, high);
    param.trainable = param.kind === "parameter" && !draw.chance(this.frozen);
    return param;
  }
}

/** The network of a plan. With `only`, all outputs but that one are left out, and all updates. */
export function build(plan: Plan, only?: string): Network {
  const draw = new Draw(plan.seed, "network");
  const training = draw.chance(0.8);
  const net = new Builder(training, plan, draw.pick([0, 0, 0, 0.3]));
  const { graph } = net;
  const output = (name: string, value: Value) => {
    if (only === undefined || only === name) graph.output(name, value);
  };

  const input = graph.input("input", { dtype: "float", shape: plan.input });
  let x = input;
  for (const i of plan.layers) {
    const own = new Draw(plan.seed, "layer", i);
    // Drawn apart: what other layers are does not depend on it.
    const whole = new Draw(plan.seed, "blocks", i).chance(0.1);
    const [name, , layer] = whole ? (["whole blocks", 0, wholeBlocks] as const) : drawLayer(own);
    net.values.push(x);
    x = graph.within({ path: `${i}`, kind: name }, () => layer(x, own, net));
    // Not all: an output keeps an engine from fusing across it.
    if (own.chance(0.2)) output(`layer ${i}`, x);
  }
  const logits = graph.within({ path: "head" }, () => head(x, new Draw(plan.seed, "head"), net));
  output("logits", logits);
  const feeds: Record<string, Tensor> = { input: net.numbers("input", plan.input, -1, 1) };
  if (!training) return { graph, feeds };

  const targets = net.numbers("targets", logits.shape as number[], 0, 0.5);
  const loss = crossEntropy(logits, graph.input("targets", { dtype: "float", shape: logits.shape }), {
    labelSmoothing: draw.pick([0, 0.1]),
  });
  output("loss", loss);
  feeds.targets = targets;
  for (const { name, shape } of graph.randoms) feeds[name] = net.numbers(name, shape, 0, 1);

  const learned = [...net.parameters].filter(([param]) => param.trainable && param.kind === "parameter");
  // Each layer as one part; what is batch norm's own belongs to none, so that parts also come in pieces.
  const recompute = ({ scope }: Node) => (scope.kind === undefined ? undefined : scope.path);
  const wrt = [input, ...learned.map(([param]) => graph.state(param))];
  const derived = gradients(loss, wrt, draw.chance(0.3) ? { recompute } : {});
  if (derived[0]) output("d input", derived[0]);
  const optimizer = draw.pick<Optimizer>([sgd({ momentum: 0 }), sgd(), sgd({ nesterov: true }), adamw()]);
  const scalars = Object.entries(optimizer.scalars(3, 0.05)).map(([name, value]) => {
    feeds[`scalar/${name}`] = tensor("float32", [], Float32Array.of(value));
    return [name, graph.input(`scalar/${name}`, { dtype: "float", shape: [] })] as const;
  });
  learned.forEach(([param, name], i) => {
    const gradient = derived[i + 1];
    if (!gradient) return;
    output(`d ${name}`, gradient);
    const slots = Object.keys(optimizer.slots).map((slot) => {
      const cell = new Param(param.shape, constant(0), "buffer");
      cell.value = net.numbers(`${slot}/${name}`, param.shape, 0, 0.1);
      net.parameters.set(cell, `${slot}/${name}`);
      return [slot, cell] as const;
    });
    const result = optimizer.update({
      value: graph.state(param),
      gradient,
      slots: Object.fromEntries(slots.map(([slot, cell]) => [slot, graph.state(cell)])),
      scalars: Object.fromEntries(scalars),
      decay: optimizer.weightDecay,
    });
    graph.update(param, result.value);
    for (const [slot, cell] of slots) graph.update(cell, result.slots[slot]!);
  });
  if (only !== undefined) graph.updates.length = 0;
  verify(graph);
  return { graph, feeds };
}

function drawLayer(draw: Draw): (typeof layers)[number] {
  let at = draw.int(layers.reduce((sum, [, share]) => sum + share, 0));
  return layers.find(([, share]) => (at -= share) < 0)!;
}

/** Pooled features and a linear layer, or a label at every position. */
function head(x: Value, draw: Draw, net: Builder): Value {
  const classes = draw.between(2, 12);
  const [, channels, height, width] = x.shape as [number, number, number, number];
  const kinds = ["mean", "mean", "max", "flat", "both", "dense"] as const;
  const wanted = draw.pick(kinds);
  const kind = wanted === "flat" && channels * height * width > 600 ? "mean" : wanted;
  if (kind === "dense") return o.conv(x, net.weight([classes, channels, 1, 1], draw), net.vector(classes, draw));
  const mean = () => globalAveragePool(x);
  const max = () => o.reduceMax(x, [2, 3], { keepdims: false });
  const features =
    kind === "mean" ? mean() : kind === "max" ? max() : kind === "flat" ? flatten(x) : o.concat([mean(), max()], 1);
  const weight = net.weight([classes, features.shape[1] as number], draw);
  return o.add(o.matMul(features, weight, { transB: true }), net.vector(classes, draw));
}
