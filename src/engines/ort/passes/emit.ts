import { Lowering } from "../../../formats/onnx/lower.js";
import { BlockedLowering } from "../blocked/lowering.js";
import { ortTypes } from "../rules/operators.js";
import type { Pass } from "./pass.js";

/**
 * Emits the nodes of the graph in one walk, as ONNX Runtime's own NchwcTransformer does: a layer's layout depends on those of its inputs,
 * and what can be fused into it on its reader. So layouts are chosen, conversions inserted and epilogues fused on the way.
 */
export const emit: Pass = (module, { rules, blocks, overrides }) => {
  if (!blocks) return { ...module, lowered: new Lowering(module.graph, rules, { typeRules: ortTypes }).run() };
  const lowering = new BlockedLowering(module.graph, rules, blocks, overrides);
  return { ...module, lowered: lowering.run(), stateLayouts: lowering.stateLayouts, decisions: lowering.decisions };
};
