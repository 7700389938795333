import {
  callback,
  type Fields,
  options as fields,
  flag,
  list,
  maybe,
  nonNegative,
  orNull,
  positive,
  properShare,
  type Schema,
  share,
  text,
} from "../core/schema.js";

/**
 * How a step learns, beside its optimizer: a setting is named, bounded and given its default here, and nowhere else. Options of a step and of
 * a training, `config.json` and the flags of the command line follow.
 */
export interface LearningSettings {
  /** Share of each target that is spread over all classes. Default: 0. */
  readonly labelSmoothing: number;
  /** Scale gradients down so that their joint Euclidean norm is at most this. Default: null, never. */
  readonly clipNorm: number | null;
  /**
   * Decay of an exponential moving average of the weights and of batch-norm statistics, for example 0.999. Step t, counted from 1, uses
   * min(ema, (1 + t) / (10 + t)), so that the average soon forgets the start, as TensorFlow's does. Default: null, no average.
   */
  readonly ema: number | null;
}

/** What each setting must be. */
export const learningFields: Fields<LearningSettings> = {
  labelSmoothing: share,
  clipNorm: orNull(positive),
  ema: orNull(properShare),
};

const defaults: LearningSettings = { labelSmoothing: 0, clipNorm: null, ema: null };
export const learningNames = Object.keys(defaults) as readonly (keyof LearningSettings)[];

/** The settings among `given`, with the defaults of those that are left out. */
export function learningOf(
  given: { readonly [K in keyof LearningSettings]?: LearningSettings[K] | undefined },
): LearningSettings {
  return Object.fromEntries(learningNames.map((name) => [name, given[name] ?? defaults[name]])) as never;
}

/** Parameters that learn at a rate of their own. */
export interface ParameterGroup {
  /** For messages and logs. */
  readonly name: string;
  /** Factor on the learning rate. */
  readonly lrFactor: number;
  /** Whether the parameter at a path belongs to the group. */
  has(path: string): boolean;
}

/** What a step and a training can both be told. */
export interface StepSettings extends Partial<LearningSettings> {
  /** Parameters that learn faster or slower than the rest; the first group that has a parameter counts. */
  readonly groups?: readonly ParameterGroup[];
  /** Compute what the blocks of the network hold again in the backward pass instead of keeping it: less memory, more time. */
  readonly recompute?: boolean;
}

const optionalFields = Object.fromEntries(
  Object.entries(learningFields).map(([name, schema]) => [name, maybe(schema as Schema)]),
) as unknown as Fields<Partial<LearningSettings>>;

export const stepFields: Fields<StepSettings> = {
  ...optionalFields,
  groups: maybe(
    list(fields<ParameterGroup>({ name: text, lrFactor: nonNegative, has: callback }), "a list of parameter groups"),
  ),
  recompute: maybe(flag),
};

/** The settings among `given`. */
export function stepSettings(given: StepSettings): StepSettings {
  const { groups, recompute } = given;
  return { ...learningOf(given), ...(groups && { groups }), ...(recompute && { recompute }) };
}
