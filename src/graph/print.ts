import { check } from "../core/schema.js";
import { formatShape } from "../core/shape.js";
import { type Graph, graphSchema, liveProgram, type Value } from "./graph.js";
import type { Attribute } from "./op.js";
import { formatScope } from "./scope.js";

/**
 * A graph as text, one node per line. Stable: equal graphs print equally, so the text can be committed and compared.
 * Prints only what outputs and updates depend on, with values numbered in order.
 */
export function printGraph(graph: Graph): string {
  check("printGraph", "graph", graphSchema, graph);
  const { nodes, inputs, states } = liveProgram(graph);
  const names = new Map<Value, string>();
  const nameOf = (value: Value): string => {
    const { source } = value;
    if (source.kind === "input" || source.kind === "state") return `%${source.name}`;
    if (source.kind === "constant")
      return source.tensor.shape.length === 0
        ? String(source.tensor.data[0])
        : `const${formatShape(source.tensor.shape)}`;
    let name = names.get(value);
    if (!name) names.set(value, (name = `%${names.size}`));
    return name;
  };
  const typed = (value: Value) => `${nameOf(value)}: ${value.type.dtype}${formatShape(value.shape)}`;
  const lines = [`graph(${inputs.map(typed).join(", ")})${graph.training ? " training" : ""}`];
  for (const state of states) lines.push(`  state ${typed(state)}`);
  for (const node of nodes) {
    const inputsText = node.inputs.map(nameOf).join(", ");
    const attributes = Object.entries(node.attributes).map(([name, value]) => ` ${name}=${printAttribute(value)}`);
    const scope = formatScope(node.scope);
    lines.push(
      `  ${node.outputs.map(typed).join(", ")} = ${node.op.name}(${inputsText})${attributes.join("")}${scope && `  # ${scope}`}`,
    );
  }
  for (const [name, value] of graph.outputs) lines.push(`  return ${name} = ${nameOf(value)}`);
  for (const { name, value } of graph.updates) lines.push(`  update %${name} = ${nameOf(value)}`);
  return `${lines.join("\n")}\n`;
}

function printAttribute(value: Attribute): string {
  return JSON.stringify(value).replaceAll('"', "");
}
