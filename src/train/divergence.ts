import { FoveaError } from "../core/errors.js";

/**
 * Whether an error of a training says that numbers were no longer finite: a result, not a failure.
 *
 * @example
 * await train(model, data, options).catch((error) => {
 *   if (!isDivergence(error)) throw error;
 * });
 */
export const isDivergence = (error: unknown): boolean =>
  error instanceof FoveaError && /\b(NaN|Infinity|finite)\b/.test(error.message);
