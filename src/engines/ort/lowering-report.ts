import type { Graph } from "../../graph/graph.js";
import { compile } from "./compile.js";
import type { Module } from "./passes/pass.js";
import { cpuBackend } from "./targets/cpu.js";

/** How the operators of one module of a network are emitted, forward and backward. */
export interface LayerLowering {
  /** Path of the module; empty for the loss and the optimizer. */
  readonly path: string;
  /** The families of the blocked rules that emit its operators, such as `conv`. */
  readonly rules: readonly string[];
  /** Operators on arrays of four axes that are emitted by plain rules, each with the reasons why no blocked rule applied. */
  readonly plain: readonly { readonly operator: string; readonly reasons: readonly string[] }[];
}

/** The lowering of a compiled graph, by module in order of the graph. */
export function layerLowerings({ graph, decisions }: Module): LayerLowering[] {
  const layers = new Map<string, { rules: Set<string>; plain: Map<string, LayerLowering["plain"][number]> }>();
  for (const node of graph.nodes) {
    const decision = decisions.get(node);
    // Only maps and the weights of convolutions are ever blocked.
    const isMap = [...node.inputs, ...node.outputs].some(({ shape }) => shape.length === 4);
    if (!decision || !isMap) continue;
    const { path } = node.scope;
    const layer = layers.get(path) ?? { rules: new Set(), plain: new Map() };
    layers.set(path, layer);
    const operator = node.op.name;
    const { rule, reasons } = decision;
    if (rule !== undefined) layer.rules.add(rule);
    else layer.plain.set(`${operator} ${reasons}`, { operator, reasons });
  }
  return [...layers].map(([path, { rules, plain }]) => ({ path, rules: [...rules], plain: [...plain.values()] }));
}

/** How `ortEngine()` compiles a graph on this processor: the target's name, and each module's lowering; none if everything is plain. */
export async function describeLowering(graph: Graph): Promise<{ target: string; layers: LayerLowering[] }> {
  const backend = cpuBackend();
  const { ort } = await backend.load(undefined);
  const target = await backend.targetFor(graph, () => backend.probe(ort));
  return { target: target.name, layers: layerLowerings(compile(graph, target)) };
}
