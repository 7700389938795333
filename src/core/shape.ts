import { ShapeError } from "./errors.js";

/** A dimension: a number, or `"N"`, the batch, which may stay symbolic. */
export type Dim = number | "N";
export type Shape = readonly Dim[];

/** `[N,3,32,32]` */
export function formatShape(shape: Shape): string {
  return `[${shape.join(",")}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((d, i) => d === b[i]);
}

/** The shape as numbers. @throws ShapeError if the batch is symbolic. */
export function staticShape(shape: Shape): readonly number[] {
  return shape.map((d) => {
    if (d === "N") throw new ShapeError(`needs a fixed batch size, got ${formatShape(shape)}`);
    return d;
  });
}

/** The dimensions of an [N,C,H,W] array or an [O,C,kh,kw] weight. @throws ShapeError if it has another rank or a symbolic batch. */
export function fourSizes(shape: Shape): readonly [number, number, number, number] {
  const [n, c, h, w, ...more] = staticShape(shape);
  if (w === undefined || more.length > 0) throw new ShapeError(`needs four dimensions, got ${formatShape(shape)}`);
  return [n!, c!, h!, w];
}

/** The dimension as a number. @throws ShapeError if it is the symbolic batch. */
export function staticDim(d: Dim | undefined): number {
  if (typeof d !== "number") throw new ShapeError("needs a fixed size, got the symbolic batch N");
  return d;
}

/** Product of the numeric dimensions, and the number of symbolic ones. Shapes with equal counts have equally many elements. */
export function countElements(shape: Shape): { size: number; symbols: number } {
  let [size, symbols] = [1, 0];
  for (const d of shape) d === "N" ? symbols++ : (size *= d);
  return { size, symbols };
}

/** The broadcast of two shapes, by NumPy's rules. @throws ShapeError */
export function broadcastShapes(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const p = a[a.length - rank + i] ?? 1;
    const q = b[b.length - rank + i] ?? 1;
    if (p === q || q === 1) return p;
    if (p === 1) return q;
    throw new ShapeError(`shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast`);
  });
}

/** Axes as nonnegative numbers in ascending order; negative ones count from the end. @throws ShapeError */
export function normalizeAxes(axes: readonly number[], rank: number): number[] {
  return axes
    .map((axis) => {
      if (!Number.isInteger(axis) || axis < -rank || axis >= rank)
        throw new ShapeError(`axis ${axis} is outside a shape of rank ${rank}`);
      return axis < 0 ? axis + rank : axis;
    })
    .sort((p, q) => p - q);
}

/** Row-major strides, in elements. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  for (let i = shape.length - 1, step = 1; i >= 0; step *= shape[i--]!) strides[i] = step;
  return strides;
}

/** A number for each index of an array, row by row: `grid([2, 3], (i, j) => 10 * i + j)` is [0, 1, 2, 10, 11, 12]. */
export function grid(shape: readonly number[], at: (...index: number[]) => number): number[] {
  const index = shape.map(() => 0);
  return Array.from({ length: shape.reduce((size, d) => size * d, 1) }, () => {
    const value = at(...index);
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]; axis--) index[axis] = 0;
    return value;
  });
}

/** Whether two shapes are interchangeable: equal, or a linear layer's [O,I] and a 1×1 convolution's [O,I,1,1]. */
export function holdSame(a: readonly number[], b: readonly number[]): boolean {
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  return String(long) === String(short) || (short.length === 2 && String(long) === String([...short, 1, 1]));
}
