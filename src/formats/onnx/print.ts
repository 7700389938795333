import type { Tensor } from "../../core/tensor.js";
import { formatType, type LoweredModule, type LoweredNode, type LoweredValue } from "./ir.js";

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

/** What {@link printModule} prints, and how. */
export interface PrintOptions {
  /** Tell long integer constants, such as the rows of a Gather, apart by their contents. */
  readonly checksums?: boolean;
  /** Print element type, shape and layout of every result. */
  readonly types?: boolean;
  /** Print these nodes only. */
  readonly nodes?: readonly LoweredNode[];
  /** How to name an array that other nodes compute. */
  readonly foreign?: (value: LoweredValue) => string;
}

/**
 * The nodes of a module as text, one per line. Stable: intermediate values are numbered in order, so modules that differ in names alone
 * print equally. Blocked operators start with `nchwc.`, those of ONNX Runtime's own domain with `ms.`.
 */
export function printModule(module: LoweredModule, options: PrintOptions = {}): string {
  const { checksums = false, types = false, nodes = module.nodes, foreign = ({ name }) => name } = options;
  const names = new Map<LoweredValue, string>();
  for (const value of module.inputs) names.set(value, value.name);
  for (const { name, value } of module.outputs) names.set(value, name);
  let temporaries = 0;
  const nameOf = (value: LoweredValue | undefined): string => {
    if (!value) return "";
    return value.tensor ? printConstant(value.tensor, checksums) : (names.get(value) ?? foreign(value));
  };
  const lines: string[] = [];
  const print = (node: LoweredNode, indent: string): void => {
    const { type, domain, attributes, branches = {} } = node.operation;
    for (const output of node.outputs) if (!names.has(output)) names.set(output, `%${temporaries++}`);
    const settings = Object.entries(attributes)
      .filter(([name, value]) => String(value) !== defaults[name])
      .map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
    const prefix = domain ? `${domain === "com.microsoft" ? "ms" : "nchwc"}.` : "";
    const results = node.outputs
      .map(
        (value) =>
          nameOf(value) + (types ? `: ${formatType(value.type)}${value.layout ? ` ${value.layout}` : ""}` : ""),
      )
      .join(", ");
    lines.push(`${indent}${results} = ${prefix}${type}(${node.inputs.map(nameOf).join(", ")})${settings.join("")}\n`);
    for (const [name, branch] of Object.entries(branches)) {
      lines.push(`${indent}  ${name}:\n`);
      for (const inner of branch.nodes) print(inner, `${indent}    `);
    }
  };
  for (const node of nodes) print(node, "");
  return lines.join("");
}

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
