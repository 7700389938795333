import { OptionError, unknownName } from "./errors.js";
import { check, settings, shown } from "./schema.js";

/** One option: its default, meaning and, for a choice, the accepted words. */
export interface OptionSpec<T> {
  readonly default: T;
  readonly doc: string;
  readonly choices?: readonly T[];
  /** Values of other options that this one needs to have an effect. */
  readonly when?: Readonly<Record<string, readonly unknown[]>>;
  /** Candidate values that can be recognized by the shapes in a checkpoint, for options that are not a word, number or flag. */
  readonly traces?: (sizes: readonly number[]) => readonly T[];
  /** The type of values, if the default is null, which means "depends on the other options". */
  readonly kind?: "number" | "list" | "string" | "boolean";
}

/** Options by name. Their TypeScript type follows from the defaults: `OptionsOf<typeof specs>`. */
export type OptionSpecs<O> = { readonly [K in keyof O]: OptionSpec<O[K]> };

export type OptionsOf<S> = { [K in keyof S]: S[K] extends OptionSpec<infer T> ? T : never };

/**
 * Fills in defaults and refuses options that are unknown, of the wrong type, or not among the choices.
 *
 * @throws OptionError naming `owner`, the option, and what was given.
 */
export function resolveOptions<O extends object>(
  owner: string,
  specs: OptionSpecs<O>,
  given: { readonly [K in keyof O]?: O[K] | undefined },
): O {
  check(owner, "options", settings, given);
  const resolved: Record<string, unknown> = {};
  for (const name of Object.keys(given))
    if (!Object.hasOwn(specs, name)) throw unknownName(`option of ${owner}`, name, Object.keys(specs));
  for (const [name, spec] of Object.entries(specs) as [keyof O & string, OptionSpec<unknown>][]) {
    const value: unknown = given[name] === undefined ? spec.default : given[name];
    const wanted = spec.kind ?? kindOf(spec.default);
    if (kindOf(value) !== wanted && value !== spec.default)
      throw new OptionError(`${owner}: ${name} must be a ${wanted}, got ${shown(value)}`);
    if (spec.choices && !spec.choices.includes(value))
      throw new OptionError(
        `${owner}: ${name} must be one of ${spec.choices.filter((word) => word !== null).join(", ")}, got ${shown(value)}`,
      );
    resolved[name] = value;
  }
  for (const [name, spec] of Object.entries(specs) as [keyof O & string, OptionSpec<unknown>][])
    if (given[name] !== undefined) requireEffect(owner, name, spec, resolved);
  return resolved as O;
}

/**
 * Drops options without effect, which {@link resolveOptions} refuses. For files written before it did.
 * Unknown or wrong options are kept, to be refused by name.
 */
export function effectiveOptions<O extends object>(
  specs: OptionSpecs<O>,
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const known = specs as Readonly<Record<string, OptionSpec<unknown>>>;
  const settingOf = (name: string) => (given[name] === undefined ? known[name]?.default : given[name]);
  const idle = (name: string) =>
    Object.entries(known[name]?.when ?? {}).some(([other, values]) => !values.includes(settingOf(other)));
  return Object.fromEntries(Object.entries(given).filter(([name]) => !idle(name)));
}

/** @throws OptionError if an option that was given has no effect with the others. */
function requireEffect(
  owner: string,
  name: string,
  { when = {} }: OptionSpec<unknown>,
  resolved: Readonly<Record<string, unknown>>,
): void {
  for (const [other, values] of Object.entries(when))
    if (!values.includes(resolved[other]))
      throw new OptionError(
        `${owner}: ${name} has no effect with ${other} ${resolved[other]}, only with ${values.join(", ")}; leave it out`,
      );
}

/** Returns `value` if it is an integer ≥ `min`. @throws OptionError otherwise. */
export function integer(owner: string, name: string, value: number, min = 1): number {
  if (!Number.isInteger(value) || value < min) {
    const what = min === 1 ? "a positive integer" : `an integer ≥ ${min}`;
    throw new OptionError(`${owner}: ${name} must be ${what}, got ${shown(value)}`);
  }
  return value;
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? "list" : value === null ? "null" : typeof value;
}
