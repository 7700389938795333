import * as v from "valibot";
import { FormatError, type FoveaError, OptionError, unknownName } from "./errors.js";

/** What a value must be, in the words of the error: "must be a positive integer, got 0". */
export type Schema<T = unknown> = v.GenericSchema<unknown, T>;

/** Exactly one schema per field of `T`, so that no option lacks its bounds. */
export type Fields<T> = { readonly [K in keyof Required<T>]: Schema<T[K]> };

/** Upper bounds of options. */
export const most = {
  imageSize: 8192,
  batch: 65_536,
  epochs: 1_000_000,
  classes: 1_000_000,
  threads: 1024,
} as const;

/**
 * Checks an argument of a public function. Does not change it.
 *
 * @param name of the argument; empty if the message names a field of `value` anyway
 *
 * @throws OptionError, or what `fault` returns, in one line: where, which field, what is expected, what was given.
 *
 * @example
 * check("predict", "top", whole(1), top); // predict: top must be a positive integer, got 0
 */
export function check(
  where: string,
  name: string,
  schema: Schema,
  value: unknown,
  fault: new (message: string) => FoveaError = OptionError,
): void {
  const { issues, success } = v.safeParse(schema, value, { abortEarly: true });
  if (success) return;
  const { type, expected, message, path = [], input } = issues[0];
  const unknown = type === "strict_object" && expected === "never";
  const keys = path.slice(0, unknown ? -1 : undefined).map(({ key }) => key);
  // Fields of `options` are named without the prefix "options.".
  const start = name === "options" && (unknown || keys.length > 0) ? "" : name;
  const at = keys.reduce<string>(
    (way, key) => (typeof key === "number" ? `${way}[${key}]` : way ? `${way}.${key}` : String(key)),
    start,
  );
  throw new fault(
    unknown
      ? `${where}: ${at && `${at}: `}${message}`
      : `${where}: ${at && `${at} `}must be ${message}, got ${shown(input)}`,
  );
}

/** What `value` must be, or undefined if it fits `schema`. For numbers parsed from text. */
export function misfit(schema: Schema, value: unknown): string | undefined {
  const { issues } = v.safeParse(schema, value, { abortEarly: true });
  return issues?.[0].message;
}

/** A value as shown in messages. */
export function shown(value: unknown): string {
  if (typeof value === "function") return value.name ? `the function ${value.name}` : "a function";
  if (typeof value !== "object" || value === null) return typeof value === "string" ? quoted(value) : String(value);
  if (Array.isArray(value)) return value.length > 8 ? `a list of ${value.length}` : quoted(value);
  const { name = "" } = (value.constructor ?? {}) as { readonly name?: string };
  return name === "" || name === "Object" ? quoted(value) : `${/^[AEIOU]/.test(name) ? "an" : "a"} ${name}`;
}

function quoted(value: unknown): string {
  let text = "an object";
  try {
    text = JSON.stringify(value, (_, inner) => (typeof inner === "number" ? Number(inner.toPrecision(6)) : inner));
  } catch {} // cycles and bigints
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** Any value that `test` accepts. */
export const that = <T = unknown>(what: string, test: (value: unknown) => boolean): Schema<T> =>
  v.custom<T>(test, what);

export const instance = <T>(type: abstract new (...args: never[]) => T, what: string): Schema<T> =>
  v.instance(type as never, what) as Schema<T>;

const number = (what: string, test: (x: number) => boolean) =>
  that<number>(what, (x) => typeof x === "number" && test(x));

/** An integer from `least` to `greatest`. */
export function whole(least: number, greatest: number = Number.MAX_SAFE_INTEGER): Schema<number> {
  const from = least === 1 ? "a positive integer" : `an integer ≥ ${least}`;
  const what = greatest === Number.MAX_SAFE_INTEGER ? from : `an integer from ${least} to ${greatest}`;
  return number(what, (x) => Number.isSafeInteger(x) && x >= least && x <= greatest);
}

/** An array or a typed array of numbers, finite or not. */
export const numberList = that<ArrayLike<number>>("a list of numbers", (x) =>
  Array.isArray(x)
    ? x.every((value) => typeof value === "number")
    : ArrayBuffer.isView(x) && !(x instanceof DataView) && typeof (x as unknown as ArrayLike<unknown>)[0] !== "bigint",
);
export const finite = number("a number", Number.isFinite);
export const positive = number("a positive number", (x) => Number.isFinite(x) && x > 0);
export const atLeastOne = number("a number, at least 1", (x) => Number.isFinite(x) && x >= 1);
export const nonNegative = number("a number, not negative", (x) => Number.isFinite(x) && x >= 0);
/** From 0 to 1. */
export const fraction = number("from 0 to 1", (x) => x >= 0 && x <= 1);
/** From 0 to below 1. */
export const share = number("at least 0 and below 1", (x) => x >= 0 && x < 1);
/** Above 0, below 1. */
export const properShare = number("between 0 and 1", (x) => x > 0 && x < 1);
/** Bytes of memory; Infinity means no limit. */
export const memory = number("a number of bytes, not negative", (x) => x >= 0);
export const seed = whole(0);
export const imageSize = whole(1, most.imageSize);
export const classCount = whole(1, most.classes);
export const batchSize = whole(1, most.batch);
export const epochCount = whole(1, most.epochs);
export const threadCount = whole(1, most.threads);

export const text = that<string>("a string", (x) => typeof x === "string");
export const flag = that<boolean>("true or false", (x) => typeof x === "boolean");
export const anything: Schema<never> = that("anything", () => true);
/** A function. Its arguments and result are not checked. */
export const callback: Schema<never> = that("a function", (x) => typeof x === "function");
export const signal: Schema<AbortSignal> = that(
  "an AbortSignal",
  (x) => typeof x === "object" && x !== null && "aborted" in x && "addEventListener" in x,
);
/** An iterable of names and values, such as a Map. */
export const entries: Schema<never> = that(
  "a Map, or pairs of a name and a value",
  (x) => x instanceof Map || (typeof x === "object" && x !== null && Symbol.iterator in x),
);
export const bytes = instance(Uint8Array, "a Uint8Array");
export const settings = that<Readonly<Record<string, unknown>>>("an object", isObject);

export const oneOf = <T extends string | number>(...words: readonly T[]): Schema<T> =>
  v.picklist(words, words.length === 1 ? JSON.stringify(words[0]) : `one of ${words.join(", ")}`);

/** The words of a choice, null or not. */
export function choicesOf(schema: Schema): readonly unknown[] | undefined {
  const { wrapped, options } = schema as { readonly wrapped?: Schema; readonly options?: readonly unknown[] };
  return wrapped ? choicesOf(wrapped) : options;
}

export const maybe = <T>(schema: Schema<T>): Schema<T | undefined> => v.optional(schema);
export const orNull = <T>(schema: Schema<T>): Schema<T | null> => v.nullable(schema);
export const either = <T>(what: string, ...schemas: readonly Schema<T>[]): Schema<T> => v.union([...schemas], what);
/** The schema that `choose` picks for a value. */
export const by = <T>(choose: (value: unknown) => Schema<T>): Schema<T> => v.lazy(choose);

/** What a schema accepts, if `test` holds for it as well. */
export const also = <T>(schema: Schema<T>, what: string, test: (value: T) => boolean): Schema<T> =>
  v.pipe(schema, v.check(test, what));

/** A list. `what` describes it: "a list of class names". */
export const list = <T>(item: Schema<T>, what: string, least = 0): Schema<T[]> =>
  v.pipe(v.array(item, what), v.minLength(least, what));

/** A tuple with one schema per item. */
export const tuple = (what: string, ...items: readonly Schema[]): Schema<never> =>
  v.pipe(
    that(what, (x) => Array.isArray(x) && x.length === items.length),
    v.strictTuple([...items], what),
  ) as unknown as Schema<never>;

/** Values by name. */
export const record = <T>(value: Schema<T>, what: string): Schema<Record<string, T>> =>
  v.pipe(that(what, isObject), v.record(v.string(), value, what)) as unknown as Schema<Record<string, T>>;

/** An object with these fields only. Unknown fields are refused, with a suggestion. */
export function options<T extends object>(fields: Fields<T>, what = "an object of options"): Schema<T> {
  const message = (issue: v.StrictObjectIssue) =>
    issue.expected === "never"
      ? unknownName("option", String(issue.path?.at(-1)?.key), Object.keys(fields)).message.replace("U", "u")
      : wantedAt(fields, issue, what);
  return v.pipe(that(what, isObject), v.strictObject(fields as v.ObjectEntries, message)) as unknown as Schema<T>;
}

/** An object with at least these fields; newer versions may add others. */
export function fieldsOf<T extends object>(fields: Fields<T>, what = "an object"): Schema<T> {
  const message = (issue: v.ObjectIssue) => wantedAt(fields, issue, what);
  return v.pipe(that(what, isObject), v.object(fields as v.ObjectEntries, message)) as unknown as Schema<T>;
}

/** What a missing field must be. */
const wantedAt = (fields: object, { path }: v.BaseIssue<unknown>, what: string): string =>
  misfit((fields as Record<string, Schema>)[String(path?.at(-1)?.key)] ?? anything, undefined) ?? what;

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

/** An object with these methods, of any class. */
export const having = <T>(what: string, ...methods: readonly string[]): Schema<T> =>
  that(what, (x) => isObject(x) && methods.every((name) => typeof x[name] === "function"));

/** Shape of a dense array. */
export const sizes = list(whole(0), "a list of sizes");
/** Shape of a value in a graph; the first dimension may be "N", the batch. */
export const shape = list(
  that<number | "N">('a positive integer or "N"', (x) => x === "N" || (Number.isSafeInteger(x) && (x as number) >= 0)),
  'a shape, such as ["N", 3, 224, 224]',
);

export const metadata = record(text, "an object of strings");
export const classList = list(text, "a list of class names", 1);

/** The contents of a JSON file. @throws FormatError that names the file. */
export function parseJson(json: string, file: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new FormatError(`${file} is not JSON`);
  }
}
