import { createHash } from "node:crypto";
import { printOnnxNodes } from "../../src/formats/onnx/print.js";
import type { OnnxAttribute, OnnxModel, OnnxNode } from "../../src/formats/onnx/proto.js";

/** The module that a node was emitted for, from its name: `layer1/0/conv1/Conv_12`, possibly with a barrier before it. */
const layerOf = ({ name }: OnnxNode): string =>
  name
    .replace(/\/barrier_\d+$/, "")
    .split("/")
    .slice(0, -1)
    .join(".") || "(step)";

const digest = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 10);

/**
 * A large model as a table that can be reviewed: for each layer the rules that fired, the nodes by type, and a digest of its text, in which
 * arrays of other layers are named by layer alone. A change in one layer changes one line, and the first, which has the digest of the
 * whole text.
 */
export function layerTable(model: OnnxModel, rulesOf: ReadonlyMap<string, readonly string[]>): string {
  const layers = new Map<string, OnnxNode[]>();
  const producers = new Map<string, string>();
  for (const node of model.nodes) {
    const layer = layerOf(node);
    layers.set(layer, [...(layers.get(layer) ?? []), node]);
    for (const output of node.outputs) producers.set(output, layer);
  }
  const rows = [...layers].map(([layer, nodes]) => {
    const local = nodes.map((node) => renamed(node, (name) => foreign(producers.get(name), layer) ?? name));
    const text = printOnnxNodes({ ...model, nodes: local }, { checksums: true });
    return `${layer}\t${counts(rulesOf.get(layer) ?? [])}\t${counts(nodes.map(typeOf))}\t${digest(text)}\n`;
  });
  const text = printOnnxNodes(model, { checksums: true });
  const fired = counts([...rulesOf.values()].flat());
  return `text ${digest(text)}: ${model.nodes.length} nodes\nrules: ${fired}\n\n${rows.sort().join("")}`;
}

const foreign = (from: string | undefined, layer: string) =>
  from === undefined || from === layer ? undefined : `<${from}>`;

const typeOf = ({ type, domain }: OnnxNode) => (domain ? `${domain.split(".").at(-1)}.${type}` : type);

/** "Add 3, Conv 1" */
function counts(words: readonly string[]): string {
  const all = [...new Set(words)].sort();
  return all.map((word) => `${word} ${words.filter((other) => other === word).length}`).join(", ");
}

/** A node whose inputs, those of its branches included, have other names. */
function renamed(node: OnnxNode, rename: (name: string) => string): OnnxNode {
  const attribute = (value: OnnxAttribute): OnnxAttribute =>
    typeof value === "object" && "graph" in value
      ? { graph: { ...value.graph, nodes: value.graph.nodes.map((inner) => renamed(inner, rename)) } }
      : value;
  const attributes = Object.entries(node.attributes).map(([name, value]) => [name, attribute(value)] as const);
  return { ...node, inputs: node.inputs.map(rename), attributes: Object.fromEntries(attributes) };
}
