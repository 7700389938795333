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
    if (value.source.kind !== "input") continue;
    const { name } = value.source;
    const given = inputs[name];
    if (!given) throw new FoveaError(`run: input "${name}" ${formatShape(value.shape)} is missing`);
    const fits =
      given.shape.length === value.shape.length && value.shape.every((d, i) => d === "N" || d === given.shape[i]);
    if (!(given.data instanceof arrayTypes[given.dtype]))
      throw new FoveaError(
        `run: the data of input "${name}" must be a ${arrayTypes[given.dtype].name}, as it is ${given.dtype}`,
      );
    if (given.data.length !== sizeOf(given.shape))
      throw new FoveaError(
        `run: input "${name}" of shape [${given.shape}] must hold ${sizeOf(given.shape)} numbers, holds ${given.data.length}`,
      );
    if (given.shape.includes(0))
      throw new FoveaError(`run: input "${name}" is empty, [${given.shape}]; a batch must hold at least one image`);
    if (!fits) throw new FoveaError(`run: input "${name}" must be ${formatShape(value.shape)}, got [${given.shape}]`);
  }
}
