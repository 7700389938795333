import { type Command, InvalidArgumentError, Option } from "commander";
import { choicesOf, misfit, type Schema } from "../core/schema.js";
import type { Settings, SettingsOf } from "../core/settings.js";

/** How a flag's text is read: as the text or number that a schema takes, or by a parser. */
type Taken<T> = Schema<T> | ((text: string) => T);

/**
 * A flag, defined once: its type, line of `--help`, check and default. `T` is what commander stores, including undefined
 * if the flag may be left out.
 */
export interface Flag<S extends string = string, T = unknown> {
  /** As commander takes it: `--batch <n>`, `--json`, `--no-augment`. */
  readonly spelling: S;
  readonly help: string;
  readonly takes?: Taken<NonNullable<T>> | undefined;
  readonly default?: T | undefined;
  /** Whether it is required. */
  readonly needed?: boolean;
}

/** What is stored without a schema: a switch, or a text. */
type Plain<S extends string> = S extends `--no-${string}`
  ? boolean
  : S extends `${string}...>`
    ? readonly string[] | undefined
    : S extends `${string}>`
      ? string | undefined
      : S extends `${string}]`
        ? string | true | undefined
        : boolean | undefined;

export function flag<const S extends string>(spelling: S, help: string): Flag<S, Plain<S>>;
export function flag<const S extends string, T>(spelling: S, help: string, takes: Taken<T>): Flag<S, T | undefined>;
export function flag<const S extends string, T>(spelling: S, help: string, takes: Taken<T>, usual: T): Flag<S, T>;
export function flag(spelling: string, help: string, takes?: Taken<unknown>, usual?: unknown): Flag {
  return { spelling, help, takes: takes as never, default: usual };
}

/** A flag that must be given. */
export const needed = <S extends string, T>(one: Flag<S, T>): Flag<S, NonNullable<T>> => ({
  ...(one as Flag<S, NonNullable<T>>),
  needed: true,
});

/** Flags of a command, each with its own type. */
export const flagList = <const L extends readonly Flag[]>(...list: L): L => list;

type Camel<S extends string> = S extends `${infer First}-${infer Rest}` ? `${First}${Capitalize<Camel<Rest>>}` : S;
type Word<S extends string> = S extends `${infer First} ${string}` ? First : S;

/** The name under which commander stores a flag. `--no-maps` stores `maps`; beside `--maps` it stores nothing of its own. */
type Stored<S, All> = S extends `--no-${infer Name}`
  ? `--${Name}` extends All
    ? never
    : Camel<Name>
  : S extends `--${infer Name}`
    ? Camel<Word<Name>>
    : never;

type Optional<F> = F extends Flag<infer S, infer T> ? (undefined extends T ? S : never) : never;
type Required<F> = F extends Flag<infer S, infer T> ? (undefined extends T ? never : S) : never;
type Value<F, S> = F extends Flag<infer Own, infer T> ? (Own extends S ? T : never) : never;
type Parsed<F extends Flag> = {
  readonly [S in Optional<F> as Stored<S, F["spelling"]>]?: Value<F, S>;
} & {
  readonly [S in Required<F> as Stored<S, F["spelling"]>]: Value<F, S>;
};

/** What commander stores of a list of flags. */
export type FlagsOf<L extends readonly Flag[]> = Parsed<L[number]>;

/** The flags of a table of settings. */
type SettingFlag<S extends Settings> = {
  [K in keyof S]: S[K] extends { readonly flag: infer Spelling extends string }
    ? Flag<
        Spelling,
        S[K] extends { readonly default: number | string }
          ? SettingsOf<S>[K]
          : NonNullable<SettingsOf<S>[K]> | undefined
      >
    : never;
}[keyof S];

/** The flags of a table of settings, in its order. */
export function settingFlags<S extends Settings>(settings: S): readonly SettingFlag<S>[] {
  return Object.values(settings).flatMap(({ flag: spelling, help = "", schema, default: usual, parse }) => {
    const takes = parse ? (text: string) => fitting(schema, parse(text)) : schema;
    return spelling === undefined
      ? []
      : [{ spelling, help, ...(takesText(spelling) ? { takes, default: usual ?? undefined } : {}) }];
  }) as unknown as readonly SettingFlag<S>[];
}

/** The settings of a table that flags set. */
export function settingsBy<S extends Settings>(settings: S, flags: object): Partial<SettingsOf<S>> {
  const entries = Object.entries(settings).map(([name, { flag: spelling = "" }]) => [name, stored(spelling, flags)]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined)) as Partial<SettingsOf<S>>;
}

/** Which flags of a list were given: `--batch`. */
export const givenOf = (list: readonly Flag[], flags: object): string[] =>
  list.filter(({ spelling }) => stored(spelling, flags) !== undefined).map(({ spelling }) => flagOf(spelling));

/** `--batch` of `--batch <n>`. */
export const flagOf = (spelling: string): string => new Option(spelling).long!;

/** The flag that sets an option: `--step-epochs` of `stepEpochs`; `off`, the one that switches it off: `--no-augment` of `augment`. */
export const flagNamed = (name: string, off = false): string =>
  `--${off ? "no-" : ""}${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

const stored = (spelling: string, flags: object): unknown =>
  (flags as Readonly<Record<string, unknown>>)[new Option(spelling).attributeName()];

const takesText = (spelling: string) => /[>\]]$/.test(spelling);

/** Adds flags to a command. */
export function addFlags(command: Command, list: readonly Flag[]): Command {
  for (const { spelling, help, takes, default: usual, needed: must = false } of list) {
    const option = new Option(spelling, help);
    const choices = typeof takes === "function" ? undefined : takes && choicesOf(takes);
    if (choices?.every((word) => typeof word === "string")) option.choices(choices);
    else if (takes) option.argParser(typeof takes === "function" ? takes : within(takes));
    if (usual !== undefined) option.default(usual);
    command.addOption(option.makeOptionMandatory(must));
  }
  return command;
}

/** @throws InvalidArgumentError, which is reported as a usage error, for a value that does not fit. */
function fitting(schema: Schema, value: unknown): unknown {
  const wanted = misfit(schema, value);
  if (wanted !== undefined) throw new InvalidArgumentError(`must be ${wanted}.`);
  return value;
}

/** A parser for what a schema takes: the text itself, or a number. What it throws is reported as a usage error. */
export const within =
  <T>(schema: Schema<T>) =>
  (text: string): T => {
    if (misfit(schema, text) === undefined) return text as T;
    const value = text.trim() === "" ? Number.NaN : Number(text);
    const wanted = misfit(schema, value);
    if (wanted !== undefined) throw new InvalidArgumentError(`must be ${wanted}.`);
    return value as T;
  };
