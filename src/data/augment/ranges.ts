import { that } from "../../core/schema.js";

export const shareRange = that<readonly [number, number]>("[least, most] with 0 < least ≤ most ≤ 1", (value) => {
  const [low, high, ...rest] = Array.isArray(value) ? value : [];
  return low > 0 && low <= high && high <= 1 && rest.length === 0;
});

export const positiveRange = that<readonly [number, number]>("[least, most] with 0 < least ≤ most", (value) => {
  const [low, high, ...rest] = Array.isArray(value) ? value : [];
  return low > 0 && low <= high && Number.isFinite(high) && rest.length === 0;
});
