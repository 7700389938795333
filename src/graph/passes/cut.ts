import { type Dim, staticShape } from "../../core/shape.js";
import { type Cell, type Graph, liveProgram, type Node, type Value } from "../graph.js";
import { rebuild } from "./rebuild.js";

/** A graph in two: the features of an image, which never change, and the rest, which reads them instead of the image. */
export interface Cut {
  /** From the images to outputs `features/0`, `features/1`, …: one row per image. */
  readonly features: Graph;
  /** The original graph, with inputs `features/…` in place of the images. */
  readonly rest: Graph;
  /** Shapes of the features of one image. */
  readonly shapes: readonly (readonly number[])[];
}

/**
 * Cuts a graph between values that are the same every time an image is seen and values that are not.
 *
 * 1. A value is fixed if it depends only on `input`, constants, and cells not in `learned`; not on another input (a dropout's random
 *    numbers, targets) or a learned cell.
 * 2. It must depend on a single image: nodes that work across the first axis, such as batch norms with batch statistics, are not fixed.
 * 3. Features are the fixed values that anything else reads: another node, an output or an update.
 *
 * Returns undefined if nothing can be precomputed: the features would be the images themselves, or nothing.
 *
 * @example
 * const { graph } = trainingStep(frozenBackbone, options);
 * cutFixed(graph, "images", new Set(graph.updates.map(({ cell }) => cell)))?.shapes; // [[512]]
 */
export function cutFixed(graph: Graph, input: string, learned: ReadonlySet<Cell>): Cut | undefined {
  const images = graph.inputs.get(input);
  if (!images) return undefined;
  const boundary = new Map(
    boundaryOf(graph, fixedValues(graph, images, learned)).map((value, i) => [value, `features/${i}`]),
  );
  if (boundary.size === 0 || boundary.has(images)) return undefined;

  const features = rebuild(graph, {
    node: (node, to) => {
      const outputs = to.target.apply(node.op, node.inputs.map(to.get), node.attributes);
      node.outputs.forEach((value, i) => {
        const name = boundary.get(value);
        if (name) to.target.output(name, outputs[i]!);
      });
      return outputs;
    },
  });
  for (const name of graph.outputs.keys()) features.outputs.delete(name);
  features.updates.length = 0;
  // Fixed nodes stay in the rest too, as dead code.
  const rest = rebuild(graph, {
    node: (node, to) => {
      if (!node.outputs.some((value) => boundary.has(value))) return undefined;
      const outputs = to.target.apply(node.op, node.inputs.map(to.get), node.attributes);
      return node.outputs.map((value, i) => {
        const name = boundary.get(value);
        return name ? to.target.input(name, value.type) : outputs[i]!;
      });
    },
  });
  return { features, rest, shapes: [...boundary.keys()].map(({ shape }) => staticShape(shape.slice(1))) };
}

/** The values that depend on single images and on nothing else that changes. */
function fixedValues(graph: Graph, images: Value, learned: ReadonlySet<Cell>): Set<Value> {
  const fixed = new Set([images]);
  const changing = new Set<Value>();
  for (const value of graph.inputs.values()) if (value !== images) changing.add(value);
  for (const [cell, value] of graph.states) if (learned.has(cell)) changing.add(value);
  for (const node of graph.nodes) {
    const reads = (values: ReadonlySet<Value>) => node.inputs.some((value) => values.has(value));
    if (reads(changing) || (reads(fixed) && crossesImages(node, fixed, images.shape[0]!)))
      for (const value of node.outputs) changing.add(value);
    else if (reads(fixed)) for (const value of node.outputs) fixed.add(value);
  }
  return fixed;
}

/** Whether a node that reads fixed values may mix images, which are along the first axis of these. */
function crossesImages({ op, inputs, outputs, attributes }: Node, fixed: ReadonlySet<Value>, batch: Dim): boolean {
  if (outputs.some(({ shape }) => shape[0] !== batch)) return true;
  const [holds, types] = [inputs.map((value) => fixed.has(value)), inputs.map(({ type }) => type)];
  return op.mixesImages?.(holds, types, attributes) ?? true;
}

/** The fixed values that something else reads, in order of computation. */
function boundaryOf(graph: Graph, fixed: ReadonlySet<Value>): Value[] {
  const needed = new Set([...graph.outputs.values(), ...graph.updates.map(({ value }) => value)]);
  for (const { inputs, outputs } of liveProgram(graph).nodes)
    if (!outputs.every((value) => fixed.has(value))) for (const value of inputs) needed.add(value);
  return [...needed].filter((value) => fixed.has(value)).sort((a, b) => a.id - b.id);
}
