import { FoveaError, unknownName } from "../core/errors.js";
import { check, fieldsOf, record, sizes, that } from "../core/schema.js";
import { formatShape } from "../core/shape.js";
import { arrayTypes, dtypeSchema, sizeOf, type Tensor } from "../core/tensor.js";
import { type Graph, graphSchema, type Program } from "../graph/graph.js";
import type { Arrays } from "./engine.js";

/** Its length is checked separately, for a better message. */
const tensorLike = fieldsOf<Tensor>(
  { dtype: dtypeSchema, shape: sizes, data: that("a typed array", ArrayBuffer.isView) },
  "a tensor, { dtype, shape, data }",
);

/** @throws FoveaError for a graph with nothing to compute. */
export function checkGraph(graph: Graph): void {
  check("compile", "graph", graphSchema, graph);
  if (graph.outputs.size === 0 && graph.updates.length === 0)
    throw new FoveaError("compile: the graph has neither outputs nor updates");
}

/** Checks `inputs` against the inputs that the program reads; unused inputs may be omitted. */
export function checkFeeds(program: Program, declared: Iterable<string>, inputs: Arrays): void {
  check("run", "inputs", record(tensorLike, "tensors by the names of inputs"), inputs);
  const names = [...declared];
  for (const name of Object.keys(inputs)) if (!names.includes(name)) throw unknownName("input", name, names);
  for (const value of program.inputs) {
    const { name } = value.source;
    const given = inputs[name];
    const refuse = (text: string) => new FoveaError(`run: input "${name}" ${text}`);
    if (!given) throw refuse(`${formatShape(value.shape)} is missing`);
    const { dtype, shape, data } = given;
    const array = arrayTypes[dtype];
    if (!(data instanceof array)) throw refuse(`is ${dtype}, so its data must be a ${array.name}`);
    if (data.length !== sizeOf(shape))
      throw refuse(`of shape [${shape}] must hold ${sizeOf(shape)} numbers, holds ${data.length}`);
    if (shape.includes(0)) throw refuse(`is empty, [${shape}]; a batch must hold at least one image`);
    if (shape.length !== value.shape.length || !value.shape.every((d, i) => d === "N" || d === shape[i]))
      throw refuse(`must be ${formatShape(value.shape)}, got [${shape}]`);
  }
}
