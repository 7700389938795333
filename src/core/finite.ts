import { FoveaError } from "./errors.js";
import { check, entries, text, that } from "./schema.js";
import { decodeBfloat16, decodeFloat16, type Tensor, tensorSchema } from "./tensor.js";

const pairsSchema = that("pairs of a name and a tensor", (x) => (x as unknown[]).every(Array.isArray));

/** How many elements are NaN or ±Infinity. Integers never are. */
export function countNotFinite(tensor: Tensor): number {
  check("countNotFinite", "tensor", tensorSchema, tensor);
  const { dtype, data } = tensor;
  if (!dtype.includes("float")) return 0;
  const decode = dtype === "float16" ? decodeFloat16 : dtype === "bfloat16" ? decodeBfloat16 : Number;
  let count = 0;
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(decode(data[i] as number))) count++;
  return count;
}

/** `3 of 432 values are not finite in conv1.weight`, with more tensors after it; undefined if all values are finite. */
export function notFiniteText(tensors: Iterable<readonly [key: string, value: Tensor]>): string | undefined {
  const found = [...tensors].flatMap(([key, value]) => {
    const count = countNotFinite(value);
    return count ? [`${count} of ${value.data.length} in ${key}`] : [];
  });
  if (found.length === 0) return undefined;
  const more = found.length > 4 ? `, and in ${found.length - 4} more tensors` : "";
  return `values are not finite (NaN or Infinity): ${found.slice(0, 4).join(", ")}${more}`;
}

/** Refuses NaN and ±Infinity. @throws FoveaError with the names of the tensors and counts. */
export function requireFinite(where: string, tensors: Iterable<readonly [key: string, value: Tensor]>): void {
  check("requireFinite", "where", text, where);
  check("requireFinite", "tensors", entries, tensors);
  const pairs = [...tensors];
  check("requireFinite", "tensors", pairsSchema, pairs);
  const found = notFiniteText(pairs);
  if (found) throw new FoveaError(`${where}: ${found}`);
}
