import { messageOf } from "../../src/core/errors.js";
import { type Comparison, compare, enginesFor } from "./compare.js";
import type { Plan } from "./network.js";

/** Compares the plans that it is sent, one after the other, in a process that may die of one. */
export interface Request {
  readonly plan: Plan;
  readonly lowerings: readonly string[];
}
/** Which lowering it turns to, then the result. */
export type Answer = { readonly turnsTo: string } | { readonly comparison: Comparison };

const engines = enginesFor(Number(process.argv[2] ?? 1));
const answer = (message: Answer) => process.send?.(message);

process.on("message", async ({ plan, lowerings }: Request) => {
  const chosen = new Map([...engines].filter(([name]) => lowerings.includes(name)));
  try {
    answer({ comparison: await compare(plan, chosen, (turnsTo) => answer({ turnsTo })) });
  } catch (error) {
    const difference = { lowering: "graph", what: "network", message: messageOf(error) };
    answer({ comparison: { differences: [difference], arrays: 0, blind: 0, worst: 0 } });
  }
});
