import { copyOf, sizeOf, type Tensor, toFloat32 } from "../../../core/tensor.js";
import { type LoweredValue, toModel } from "../../../formats/onnx/ir.js";
import { encodeOnnx } from "../../../formats/onnx/proto.js";
import type { Cell } from "../../../graph/graph.js";
import { toLayout } from "../blocked/layout.js";
import { blockedDomain } from "../blocked/writer.js";
import type { SessionSpec } from "../state.js";
import type { Target } from "../targets/target.js";
import type { Module } from "./pass.js";

const contentsOf = (cell: Cell): Tensor => (cell.dtype === "float" ? toFloat32(cell.value) : cell.value);

/** Smaller weights stay in the model: each array that is given to a run takes a microsecond. */
const fewestBytes = 2 ** 18;

/** Whether a constant can be given to every run instead: a large weight that its readers take as it is, packed or a linear layer's. */
const isGiven = ({ layout, tensor, readers }: LoweredValue): boolean =>
  4 * sizeOf(tensor!.shape) >= fewestBytes &&
  [...readers].every(({ type, operation: { domain } }) =>
    layout ? type === "Conv" && domain === blockedDomain : type === "Gemm",
  );

/** The compiled module as a session is opened with it, with the contents of all cells. */
export function encode(
  { graph, lowered, stateLayouts, inPlace, sentinel }: Module,
  { readsInPlace }: Pick<Target, "readsInPlace">,
): SessionSpec {
  const model = toModel(lowered);
  const constants = readsInPlace ? lowered.constants.filter(isGiven) : [];
  const given = new Map(constants.map((value) => [value.name, value]));
  const infos = [...given].map(([name, { tensor }]) => ({ name, dtype: "float32", shape: tensor!.shape }) as const);
  return {
    model: encodeOnnx({
      ...model,
      initializers: new Map([...model.initializers].filter(([name]) => !given.has(name))),
      inputs: [...model.inputs, ...infos],
    }),
    // A packed weight is computed as it is read here; others are the network's own.
    constants: Object.fromEntries(
      [...given].map(([name, { tensor, layout }]) => [name, layout ? { ...tensor! } : copyOf(tensor!)]),
    ),
    sentinel,
    inputs: model.inputs.filter(({ name }) => graph.inputs.has(name)),
    outputs: model.outputs.filter(({ name }) => graph.outputs.has(name)),
    states: lowered.states.map(({ cell, before, after }) => {
      const layout = stateLayouts.get(cell);
      const initial = layout ? toLayout(contentsOf(cell), layout) : copyOf(contentsOf(cell));
      return { before: before.name, after: after.name, initial, inPlace: inPlace.has(cell) };
    }),
  };
}
