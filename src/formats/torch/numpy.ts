import type { FormatError } from "../../core/errors.js";
import { stridesOf } from "../../core/shape.js";
import { type DType, decodeFloat16, sizeOf, type Tensor, zeros } from "../../core/tensor.js";
import { tensorOf } from "../elements.js";
import { refusal } from "../refusal.js";
import type { Budget } from "./budget.js";
import { encodeLatin1, narrow } from "./scalars.js";
import { gather, isCounts } from "./storage.js";
import { Instance, type Pickled, Placeholder } from "./values.js";

type ReadNumber = (view: DataView, littleEndian: boolean) => number | bigint | boolean;

/** NumPy's type codes: kind and size in bytes. */
const scalarTypes: ReadonlyMap<string, ReadNumber> = new Map<string, ReadNumber>([
  ["b1", (v) => v.getUint8(0) !== 0],
  ["i1", (v) => v.getInt8(0)],
  ["u1", (v) => v.getUint8(0)],
  ["i2", (v, le) => v.getInt16(0, le)],
  ["u2", (v, le) => v.getUint16(0, le)],
  ["i4", (v, le) => v.getInt32(0, le)],
  ["u4", (v, le) => v.getUint32(0, le)],
  ["i8", (v, le) => narrow(v.getBigInt64(0, le))],
  ["u8", (v, le) => narrow(v.getBigUint64(0, le))],
  ["f2", (v, le) => decodeFloat16(v.getUint16(0, le))],
  ["f4", (v, le) => v.getFloat32(0, le)],
  ["f8", (v, le) => v.getFloat64(0, le)],
]);

const arrayTypes: ReadonlyMap<string, DType> = new Map<string, DType>([
  ["b1", "bool"],
  ["u1", "uint8"],
  ["i1", "int8"],
  ["i2", "int16"],
  ["i4", "int32"],
  ["i8", "int64"],
  ["f2", "float16"],
  ["f4", "float32"],
  ["f8", "float64"],
]);

/** The code and byte order of a `numpy.dtype`; undefined for anything else. */
function dtypeOf(value: Pickled | undefined): { code: string; bigEndian: boolean } | undefined {
  if (!(value instanceof Instance) || value.name !== "numpy.dtype") return undefined;
  const [code] = value.args;
  if (typeof code !== "string") return undefined;
  const bare = code.replace(/^[<>=|]/, "");
  const bigEndian = code.startsWith(">") || (Array.isArray(value.state) && value.state[1] === ">");
  return { code: bare, bigEndian };
}

/** Python 3 writes bytes, Python 2 a string of as many characters. */
function bytesIn(raw: Pickled | undefined): Uint8Array | undefined {
  if (typeof raw === "string") return encodeLatin1(raw);
  return raw instanceof Uint8Array ? raw : undefined;
}

/** The number in `numpy.float64(3.5)` and the like, as which accuracies are often saved. Dates and complex numbers are not read. */
export function numpyScalar(type: Pickled | undefined, raw: Pickled | undefined, budget: Budget): Pickled {
  const dtype = dtypeOf(type);
  const bytes = bytesIn(raw);
  if (!dtype || !bytes) throw refuse("a NumPy scalar that is not a number");
  const { code, bigEndian } = dtype;
  const read = scalarTypes.get(code);
  if (!read) {
    if (!/^[cmMSUV]\d+$/.test(code)) throw refuse("a NumPy scalar that is not a number");
    budget.spend(bytes.length, "a NumPy scalar");
    const text = code.startsWith("U") ? decodeUtf32(bytes, !bigEndian) : undefined;
    return text ?? new Placeholder(`numpy scalar (${code})`);
  }
  if (bytes.length !== Number(code.slice(1))) throw refuse("a NumPy scalar that is not a number");
  return read(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), !bigEndian);
}

function decodeUtf32(bytes: Uint8Array, littleEndian: boolean): string | undefined {
  if (bytes.length % 4 || bytes.length > 4096) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const codes = Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(4 * i, littleEndian));
  return codes.every((code) => code <= 0x10ffff) ? String.fromCodePoint(...codes).replace(/\0+$/, "") : undefined;
}

/**
 * An array of numbers as a tensor, from the state of `numpy.ndarray.__setstate__`: `(version, shape, dtype, is_fortran, bytes)`.
 * Arrays of objects, text, records, other byte orders or unsupported types become placeholders.
 *
 * @throws FormatError if its parts contradict each other.
 */
export function numpyArray({ state }: Instance, budget: Budget): Tensor | Placeholder {
  if (!Array.isArray(state) || state.length < 4) return new Placeholder("numpy.ndarray");
  const [shape, type, isFortran, raw] = state.slice(-4);
  const dtype = dtypeOf(type);
  const element = dtype && !dtype.bigEndian ? arrayTypes.get(dtype.code) : undefined;
  if (!dtype || !element)
    return new Placeholder(dtype ? `numpy.ndarray (${dtype.bigEndian ? ">" : ""}${dtype.code})` : "numpy.ndarray");
  const bytes = bytesIn(raw);
  if (!isCounts(shape)) throw refuse("a NumPy array has a shape that is not a list of non-negative integers");
  const size = sizeOf(shape);
  const width = Number(dtype.code.slice(1));
  if (!bytes || bytes.length !== size * width)
    throw refuse(
      `a NumPy array [${shape}] of ${dtype.code} should have ${size * width} bytes, has ${bytes?.length ?? "none"}`,
    );
  budget.spend(bytes.length, "a NumPy array");
  if (size === 0) return zeros(element, shape);
  if (isFortran !== true) return tensorOf(element, shape, bytes);
  const strides = stridesOf(shape.toReversed()).toReversed();
  return gather(
    zeros(element, shape),
    strides.map((stride) => stride * width),
    bytes,
  );
}

function refuse(problem: string): FormatError {
  return refusal("torch checkpoint", problem);
}
