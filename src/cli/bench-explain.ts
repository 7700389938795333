import { performance } from "node:perf_hooks";
import { Command } from "commander";
import { explanationMethods, openExplainer } from "../explain.js";
import { type Engine, type MethodName, type Module, modelInfo, trace } from "../index.js";
import {
  addModelFlags,
  classCount,
  count,
  type EngineFlags,
  inputSize,
  type ModelFlags,
  modelByFlags,
  threadCount,
  withEngine,
} from "./arguments.js";
import { median } from "./calibrate.js";
import { methodsBy, nameList, nameOf } from "./explain-flags.js";
import { requireMemory } from "./memory.js";
import { ProgressLine, paragraphs, print, significant, table } from "./terminal.js";
import { noise } from "./workload.js";

interface BenchExplainFlags extends ModelFlags, EngineFlags {
  readonly method?: readonly string[];
  readonly layer?: string;
  readonly input?: readonly [number, number, number];
  readonly steps: number;
  readonly json?: boolean;
}

/** Methods that run the network hundreds of times: only where they are named. */
const slow: readonly MethodName[] = ["scorecam", "rise"];

interface MethodCost {
  readonly method: MethodName;
  /** Runs of the network, the one that all methods share included, by multiply-accumulates. */
  readonly forwards: number;
  /** Time in times of one inference. */
  readonly inferences: number;
  readonly milliseconds: number;
}

export const benchExplainCommand = addModelFlags(new Command("explain"), "resnet20")
  .description("What explaining one image costs by each method, in runs of the network and in time; on a random image")
  .option("--method <names>", `methods, separated by commas, or all (default: all but ${slow.join(" and ")})`, nameList)
  .option("--layer <path>", "layer of the maps (default: the last before pooling)")
  .option("--classes <n>", "number of classes (default: the published one)", classCount)
  .option("--input <CxHxW>", "size of the image (default: the published one)", inputSize)
  .option("--steps <n>", "timed runs of each method, after one that is not", count, 3)
  .option("--threads <n>", "threads (default: one per processor)", threadCount)
  .option("--json", "print one JSON object")
  .action(async (flags: BenchExplainFlags) => {
    const usual = [...explanationMethods.values()].filter(({ name }) => !slow.includes(name)).map(({ name }) => name);
    const layer = flags.layer === undefined ? {} : { layer: [flags.layer] };
    const methods = methodsBy({ method: flags.method ?? usual, ...layer });
    const size = flags.input ?? modelInfo(flags.model).input;
    const model = modelByFlags(flags);
    requireMemory(model, [1, ...size], true);
    const progress = new ProgressLine();
    const result = await withEngine(async (engine) => {
      const inference = await inferenceTime(engine, model, size, flags.steps);
      const costs: MethodCost[] = [];
      for (const [done, choice] of methods.entries()) {
        progress.draw(done / methods.length, nameOf(choice));
        costs.push(await costOfMethod(engine, { model, size, inference, flags }, nameOf(choice)));
      }
      return {
        model: flags.model,
        attention: flags.attention ?? null,
        inferenceMilliseconds: inference,
        methods: costs,
      };
    }, flags);
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

async function inferenceTime(engine: Engine, model: Module, size: readonly number[], steps: number): Promise<number> {
  const executable = await engine.compile(trace(model, [1, ...size]));
  const input = noise([1, ...size]);
  try {
    return await medianTime(() => executable.run({ input }), steps);
  } finally {
    await executable.release();
  }
}

async function costOfMethod(
  engine: Engine,
  how: {
    readonly model: Module;
    readonly size: readonly [number, number, number];
    readonly inference: number;
    readonly flags: BenchExplainFlags;
  },
  method: MethodName,
): Promise<MethodCost> {
  const { model, size, inference, flags } = how;
  const layer = flags.layer === undefined ? {} : { layer: flags.layer };
  const explainer = await openExplainer({ model, inputShape: size }, { engine, method, ...layer });
  const image = noise(size);
  try {
    let forwards = 0;
    const milliseconds = await medianTime(async () => {
      forwards = (await explainer.explain(image))[0]!.forwards;
    }, flags.steps);
    return { method, forwards: 1 + forwards, inferences: milliseconds / inference, milliseconds };
  } finally {
    await explainer.release();
  }
}

/** The median of several times, after a first run that compiles. */
async function medianTime(run: () => Promise<unknown>, steps: number): Promise<number> {
  await run();
  const times: number[] = [];
  for (let i = 0; i < steps; i++) {
    const start = performance.now();
    await run();
    times.push(performance.now() - start);
  }
  return median(times);
}
