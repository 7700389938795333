import { FormatError } from "../core/errors.js";
import { countNotFinite, requireFinite } from "../core/finite.js";
import { callback, check, options as fields, instance, list, maybe, that } from "../core/schema.js";
import { holdSame } from "../core/shape.js";
import { type Tensor, tensors as tensorMap, toFloat32 } from "../core/tensor.js";
import { moduleSchema } from "../nn/checks.js";
import { type AnyModule, Param, stateOf } from "../nn/index.js";

/** A model's state as plain arrays under its state-dict keys, floats as float32: the contents of a checkpoint. */
export function weightsOf(model: AnyModule): Map<string, Tensor> {
  check("weightsOf", "model", moduleSchema, model);
  return new Map([...stateOf(model)].map(([path, param]) => [path, asStored(param)]));
}

/** The contents of a cell, floats as float32. */
export function asStored(param: Param): Tensor {
  check("asStored", "param", instance(Param, "a Param"), param);
  return param.dtype === "float" ? toFloat32(param.value) : param.value;
}

/** What happened to each key when weights were loaded. */
export interface LoadReport {
  /** Keys that were loaded. */
  readonly matched: readonly string[];
  /** In the model, not in the weights; or ignored because its values are not finite. */
  readonly missing: readonly string[];
  /** In the weights, not in the model. */
  readonly unexpected: readonly string[];
  /** Keys whose shapes differ. */
  readonly wrongShape: readonly {
    readonly key: string;
    readonly model: readonly number[];
    readonly weights: readonly number[];
  }[];
}

/** Options of {@link loadState}. */
export interface LoadOptions {
  /** Keys, of the model or the weights, that may be missing, unexpected, of another shape or not finite; such parameters keep their values. */
  readonly ignore?: readonly { test(key: string): boolean }[];
  /** Maps a key of the weights to the model's. */
  readonly rename?: (key: string) => string;
}

const pattern = that<{ test(key: string): boolean }>(
  "a regular expression",
  (x) => typeof (x as RegExp | null)?.test === "function",
);
export const patterns = list(pattern, "a list of regular expressions");

export const loadOptions = fields<LoadOptions>({
  ignore: maybe(patterns),
  rename: maybe(callback),
});

/**
 * Loads a state dict into a model. A linear layer's weight may be that of a 1×1 convolution, and vice versa.
 * `num_batches_tracked`, a counter that nothing depends on, may be missing.
 * Nothing changes unless all keys that are not ignored fit and are finite. Values that the model does not use may be infinite or NaN.
 *
 * @throws WeightsError that lists what does not fit. @throws FoveaError that lists where values are NaN or ±Infinity.
 */
export function loadState(
  model: AnyModule,
  weights: ReadonlyMap<string, Tensor>,
  options: LoadOptions = {},
): LoadReport {
  check("loadState", "model", moduleSchema, model);
  check("loadState", "weights", tensorMap, weights);
  check("loadState", "options", loadOptions, options);
  const { ignore = [], rename = (key) => key } = options;
  const state = stateOf(model);
  const given = new Map([...weights].map(([key, value]) => [rename(key), value]));
  const ignored = (key: string) => ignore.some((pattern) => pattern.test(key));
  const matched: [string, Param, Tensor][] = [];
  const missing: string[] = [];
  const wrongShape: { key: string; model: readonly number[]; weights: readonly number[] }[] = [];
  for (const [key, param] of state) {
    const value = given.get(key);
    if (!value) missing.push(key);
    else if (!holdSame(value.shape, param.shape) && !(param.shape.length === 0 && value.data.length === 1))
      wrongShape.push({ key, model: param.shape, weights: value.shape });
    else if (ignored(key) && countNotFinite(value) > 0) missing.push(key);
    else matched.push([key, param, value]);
  }
  const unexpected = [...given.keys()].filter((key) => !state.has(key));
  const report: LoadReport = { matched: matched.map(([key]) => key), missing, unexpected, wrongShape };

  const bad: Omit<LoadReport, "matched"> = {
    missing: missing.filter((key) => !ignored(key) && !counts(key)),
    unexpected: unexpected.filter((key) => !ignored(key)),
    wrongShape: wrongShape.filter(({ key }) => !ignored(key)),
  };
  if (Object.values(bad).some((list) => list.length > 0)) throw new WeightsError({ ...bad, matched: report.matched });
  requireFinite(
    "loadWeights",
    matched.map(([key, , value]) => [key, value] as const),
  );
  for (const [, param, value] of matched) param.value = value;
  return report;
}

/** A counter that nothing depends on. */
const counts = (key: string): boolean => key.endsWith("num_batches_tracked");

/** The weights do not fit the model. The message says which keys, and what to do in a program. */
export class WeightsError extends FormatError {
  /** The same without advice. */
  readonly misfit: string;
  /** Regular expressions that cover the parts that do not fit; none if there are too many, or nothing fits. */
  readonly patterns: readonly string[];

  /** @param report what fits and what does not */
  constructor(readonly report: LoadReport) {
    const { matched, missing, unexpected, wrongShape } = report;
    const shapes = wrongShape.map((w) => `${w.key} is [${w.weights}], the model needs [${w.model}]`);
    const parts = Object.entries({ missing, unexpected, "of another shape": shapes })
      .filter(([, list]) => list.length > 0)
      .map(([what, list]) => `${list.length} ${what} (${someOf(list)})`);
    const misfit = `the weights do not fit the model: ${parts.join(", ")}; ${matched.length || "none"} of ${matched.length + missing.length + wrongShape.length} fit`;
    const patterns = patternsOf(matched, [...missing, ...unexpected, ...wrongShape.map(({ key }) => key)]);
    const ignore = patterns.length
      ? `To keep these parts unchanged, pass { ignore: [${patterns.map((p) => `/${p}/`).join(", ")}] }. `
      : "";
    super(
      `loadWeights: ${misfit}. ${ignore}recognizeCheckpoint says which network a checkpoint belongs to, and provides the option rename`,
    );
    this.misfit = misfit;
    this.patterns = patterns;
  }
}

/** At most three regular expressions that match `bad` keys and none that fit; none if that takes more. */
function patternsOf(matched: readonly string[], bad: readonly string[]): readonly string[] {
  if (matched.length === 0) return [];
  const fitting = new Set(matched.flatMap(pathsOf));
  const found = bad.map((key) => {
    // The module nearest to the root that contains nothing that fits.
    const path = pathsOf(key).find((prefix) => !fitting.has(prefix)) ?? key;
    const at = path.lastIndexOf(".") + 1;
    const end = path === key ? "$" : "\\.";
    return /^\d+$/.test(path.slice(at))
      ? `^${path.replaceAll(".", "\\.")}${end}`
      : `${at ? "\\." : "^"}${path.slice(at)}${end}`;
  });
  const patterns = [...new Set(found)];
  const tooMuch = patterns.some((pattern) => matched.some((key) => new RegExp(pattern).test(key)));
  return patterns.length > 3 || tooMuch ? [] : patterns;
}

/** `a`, `a.b`, `a.b.c` of the key `a.b.c`. */
const pathsOf = (key: string): string[] => key.split(".").map((_, i, parts) => parts.slice(0, i + 1).join("."));

/** The first few names; counters only if there is nothing else. */
function someOf(names: readonly string[], most = 4): string {
  const telling = names.filter((name) => !counts(name));
  const shown = (telling.length ? telling : names).slice(0, most);
  return shown.join(", ") + (names.length > shown.length ? `, … ${names.length - shown.length} more` : "");
}
