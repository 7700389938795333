import { check } from "../core/schema.js";
import { countElements } from "../core/shape.js";
import { type Graph, graphSchema, liveProgram } from "./graph.js";
import { formatScope, type Scope } from "./scope.js";

/** The cost of one module, without its children. */
export interface LayerCost {
  /** The module. */
  readonly scope: Scope;
  /** Shape of the last value it computes. */
  readonly shape: readonly (number | "N")[];
  /** Multiply-accumulates of convolutions and matrix products. */
  readonly macs: number;
  /** Bytes of all values it computes, in float32. */
  readonly activationBytes: number;
}

/** Work of a graph. A symbolic batch counts as one image. */
export interface Cost {
  /** Multiply-accumulates of convolutions and matrix products. */
  readonly macs: number;
  /** Bytes of all computed values, in float32. */
  readonly activationBytes: number;
  /** In order of execution. */
  readonly layers: readonly LayerCost[];
}

/**
 * The cost of running a graph, counted over its nodes, so that work in plain functions counts too.
 * A symbolic batch counts as one image.
 *
 * @example
 * costOf(trace(resnet(50), ["N", 3, 224, 224])).macs; // 4.1e9
 */
export function costOf(graph: Graph): Cost {
  check("costOf", "graph", graphSchema, graph);
  const layers = new Map<string, LayerCost>();
  for (const node of liveProgram(graph).nodes) {
    const types = node.outputs.map((value) => value.type);
    const macs = node.op.macs(
      node.inputs.map((value) => value.type),
      types,
      node.attributes,
    );
    const bytes = types.reduce((sum, { shape }) => sum + 4 * countElements(shape).size, 0);
    const key = formatScope(node.scope);
    const before = layers.get(key) ?? { macs: 0, activationBytes: 0 };
    layers.set(key, {
      scope: node.scope,
      shape: types[0]!.shape,
      macs: before.macs + macs,
      activationBytes: before.activationBytes + bytes,
    });
  }
  const all = [...layers.values()];
  const total = (of: (layer: LayerCost) => number) => all.reduce((sum, layer) => sum + of(layer), 0);
  return { macs: total((layer) => layer.macs), activationBytes: total((layer) => layer.activationBytes), layers: all };
}
