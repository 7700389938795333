import { check, flag, list, maybe, oneOf, options, type Schema, that, whole } from "../core/schema.js";
import { Value, valueSchema } from "../graph/graph.js";

/** Longest kernel, step and border, and longest side of a map that is asked for. */
export const MAX_SIDE = 65_536;

const isSide = (x: unknown, least: number) =>
  Number.isSafeInteger(x) && (x as number) >= least && (x as number) <= MAX_SIDE;

/** A whole number for both axes, or [vertical, horizontal]. */
export const sides = (least: number): Schema<number | readonly [number, number]> =>
  that(
    `an integer from ${least} to ${MAX_SIDE}, or a pair of them`,
    (x) => isSide(x, least) || (Array.isArray(x) && x.length === 2 && x.every((one) => isSide(one, least))),
  );

/** [height, width] */
export const mapSides: Schema<readonly [number, number]> = that(
  `a pair of integers from 1 to ${MAX_SIDE}`,
  (x) => Array.isArray(x) && x.length === 2 && x.every((one) => isSide(one, 1)),
);

/** One number for both axes, or [vertical, horizontal], as a pair. */
export const pair = (v: number | readonly [number, number]): readonly [number, number] =>
  typeof v === "number" ? [v, v] : v;

export const axis = that<number>("an integer", Number.isSafeInteger);
export const axes = list(axis, "a list of axes");
/** Infinite where there is no bound. */
export const bound = that<number>("a number", (x) => typeof x === "number" && !Number.isNaN(x));
/** A shape, of which one dimension may be −1. */
export const wantedShape = that<readonly (number | "N")[]>(
  "a shape, such as [2, -1]",
  (x) =>
    Array.isArray(x) &&
    x.every((d) => d === "N" || (Number.isSafeInteger(d) && d >= -1)) &&
    x.indexOf(-1) === x.lastIndexOf(-1),
);

/** Geometry of a convolution. */
export const convFields = {
  stride: maybe(sides(1)),
  padding: maybe(sides(0)),
  dilation: maybe(sides(1)),
  groups: maybe(whole(1, 2 ** 31)),
};
export const convOptions = options(convFields);
export const convTransposeFields = { ...convFields, outputPadding: maybe(sides(0)) };
export const convTransposeOptions = options(convTransposeFields);
export const maxPoolOptions = options({
  kernelSize: sides(1),
  stride: maybe(sides(1)),
  padding: maybe(sides(0)),
  dilation: maybe(sides(1)),
  ceilMode: maybe(flag),
});
export const averagePoolOptions = options({
  kernelSize: sides(1),
  stride: maybe(sides(1)),
  padding: maybe(sides(0)),
  countPadding: maybe(flag),
});
export const resizeOptions = options({ mode: oneOf("nearest", "bilinear"), alignCorners: maybe(flag) });
export const reduceOptions = options({ keepdims: maybe(flag) });
export const matMulOptions = options({ transA: maybe(flag), transB: maybe(flag) });
export const padOptions = options({ axis: whole(0), before: whole(0, MAX_SIDE), after: whole(0, MAX_SIDE) });

/** @throws OptionError if x, whose graph or shape an operator goes by, is not a value. */
export function checkValue(owner: string, name: string, x: unknown): void {
  if (!(x instanceof Value)) check(owner, name, valueSchema, x);
}
