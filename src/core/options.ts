import { OptionError, unknownName } from "./errors.js";
import { check, type Schema, settings, shown, that } from "./schema.js";

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

/** The options of something, by name. */
export type OptionSpecs = Readonly<Record<string, OptionSpec<unknown>>>;

/** Options as a catalogue entry names them: words and defaults stay literal, so that types can follow from them. */
export const defineOptions = <const S extends OptionSpecs>(specs: S): S => specs;

type Widened<T> = T extends number ? number : T extends boolean ? boolean : T extends string ? string : T;

/** What an option may be: one of its choices, or of the kind of its default. */
type ValueOf<S> = S extends { readonly choices: readonly (infer C)[] }
  ? C
  : S extends { readonly default: infer T }
    ? Widened<T>
    : never;

/** All options of `S`, filled in. */
export type OptionsOf<S> = { [K in keyof S]: ValueOf<S[K]> };

/** Options that decide whether others have an effect. */
type Deciding<S> = { [K in keyof S]: S[K] extends { readonly when: infer W } ? keyof W : never }[keyof S] & keyof S;

/** Options that have an effect with some values of the option `D` only. */
type Dependent<S, D extends keyof S> = {
  [K in keyof S]: S[K] extends { readonly when: { readonly [d in D]: unknown } } ? K : never;
}[keyof S];

/** Those of them that have none where it is `V`. */
type Idle<S, D extends keyof S, V> = {
  [K in keyof S]: S[K] extends { readonly when: { readonly [d in D]: readonly (infer W)[] } }
    ? V extends W
      ? never
      : K
    : never;
}[keyof S];

/** What may not be given with each value of the option `D`; its default may be left out. */
type Decided<S, D extends keyof S, V = ValueOf<S[D]>> = V extends unknown
  ? (S[D] extends { readonly default: V } ? { readonly [d in D]?: V | undefined } : { readonly [d in D]: V }) & {
      readonly [K in Idle<S, D, V>]?: undefined;
    }
  : never;

/** The same for values known only at run time. */
type Undecided<S, D extends keyof S> = { readonly [d in D]?: ValueOf<S[D]> | undefined } & {
  readonly [K in Dependent<S, D>]?: undefined;
};

/** All that is decided, at once: an intersection of unions, one for each deciding option. */
type AllDecided<S> = [Deciding<S>] extends [never]
  ? unknown
  : { [D in Deciding<S>]: (decided: Decided<S, D> | Undecided<S, D>) => void }[Deciding<S>] extends (
        decided: infer I,
      ) => void
    ? I
    : never;

/** Each member of a union as one plain object type. */
type Plain<T> = T extends unknown ? { [K in keyof T]: T[K] } : never;

/** Options of `S` as they are given: those left out have their defaults, and those without effect with the others are not allowed. */
export type Given<S> = Plain<{ readonly [K in keyof S]?: ValueOf<S[K]> | undefined } & AllDecided<S>>;

/**
 * Fills in defaults and refuses options that are unknown, of the wrong type, or not among the choices.
 *
 * @throws OptionError naming `owner`, the option, and what was given.
 */
export function resolveOptions<S extends OptionSpecs>(
  owner: string,
  specs: S,
  given: Readonly<Record<string, unknown>>,
): OptionsOf<S> {
  check(owner, "options", settings, given);
  const known = Object.entries(specs);
  const resolved: Record<string, unknown> = {};
  for (const name of Object.keys(given))
    if (!Object.hasOwn(specs, name)) throw unknownName(`option of ${owner}`, name, Object.keys(specs));
  for (const [name, spec] of known) {
    resolved[name] = given[name] === undefined ? spec.default : given[name];
    check(owner, name, schemaOf(spec), resolved[name]);
  }
  for (const [name, spec] of known) if (given[name] !== undefined) requireEffect(owner, name, spec, resolved);
  return resolved as OptionsOf<S>;
}

/**
 * Drops options without effect, which {@link resolveOptions} refuses. For files written before it did.
 * Unknown or wrong options are kept, to be refused by name.
 */
export function effectiveOptions(
  specs: OptionSpecs,
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const settingOf = (name: string) => (given[name] === undefined ? specs[name]?.default : given[name]);
  const idle = (name: string) =>
    Object.entries(specs[name]?.when ?? {}).some(([other, values]) => !values.includes(settingOf(other)));
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
