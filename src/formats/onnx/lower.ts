import { FoveaError } from "../../core/errors.js";
import { type Cell, type Graph, program, type Value } from "../../graph/graph.js";
import type { ValueDType } from "../../graph/op.js";
import type { OnnxDType, OnnxModel, OnnxValueInfo } from "./proto.js";
import { neuralRules } from "./rules/neural.js";
import { simpleRules } from "./rules/simple.js";
import { OnnxWriter, type Rules } from "./writer.js";

/** Rules in plain ONNX for every operator that an inference graph can hold. */
export const inferenceRules: Rules = new Map([...simpleRules, ...neuralRules]);

/** ONNX operator set that is written unless told otherwise. */
export const defaultOpset = 17;

const dtypes: Record<ValueDType, OnnxDType> = { float: "float32", int: "int64", bool: "bool" };

const info = (name: string, value: Value): OnnxValueInfo => ({
  name,
  dtype: dtypes[value.type.dtype],
  shape: value.shape,
});

/** One cell that a lowered graph changes: the names of its contents before (an input) and after (an output). */
export interface LoweredState {
  readonly cell: Cell;
  readonly before: OnnxValueInfo;
  readonly after: OnnxValueInfo;
}

/** Options of {@link lowerToOnnx}. */
export interface LowerOptions {
  readonly metadata?: Readonly<Record<string, string>>;
  /** ONNX operator set; the rules for training graphs know only the default, 17. */
  readonly opset?: number;
  /** Whether arrays that are float16 stay so in the file, to be cast as they are read. Default: they are written as float32. */
  readonly keepFloat16?: boolean;
}

export interface Lowered {
  readonly model: OnnxModel;
  readonly states: readonly LoweredState[];
}

/**
 * Writes a graph as ONNX, node by node, by the given rules. Cells that the graph updates become an input and an output each;
 * all others become initializers with their present contents.
 *
 * @throws FoveaError if an operator has no rule.
 */
export function lowerToOnnx(
  graph: Graph,
  rules: Rules,
  { metadata = {}, opset = defaultOpset, keepFloat16 = false }: LowerOptions = {},
): Lowered {
  const write = new OnnxWriter(opset, keepFloat16);
  const { nodes, inputs, states, constants } = program(graph);
  const names = new Map<Value, string>();
  const updated = new Map(graph.updates.map((update) => [update.cell, update]));
  const lowered: LoweredState[] = [];

  for (const value of inputs) if (value.source.kind === "input") names.set(value, value.source.name);
  const taken = new Set([...graph.inputs.keys(), ...graph.outputs.keys()]);
  for (const value of states) {
    if (value.source.kind !== "state") continue;
    const { name, cell } = value.source;
    let free = name;
    for (let i = 1; taken.has(free); i++) free = i === 1 ? `state/${name}` : `state/${name}~${i}`;
    taken.add(free);
    names.set(value, updated.has(cell) ? free : write.constant(cell.value, free));
  }
  for (const value of constants)
    if (value.source.kind === "constant") {
      const { tensor } = value.source;
      names.set(
        value,
        tensor.shape.length === 0 && tensor.dtype === "float64"
          ? write.number(tensor.data[0] as number)
          : write.constant(tensor),
      );
    }

  for (const node of nodes) {
    const rule = rules.get(node.op.name);
    if (!rule)
      throw new FoveaError(
        `${node.scope ? `${node.scope} › ` : ""}${node.op.name} has no ONNX form here: it belongs to training`,
      );
    write.enter(node.scope);
    const results = rule(
      node,
      node.inputs.map((value) => names.get(value)!),
      write,
    );
    node.outputs.forEach((value, i) => {
      if (results[i] !== undefined) names.set(value, results[i]);
    });
  }

  write.enter("");
  const named = (name: string, value: Value): OnnxValueInfo => {
    // An output has a name of its own, also where it is an input, a constant, or another output too.
    write.nodes.push({
      type: "Identity",
      name: `output/${name}`,
      inputs: [names.get(value)!],
      outputs: [name],
      attributes: {},
    });
    return info(name, value);
  };
  const outputs = [...graph.outputs].map(([name, value]) => named(name, value));
  for (const { name, cell, value } of graph.updates) {
    const type = { dtype: dtypes[cell.dtype], shape: cell.shape };
    named(`next/${name}`, value);
    const before = graph.states.has(cell) ? names.get(graph.states.get(cell)!)! : `state/${name}`;
    lowered.push({ cell, before: { name: before, ...type }, after: { name: `next/${name}`, ...type } });
  }
  const opsets = Object.fromEntries([["", opset], ...[...write.domains].map((domain) => [domain, 1])]);
  const model = {
    nodes: write.nodes,
    initializers: write.initializers,
    inputs: [...inputs.map((value) => info(names.get(value)!, value)), ...lowered.map((state) => state.before)],
    outputs: [...outputs, ...lowered.map((state) => state.after)],
    opsets,
    metadata,
  };
  return { model, states: lowered };
}
