import type { LoweredModule, LoweredNode } from "../../../formats/onnx/ir.js";
import type { Pass } from "./pass.js";

/** The nodes that a node depends on, itself included. */
export interface Ancestors {
  readonly size: number;
  has(node: LoweredNode): boolean;
}

/** Who depends on whom in a module. Nodes are numbered, because ancestors are looked for once per update. */
export function ancestry({ nodes }: LoweredModule): (node: LoweredNode) => Ancestors {
  const places = new Map(nodes.map((node, place) => [node, place]));
  const parents = nodes.map((node) =>
    node.reads.flatMap(({ producer }) => (producer ? places.get(producer.outermost)! : [])),
  );
  return (node) => {
    const seen = new Uint8Array(nodes.length);
    const worklist = [places.get(node)!];
    let size = 0;
    for (let place = worklist.pop(); place !== undefined; place = worklist.pop()) {
      if (seen[place]) continue;
      seen[place] = 1;
      size++;
      for (const parent of parents[place]!) if (!seen[parent]) worklist.push(parent);
    }
    return { size, has: (other) => seen[places.get(other)!] === 1 };
  };
}

/**
 * Moves nodes without readers to the end, those with the most ancestors first. ONNX Runtime schedules backward from the last of them, so
 * a weight is updated as soon as its gradient is ready and the gradient's inputs are freed. (In the opposite order everything stays
 * alive until all gradients are ready.)
 */
export const scheduleUpdates: Pass = (module) => {
  const { lowered } = module;
  const ancestorsOf = ancestry(lowered);
  const isLeaf = (node: LoweredNode) => node.outputs.every(({ readers }) => readers.size === 0);
  const leaves = lowered.nodes.filter(isLeaf).map((node) => ({ node, count: ancestorsOf(node).size }));
  leaves.sort((a, b) => b.count - a.count);
  lowered.nodes = [...lowered.nodes.filter((node) => !isLeaf(node)), ...leaves.map(({ node }) => node)];
  return module;
};

/**
 * Moves nodes that depend on states and constants alone to the front. Of a node's two inputs ONNX Runtime computes the one that comes
 * later first, so what is made of weights is computed when needed and does not stay alive while the other input is computed.
 */
export const scheduleWeights: Pass = (module) => {
  const { lowered } = module;
  if (lowered.states.length === 0) return module;
  const given = new Set([...lowered.constants, ...lowered.states.map(({ before }) => before)]);
  const early = new Set<LoweredNode>();
  for (const node of lowered.nodes) {
    if (!node.reads.every((value) => given.has(value))) continue;
    early.add(node);
    for (const value of node.outputs) given.add(value);
  }
  lowered.nodes = [...early, ...lowered.nodes.filter((node) => !early.has(node))];
  return module;
};
