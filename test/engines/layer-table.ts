import { createHash } from "node:crypto";
import type { LoweredModule, LoweredNode, LoweredValue } from "../../src/formats/onnx/ir.js";
import { printModule } from "../../src/formats/onnx/print.js";

/** The module that a node was emitted for, from its name: `layer1/0/conv1/Conv_12`, possibly with a barrier before it. */
const layerOf = ({ name }: LoweredNode): string =>
  name
    .replace(/\/barrier\/\w+$/, "")
    .split("/")
    .slice(0, -1)
    .join(".") || "(step)";

const digest = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 10);

/**
 * A large model as a table that can be reviewed: for each layer the rules that fired, the nodes by type, and a digest of its text, in which
 * arrays of other layers are named by layer alone. A change in one layer changes one line, and the first, which has the digest of the
 * whole text.
 */
export function layerTable(module: LoweredModule, rulesOf: ReadonlyMap<string, readonly string[]>): string {
  const layers = new Map<string, LoweredNode[]>();
  for (const node of module.nodes) layers.set(layerOf(node), [...(layers.get(layerOf(node)) ?? []), node]);
  const foreign = ({ producer, name }: LoweredValue) => (producer ? `<${layerOf(producer.outermost)}>` : name);
  const rows = [...layers].map(([layer, nodes]) => {
    const text = printModule(module, { checksums: true, nodes, foreign });
    return `${layer}\t${counts(rulesOf.get(layer) ?? [])}\t${counts(nodes.map(typeOf))}\t${digest(text)}\n`;
  });
  const text = printModule(module, { checksums: true });
  const fired = counts([...rulesOf.values()].flat());
  return `text ${digest(text)}: ${module.nodes.length} nodes\nrules: ${fired}\n\n${rows.sort().join("")}`;
}

const typeOf = ({ operation: { type, domain } }: LoweredNode) =>
  domain ? `${domain.split(".").at(-1)}.${type}` : type;

/** "Add 3, Conv 1" */
function counts(words: readonly string[]): string {
  const all = [...new Set(words)].sort();
  return all.map((word) => `${word} ${words.filter((other) => other === word).length}`).join(", ");
}
