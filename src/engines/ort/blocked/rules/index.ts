import { winogradRules } from "../../winograd/blocked.js";
import type { BlockedRule } from "../rule.js";
import { convRules } from "./conv.js";
import { convWeightGradRules } from "./conv-weight-grad.js";
import { elementwiseRules } from "./elementwise.js";
import { maxGradRules } from "./max-grad.js";
import { movementRules } from "./movement.js";
import { normRules } from "./norm.js";
import { planeRules } from "./planes.js";
import { poolRules } from "./pool.js";
import { reduceRules } from "./reduce.js";

/** All rules, in the order in which they are tried. */
export const blockedRules: readonly BlockedRule[] = [
  ...winogradRules,
  ...convRules,
  ...convWeightGradRules,
  ...planeRules,
  ...normRules,
  ...elementwiseRules,
  ...reduceRules,
  ...maxGradRules,
  ...poolRules,
  ...movementRules,
];
