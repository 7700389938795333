import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { count } from "../bench/workload.js";
import { zeros } from "../src/core/tensor.js";
import { compile } from "../src/engines/ort/compile.js";
import { cpuTarget } from "../src/engines/ort/targets/cpu.js";
import { printModule } from "../src/formats/onnx/print.js";
import { Graph } from "../src/graph/graph.js";
import { convAttributes, convInputGradOp, convOp, convWeightGradOp } from "../src/ops/conv.js";

// Prints the ONNX nodes that a convolution and its gradients are lowered to: node dist/tools/lowered-conv.js [--stride 2] [--layout plain] …

/** A convolution of square maps with a square kernel and "same" padding. */
const example = { batch: 16, channels: 32, filters: 48, size: 8, kernel: 3, stride: 1, groups: 1, block: 16 };

/** The nodes of each of the three computations, each in its own graph that updates the weight. docs/lowering.md shows the default. */
export function loweredConv(
  given: Partial<typeof example> = {},
  layout: "blocked" | "plain" = "blocked",
): Map<string, string> {
  const { batch, channels, filters, size, kernel, stride, groups, block } = { ...example, ...given };
  const attributes = convAttributes({ stride, padding: Math.floor(kernel / 2), groups });
  const shape = [filters, channels / groups, kernel, kernel];
  const cell = { dtype: "float", shape, value: zeros("float32", shape) } as const;
  const nodesOf = (computation: "y" | "dx" | "dw"): string => {
    const graph = new Graph(true, (owner) => (owner === cell ? "w" : undefined));
    const w = graph.state(cell);
    const x = graph.input("x", { dtype: "float", shape: [batch, channels, size, size] });
    const [y] = graph.apply(convOp, [x, w], attributes);
    const dy = graph.input("dy", y!.type);
    const [dx] = graph.apply(convInputGradOp, [dy, w], { ...attributes, size: [size, size] });
    const [dw] = graph.apply(convWeightGradOp, [x, dy], { ...attributes, kernel: [kernel, kernel] });
    if (computation !== "dw") graph.output(computation, computation === "y" ? y! : dx!);
    graph.update(cell, computation === "dw" ? dw! : w);
    const target = cpuTarget({ blockSize: layout === "blocked" ? block : undefined, writesInPlace: false });
    const { lowered } = compile(graph, target);
    // Without the unchanged weight.
    const nodes = lowered.nodes.filter(({ type }) => type !== "Identity");
    return printModule(lowered, { nodes }).replaceAll("next/w", "dw");
  };
  return new Map([
    ["forward", nodesOf("y")],
    ["input gradient", nodesOf("dx")],
    ["weight gradient", nodesOf("dw")],
  ]);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const names = Object.keys(example) as (keyof typeof example)[];
  const { values } = parseArgs({
    options: Object.fromEntries([...names, "layout"].map((name) => [name, { type: "string" } as const])),
  });
  const given = names.flatMap((name) => (values[name] === undefined ? [] : [[name, count(name, `${values[name]}`)]]));
  const layout = values.layout === "plain" ? "plain" : "blocked";
  for (const [computation, nodes] of loweredConv(Object.fromEntries(given), layout))
    console.log(`${computation}\n\n${nodes.replace(/^/gm, "  ").trimEnd()}\n`);
}
