import { OptionError } from "../core/errors.js";
import { type OptionSpecs, type OptionsOf, resolveOptions } from "../core/options.js";
import { check, nonNegative } from "../core/schema.js";
import type { Value } from "../graph/graph.js";
import { add, div, greater, minimum, mul, sign, sqrt, square, sub, where } from "../ops/index.js";
import { total } from "../ops/total.js";

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

export const optimizerNames = ["sgd", "adamw", "lamb", "rmsprop-tf", "lion"] as const;

/** A first-order optimizer: plain settings, and an update rule for the training graph. */
export interface Optimizer {
  /** `sgd`, `adamw`, `lamb`, `rmsprop-tf` or `lion`. */
  readonly name: (typeof optimizerNames)[number];
  /** Learning rate before any schedule. */
  readonly lr: number;
  /** Weight decay. */
  readonly weightDecay: number;
  /** Whether norms and biases (vectors) decay as well, as in PyTorch's optimizers. */
  readonly decayNormsAndBiases: boolean;
  /** All settings, as written to files. */
  readonly settings: Readonly<Record<string, number | boolean | string>>;
  /** Arrays kept for each parameter: their names, and the value that each is filled with at first. */
  readonly slots: Readonly<Record<string, number>>;
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

const rmspropTfOptions = {
  lr: { default: 0.01, doc: "learning rate" },
  alpha: { default: 0.9, doc: "decay of the mean of squared gradients" },
  momentum: { default: 0.9, doc: "momentum" },
  epsilon: { default: 1e-10, doc: "added to the mean of squares, inside the root" },
  ...shared,
  weightDecay: { default: 0, doc: "added to the gradient as decay · weight" },
};

const lionOptions = {
  lr: { default: 1e-4, doc: "learning rate" },
  beta1: { default: 0.9, doc: "share of the mean of gradients in the step" },
  beta2: { default: 0.99, doc: "decay of the mean of gradients" },
  ...shared,
  weightDecay: { default: 0, doc: "decoupled: weights shrink by lr · decay" },
};

type Given<S> = Partial<OptionsOf<S>>;

function settle<S extends OptionSpecs>(name: string, specs: S, given: Given<S>): OptionsOf<S> {
  const settings = resolveOptions(name, specs, given);
  for (const [key, value] of Object.entries(settings))
    if (typeof value === "number") check(name, key, nonNegative, value);
  return settings;
}

interface CommonSettings {
  readonly lr: number;
  readonly weightDecay: number;
  readonly decayNormsAndBiases: boolean;
}

/** What every optimizer says of its settings. */
const describe = <S extends CommonSettings & Optimizer["settings"]>(name: Optimizer["name"], settings: S) => {
  const { lr, weightDecay, decayNormsAndBiases } = settings;
  return { name, lr, weightDecay, decayNormsAndBiases, settings } as const;
};

/** @throws OptionError for a decay of a moving average that is not below 1. */
function requireDecays(owner: string, decays: Readonly<Record<string, number>>): void {
  for (const [key, value] of Object.entries(decays))
    if (value >= 1) throw new OptionError(`${owner}: ${key} must be below 1, got ${value}`);
}

/** The moving average decay · before + (1 − decay) · x. */
const average = (before: Value, x: Value, decay: number): Value => add(mul(before, decay), mul(x, 1 - decay));

/** With the decay of the weights added to it, as in L2 regularization. */
const decayedGradient = ({ gradient, value, decay }: UpdateInputs): Value =>
  decay ? add(gradient, mul(value, decay)) : gradient;

/** The weights, shrunk by lr · decay. */
const shrunk = ({ value, scalars, decay }: UpdateInputs): Value =>
  decay ? mul(value, sub(1, mul(scalars.lr!, decay))) : value;

/**
 * Stochastic gradient descent as in PyTorch: d = g + decay·w, m ← momentum·m + d, w ← w − lr·m
 * (Nesterov: w ← w − lr·(d + momentum·m)).
 *
 * @example
 * const optimizer = sgd({ lr: 0.1, momentum: 0.9, weightDecay: 5e-4 });
 */
export function sgd(given: Given<typeof sgdOptions> = {}): Optimizer {
  const settings = settle("sgd", sgdOptions, given);
  const { momentum, nesterov } = settings;
  if (nesterov && momentum === 0) throw new OptionError("sgd: nesterov needs momentum");
  return {
    ...describe("sgd", settings),
    slots: momentum > 0 ? { momentum: 0 } : {},
    scalars: (_step, rate) => ({ lr: rate }),
    update: (inputs): Update => {
      const { value, slots, scalars } = inputs;
      const d = decayedGradient(inputs);
      if (momentum === 0) return { value: sub(value, mul(d, scalars.lr!)), slots: {} };
      const m = add(mul(slots.momentum!, momentum), d);
      const step = nesterov ? add(d, mul(m, momentum)) : m;
      return { value: sub(value, mul(step, scalars.lr!)), slots: { momentum: m } };
    },
  };
}

interface MomentSettings {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

/** What AdamW and LAMB keep: the moving averages of the gradient and of its square, m and v. */
const momentSlots = { mean: 0, square: 0 };

/** The factors that make m and √v unbiased. They are computed here in float64: 1 − β₂ᵗ loses digits in float32. */
const unbiased = ({ beta1, beta2 }: MomentSettings, step: number) => ({
  meanScale: 1 / (1 - beta1 ** step),
  rootScale: 1 / Math.sqrt(1 - beta2 ** step),
});

/** The new m and v, and √v̂ + ε. */
function moments({ gradient, slots, scalars }: UpdateInputs, { beta1, beta2, epsilon }: MomentSettings) {
  const mean = average(slots.mean!, gradient, beta1);
  const squared = average(slots.square!, square(gradient), beta2);
  const denominator = add(mul(sqrt(squared), scalars.rootScale!), epsilon);
  return { mean, denominator, slots: { mean, square: squared } };
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
  const { beta1, beta2 } = settings;
  requireDecays("adamw", { beta1, beta2 });
  return {
    ...describe("adamw", settings),
    slots: momentSlots,
    scalars: (step, rate) => {
      const { meanScale, rootScale } = unbiased(settings, step);
      return { lr: rate, stepSize: rate * meanScale, rootScale };
    },
    update: (inputs): Update => {
      const kept = shrunk(inputs);
      const { mean, denominator, slots } = moments(inputs, settings);
      return { value: sub(kept, mul(div(mean, denominator), inputs.scalars.stepSize!)), slots };
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
  const { beta1, beta2 } = settings;
  requireDecays("lamb", { beta1, beta2 });
  return {
    ...describe("lamb", settings),
    slots: momentSlots,
    scalars: (step, rate) => ({ lr: rate, ...unbiased(settings, step) }),
    update: (inputs): Update => {
      const { value, scalars, decay } = inputs;
      const { mean, denominator, slots } = moments(inputs, settings);
      const adam = div(mul(mean, scalars.meanScale!), denominator);
      const step = decay ? add(adam, mul(value, decay)) : adam;
      const scaled = decay ? mul(step, trustRatio(value, step)) : step;
      return { value: sub(value, mul(scaled, scalars.lr!)), slots };
    },
  };
}

/** ‖w‖/‖u‖; 1 where either is 0. */
function trustRatio(value: Value, step: Value): Value {
  const [w, u] = [value, step].map((x) => sqrt(total(square(x)))) as [Value, Value];
  return where(greater(minimum(w, u), 0), div(w, u), 1);
}

/**
 * RMSprop as in TensorFlow and timm's `RMSpropTF`, for which the rates of EfficientNet and MobileNetV3 are meant: d = g + decay·w,
 * v ← α·v + (1 − α)d² from v = 1 on, m ← momentum·m + lr·d/√(v + ε), w ← w − m.
 * PyTorch's starts at v = 0, has ε outside the root, and the rate outside the momentum.
 *
 * @example
 * const optimizer = rmspropTf({ lr: 0.048, epsilon: 1e-3, weightDecay: 1e-5, decayNormsAndBiases: false });
 */
export function rmspropTf(given: Given<typeof rmspropTfOptions> = {}): Optimizer {
  const settings = settle("rmspropTf", rmspropTfOptions, given);
  const { alpha, momentum, epsilon } = settings;
  requireDecays("rmspropTf", { alpha });
  return {
    ...describe("rmsprop-tf", settings),
    slots: momentum > 0 ? { square: 1, momentum: 0 } : { square: 1 },
    scalars: (_step, rate) => ({ lr: rate }),
    update: (inputs): Update => {
      const { value, slots, scalars } = inputs;
      const d = decayedGradient(inputs);
      const squared = average(slots.square!, square(d), alpha);
      const step = mul(div(d, sqrt(add(squared, epsilon))), scalars.lr!);
      if (momentum === 0) return { value: sub(value, step), slots: { square: squared } };
      const m = add(mul(slots.momentum!, momentum), step);
      return { value: sub(value, m), slots: { square: squared, momentum: m } };
    },
  };
}

/**
 * Lion (Chen et al., NeurIPS 2023) as in timm: w ← w·(1 − lr·decay), w ← w − lr·sign(β₁m + (1 − β₁)g), m ← β₂m + (1 − β₂)g. Every weight moves by
 * the whole rate, so that it should be three to ten times smaller than AdamW's, and the decay as many times larger.
 *
 * @example
 * const optimizer = lion({ lr: 1e-4, weightDecay: 0.1, decayNormsAndBiases: false });
 */
export function lion(given: Given<typeof lionOptions> = {}): Optimizer {
  const settings = settle("lion", lionOptions, given);
  const { beta1, beta2 } = settings;
  requireDecays("lion", { beta1, beta2 });
  return {
    ...describe("lion", settings),
    slots: { mean: 0 },
    scalars: (_step, rate) => ({ lr: rate }),
    update: (inputs): Update => {
      const { gradient, slots, scalars } = inputs;
      const direction = sign(average(slots.mean!, gradient, beta1));
      return {
        value: sub(shrunk(inputs), mul(direction, scalars.lr!)),
        slots: { mean: average(slots.mean!, gradient, beta2) },
      };
    },
  };
}

/** The optimizers by name. */
export const optimizers = { sgd, adamw, lamb, "rmsprop-tf": rmspropTf, lion } as const;
