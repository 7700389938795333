import { availableParallelism } from "node:os";
import { Command } from "commander";
import * as schemas from "../core/schema.js";
import { trainingStep } from "../engine.js";
import { costOf, modelInfo, OptionError, sgd, trace } from "../index.js";
import { cpuBackend, describeLowering, formatScope, type LayerLowering, webgpuKernels } from "../internal.js";
import { parametersOf, stateOf } from "../nn.js";
import { buildFlags, classesFlag, inputFlag, jsonFlag, modelByFlags, modelFlag } from "./arguments.js";
import { addFlags, type FlagsOf, flag, flagList } from "./flags.js";
import { print, short, table, wrapped } from "./terminal.js";
import { cachedTuning, thisMachine } from "./tuning.js";

const summaryFlags = flagList(
  modelFlag,
  ...buildFlags,
  classesFlag,
  inputFlag,
  flag("--lowering", "show how each layer of a training step is compiled on this processor"),
  flag("--batch <n>", "images per step, with --lowering (default: 32)", schemas.batchSize),
  flag(
    "--device <name>",
    "with --lowering: cpu (default), or webgpu to count a GPU's kernels",
    schemas.oneOf("cpu", "webgpu"),
  ),
  jsonFlag,
);
interface SummaryFlags extends FlagsOf<typeof summaryFlags> {
  readonly model: string;
}

export const summaryCommand = addFlags(new Command("summary"), summaryFlags).action(async (flags: SummaryFlags) => {
  for (const name of ["batch", "device"] as const)
    if (flags[name] !== undefined && !flags.lowering) throw new OptionError(`--${name} needs --lowering`);
  const model = modelByFlags(flags);
  const input = flags.input ?? modelInfo(flags.model).input;
  const cost = costOf(trace(model, [1, ...input]));
  const sizes = new Map(
    [...parametersOf(model)].map(([path, param]) => [path, param.shape.reduce((n, d) => n * d, 1)]),
  );
  const params = [...sizes.values()].reduce((a, b) => a + b, 0);
  const layers = cost.layers.map(({ scope, shape, macs, activationBytes }) => {
    const own = [...sizes]
      .filter(([key]) => key.slice(0, key.lastIndexOf(".")) === scope.path)
      .reduce((n, [, size]) => n + size, 0);
    return { layer: formatScope(scope), output: shape, params: own, macs, activationBytes };
  });
  const totals = { params, macs: cost.macs, flops: 2 * cost.macs, activationBytes: cost.activationBytes };
  const { model: name, attention = null } = flags;
  const lowering = flags.lowering ? await loweringOf(flags, input) : undefined;
  print(
    flags.json === true,
    {
      model: name,
      attention,
      input,
      ...totals,
      buffers: stateOf(model).size - sizes.size,
      layers,
      ...(lowering ? { lowering } : {}),
    },
    () => [
      ...table(
        layers.map((l) => [l.layer, `[${l.output.join(",")}]`, l.params, l.macs]),
        ["layer", "output", "params", "MACs"],
      ),
      "",
      `${name}${attention ? ` + ${attention}` : ""} at ${input.join("×")}: ${params.toLocaleString("en-US")} parameters, ` +
        `${short(totals.macs)} multiply-accumulates (${short(totals.flops)}FLOPs), ${short(totals.activationBytes)}B of activations per image`,
      ...(lowering ? ["", ...formatLowering(lowering)] : []),
    ],
  );
});

interface Lowering {
  readonly target: string;
  readonly batch: number;
  /** On the CPU. */
  readonly layers?: readonly LayerLowering[];
  /** For a GPU: how many there are of each operator. */
  readonly kernels?: Readonly<Record<string, number>>;
}

/** How a training step by SGD is compiled, as `fovea train` would here. */
async function loweringOf(flags: SummaryFlags, input: readonly [number, number, number]): Promise<Lowering> {
  const { batch = 32 } = flags;
  const numClasses = flags.classes ?? modelInfo(flags.model).numClasses;
  const options = { optimizer: sgd({ lr: 0.1 }), input: [batch, ...input] as const, numClasses };
  const { graph } = trainingStep(modelByFlags(flags), options);
  if (flags.device === "webgpu") return { batch, target: "webgpu", kernels: webgpuKernels(graph) };
  const backend = cpuBackend({ tuning: await cachedTuning(thisMachine(availableParallelism())) });
  return { batch, ...(await describeLowering(graph, backend)) };
}

function formatLowering({ target, batch, layers = [], kernels }: Lowering): string[] {
  const head = `Training with ${batch} images a step on ${target}:`;
  if (kernels) {
    const total = Object.values(kernels).reduce((n, count) => n + count, 0);
    return [
      head,
      "",
      ...table(Object.entries(kernels), ["operator", "kernels"]),
      "",
      `${total} kernels or more a step`,
    ];
  }
  if (layers.length === 0)
    return [head, "every layer is plain: there are no blocked operators here, or the batch is too small"];
  const reasons: string[] = [];
  const numberOf = (reason: string) => {
    if (!reasons.includes(reason)) reasons.push(reason);
    return reasons.indexOf(reason) + 1;
  };
  const rows = layers.flatMap(({ path, operators }) =>
    operators.map(({ operator, rule, reasons: refused }, i) => [
      i === 0 ? path || "loss, updates" : "",
      operator,
      rule === "plain" ? "plain" : "blocked",
      rule === "plain" ? "" : rule,
      refused.map(numberOf).join(" ") || (rule === "plain" ? "no rule" : ""),
    ]),
  );
  return [
    head,
    "",
    ...table(rows, ["layer", "operator", "layout", "rule", "tried"]),
    "",
    "Rules that were tried before, and why they do not apply:",
    ...reasons.flatMap((reason, i) => wrapped(`${i + 1}. ${reason}`, { indent: 2 })),
  ];
}
