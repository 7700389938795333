import { performance } from "node:perf_hooks";
import { Command } from "commander";
import { type ExplainerOptions, explanationMethods, openExplainer } from "../explain.js";
import { type MethodChoice, type MethodName, type Module, modelInfo, trace } from "../index.js";
import {
  classesFlag,
  count,
  inputFlag,
  jsonFlag,
  modelByFlags,
  modelFlags,
  threadsFlag,
  withEngine,
} from "./arguments.js";
import { median } from "./calibrate.js";
import { deviceFlags, deviceOf } from "./device.js";
import { methodsBy, nameList, nameOf } from "./explain-flags.js";
import { addFlags, type FlagsOf, flag, flagList } from "./flags.js";
import { requireMemory } from "./memory.js";
import { ProgressLine, paragraphs, print, significant, table } from "./terminal.js";
import { noise } from "./workload.js";

/** Methods that run the network hundreds of times, which must be named. */
const slow: readonly MethodName[] = ["scorecam", "rise"];

interface MethodCost {
  /** `together`: all methods, which share what they can. */
  readonly method: MethodName | "together";
  /** Forward passes, including the one that all methods share, by multiply-accumulates. */
  readonly forwards: number;
  /** Time in units of one inference: the median over the steps, each compared to an inference next to it. */
  readonly inferences: number;
  readonly milliseconds: number;
}

const benchExplainFlags = flagList(
  ...modelFlags,
  flag("--method <names>", `methods, separated by commas, or all (default: all but ${slow.join(" and ")})`, nameList),
  flag("--layer <paths>", "layers of the maps, separated by commas (default: the last before pooling)", nameList),
  classesFlag,
  inputFlag,
  flag("--steps <n>", "timed runs of each method, after one warm-up run", count, 5),
  threadsFlag,
  ...deviceFlags,
  jsonFlag,
);

export const benchExplainCommand = addFlags(new Command("explain"), benchExplainFlags)
  .description("The cost of each method for one random image, in forward passes of the network and in time")
  .action(async (flags: FlagsOf<typeof benchExplainFlags>) => {
    const device = await deviceOf(flags);
    const usual = [...explanationMethods.values()].filter(({ name }) => !slow.includes(name)).map(({ name }) => name);
    const { layer } = flags;
    const methods = methodsBy({ method: flags.method ?? usual, ...(layer && { layer }) });
    const size = flags.input ?? modelInfo(flags.model).input;
    const model = modelByFlags(flags);
    requireMemory(model, [1, ...size], true);
    const sets = methods.map((choice): MethodSet => [nameOf(choice), [choice]]);
    if (methods.length > 1) sets.push(["together", methods]);
    const progress = new ProgressLine();
    const result = await withEngine(
      async (engine) => {
        const inference = await engine.compile(trace(model, [1, ...size]));
        const input = noise([1, ...size]);
        const infer = () => inference.run({ input });
        const costs: MethodCost[] = [];
        const inferenceTimes: number[] = [];
        for (const [done, [name, set]] of sets.entries()) {
          progress.draw(done / sets.length, name);
          const options = { engine, method: set, ...(layer && { layer }) };
          const { times, forwards } = await measure(infer, { model, inputShape: size }, options, flags.steps);
          inferenceTimes.push(...times.map(([inferring]) => inferring));
          costs.push({
            method: name,
            forwards: 1 + forwards,
            inferences: median(times.map(([inferring, explaining]) => explaining / inferring)),
            milliseconds: median(times.map(([, explaining]) => explaining)),
          });
        }
        await inference.release();
        return {
          model: flags.model,
          attention: flags.attention ?? null,
          layers: layer ?? null,
          device,
          inferenceMilliseconds: median(inferenceTimes),
          methods: costs,
        };
      },
      { ...flags, device },
    );
    progress.clear();
    print(flags.json === true, result, () =>
      paragraphs(
        `one inference: ${result.inferenceMilliseconds.toFixed(1)} ms`,
        table(
          result.methods.map(({ method, forwards, inferences, milliseconds }) => [
            method,
            significant(forwards),
            significant(inferences),
            `${milliseconds.toFixed(1)} ms`,
          ]),
          ["method", "forwards by MACs", "inferences by time", "time"],
        ),
      ),
    );
  });

/** Methods that are measured together, and their name. */
type MethodSet = readonly [name: MethodCost["method"], methods: readonly MethodChoice[]];

/** Times an inference and an explanation in turn, so that other load slows both. */
async function measure(
  infer: () => Promise<unknown>,
  network: { readonly model: Module; readonly inputShape: readonly [number, number, number] },
  options: ExplainerOptions,
  steps: number,
): Promise<{
  readonly times: readonly (readonly [inferring: number, explaining: number])[];
  readonly forwards: number;
}> {
  const explainer = await openExplainer(network, options);
  const image = noise(network.inputShape);
  const times: [number, number][] = [];
  try {
    // The first run compiles.
    const found = await explainer.explain(image);
    await infer();
    for (let i = 0; i < steps; i++) times.push([await timeOf(infer), await timeOf(() => explainer.explain(image))]);
    return { times, forwards: found.reduce((sum, { forwards }) => sum + forwards, 0) };
  } finally {
    await explainer.release();
  }
}

async function timeOf(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}
