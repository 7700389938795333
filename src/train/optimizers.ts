import { OptionError } from "../core/errors.js";
import { type OptionSpecs, type OptionsOf, resolveOptions } from "../core/options.js";
import { check, nonNegative } from "../core/schema.js";
import type { Value } from "../graph/graph.js";
import { add, div, greater, minimum, mul, reduceSum, sqrt, square, sub, where } from "../ops/index.js";

/** What an update rule gets for one parameter: value, gradient, slots, and this step's scalars. */
export interface UpdateInputs {
  /** The parameter. */
  readonly value: Value;
  /** Its gradient. */
  readonly gradient: Value;
  /** Arrays kept for the parameter, such as its momentum. */
  readonly slots: Readonly<Record<string, Value>>;
  /** Numbers of this step, such as the learning rate. */
  readonly scalars: Readonly<Record<string, Value>>;
  /** Weight decay of this parameter. */
  readonly decay: number;
}

/** The new value and slots of one parameter. */
export interface Update {
  /** The new value. */
  readonly value: Value;
  /** The new slots. */
  readonly slots: Readonly<Record<string, Value>>;
}

export const optimizerNames = ["sgd", "adamw", "lamb"] as const;

/** A first-order optimizer: plain settings, and an update rule for the training graph. */
export interface Optimizer {
  /** `sgd`, `adamw` or `lamb`. */
  readonly name: (typeof optimizerNames)[number];
  /** Learning rate before any schedule. */
  readonly lr: number;
  /** Weight decay. */
  readonly weightDecay: number;
  /** Whether norms and biases (vectors) decay as well, as in PyTorch's optimizers. */
  readonly decayNormsAndBiases: boolean;
  /** All settings, as written to files. */
  readonly settings: Readonly<Record<string, number | boolean | string>>;
  /** Names of the arrays kept for each parameter, initially zero. */
  readonly slots: readonly string[];
  /** Numbers that change from step to step, given the learning rate; steps count from 1. */
  scalars(step: number, lr: number): Readonly<Record<string, number>>;
  /** Adds one parameter's update to the graph. */
  update(inputs: UpdateInputs): Update;
}

const shared = {
  weightDecay: { default: 0, doc: "weight decay" },
  decayNormsAndBiases: { default: true, doc: "decay norms and biases too, as PyTorch does" },
};

const sgdOptions = {
  lr: { default: 0.1, doc: "learning rate" },
  momentum: { default: 0.9, doc: "momentum" },
  nesterov: { default: false, doc: "Nesterov momentum" },
  ...shared,
  weightDecay: { default: 5e-4, doc: "added to the gradient as decay · weight" },
};

const adamwOptions = {
  lr: { default: 1e-3, doc: "learning rate" },
  beta1: { default: 0.9, doc: "decay of the mean of gradients" },
  beta2: { default: 0.999, doc: "decay of the mean of squared gradients" },
  epsilon: { default: 1e-8, doc: "added to the denominator" },
  ...shared,
  weightDecay: { default: 0.01, doc: "decoupled: weights shrink by lr · decay" },
};

const lambOptions = {
  ...adamwOptions,
  epsilon: { default: 1e-6, doc: "added to the denominator" },
  weightDecay: { default: 0.01, doc: "added to the step as decay · weight, before the step is scaled" },
};

type Given<S> = Partial<OptionsOf<S>>;

function settle<S extends OptionSpecs>(name: string, specs: S, given: Given<S>): OptionsOf<S> {
  const settings = resolveOptions(name, specs, given);
  for (const [key, value] of Object.entries(settings))
    if (typeof value === "number") check(name, key, nonNegative, value);
  return settings;
}

/**
 * Stochastic gradient descent as in PyTorch: d = g + decay·w, m ← momentum·m + d, w ← w − lr·m
 * (Nesterov: w ← w − lr·(d + momentum·m)).
 *
 * @example
 * const optimizer = sgd({ lr: 0.1, momentum: 0.9, weightDecay: 5e-4 });
 */
export function sgd(given: Given<typeof sgdOptions> = {}): Optimizer {
  const settings = settle("sgd", sgdOptions, given);
  const { lr, momentum, nesterov, weightDecay, decayNormsAndBiases } = settings;
  if (nesterov && momentum === 0) throw new OptionError("sgd: nesterov needs momentum");
  return {
    name: "sgd",
    lr,
    weightDecay,
    decayNormsAndBiases,
    settings,
    slots: momentum > 0 ? ["momentum"] : [],
    scalars: (_step, rate) => ({ lr: rate }),
    update: ({ value, gradient, slots, scalars, decay }): Update => {
      const d = decay ? add(gradient, mul(value, decay)) : gradient;
      if (momentum === 0) return { value: sub(value, mul(d, scalars.lr!)), slots: {} };
      const m = add(mul(slots.momentum!, momentum), d);
      const step = nesterov ? add(d, mul(m, momentum)) : m;
      return { value: sub(value, mul(step, scalars.lr!)), slots: { momentum: m } };
    },
  };
}

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019) as in PyTorch: w ← w·(1 − lr·decay),
 * m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g², w ← w − lr/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε).
 *
 * @example
 * const optimizer = adamw({ lr: 1e-3, weightDecay: 0.05, decayNormsAndBiases: false });
 */
export function adamw(given: Given<typeof adamwOptions> = {}): Optimizer {
  const settings = settle("adamw", adamwOptions, given);
  const { lr, beta1, beta2, epsilon, weightDecay, decayNormsAndBiases } = settings;
  if (beta1 >= 1 || beta2 >= 1) throw new OptionError(`adamw: betas must be below 1, got ${beta1} and ${beta2}`);
  return {
    name: "adamw",
    lr,
    weightDecay,
    decayNormsAndBiases,
    settings,
    slots: ["mean", "square"],
    // The bias corrections are computed here in float64: 1 − β₂ᵗ loses digits in float32.
    scalars: (step, rate) => ({
      lr: rate,
      stepSize: rate / (1 - beta1 ** step),
      rootScale: 1 / Math.sqrt(1 - beta2 ** step),
    }),
    update: ({ value, gradient, slots, scalars, decay }) => {
      const kept = decay ? mul(value, sub(1, mul(scalars.lr!, decay))) : value;
      const mean = add(mul(slots.mean!, beta1), mul(gradient, 1 - beta1));
      const squared = add(mul(slots.square!, beta2), mul(square(gradient), 1 - beta2));
      const denominator = add(mul(sqrt(squared), scalars.rootScale!), epsilon);
      return { value: sub(kept, mul(div(mean, denominator), scalars.stepSize!)), slots: { mean, square: squared } };
    },
  };
}

/**
 * LAMB (You et al., ICLR 2020) as in timm: Adam's step u = m̂ / (√v̂ + ε) + decay·w, scaled to the norm of the weights, w ← w − lr · u · ‖w‖/‖u‖ (1 in
 * place of the quotient where a norm is 0). Parameters without decay take Adam's step. timm clips gradients to a joint norm of 1 besides: `clipNorm: 1`.
 *
 * @example
 * const optimizer = lamb({ lr: 5e-3, weightDecay: 0.02, decayNormsAndBiases: false });
 */
export function lamb(given: Given<typeof lambOptions> = {}): Optimizer {
  const settings = settle("lamb", lambOptions, given);
  const { lr, beta1, beta2, epsilon, weightDecay, decayNormsAndBiases } = settings;
  if (beta1 >= 1 || beta2 >= 1) throw new OptionError(`lamb: betas must be below 1, got ${beta1} and ${beta2}`);
  return {
    name: "lamb",
    lr,
    weightDecay,
    decayNormsAndBiases,
    settings,
    slots: ["mean", "square"],
    scalars: (step, rate) => ({
      lr: rate,
      meanScale: 1 / (1 - beta1 ** step),
      rootScale: 1 / Math.sqrt(1 - beta2 ** step),
    }),
    update: ({ value, gradient, slots, scalars, decay }) => {
      const mean = add(mul(slots.mean!, beta1), mul(gradient, 1 - beta1));
      const squared = add(mul(slots.square!, beta2), mul(square(gradient), 1 - beta2));
      const denominator = add(mul(sqrt(squared), scalars.rootScale!), epsilon);
      const adam = div(mul(mean, scalars.meanScale!), denominator);
      const step = decay ? add(adam, mul(value, decay)) : adam;
      const scaled = decay ? mul(step, trustRatio(value, step)) : step;
      return { value: sub(value, mul(scaled, scalars.lr!)), slots: { mean, square: squared } };
    },
  };
}

/** ‖w‖/‖u‖; 1 where either is 0. */
function trustRatio(value: Value, step: Value): Value {
  const [w, u] = [value, step].map((x) => {
    const axes = x.shape.map((_, i) => i);
    return sqrt(reduceSum(square(x), axes, { keepdims: false }));
  }) as [Value, Value];
  return where(greater(minimum(w, u), 0), div(w, u), 1);
}

/** The optimizers by name. */
export const optimizers = { sgd, adamw, lamb } as const;
