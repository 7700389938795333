import { OptionError, unknownName } from "./errors.js";
import { check, type Schema, settings, shown, that } from "./schema.js";

/** One option: its default, what it means, and the accepted words where it is a choice. */
export interface OptionSpec<T> {
  readonly default: T;
  readonly doc: string;
  readonly choices?: readonly T[];
  /** Values of other options with which this one has an effect, where it has none with others. */
  readonly when?: Readonly<Record<string, readonly unknown[]>>;
  /** Values that the sizes of a checkpoint's parameters may tell of, where the option is neither a word, a number nor true or false. */
  readonly traces?: (sizes: readonly number[]) => readonly T[];
  /** What may be given instead of a default of null, which means "depends on the rest". */
  readonly kind?: "number" | "list" | "string" | "boolean";
}

/** The options of something, by name. Their TypeScript type follows from the defaults: `OptionsOf<typeof specs>`. */
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
  const known = Object.entries(specs) as [keyof O & string, OptionSpec<unknown>][];
  const resolved: Record<string, unknown> = {};
  for (const name of Object.keys(given))
    if (!Object.hasOwn(specs, name)) throw unknownName(`option of ${owner}`, name, Object.keys(specs));
  for (const [name, spec] of known) {
    resolved[name] = given[name] === undefined ? spec.default : given[name];
    check(owner, name, schemaOf(spec), resolved[name]);
  }
  for (const [name, spec] of known) if (given[name] !== undefined) requireEffect(owner, name, spec, resolved);
  return resolved as O;
}

/**
 * Options without those that have no effect with the others, which {@link resolveOptions} refuses: for what was written before it did.
 * What is unknown or wrong is kept, to be refused by name.
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

/** What an option must be. */
export function schemaOf<T>({ default: usual, choices, kind }: OptionSpec<T>): Schema<T> {
  const words = choices?.filter((word) => word !== null);
  const what = words ? `one of ${words.join(", ")}` : `a ${kind ?? kindOf(usual)}`;
  return that(what, (value) => {
    if (choices) return choices.includes(value as T);
    return value === usual || kindOf(value) === (kind ?? kindOf(usual));
  });
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? "list" : value === null ? "null" : typeof value;
}
