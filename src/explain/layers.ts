import { closest, FoveaError, OptionError } from "../core/errors.js";
import { formatShape } from "../core/shape.js";
import { ancestors, type Graph, type Value } from "../graph/graph.js";

/** A place in a network whose maps can be explained. */
export interface Layer {
  /** Path of the module whose output it is, such as `layer3` or `layer1.0.conv2`. */
  readonly path: string;
  /** Channels of its output. */
  readonly channels: number;
  /** Rows of its output. */
  readonly height: number;
  /** Columns of its output. */
  readonly width: number;
  /** Whether every path from the image to the logits goes through it. A layer in one of several branches misses part of the evidence. */
  readonly passes: boolean;
}

/** A layer as a value of a graph. */
export interface LayerValue extends Layer {
  readonly value: Value;
}

/** The output of each module of a traced graph, by path; a module applied again has `~2` appended. */
function outputsByPath(graph: Graph): Map<string, Value> {
  const found = new Map<string, Value>();
  for (const { path, value } of graph.calls) {
    let free = path;
    for (let i = 2; found.has(free); i++) free = `${path}~${i}`;
    found.set(free, value);
  }
  return found;
}

/**
 * The layers of a traced network that have positions: module outputs that are maps [N,C,H,W] of more than one position and that the
 * first output depends on, in order of execution. Where several modules output the same map, the outermost counts.
 *
 * @example
 * layersOf(trace(resnet(20), [1, 3, 32, 32])).at(-1)?.path; // "layer3"
 */
export function layersOf(graph: Graph): LayerValue[] {
  const [output] = graph.outputs.values();
  const live = output ? ancestors([output]) : new Set<Value>();
  const narrow = new Set(narrowValues(graph));
  const named = new Map<Value, string>();
  for (const [path, value] of outputsByPath(graph)) {
    const before = named.get(value);
    if (live.has(value) && value !== output && value.node && isMap(value))
      if (before === undefined || path.length < before.length) named.set(value, path);
  }
  return [...named].sort(([a], [b]) => a.id - b.id).map(([value, path]) => layerOf(path, value, narrow.has(value)));
}

/**
 * The layer at a path. @throws OptionError for an unknown path, suggesting the nearest; for one without positions; for one that the output
 * does not depend on.
 */
export function findLayer(graph: Graph, path: string): LayerValue {
  const outputs = outputsByPath(graph);
  const value = outputs.get(path);
  if (!value) throw unknownLayer(graph, path, outputs);
  const [output] = graph.outputs.values();
  if (!isMap(value)) {
    const last = layersOf(graph).findLast(({ passes }) => passes)?.path;
    const advice = last === undefined ? "" : `; the last layer that has one is "${last}"`;
    throw new OptionError(
      `layer "${path}" gives ${formatShape(value.shape)}: an explanation needs a map [N,C,H,W] of more than one position${advice}`,
    );
  }
  if (!value.node || value === output)
    throw new OptionError(
      `layer "${path}" is the network's own ${value.node ? "output" : "input"}; choose one in between`,
    );
  if (!ancestors([output!]).has(value)) throw new OptionError(`layer "${path}": the output does not depend on it`);
  return layerOf(path, value, narrowValues(graph).includes(value));
}

/**
 * The last map before pooling: the last value [N,C,H,W] of more than one position that every path to the logits goes through. If the output
 * is itself a map, as in segmentation networks, the last such map that is still followed by a convolution or product. Its path is
 * `(last map)` if no module outputs it.
 *
 * @throws FoveaError if there is none.
 */
export function defaultLayer(graph: Graph): LayerValue {
  const [output] = graph.outputs.values();
  const narrow = narrowValues(graph).filter((value) => value !== output && isMap(value));
  const last = narrow.findLast((value) => output!.shape.length !== 4 || isWeighedAfter(graph, value));
  if (!last)
    throw new FoveaError(
      "no map larger than 1×1 lies on every path to the output: is the input too small for this network? Name a layer",
    );
  const path = [...outputsByPath(graph)].filter(([, value]) => value === last).sort(byLength)[0]?.[0];
  return layerOf(path ?? unnamed, last, true);
}

/** Name of the default layer if it is not a module's output. */
const unnamed = "(last map)";

const byLength = ([a]: readonly [string, Value], [b]: readonly [string, Value]) => a.length - b.length;

const weighing = new Set(["Conv", "ConvInputGrad", "MatMul"]);

function isWeighedAfter(graph: Graph, value: Value): boolean {
  const live = ancestors(graph.outputs.values());
  return graph.nodes.some(
    ({ op, outputs }) => weighing.has(op.name) && outputs[0]!.id > value.id && live.has(outputs[0]!),
  );
}

function layerOf(path: string, value: Value, passes: boolean): LayerValue {
  const [, channels, height, width] = value.shape as [unknown, number, number, number];
  return { path, channels, height, width, passes, value };
}

const isMap = ({ shape, type }: Value): boolean =>
  shape.length === 4 && type.dtype === "float" && Number(shape[2]) * Number(shape[3]) > 1;

/** The values that every path from the inputs to the first output goes through, in order: none computed before is read after. */
function narrowValues(graph: Graph): Value[] {
  const [output] = graph.outputs.values();
  if (!output) return [];
  const live = ancestors([output]);
  const varying = new Set<Value>(graph.inputs.values());
  const lastRead = new Map<Value, number>();
  graph.nodes.forEach(({ inputs, outputs }, i) => {
    if (!inputs.some((value) => varying.has(value)) || !outputs.some((value) => live.has(value))) return;
    for (const value of outputs) varying.add(value);
    for (const value of inputs) if (varying.has(value)) lastRead.set(value, i);
  });
  const narrow: Value[] = [];
  let open = Math.max(-1, ...[...graph.inputs.values()].map((value) => lastRead.get(value) ?? -1));
  graph.nodes.forEach(({ outputs }, i) => {
    const read = outputs.filter((value) => live.has(value) && varying.has(value));
    if (read.length === 1 && open <= i) narrow.push(read[0]!);
    for (const value of read) open = Math.max(open, lastRead.get(value) ?? -1);
  });
  return narrow;
}

/** How many names an error lists. */
const listed = 12;

function unknownLayer(graph: Graph, path: string, outputs: ReadonlyMap<string, Value>): OptionError {
  const near = closest(path, outputs.keys());
  const all = layersOf(graph).filter(({ passes }) => passes);
  const names = all
    .slice(-listed)
    .map((layer) => layer.path)
    .join(", ");
  const more = all.length > listed ? `the last ${listed} of ${all.length} are` : "there are";
  return new OptionError(
    `Unknown layer "${path}".${near ? ` Did you mean "${near}"?` : ""} Of the layers that every path goes through, ${more} ${names || "none"}`,
  );
}
