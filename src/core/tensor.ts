import { ShapeError } from "./errors.js";
import { check, instance, isObject, misfit, numberList, oneOf, type Schema, sizes, that } from "./schema.js";

/** How the elements of each dtype are stored. 16-bit floats are stored as their bits. */
export interface Storage {
  float64: Float64Array;
  float32: Float32Array;
  float16: Uint16Array;
  bfloat16: Uint16Array;
  int64: BigInt64Array;
  int32: Int32Array;
  int16: Int16Array;
  int8: Int8Array;
  uint8: Uint8Array;
  bool: Uint8Array;
}

/** Types of elements. */
export type DType = keyof Storage;

/** A dense array as plain data: row-major, `data.length` = product of `shape`; a scalar has shape `[]`. */
export interface Tensor<D extends DType = DType> {
  /** Type of the elements. */
  readonly dtype: D;
  /** Size of each dimension; `[]` for a scalar. */
  readonly shape: readonly number[];
  /** The elements, row-major. */
  readonly data: Storage[D];
}

/** The typed array that stores a dtype. */
export interface ArrayType<D extends DType> {
  new (length: number): Storage[D];
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): Storage[D];
  readonly BYTES_PER_ELEMENT: number;
}

export const arrayTypes: { readonly [D in DType]: ArrayType<D> } = {
  float64: Float64Array,
  float32: Float32Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};

/** Number of elements of a shape; 1 for a scalar. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, d) => product * d, 1);
}

export const dtypeSchema = oneOf(...(Object.keys(arrayTypes) as DType[]));

/** A tensor with data checked against its shape. */
export const tensorSchema: Schema<Tensor> = that("a tensor, { dtype, shape, data }", (value) => {
  if (!isObject(value)) return false;
  const { dtype: type, shape: of, data } = value as unknown as Tensor;
  if (typeof type !== "string" || !Object.hasOwn(arrayTypes, type) || misfit(sizes, of) !== undefined) return false;
  return data instanceof (arrayTypes[type] as unknown as typeof Float32Array) && data.length === sizeOf(of);
});

/** Tensors by key. */
export const tensors: Schema<ReadonlyMap<string, Tensor>> = that(
  "a Map of tensors by key",
  (x) =>
    x instanceof Map &&
    [...x].every(([key, value]) => typeof key === "string" && misfit(tensorSchema, value) === undefined),
);

/** Wraps existing data as a tensor, without a copy. @throws ShapeError if data and shape have different numbers of elements. */
export function tensor<D extends DType>(dtype: D, shape: readonly number[], data: Storage[D]): Tensor<D> {
  check("tensor", "dtype", dtypeSchema, dtype);
  check("tensor", "shape", sizes, shape);
  check("tensor", "data", instance(arrayTypes[dtype] as never, `a ${arrayTypes[dtype].name}`), data);
  if (data.length !== sizeOf(shape))
    throw new ShapeError(`tensor: shape [${shape}] has ${sizeOf(shape)} elements, the data has ${data.length}`);
  return { dtype, shape, data };
}

/** A tensor whose elements are computed whenever `data` is read, and not kept: for large arrays that are read once. */
export const computed = <D extends DType>(
  dtype: D,
  shape: readonly number[],
  compute: () => Storage[D],
): Tensor<D> => ({
  dtype,
  shape,
  get data() {
    return compute();
  },
});

/** A tensor of zeros. */
export function zeros<D extends DType>(dtype: D, shape: readonly number[]): Tensor<D> {
  check("zeros", "dtype", dtypeSchema, dtype);
  check("zeros", "shape", sizes, shape);
  return { dtype, shape, data: new arrayTypes[dtype](sizeOf(shape)) };
}

/** A copy. */
export function copyOf<D extends DType>({ dtype, shape, data }: Tensor<D>): Tensor<D> {
  return { dtype, shape, data: data.slice() as Storage[D] };
}

/** A float32 tensor of these numbers. */
export function float32(shape: readonly number[], values: Iterable<number>): Tensor<"float32"> {
  check("float32", "shape", sizes, shape);
  const isOther =
    typeof values === "object" && values !== null && !ArrayBuffer.isView(values) && Symbol.iterator in values;
  const given = (isOther ? [...values] : values) as readonly number[];
  check("float32", "values", numberList, given);
  return tensor("float32", shape, Float32Array.from(given));
}

/** The elements as float64, whatever the dtype. Shares memory if the tensor is float64 already. */
export function toFloat64(t: Tensor): Tensor<"float64"> {
  if (t?.dtype !== "float64") check("toFloat64", "t", tensorSchema, t);
  return t.dtype === "float64"
    ? (t as Tensor<"float64">)
    : { dtype: "float64", shape: t.shape, data: numbers(t, Float64Array) };
}

/** Arrays of floating-point numbers. */
export type Floats = Float32Array | Float64Array;

/** The elements in the precision they have: float32 stays as it is, everything else becomes float64. */
export const toFloats = (t: Tensor): Tensor<"float32"> | Tensor<"float64"> =>
  t?.dtype === "float32" ? (t as Tensor<"float32">) : toFloat64(t);

/** The elements as float32, whatever the dtype. Shares memory if the tensor is float32 already. */
export function toFloat32(t: Tensor): Tensor<"float32"> {
  if (t?.dtype !== "float32") check("toFloat32", "t", tensorSchema, t);
  return t.dtype === "float32"
    ? (t as Tensor<"float32">)
    : { dtype: "float32", shape: t.shape, data: numbers(t, Float32Array) };
}

function numbers<A extends Floats>(t: Tensor, make: new (length: number) => A): A {
  // What JavaScript knows as numbers it converts itself, many times as fast.
  if (t.dtype !== "float16" && t.dtype !== "bfloat16" && t.dtype !== "int64")
    return new (make as unknown as new (numbers: ArrayLike<number>) => A)(t.data as ArrayLike<number>);
  const out = new make(t.data.length);
  const decode = t.dtype === "float16" ? decodeFloat16 : t.dtype === "bfloat16" ? decodeBfloat16 : Number;
  for (let i = 0; i < out.length; i++) out[i] = decode(t.data[i] as number);
  return out;
}

const bits = new DataView(new ArrayBuffer(4));

/** The value of a bfloat16, whose 16 bits are the upper half of a float32. */
export function decodeBfloat16(half: number): number {
  bits.setUint32(0, half << 16);
  return bits.getFloat32(0);
}

/** The value of an IEEE half-precision float. */
export function decodeFloat16(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
}
