import type { LoweredModule, LoweredNode } from "../../../formats/onnx/ir.js";
import type { Pass } from "./pass.js";

/** For nodes of a module: all that they depend on, themselves included. */
export function ancestry({ nodes }: LoweredModule): (node: LoweredNode) => Set<LoweredNode> {
  const parents = new Map(
    nodes.map((node) => {
      const producers = node.reads.flatMap(({ producer }) => producer?.outermost ?? []);
      return [node, new Set(producers)] as const;
    }),
  );
  return (node) => {
    const seen = new Set([node]);
    for (const each of seen) for (const parent of parents.get(each)!) seen.add(parent);
    return seen;
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
