import { gradients } from "../autodiff/gradients.js";
import { FoveaError } from "../core/errors.js";
import { requireFinite } from "../core/finite.js";
import { check, that, whole } from "../core/schema.js";
import { sizeOf, type Tensor, toFloat64, toFloats, zeros } from "../core/tensor.js";
import { inputWriter, type Preprocessing, type RgbImage } from "../data/index.js";
import { type Engine, engineSchema } from "../engines/engine.js";
import type { Cell, Graph, Value } from "../graph/graph.js";
import { tapNames } from "../graph/passes/publish.js";
import { rebuild } from "../graph/passes/rebuild.js";
import { type Module, trace } from "../nn/index.js";
import { mul, reduceSum } from "../ops/index.js";
import { gradCam, weighed } from "./cams/weights.js";
import { type Gate, gatedNetwork } from "./gates.js";
import type { Heatmap } from "./heatmap.js";
import { defaultLayer, type LayerValue } from "./layers.js";

/** A classifier's prediction for an image, and where it looks. */
export interface Glance {
  /** A number for each class. */
  readonly logits: Float64Array;
  /** Grad-CAM of the requested class, at the last map before pooling. */
  readonly cam: Heatmap;
  /** All gates of attention modules; none where there are none. */
  readonly gates: readonly Omit<Gate, "image">[];
}

/** A network that is looked at again and again while its weights change. */
export interface Glances {
  /** The layer of the Grad-CAM. */
  readonly layer: string;
  /**
   * Looks at as many images as were announced, each with the index of the class whose Grad-CAM is wanted, with the weights that the network
   * has now.
   *
   * @throws OptionError unless there are as many of both, and the classes are such.
   */
  glance(images: readonly RgbImage[], classes: readonly number[]): Promise<Glance[]>;
  /** Gives back the memory of the compiled graph. */
  release(): Promise<void>;
}

/**
 * Logits, Grad-CAM at the last map before pooling and all gates of a few images, from one run of one graph. Weights are inputs of that graph:
 * it is compiled once, however often they change, since compiling takes far longer than running.
 *
 * @param images How many images are looked at together.
 * @throws FoveaError if the network cannot be explained, or does not give logits for whole images.
 *
 * @example
 * const glances = await openGlances({ model, preprocessing }, 6, ortEngine());
 * const [first] = await glances.glance(images, labels); // after every epoch
 * first.cam; // { height: 8, width: 8, data }, signed
 */
export async function openGlances(
  network: { readonly model: Module; readonly preprocessing: Preprocessing },
  images: number,
  engine: Engine,
): Promise<Glances> {
  check("openGlances", "network", gatedNetwork, network);
  check("openGlances", "images", whole(1), images);
  check("openGlances", "engine", engineSchema, engine);
  const { model, preprocessing } = network;
  const shape = [images, 3, preprocessing.imageSize, preprocessing.imageSize];
  const graph = trace(model, shape);
  const output = graph.outputs.get("output")!;
  if (output.shape.length !== 2) throw new FoveaError("the network gives logits per position");
  const numClasses = Number(output.shape[1]);
  const taps = tapNames(graph);
  for (const [name, { value }] of taps) graph.output(name, value);
  const { path, channels, height, width } = addGradCam(graph, output);
  const { fed, cells } = weightsAsInputs(graph);
  const executable = await engine.compile(fed);
  const write = inputWriter(preprocessing);
  const inputs = (given: readonly RgbImage[], classes: readonly number[]) => {
    const input = zeros("float32", shape);
    const seed = zeros("float32", [images, numClasses]);
    given.forEach((image, i) => {
      write(image, input.data, (i * input.data.length) / images);
      seed.data[i * numClasses + classes[i]!] = 1;
    });
    const weights = Object.fromEntries([...cells].map(([name, cell]) => [name, cell.value]));
    return { ...weights, input, seed };
  };
  return {
    layer: path,
    async glance(given, classes) {
      check("glance", "images", exactly(images, "images"), given);
      check("glance", "classes", exactly(images, "classes, one per image"), classes);
      for (const label of classes) check("glance", "classes", whole(0, numClasses - 1), label);
      const found = await executable.run(inputs(given, classes));
      requireFinite("maps", [["the logits", found.output!]]);
      return given.map((_, i) => {
        const [a, g] = [toFloats(rowOf(found.activation!, i)).data, toFloats(rowOf(found.gradient!, i)).data];
        const maps = { channels, positions: height * width, a, g };
        const gates = [...taps].map(([name, { kind = null }]) => ({
          name,
          kind,
          map: toFloat64(rowOf(found[name]!, i)),
        }));
        return {
          logits: toFloat64(rowOf(found.output!, i)).data,
          cam: { height, width, data: weighed(maps, gradCam(maps)) },
          gates,
        };
      });
    },
    release: () => executable.release(),
  };
}

const exactly = (count: number, what: string) =>
  that<never>(`a list of ${count} ${what}`, (x) => Array.isArray(x) && x.length === count);

/** Adds the last map before pooling as an output, and the gradient of Σ seed·logits with respect to it. */
function addGradCam(graph: Graph, output: Value): LayerValue {
  const layer = defaultLayer(graph);
  const seed = graph.input("seed", output.type);
  const [gradient] = gradients(reduceSum(mul(output, seed), [0, 1], { keepdims: false }), [layer.value]);
  graph.output("activation", layer.value);
  graph.output("gradient", gradient ?? mul(layer.value, graph.scalar(0)));
  return layer;
}

/** A graph that is given the contents of its cells with every run, by these names. */
function weightsAsInputs(graph: Graph): { readonly fed: Graph; readonly cells: ReadonlyMap<string, Cell> } {
  const cells = new Map<string, Cell>();
  const fed = rebuild(graph, {
    state: (path, cell, { target }) => {
      const name = `weights ${path}`;
      cells.set(name, cell);
      return target.input(name, { dtype: cell.dtype, shape: cell.shape });
    },
  });
  return { fed, cells };
}

/** One row of the first axis, without that axis. */
function rowOf({ dtype, shape: [_, ...shape], data }: Tensor, i: number): Tensor {
  const size = sizeOf(shape);
  return { dtype, shape, data: data.slice(i * size, (i + 1) * size) } as Tensor;
}
