import { copyOf, sizeOf, type Tensor, toFloat32 } from "../../../core/tensor.js";
import { type LoweredValue, toModel } from "../../../formats/onnx/ir.js";
import { encodeOnnx } from "../../../formats/onnx/proto.js";
import type { Cell } from "../../../graph/graph.js";
import { toLayout } from "../blocked/layout.js";
import { blockedDomain } from "../blocked/writer.js";
import type { SessionSpec } from "../state.js";
import type { Module } from "./pass.js";

const contentsOf = (cell: Cell): Tensor => (cell.dtype === "float" ? toFloat32(cell.value) : cell.value);

/** Smaller weights stay in the model: each array that is given to a run takes a microsecond. */
const fewestBytes = 2 ** 18;

/** Whether a constant need not be in the model: a large weight, packed for it alone, which blocked convolutions take as it is. */
const isGiven = ({ layout, tensor, readers }: LoweredValue): boolean =>
  layout !== undefined &&
  4 * sizeOf(tensor!.shape) >= fewestBytes &&
  [...readers].every(({ type, operation: { domain } }) => type === "Conv" && domain === blockedDomain);

/** The compiled module as a session is opened with it, with the contents of all cells. */
export function encode({ graph, lowered, stateLayouts, inPlace, sentinel }: Module): SessionSpec {
  const model = toModel(lowered);
  const given = new Map(lowered.constants.filter(isGiven).map(({ name, tensor }) => [name, tensor!]));
  const infos = [...given].map(([name, { shape }]) => ({ name, dtype: "float32", shape }) as const);
  return {
    model: encodeOnnx({
      ...model,
      initializers: new Map([...model.initializers].filter(([name]) => !given.has(name))),
      inputs: [...model.inputs, ...infos],
    }),
    constants: Object.fromEntries([...given].map(([name, { dtype, shape, data }]) => [name, { dtype, shape, data }])),
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
