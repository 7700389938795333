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
import { optimizerNames, optimizers, scheduleBy, scheduleNames } from "../internal.js";
import { epochList, jsonObject, optional } from "./arguments.js";
import { type FlagsOf, flag, flagList, flagNamed } from "./flags.js";
import type { TransferFlags } from "./transfer.js";

/** Flags for the update rule and learning rates. */
export const optimizationFlags = flagList(
  flag(
    "--optimizer <name>",
    "update rule (default: the network's own, adamw or sgd)",
    schemas.oneOf(...optimizerNames),
  ),
  flag(
    "--lr <rate>",
    "learning rate (default: 0.1 for sgd, 0.001 for others; a tenth of it to fine-tune all of --weights)",
    schemas.positive,
  ),
  flag("--optimizer-options <json>", `more settings, such as '{"momentum":0.9,"nesterov":true}'`, jsonObject),
  flag("--weight-decay <x>", "weight decay (default: 0.0005 for sgd, 0.01 for others)", schemas.nonNegative),
  flag("--no-decay-norms", "no weight decay on norms and biases"),
  flag("--schedule <name>", "learning rate schedule", schemas.oneOf(...scheduleNames), "cosine"),
  flag("--step-epochs <list>", "epochs after which --schedule step divides the rate by ten, such as 30,60", epochList),
  flag("--cycle-epochs <n>", "epochs of the first cycle of --schedule warm-restarts", schemas.positive),
  flag(
    "--cycle-factor <x>",
    "how many times as long each cycle of --schedule warm-restarts is as the one before (default: 1)",
    schemas.positive,
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

/** @throws OptionError for a flag without effect. */
export function requireEffect({
  insert,
  insertOptions,
  ignore,
  part,
  weights,
  warmup,
  epochs,
  stepEpochs = [],
  lr,
  weightDecay,
  decayNorms,
  optimizerOptions = {},
  patience,
  augRepeats,
  balancedSampling,
  augment,
}: OptimizationFlags & TransferFlags & LoopFlags): void {
  if (insertOptions && !insert) throw new OptionError("--insert-options needs --insert");
  for (const [flag, value] of Object.entries({ ignore, part }))
    if (value !== undefined && !weights) throw new OptionError(`--${flag} needs --weights`);
  for (const [flag, value, name] of [
    ["lr", lr, "lr"],
    ["weight-decay", weightDecay, "weightDecay"],
    ["no-decay-norms", decayNorms ? undefined : false, "decayNormsAndBiases"],
  ] as const)
    if (value !== undefined && name in optimizerOptions)
      throw new OptionError(`--${flag} and ${name} in --optimizer-options are the same setting; leave one out`);
  if (!decayNorms && (weightDecay ?? optimizerOptions.weightDecay) === 0)
    throw new OptionError("--no-decay-norms has no effect: there is no weight decay");
  const late = stepEpochs.find((epoch) => epoch >= epochs);
  if (late !== undefined)
    throw new OptionError(`--step-epochs ${late} has no effect: the training ends after --epochs ${epochs}`);
  if (patience && patience >= epochs)
    throw new OptionError(`--patience ${patience} has no effect: the training ends after --epochs ${epochs}`);
  if (augRepeats > 1 && !augment) throw new OptionError("--aug-repeats has no effect with --no-augment");
  if (augRepeats > 1 && balancedSampling)
    throw new OptionError("--aug-repeats and --balanced-sampling cannot be combined; leave one out");
  if (warmup > epochs) throw new OptionError(`--warmup ${warmup} is longer than the training, --epochs ${epochs}`);
}
