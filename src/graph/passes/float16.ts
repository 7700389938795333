import { decodeFloat16 } from "../../core/tensor.js";

/** The largest number that an IEEE half-precision float holds. */
export const largestFloat16 = 65504;

/** The nearest integer; halves go to the even one. */
export function roundEven(x: number): number {
  const down = Math.floor(x);
  const rest = x - down;
  return rest < 0.5 || (rest === 0.5 && down % 2 === 0) ? down : down + 1;
}

/**
 * The 16 bits of the half-precision float nearest to a number, ties to even; what is beyond the range becomes infinity.
 *
 * @example
 * encodeFloat16(1).toString(16); // "3c00"
 */
export function encodeFloat16(x: number): number {
  if (Number.isNaN(x)) return 0x7e00;
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(x);
  if (magnitude >= largestFloat16 + 16) return sign | 0x7c00;
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude)));
  // A normal number's units are 1024 … 2047, a subnormal's fewer: in both cases they add onto the exponent's bits.
  return sign | (((exponent + 14) << 10) + roundEven(magnitude / 2 ** (exponent - 10)));
}

/** The number as half precision keeps it. */
export const roundToFloat16 = (x: number): number => decodeFloat16(encodeFloat16(x));
