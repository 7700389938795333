import { winogradRules } from "../../winograd/blocked.js";
import type { BlockedRule } from "../rule.js";
import { convRules } from "./conv.js";
import { convWeightGrad } from "./conv-weight-grad.js";
import { elementwiseRules } from "./elementwise.js";
import { maxGrad } from "./max-grad.js";
import { movementRules } from "./movement.js";
import { normRules } from "./norm.js";
import { planeRules } from "./planes.js";
import { poolRules } from "./pool.js";
import { reduce } from "./reduce.js";

/** All rules, in the order in which they are tried. */
export const blockedRules: readonly BlockedRule[] = [
  ...winogradRules,
  ...convRules,
  convWeightGrad,
  ...planeRules,
  ...normRules,
  ...elementwiseRules,
  reduce,
  maxGrad,
  ...poolRules,
  ...movementRules,
];
