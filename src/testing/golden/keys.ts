import { FormatError } from "../../core/errors.js";
import type { Param } from "../../nn/index.js";
import type { GoldenFile } from "./file.js";

/** Checks that a model has exactly the parameters and buffers of the reference, with their shapes. */
export function checkKeys(
  file: GoldenFile,
  state: ReadonlyMap<string, Param>,
  rename: (key: string) => string = (key) => key,
): void {
  const expected = new Map(file.keys.map(([key, shape]) => [rename(key), shape]));
  const missing = [...expected.keys()].filter((key) => !state.has(key));
  const unexpected = [...state.keys()].filter((key) => !expected.has(key));
  if (missing.length || unexpected.length)
    throw new FormatError(
      `keys differ: the model lacks ${missing.join(", ") || "–"}; the reference lacks ${unexpected.join(", ") || "–"}`,
    );
  for (const [key, param] of state)
    if (String(param.shape) !== String(expected.get(key)))
      throw new FormatError(`${key}: the model has shape [${param.shape}], the reference [${expected.get(key)}]`);
}
