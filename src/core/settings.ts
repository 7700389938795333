import { type Fields, maybe, type Schema } from "./schema.js";

/**
 * A setting that several places share: the options of a function, `config.json`, and the command line. What it means is the comment
 * on its entry in a table, which editors and docs/options.md show.
 */
export interface Setting<T = unknown> {
  readonly schema: Schema<T>;
  /** Its value if it is left out. Without one, that follows from other things. */
  readonly default?: T;
  /** Its flag, as commander takes it: `--clip <norm>`. */
  readonly flag?: string;
  /** What the flag's text stands for, where that is neither the text nor a number. */
  readonly parse?: (text: string) => unknown;
  /** What `--help` says of the flag. */
  readonly help?: string;
  /** Not written to `config.json`: no result depends on it, or only the start of a training does. */
  readonly unrecorded?: true;
  /** Runs written by earlier versions lack it; they had its default. */
  readonly later?: true;
}

/** Settings by name. */
export type Settings = Readonly<Record<string, Setting>>;

/** A table of settings, with its types as narrow as they are written. */
export const defineSettings = <const S extends Settings>(settings: S): S => settings;

type ValueOf<S extends Setting> = S["schema"] extends Schema<infer T> ? T : never;

/** The values of a table of settings. */
export type SettingsOf<S extends Settings> = { readonly [K in keyof S]: ValueOf<S[K]> };

/** Those that `config.json` has. */
export type RecordedOf<S extends Settings> = {
  readonly [K in keyof S as S[K] extends { readonly unrecorded: true } ? never : K]: ValueOf<S[K]>;
};

/** Schemas of settings as options, which may be left out. */
export function optionFields<S extends Settings>(settings: S): Fields<Partial<SettingsOf<S>>> {
  return mapped(settings, ({ schema }) => maybe(schema)) as Fields<Partial<SettingsOf<S>>>;
}

/** Schemas of settings in `config.json`. */
export function recordFields<S extends Settings>(settings: S): Fields<RecordedOf<S>> {
  return mapped(recorded(settings), ({ schema, later }) => (later ? maybe(schema) : schema)) as Fields<RecordedOf<S>>;
}

/** The settings in `given`, with defaults for the rest. */
export function settingsIn<S extends Settings>(settings: S, given: Partial<SettingsOf<S>>): SettingsOf<S> {
  return mapped(settings, ({ default: usual }, name) => given[name] ?? usual) as SettingsOf<S>;
}

/** The same of those that `config.json` has. */
export function recordedIn<S extends Settings>(settings: S, given: Partial<SettingsOf<S>>): RecordedOf<S> {
  return settingsIn(recorded(settings), given as object) as RecordedOf<S>;
}

/** The numbers of a flag's text, separated by commas. What is none becomes NaN, which no schema takes. */
export const commaSeparated = (text: string): number[] =>
  text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));

/** The name of a setting in a message; `off`: of a switch that is false. */
export const settingName = (name: string, off = false): string => (off ? `${name}: false` : name);

const recorded = (settings: Settings): Settings =>
  Object.fromEntries(Object.entries(settings).filter(([, { unrecorded }]) => !unrecorded));

const mapped = (settings: Settings, to: (setting: Setting, name: never) => unknown) =>
  Object.fromEntries(Object.entries(settings).map(([name, setting]) => [name, to(setting, name as never)]));
