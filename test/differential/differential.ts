import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { printGraph } from "../../src/graph/print.js";
import { type Comparison, type Difference, lowerings, partFor } from "./compare.js";
import { type Plan, planOf } from "./network.js";
import type { Answer, Request } from "./worker.js";

/** What was found about one network. */
export interface Finding extends Comparison {
  readonly plan: Plan;
  /** `once`: other numbers in the same network showed nothing, so that a rectifier or maximum flipped. */
  readonly verdict: "equal" | "once" | "different";
}

export interface DifferentialOptions {
  /** Which lowerings to compare. Default: all. */
  readonly lowerings?: readonly string[];
  readonly threads?: number;
  /** Longest time for one network, in milliseconds; then it counts as different. */
  readonly patience?: number;
}

/**
 * Compares random networks on every lowering with the reference engine, in a process of its own: some operators of ONNX Runtime
 * end the process where they are misused.
 */
export class Differential {
  #child: ChildProcess | undefined;
  readonly #options: Required<DifferentialOptions>;

  constructor(options: DifferentialOptions = {}) {
    this.#options = { lowerings: Object.keys(lowerings), threads: 1, patience: 120_000, ...options };
  }

  /** Compares one network. Where it differs, it must do so with three draws of numbers. */
  async examine(plan: Plan): Promise<Finding> {
    const comparison = await this.#compare(plan);
    if (!comparison.differences.length) return { plan, ...comparison, verdict: "equal" };
    for (const numbers of [1, 2])
      if (!(await this.#differs({ ...plan, numbers: plan.numbers + numbers })))
        return { plan, ...comparison, verdict: "once" };
    return { plan, ...comparison, verdict: "different" };
  }

  /** The smallest network that differs as well: layers left out, then the input made smaller, as long as either succeeds. */
  async shrink(plan: Plan): Promise<Plan> {
    for (const smaller of smallerPlans(plan))
      if ((await this.#differs(smaller)) && (await this.examine(smaller)).verdict === "different")
        return this.shrink(smaller);
    return plan;
  }

  async release(): Promise<void> {
    this.#child?.kill();
    this.#child = undefined;
  }

  async #differs(plan: Plan): Promise<boolean> {
    return (await this.#compare(plan)).differences.length > 0;
  }

  #compare(plan: Plan): Promise<Comparison> {
    const { lowerings, threads, patience } = this.#options;
    const child = (this.#child ??= fork(fileURLToPath(new URL("./worker.js", import.meta.url)), [String(threads)]));
    return new Promise((resolve) => {
      let lowering = "graph";
      const timer = setTimeout(() => child.kill("SIGKILL"), patience);
      const settle = (comparison: Comparison) => {
        clearTimeout(timer);
        child.removeAllListeners();
        resolve(comparison);
      };
      child.on("message", (answer: Answer) => {
        if ("turnsTo" in answer) lowering = answer.turnsTo;
        else settle(answer.comparison);
      });
      child.once("exit", (code, signal) => {
        this.#child = undefined;
        const message = `the process has ended: ${signal ?? `exit code ${code}`}`;
        settle({ differences: [{ lowering, what: "network", message }], arrays: 0, blind: 0, worst: 0 });
      });
      child.send({ plan, lowerings } satisfies Request);
    });
  }
}

function* smallerPlans(plan: Plan): Generator<Plan> {
  const [n, c, h, w] = plan.input;
  for (let i = plan.layers.length - 1; i >= 0; i--) yield { ...plan, layers: plan.layers.toSpliced(i, 1) };
  for (const [axis, size] of [n, c, h, w].entries())
    for (const smaller of new Set([1, Math.ceil(size / 2), size - 1]))
      if (smaller >= 1 && smaller < size)
        yield { ...plan, input: [n, c, h, w].with(axis, smaller) as [number, number, number, number] };
}

/** A finding as text, with the part of the graph that computes the first array that differs. */
export function describe({ plan, differences }: Finding): string {
  const lines = differences.map(({ lowering, what, message }: Difference) => `  ${lowering}: ${what}: ${message}`);
  const shown = lines.length > 6 ? [...lines.slice(0, 6), `  … and ${lines.length - 6} more`] : lines;
  const { what } = differences[0]!;
  return [
    `seed ${plan.seed}: --plan '${JSON.stringify(plan)}'`,
    ...shown,
    differences[0]!.lowering === "graph" ? "" : printGraph(partFor(plan, what)),
  ].join("\n");
}

/** Compares the networks of some seeds. `report` hears of every one; those that differ come shrunk. */
export async function searchSeeds(
  seeds: Iterable<number>,
  differential: Differential,
  report: (finding: Finding) => void,
): Promise<void> {
  for (const seed of seeds) {
    const finding = await differential.examine(planOf(seed));
    report(
      finding.verdict === "different" ? await differential.examine(await differential.shrink(finding.plan)) : finding,
    );
  }
}
