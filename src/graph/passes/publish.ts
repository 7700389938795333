import { FoveaError } from "../../core/errors.js";
import type { Graph, Tap, Value } from "../graph.js";
import { rebuild } from "./rebuild.js";

/**
 * Adds every tap as an output, named by the module's path and the tap's name: `layer2.0.attention/channel`; without a path, the name
 * alone. A name already taken (a module applied twice) gets a number: `attention/spatial~2`.
 *
 * @example
 * publishTaps(trace(resnet(20, { attention: "cbam" }), ["N", 3, 32, 32])).outputs.keys(); // output, layer1.0.attention/channel, …
 */
export function publishTaps(graph: Graph): Graph {
  const target = rebuild(graph);
  for (const [name, { value }] of tapNames(target)) target.output(name, value);
  return target;
}

/** The taps of a graph by the names that {@link publishTaps} gives their outputs. */
export function tapNames(graph: Graph): Map<string, Tap> {
  const named = new Map<string, Tap>();
  for (const tap of graph.taps) {
    const { path } = tap.scope;
    const wanted = path ? `${path}/${tap.name}` : tap.name;
    let free = wanted;
    for (let i = 2; graph.outputs.has(free) || named.has(free); i++) free = `${wanted}~${i}`;
    named.set(free, tap);
  }
  return named;
}

/**
 * Adds the output `features`: the last feature maps [N,C,H,W] before a classifier's global pooling, which class activation maps
 * weigh and sum.
 *
 * 1. A map is a value of rank 4 with more than one position (H·W > 1) that depends on an input.
 * 2. The last maps are the first ones met going back from the network's first output. (Starting at the output passes over maps
 *    that only feed a gate.)
 * 3. There must be exactly one, and it must be neither the output itself nor the input of a `Conv` on the way: for a small input
 *    the last maps have one position, and what precedes them is not what the classifier sees.
 *
 * @throws FoveaError for any other network.
 *
 * @example
 * publishFeatures(trace(resnet(18), ["N", 3, 224, 224])).outputs.get("features")?.shape; // ["N", 512, 7, 7]
 */
export function publishFeatures(graph: Graph): Graph {
  const target = rebuild(graph);
  const [end] = target.outputs.values();
  const varying = dependents(target);
  const isMap = (value: Value) => value.shape.length === 4 && varying.has(value) && positions(value) > 1;
  const [seen, last, convolved] = [new Set<Value>(), new Set<Value>(), new Set<Value>()];
  const worklist = end ? [end] : [];
  for (let value = worklist.pop(); value; value = worklist.pop()) {
    if (seen.has(value)) continue;
    seen.add(value);
    if (isMap(value)) last.add(value);
    else if (value.node) {
      worklist.push(...value.node.inputs);
      if (value.node.op.name === "Conv") convolved.add(value.node.inputs[0]!);
    }
  }
  const [features] = last;
  if (features && features === end)
    throw new FoveaError("features: the network's output is itself a map, without pooling");
  if (!features || last.size > 1 || convolved.has(features) || features.source.kind === "input")
    throw new FoveaError(
      "features: no single map of more than 1×1 positions feeds the classifier; is the input too small for this network?",
    );
  if (target.outputs.has("features")) throw new FoveaError('features: the graph has an output "features" already');
  target.output("features", features);
  return target;
}

const positions = ({ shape }: Value): number => Number(shape[2]) * Number(shape[3]);

/** The values that depend on an input. */
function dependents(graph: Graph): Set<Value> {
  const found = new Set(graph.inputs.values());
  for (const node of graph.nodes)
    if (node.inputs.some((value) => found.has(value))) for (const value of node.outputs) found.add(value);
  return found;
}
