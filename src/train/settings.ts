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
 * Learning settings besides the optimizer: each is named, bounded and given its default here only. The options of a step and of a
 * training, `config.json` and the command line's flags follow.
 */
export interface LearningSettings {
  /** Share of each target spread over all classes. Default: 0. */
  readonly labelSmoothing: number;
  /** Scale gradients down so that their joint Euclidean norm is at most this. Default: null, never. */
  readonly clipNorm: number | null;
  /**
   * Decay of an exponential moving average of the weights and of batch-norm statistics, for example 0.999. Step t, counted from 1, uses
   * min(ema, (1 + t) / (10 + t)), so that the average soon forgets the start, as TensorFlow's does. Default: null, no average.
   */
  readonly ema: number | null;
}

/** The schema of each setting. */
export const learningFields: Fields<LearningSettings> = {
  labelSmoothing: share,
  clipNorm: orNull(positive),
  ema: orNull(properShare),
};

const defaults: LearningSettings = { labelSmoothing: 0, clipNorm: null, ema: null };
export const learningNames = Object.keys(defaults) as readonly (keyof LearningSettings)[];

/** The settings in `given`, with defaults for the rest. */
export function learningOf(
  given: { readonly [K in keyof LearningSettings]?: LearningSettings[K] | undefined },
): LearningSettings {
  return Object.fromEntries(learningNames.map((name) => [name, given[name] ?? defaults[name]])) as never;
}

/** Parameters with their own learning rate. */
export interface ParameterGroup {
  /** For messages and logs. */
  readonly name: string;
  /** Factor on the learning rate. */
  readonly lrFactor: number;
  /** Whether the parameter at a path belongs to the group. */
  has(path: string): boolean;
}

/** Settings of both a step and a training. */
export interface StepSettings extends Partial<LearningSettings> {
  /** Parameters that learn faster or slower than the rest; the first group that has a parameter counts. */
  readonly groups?: readonly ParameterGroup[];
  /** Gradient checkpointing: recompute the network's blocks in the backward pass instead of storing them. Less memory, more time. */
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

/** The settings in `given`. */
export function stepSettings(given: StepSettings): StepSettings {
  const { groups, recompute } = given;
  return { ...learningOf(given), ...(groups && { groups }), ...(recompute && { recompute }) };
}
