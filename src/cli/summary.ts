import { Command } from "commander";
import { costOf, modelInfo, trace } from "../index.js";
import { formatScope } from "../internal.js";
import { parametersOf, stateOf } from "../nn.js";
import { buildFlags, classesFlag, inputFlag, jsonFlag, modelByFlags, modelFlag } from "./arguments.js";
import { addFlags, type FlagsOf, flagList } from "./flags.js";
import { print, short, table } from "./terminal.js";

const summaryFlags = flagList(modelFlag, ...buildFlags, classesFlag, inputFlag, jsonFlag);
interface SummaryFlags extends FlagsOf<typeof summaryFlags> {
  readonly model: string;
}

export const summaryCommand = addFlags(new Command("summary"), summaryFlags).action((flags: SummaryFlags) => {
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
  print(
    flags.json === true,
    { model: name, attention, input, ...totals, buffers: stateOf(model).size - sizes.size, layers },
    () => [
      ...table(
        layers.map((l) => [l.layer, `[${l.output.join(",")}]`, l.params, l.macs]),
        ["layer", "output", "params", "MACs"],
      ),
      "",
      `${name}${attention ? ` + ${attention}` : ""} at ${input.join("×")}: ${params.toLocaleString("en-US")} parameters, ` +
        `${short(totals.macs)} multiply-accumulates (${short(totals.flops)}FLOPs), ${short(totals.activationBytes)}B of activations per image`,
    ],
  );
});
