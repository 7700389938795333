import * as schemas from "../core/schema.js";
import {
  headGroup,
  layerDecayGroups,
  type Module,
  modelInfo,
  type Optimizer,
  OptionError,
  type ParameterGroup,
  type RunConfig,
  type Schedule,
} from "../index.js";
import { optimizerNames, optimizers, requireEffect, scheduleBy, scheduleNames } from "../internal.js";
import { epochList, jsonObject, optional } from "./arguments.js";
import { type FlagsOf, flag, flagList, flagNamed } from "./flags.js";
import type { TransferFlags } from "./transfer.js";

/** An optimizer's default of a setting, for each: "0.1 for sgd, 0.001 for adamw or lamb". */
function defaultsOf(setting: "lr" | "weightDecay"): string {
  const values = optimizerNames.map((name) => optimizers[name]()[setting]);
  return [...new Set(values)]
    .map((value) => `${value} for ${optimizerNames.filter((_, i) => values[i] === value).join(" or ")}`)
    .join(", ");
}

/** Flags for the update rule and learning rates. */
export const optimizationFlags = flagList(
  flag(
    "--optimizer <name>",
    "update rule (default: the network's own, sgd or adamw)",
    schemas.oneOf(...optimizerNames),
  ),
  flag(
    "--lr <rate>",
    `learning rate (default: ${defaultsOf("lr")}; a tenth of it to fine-tune all of --weights)`,
    schemas.positive,
  ),
  flag("--optimizer-options <json>", `more settings, such as '{"momentum":0.9,"nesterov":true}'`, jsonObject),
  flag("--weight-decay <x>", `weight decay (default: ${defaultsOf("weightDecay")})`, schemas.nonNegative),
  flag("--no-decay-norms", "no weight decay on norms and biases"),
  flag("--schedule <name>", "learning rate schedule", schemas.oneOf(...scheduleNames), "cosine"),
  flag("--step-epochs <list>", "epochs after which the rate of --schedule step drops, such as 30,60", epochList),
  flag("--decay-epochs <n>", "in place of --step-epochs: it drops every n epochs, such as 2.4", schemas.positive),
  flag("--decay-rate <x>", "what it is multiplied by (default: 0.1)", schemas.positive),
  flag("--cycle-epochs <n>", "epochs of the first cycle of --schedule warm-restarts", schemas.positive),
  flag(
    "--cycle-factor <x>",
    "how many times as long each cycle of --schedule warm-restarts is as the one before (default: 1)",
    schemas.atLeastOne,
  ),
  flag("--warmup <epochs>", "epochs of linear warm-up", schemas.nonNegative, 0),
);

export interface OptimizationFlags
  extends FlagsOf<typeof optimizationFlags>,
    Pick<TransferFlags, "weights" | "freeze"> {
  readonly model: string;
  readonly epochs: number;
}

/** Flags with their defaults filled in. */
export type Settled<F extends OptimizationFlags> = F & Required<Pick<OptimizationFlags, "optimizer">>;

/** Divisor of the learning rate when fine-tuning, to adjust weights without losing them. */
const fineTuning = 10;

/**
 * Defaults: the settings of the run that is resumed; otherwise the network's usual optimizer, at a tenth of its usual rate
 * if a whole pretrained network is fine-tuned.
 */
export function withDefaults<F extends OptimizationFlags>(
  flags: F,
  recorded: RunConfig["training"]["optimizer"] | undefined,
): Settled<F> {
  const before = recorded as { name: keyof typeof optimizers; settings: { lr: number } } | undefined;
  const optimizer = flags.optimizer ?? before?.name ?? modelInfo(flags.model).optimizer ?? "sgd";
  const whole = flags.weights !== undefined && flags.freeze === undefined;
  const usual = whole ? optimizers[optimizer]().lr / fineTuning : undefined;
  const lr = flags.lr ?? (flags.optimizerOptions?.lr === undefined ? (before?.settings.lr ?? usual) : undefined);
  return { ...flags, optimizer, ...optional("lr", lr) };
}

export function optimizerOf(flags: Settled<OptimizationFlags>): Optimizer {
  const { optimizer, lr, weightDecay, decayNorms, optimizerOptions } = flags;
  return optimizers[optimizer]({
    ...optimizerOptions,
    ...optional("lr", lr),
    ...optional("weightDecay", weightDecay),
    ...(decayNorms ? {} : { decayNormsAndBiases: false }),
  });
}

export const scheduleOf = (flags: OptimizationFlags): Schedule => scheduleBy(flags, flags.epochs, flagNamed);

/** Parameters with rates of their own: the classifier, and parts by their depth. */
export const rateGroups = (
  network: Module,
  { headLr, layerDecay }: Pick<RunConfig["training"], "headLr" | "layerDecay">,
  lr: number,
): ParameterGroup[] => [
  ...(headLr === null ? [] : [headGroup(network, headLr / lr)]),
  ...(layerDecay === null ? [] : layerDecayGroups(network, layerDecay)),
];

type LoopFlags = Pick<RunConfig["training"], "augRepeats"> & {
  readonly augment: boolean;
  readonly patience?: number | null;
  readonly balancedSampling?: boolean;
};

/** @throws OptionError for a flag without effect, or two that exclude each other. */
export function refuseIdleFlags(flags: OptimizationFlags & TransferFlags & LoopFlags): void {
  const { insert, insertOptions, ignore, part, weights, patience, epochs, decayNorms } = flags;
  if (insertOptions && !insert) throw new OptionError("--insert-options needs --insert");
  for (const [flag, value] of Object.entries({ ignore, part }))
    if (value !== undefined && !weights) throw new OptionError(`--${flag} needs --weights`);
  // Only --no-decay-norms is a flag: true is what stands without it.
  requireEffect({ ...flags, decayNorms: decayNorms ? undefined : false }, epochs, flagNamed);
  if (patience && patience >= epochs)
    throw new OptionError(`--patience ${patience} has no effect: the training ends after ${epochs} epochs`);
}
