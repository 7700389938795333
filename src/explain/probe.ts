import { gradients } from "../autodiff/gradients.js";
import { OptionError } from "../core/errors.js";
import { formatShape } from "../core/shape.js";
import { type Floats, sizeOf, type Tensor, tensor, toFloat64, toFloats } from "../core/tensor.js";
import type { Arrays, Engine, Executable } from "../engines/engine.js";
import { costOf } from "../graph/cost.js";
import { ancestors, type Graph, type Node, type Value } from "../graph/graph.js";
import { type CutAt, cutAt } from "../graph/passes/cut-at.js";
import { type Module, trace } from "../nn/index.js";
import { mul, reduceSum } from "../ops/index.js";
import type { AxisMap, ResampleAttributes } from "../ops/resample.js";
import { defaultLayer, findLayer, type LayerValue } from "./layers.js";

/** A network's results for one image. */
export interface Head {
  /** [C·H·W], as the network takes it. */
  readonly image: Floats;
  /** [K·P]: K classes at P positions. */
  readonly logits: Float64Array;
  /** Per layer of the probe, [C·h·w], in the engine's precision. */
  readonly activations: readonly Floats[];
  /** Inputs of the tail, as the engine returned them. */
  readonly feeds: Arrays;
}

/** Writes the i-th of several arrays into a buffer of its size. */
export type Write = (i: number, into: Float64Array) => void;

/** Where a graph derived from the whole network starts. */
export interface Whole {
  readonly graph: Graph;
  readonly input: Value;
  /** Σ seed·logits over the batch. */
  readonly score: Value;
}

/**
 * A network traced once in evaluation mode and cut at some of its layers. Its graphs are compiled on first use, and serve all images
 * and classes: a score enters as its gradient with respect to the logits, the seed.
 */
export class Probe {
  readonly #model: Module;
  readonly #engine: Engine;
  readonly #paths: readonly (string | null)[];
  readonly #executables = new Map<string, Promise<Executable>>();
  readonly #macs = new Map<string, number>();
  readonly #forwardMacs: number;
  #spent = 0;
  #tails: { readonly graph: Graph; readonly values: readonly Value[]; readonly reads: readonly string[] } | undefined;
  /** [C,H,W] of the input. */
  readonly inputShape: readonly number[];
  readonly layers: readonly LayerValue[];
  readonly classes: number;
  /** Height and width of the output; null for a classifier. */
  readonly plane: readonly [number, number] | null;
  /** How many variations of an image run at once: a million numbers, and at most 32. */
  readonly batch: number;

  /**
   * `paths` are layers; null stands for the last map before pooling.
   *
   * @throws OptionError for a layer that cannot be explained, or a network whose output is not logits.
   */
  constructor(model: Module, inputShape: readonly number[], paths: readonly (string | null)[], engine: Engine) {
    this.#model = model;
    this.#engine = engine;
    this.#paths = paths;
    this.inputShape = inputShape;
    this.batch = Math.max(1, Math.min(32, Math.floor(2 ** 20 / sizeOf(inputShape))));
    const graph = this.#trace(1);
    this.#forwardMacs = costOf(graph).macs || 1;
    const { shape } = graph.outputs.get("output")!;
    const [, classes, ...plane] = shape;
    if (typeof classes !== "number" || classes < 1 || (plane.length !== 0 && plane.length !== 2))
      throw new OptionError(
        `explain: the network must output logits [N,K], or [N,K,H,W] per position; it outputs ${formatShape(shape)}`,
      );
    this.classes = classes;
    this.plane = plane.length === 2 ? (plane as [number, number]) : null;
    this.layers = this.#find(graph);
  }

  /** A probe of one of the layers alone. */
  alone(layer: number): Probe {
    return new Probe(this.#model, this.inputShape, [this.#paths[layer]!], this.#engine);
  }

  /** Runs one image [C,H,W] through the network once. */
  async head(image: Tensor): Promise<Head> {
    const input = { ...image, shape: [1, ...this.inputShape] } as Tensor;
    const results = await this.#run("head", () => this.#head(), { input });
    return {
      image: toFloats(image).data,
      logits: toFloat64(results.output!).data,
      activations: this.layers.map((_, i) => toFloats(results[`activation/${i}`]!).data),
      feeds: { ...results, input },
    };
  }

  /** ∂score/∂A for every layer, in one run of the tail. Zeros for a layer that the score does not depend on. */
  async gradients(head: Head, seed: Float64Array): Promise<Floats[]> {
    const { graph, reads } = this.#tailGradients();
    const feeds = { ...pick(head.feeds, reads), seed: this.#seeds(1, () => seed) };
    const result = graph.outputs.size ? await this.#run("gradients", () => graph, feeds) : {};
    return this.layers.map(({ channels, height, width }, i) => {
      const found = result[`gradient/${i}`];
      return found ? toFloats(found).data : new Float64Array(channels * height * width);
    });
  }

  /** Cost of all runs so far, in multiply-accumulates of one run of the network for one image. */
  get forwards(): number {
    return this.#spent / this.#forwardMacs;
  }

  /** Whether an image's logits are an affine function of a layer's activation: its gradient then does not read the activation. */
  isAffine(layer: number): boolean {
    const { graph, values } = this.#tailGradients();
    const gradient = graph.outputs.get(`gradient/${layer}`);
    return !gradient || !ancestors([gradient]).has(values[layer]!);
  }

  /** Whether, further, its gradient is the same at all positions of a channel: the tail is a mean over positions, and linear. */
  isPooledLinear(layer: number): boolean {
    const gradient = this.#tailGradients().graph.outputs.get(`gradient/${layer}`);
    return gradient !== undefined && this.isAffine(layer) && isFlat(gradient);
  }

  /** Whether a layer's values are never negative: it outputs a ReLU. */
  isRectified(layer: number): boolean {
    return this.layers[layer]!.value.node?.op.name === "Relu";
  }

  /** Whether any node of the network passes `test`. */
  some(test: (node: Node) => boolean): boolean {
    return this.#trace(1).nodes.some(test);
  }

  /** For one layer: the Hessian of Σ seed·logits times `direction` [C·h·w], and how the logits move along it. */
  async curvature(head: Head, layer: number, seed: Float64Array, direction: Floats) {
    const { reads } = this.#tailGradients();
    const { channels, height, width } = this.layers[layer]!;
    const result = await this.#run(`curvature ${layer}`, () => this.#curvatureGraph(layer), {
      ...pick(head.feeds, reads),
      seed: this.#seeds(1, () => seed),
      direction: tensorOf([1, channels, height, width], direction),
    });
    return {
      product: result.product ? toFloat64(result.product).data : new Float64Array(direction.length),
      moved: result.moved ? toFloat64(result.moved).data : new Float64Array(seed.length),
    };
  }

  /** Logits of `count` inputs, in batches. */
  async forward(count: number, write: Write): Promise<Float64Array[]> {
    return this.#batches(count, this.inputShape, write, async (input, batch) => {
      const { output } = await this.#run(`forward ${batch}`, () => this.#trace(batch), { input });
      return output!;
    });
  }

  /** Logits for `count` activations in place of the first layer's, of one image, in batches: only the tail runs. */
  async tail(head: Head, count: number, write: Write): Promise<Float64Array[]> {
    const { channels, height, width } = this.layers[0]!;
    const others = this.#tailGradients().reads.filter((name) => name !== "activation/0");
    const context = Object.fromEntries(others.map((name) => [name, repeated(head.feeds[name]!, this.batchFor(count))]));
    return this.#batches(count, [channels, height, width], write, async (activation, batch) => {
      const feeds = { ...context, "activation/0": activation };
      const { output } = await this.#run(`tail ${batch}`, () => this.#cut(batch).tail, feeds);
      return output!;
    });
  }

  /** Gradients of Σ seed·logits with respect to `count` inputs, in batches, and their logits. */
  async inputGradients(count: number, write: Write, seedOf: (i: number) => Float64Array) {
    const logits: Float64Array[] = [];
    let done = 0;
    const gradientsOf = await this.#batches(count, this.inputShape, write, async (input, batch) => {
      const feeds = { input, seed: this.#seeds(batch, (i) => seedOf(Math.min(done + i, count - 1))) };
      const build = () =>
        this.#whole(batch, ({ graph, input, score }) => {
          const [gradient] = gradients(score, [input]);
          if (gradient) graph.output("gradient", gradient);
        });
      const result = await this.#run(`input gradients ${batch}`, build, feeds);
      logits.push(...rows(result.output!).slice(0, count - done));
      done += batch;
      return result.gradient ?? { ...input, data: new Float64Array(input.data.length) };
    });
    return { gradients: gradientsOf, logits };
  }

  /** Runs a graph that `extend` derives from the whole network, for one image. Compiled once per `key`. */
  async whole(key: string, image: Floats, seed: Float64Array, extend: (whole: Whole) => void, feeds: Arrays = {}) {
    return this.#run(key, () => this.#whole(1, extend), {
      ...feeds,
      input: tensorOf([1, ...this.inputShape], image),
      seed: this.#seeds(1, () => seed),
    });
  }

  /** Into batches of which size so many variations are divided: as even as can be, since each size is compiled. */
  batchFor(count: number): number {
    return Math.ceil(count / Math.ceil(count / this.batch));
  }

  /** Frees the compiled graphs. */
  async release(): Promise<void> {
    const compiled = [...this.#executables.values()];
    this.#executables.clear();
    for (const executable of await Promise.allSettled(compiled))
      if (executable.status === "fulfilled") await executable.value.release();
  }

  #trace(batch: number): Graph {
    return trace(this.#model, [batch, ...this.inputShape]);
  }

  #find(graph: Graph): LayerValue[] {
    return this.#paths.map((path) => (path === null ? defaultLayer(graph) : findLayer(graph, path)));
  }

  #head(): Graph {
    return this.#cut(1).head;
  }

  #cut(batch: number): CutAt {
    const graph = this.#trace(batch);
    return cutAt(
      graph,
      this.#find(graph).map(({ value }) => value),
    );
  }

  /** The whole network with a seeded score, extended by `extend`. */
  #whole(batch: number, extend: (whole: Whole) => void): Graph {
    const graph = this.#trace(batch);
    const { score } = this.#seeded(graph, batch);
    extend({ graph, input: graph.inputs.get("input")!, score });
    return graph;
  }

  #seeded(graph: Graph, batch: number): { readonly score: Value; readonly seed: Value } {
    const output = graph.outputs.get("output")!;
    const seed = graph.input("seed", { dtype: "float", shape: [batch, ...output.shape.slice(1)] });
    return { score: total(mul(output, seed)), seed };
  }

  #tailGradients() {
    if (!this.#tails) {
      const { tail, values, reads } = this.#cut(1);
      const { score } = this.#seeded(tail, 1);
      gradients(score, values).forEach((gradient, i) => {
        if (gradient) tail.output(`gradient/${i}`, gradient);
      });
      tail.outputs.delete("output");
      this.#tails = { graph: tail, values, reads };
    }
    return this.#tails;
  }

  /** H·v is the gradient of G·v, and J·v that of G·v with respect to the seed, in which G is linear. */
  #curvatureGraph(layer: number): Graph {
    const { tail, values } = this.#cut(1);
    const { score, seed } = this.#seeded(tail, 1);
    const value = values[layer]!;
    const [gradient] = gradients(score, [value]);
    const along = total(mul(gradient!, tail.input("direction", value.type)));
    const [product, moved] = gradients(along, [value, seed]);
    if (product) tail.output("product", product);
    if (moved) tail.output("moved", moved);
    tail.outputs.delete("output");
    return tail;
  }

  /** Compiles once per key. Feeds only what the graph reads. */
  async #run(key: string, build: () => Graph, feeds: Arrays): Promise<Record<string, Tensor>> {
    let compiled = this.#executables.get(key);
    if (!compiled) {
      const graph = build();
      this.#macs.set(key, costOf(graph).macs);
      this.#executables.set(key, (compiled = this.#engine.compile(graph)));
    }
    this.#spent += this.#macs.get(key)!;
    return (await compiled).run(feeds);
  }

  /** Runs `count` rows in batches of a fixed size, padding the last with its last row. */
  async #batches(
    count: number,
    shape: readonly number[],
    write: Write,
    run: (input: Tensor, batch: number) => Promise<Tensor>,
  ) {
    const size = sizeOf(shape);
    const batch = this.batchFor(count);
    const results: Float64Array[] = [];
    for (let start = 0; start < count; start += batch) {
      const data = new Float64Array(batch * size);
      for (let i = 0; i < batch; i++) {
        const row = data.subarray(i * size, (i + 1) * size);
        if (start + i < count) write(start + i, row);
        else row.set(data.subarray((i - 1) * size, i * size));
      }
      const output = await run(tensor("float64", [batch, ...shape], data), batch);
      results.push(...rows(output).slice(0, count - start));
    }
    return results;
  }

  #seeds(batch: number, seedOf: (i: number) => Float64Array): Tensor {
    const all = Array.from({ length: batch }, (_, i) => seedOf(i));
    const data = new Float64Array(batch * all[0]!.length);
    all.forEach((seed, i) => {
      data.set(seed, i * seed.length);
    });
    return tensor("float64", [batch, this.classes, ...(this.plane ?? [])], data);
  }
}

const total = (value: Value): Value =>
  reduceSum(
    value,
    value.shape.map((_, axis) => axis),
    { keepdims: false },
  );

/** Whether a map [N,C,H,W] of a graph is certainly the same at all positions. */
function isFlat({ shape, node }: Value): boolean {
  if (shape.length !== 4) return false;
  if (shape[2] === 1 && shape[3] === 1) return true;
  if (node?.op.name === "Expand") return isFlat(node.inputs[0]!);
  // The gradient of a mean over all positions, written as a resampling to 1×1.
  const { rows, columns, transposed } = (node?.attributes ?? {}) as Partial<ResampleAttributes>;
  return node?.op.name === "Resample" && transposed === true && [rows!, columns!].every((map) => isMean(map));
}

const isMean = (map: AxisMap): boolean =>
  map.to === 1 && (map.kind === "adaptive" || (map.kind === "window" && map.padding === 0 && map.kernel === map.from));

const pick = (arrays: Arrays, names: readonly string[]): Arrays =>
  Object.fromEntries(names.map((name) => [name, arrays[name]!]));

/** The rows of the first axis, each as a float64 copy. */
function rows(t: Tensor): Float64Array[] {
  const { shape, data } = toFloat64(t);
  const size = data.length / shape[0]!;
  return Array.from({ length: shape[0]! }, (_, i) => data.slice(i * size, (i + 1) * size));
}

const tensorOf = (shape: readonly number[], data: Floats): Tensor =>
  data instanceof Float64Array ? tensor("float64", shape, data) : tensor("float32", shape, data);

/** An array of one image, repeated. */
function repeated(t: Tensor, times: number): Tensor {
  const { shape, data } = toFloats(t);
  const out = new (data instanceof Float64Array ? Float64Array : Float32Array)(times * data.length);
  for (let i = 0; i < times; i++) out.set(data, i * data.length);
  return tensorOf([times, ...shape.slice(1)], out);
}
