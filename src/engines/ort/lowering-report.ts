import type { Graph } from "../../graph/graph.js";
import type { Decision } from "./blocked/lowering.js";
import { compile } from "./compile.js";
import type { Module } from "./passes/pass.js";
import type { Backend } from "./targets/target.js";
import { webgpuTarget } from "./targets/webgpu.js";

/** How the operators of one module of a network are emitted, forward and backward. */
export interface LayerLowering {
  /** Path of the module; empty for the loss and the optimizer. */
  readonly path: string;
  /** Its operators on arrays of four axes, each once per way in which it is emitted. */
  readonly operators: readonly (Decision & { readonly operator: string })[];
}

/** The lowering of a compiled graph, by module in order of the graph. */
export function layerLowerings({ graph, decisions }: Module): LayerLowering[] {
  const layers = new Map<string, Map<string, LayerLowering["operators"][number]>>();
  for (const node of graph.nodes) {
    const decision = decisions.get(node);
    // Only maps and the weights of convolutions are ever blocked.
    if (!decision || ![...node.inputs, ...node.outputs].some(({ shape }) => shape.length === 4)) continue;
    const { path } = node.scope;
    const lowering = { operator: node.op.name, ...decision };
    const layer = layers.get(path) ?? new Map<string, typeof lowering>();
    layers.set(path, layer.set(Object.values(lowering).join(" "), lowering));
  }
  return [...layers].map(([path, operators]) => ({ path, operators: [...operators.values()] }));
}

/** The operators that a graph is compiled to for WebGPU, each a kernel at least, most frequent first. Reshapes launch none. */
export function webgpuKernels(graph: Graph): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const { type } of compile(graph, webgpuTarget()).lowered.nodes)
    if (type !== "Reshape") counts.set(type, (counts.get(type) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a));
}

/** How a backend compiles a graph on this machine: the target's name, and each module's lowering; none if everything is plain. */
export async function describeLowering(graph: Graph, backend: Backend) {
  const { ort } = await backend.load(undefined);
  const target = await backend.targetFor(graph, () => backend.probe(ort));
  return { target: target.name, layers: layerLowerings(compile(graph, target)) };
}
