import { conv } from "./conv.js";
import { cost } from "./cost.js";
import { gpu, gpuJs } from "./gpu.js";
import { infer } from "./infer.js";
import { js } from "./js.js";
import { modules } from "./modules.js";
import { nets } from "./nets.js";
import type { Suite } from "./suite.js";
import { wasm } from "./wasm.js";
import { work } from "./work.js";

export const suites: ReadonlyMap<string, Suite> = new Map(
  [nets, infer, conv, modules, cost, work, js, wasm, gpu, gpuJs].map((suite) => [suite.name, suite]),
);

/** A suite by its name. @throws RangeError for another. */
export function suiteOf(name: string | undefined): Suite {
  const suite = suites.get(name ?? "");
  if (!suite) throw new RangeError(`the suite must be one of ${[...suites.keys()].join(", ")}, got ${name}`);
  return suite;
}
