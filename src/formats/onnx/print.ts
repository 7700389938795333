import type { Tensor } from "../../core/tensor.js";
import type { OnnxAttribute, OnnxModel, OnnxNode } from "./proto.js";

/** Attribute values that ONNX assumes, which are not printed. */
const defaults: Readonly<Record<string, string>> = {
  strides: "1,1",
  dilations: "1,1",
  pads: "0,0,0,0",
  group: "1",
  axis: "0",
};

/** Longer constants are printed as type and shape. */
const longestConstant = 6;

/**
 * The nodes of a model as text, one per line. Stable: intermediate values are numbered in order, so models that differ in names alone
 * print equally. Blocked operators start with `nchwc.`, those of ONNX Runtime's own domain with `ms.`.
 *
 * With `checksums`, long integer constants, such as the rows of a Gather, are told apart by their contents.
 */
export function printOnnxNodes(
  { nodes, initializers, inputs, outputs }: OnnxModel,
  { checksums = false }: { readonly checksums?: boolean } = {},
): string {
  const names = new Map([...inputs, ...outputs].map(({ name }) => [name, name]));
  let temporaries = 0;
  const nameOf = (name: string): string => {
    const constant = initializers.get(name);
    return constant ? printConstant(constant, checksums) : (names.get(name) ?? name);
  };
  const lines: string[] = [];
  const print = ({ type, domain, inputs, outputs, attributes }: OnnxNode, indent: string): void => {
    for (const output of outputs) if (!names.has(output)) names.set(output, `%${temporaries++}`);
    const branches = Object.entries(attributes).flatMap(([name, value]) =>
      isBranch(value) ? [[name, value] as const] : [],
    );
    const settings = Object.entries(attributes)
      .filter(([name, value]) => !isBranch(value) && String(value) !== defaults[name])
      .map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
    const prefix = domain ? `${domain === "com.microsoft" ? "ms" : "nchwc"}.` : "";
    const results = outputs.map(nameOf).join(", ");
    lines.push(`${indent}${results} = ${prefix}${type}(${inputs.map(nameOf).join(", ")})${settings.join("")}\n`);
    for (const [name, { graph }] of branches) {
      lines.push(`${indent}  ${name}:\n`);
      for (const node of graph.nodes) print(node, `${indent}    `);
    }
  };
  for (const node of nodes) print(node, "");
  return lines.join("");
}

type Branch = Extract<OnnxAttribute, { readonly graph: unknown }>;
const isBranch = (value: OnnxAttribute): value is Branch => typeof value === "object" && "graph" in value;

function printConstant({ dtype, shape, data }: Tensor, checksums: boolean): string {
  if (data.length <= longestConstant) return `[${data}]`;
  return `${dtype}[${shape}]${checksums && dtype === "int64" ? `#${checksum(data as BigInt64Array)}` : ""}`;
}

/** FNV-1a over the elements. */
function checksum(data: BigInt64Array): string {
  let hash = 0x811c9dc5;
  for (const value of data) hash = Math.imul(hash ^ Number(BigInt.asIntN(32, value)), 0x01000193);
  return (hash >>> 0).toString(16);
}
