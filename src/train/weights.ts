import { FormatError } from "../core/errors.js";
import { countNotFinite, requireFinite } from "../core/finite.js";
import { holdSame } from "../core/shape.js";
import { type Tensor, toFloat32 } from "../core/tensor.js";
import { type AnyModule, type Param, stateOf } from "../nn/index.js";

/** A model's state as plain arrays under its state-dict keys, floats as float32: what a checkpoint holds. */
export function weightsOf(model: AnyModule): Map<string, Tensor> {
  return new Map([...stateOf(model)].map(([path, param]) => [path, asStored(param)]));
}

/** The contents of a cell, floats as float32. */
export const asStored = (param: Param): Tensor => (param.dtype === "float" ? toFloat32(param.value) : param.value);

/** What happened to each key when weights were loaded. */
export interface LoadReport {
  readonly matched: readonly string[];
  /** In the model, not in the weights; or ignored, because its values are not finite. */
  readonly missing: readonly string[];
  /** In the weights, not in the model. */
  readonly unexpected: readonly string[];
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
  /** What a key of the weights is called in the model. */
  readonly rename?: (key: string) => string;
}

/**
 * Gives a model the weights of a state dict. A linear layer's weight may be that of a 1×1 convolution, and the other way round. `num_batches_tracked`, a counter that nothing depends on, may be missing.
 * Nothing is changed unless all keys that are not ignored fit and are finite. What the model does not take need not be finite.
 *
 * @throws FormatError that lists what does not fit. @throws FoveaError that lists where values are NaN or ±Infinity.
 */
export function loadState(
  model: AnyModule,
  weights: ReadonlyMap<string, Tensor>,
  { ignore = [], rename = (key) => key }: LoadOptions = {},
): LoadReport {
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

  const bad = {
    missing: missing.filter((key) => !ignored(key) && !key.endsWith("num_batches_tracked")),
    unexpected: unexpected.filter((key) => !ignored(key)),
    "of wrong shape": wrongShape
      .filter(({ key }) => !ignored(key))
      .map((w) => `${w.key} is [${w.weights}], the model needs [${w.model}]`),
  };
  if (Object.values(bad).some((list) => list.length > 0)) {
    const parts = Object.entries(bad).map(
      ([what, list]) => `${list.length} ${what}${list.length ? ` (${someOf(list)})` : ""}`,
    );
    const first = [...missing, ...unexpected, ...wrongShape.map(({ key }) => key)].find((key) => !ignored(key)) ?? "";
    throw new FormatError(
      `loadWeights: ${parts.join(", ")}. To skip some, pass { ignore: [/^${first.split(".")[0]}\\./] }.`,
    );
  }
  requireFinite(
    "loadWeights",
    matched.map(([key, , value]) => [key, value] as const),
  );
  for (const [, param, value] of matched) param.value = value;
  return report;
}

const someOf = (names: readonly string[], most = 4): string =>
  names.slice(0, most).join(", ") + (names.length > most ? `, … ${names.length - most} more` : "");
