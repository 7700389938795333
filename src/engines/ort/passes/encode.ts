import { copyOf, type Tensor, toFloat32 } from "../../../core/tensor.js";
import { toModel } from "../../../formats/onnx/ir.js";
import { encodeOnnx } from "../../../formats/onnx/proto.js";
import type { Cell } from "../../../graph/graph.js";
import { toLayout } from "../blocked/layout.js";
import type { SessionSpec } from "../state.js";
import type { Module } from "./pass.js";

const contentsOf = (cell: Cell): Tensor => (cell.dtype === "float" ? toFloat32(cell.value) : cell.value);

/** The compiled module as a session is opened with it, with the contents of all cells. */
export function encode({ graph, lowered, stateLayouts, inPlace, sentinel }: Module): SessionSpec {
  const model = toModel(lowered);
  return {
    model: encodeOnnx(model),
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
