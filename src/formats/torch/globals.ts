import type { FormatError } from "../../core/errors.js";
import { type DType, decodeFloat16 } from "../../core/tensor.js";
import { refusal } from "../refusal.js";
import type { Budget } from "./budget.js";
import { encodeLatin1, narrow } from "./scalars.js";
import { isCount, TensorRef } from "./storage.js";
import { Callable, Instance, type Pickled } from "./values.js";

/** The element type of each class of storage. */
const storageTypes: readonly (readonly [string, DType])[] = [
  ["torch.DoubleStorage", "float64"],
  ["torch.FloatStorage", "float32"],
  ["torch.HalfStorage", "float16"],
  ["torch.BFloat16Storage", "bfloat16"],
  ["torch.LongStorage", "int64"],
  ["torch.IntStorage", "int32"],
  ["torch.ShortStorage", "int16"],
  ["torch.CharStorage", "int8"],
  ["torch.ByteStorage", "uint8"],
  ["torch.BoolStorage", "bool"],
  ["torch.storage.UntypedStorage", "uint8"],
];
const storageDtypes: ReadonlyMap<string, DType> = new Map(storageTypes);

/** Numeric types by their names in the module `torch`. As values they are just text. */
const dtypeNames = [
  ...["bool", "uint8", "int8", "int16", "short", "int32", "int", "int64", "long"],
  ...["float16", "half", "bfloat16", "float32", "float", "float64", "double", "complex64", "complex128"],
];

/** Python's own types, which occur as the factory of a defaultdict. */
const builtinNames = ["list", "dict", "int", "float", "str", "tuple", "bool"];

/**
 * The only Python names that a checkpoint may mention. All build plain data here, none runs anything:
 * containers, tensors, storages' types, devices, dtypes, NumPy's scalars.
 */
export function torchGlobals(budget: Budget): (module: string, name: string) => Pickled {
  const table = new Map<string, Pickled>();
  const define = (names: string[], call: Callable["call"]) => {
    for (const name of names) table.set(name, new Callable(name, call));
  };
  const items = (value: Pickled | undefined): Pickled[] => {
    if (!Array.isArray(value)) throw refuse("a container is made of something that is not a list");
    budget.spend(16 * value.length, "copying a list");
    return value;
  };

  define(["torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2"], rebuildTensor);
  define(["torch._utils._rebuild_parameter"], rebuildParameter);
  for (const [name] of storageTypes) define([name], () => notCalled(name));
  define(["torch.storage.TypedStorage"], () => notCalled("torch.storage.TypedStorage"));
  for (const name of dtypeNames) table.set(`torch.${name}`, `torch.${name}`);
  define(["torch.Size"], (sizes) => [...items(sizes)]);
  define(["torch.device"], device);

  define(["collections.OrderedDict"], (pairs = []) => new Map(items(pairs).map(pair)));
  define(["collections.defaultdict"], () => new Map());
  // A MultiStepLR scheduler keeps its milestones in a Counter.
  define(["collections.Counter"], (counts = new Map()) => {
    if (!(counts instanceof Map)) throw refuse("a Counter is made of something that is not a dict");
    budget.spend(32 * counts.size, "copying a dict");
    return new Map(counts);
  });
  define(["argparse.Namespace"], () => new Instance("argparse.Namespace", []));
  for (const module of ["builtins", "__builtin__"]) {
    define([`${module}.set`, `${module}.frozenset`], (values = []) => new Set(items(values)));
    for (const name of builtinNames) define([`${module}.${name}`], () => notCalled(name));
  }

  // Protocol 2 has no bytes: Python 3 writes them as Latin-1 text with this call.
  define(["_codecs.encode"], (value, encoding) => encode(text(value), encoding, budget));
  define(["numpy.dtype"], (...args) => new Instance("numpy.dtype", args));
  define(["numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar"], numpyScalar);

  return (module, name) => {
    const value = table.get(`${module}.${name}`);
    if (value === undefined)
      throw refuse(
        `its pickle asks for ${module}.${name}, which is not on the list of harmless names; save a plain state_dict instead`,
      );
    return value;
  };
}

/** The element type that a class of storage stands for. */
export function storageDtype(type: Pickled | undefined): DType {
  const dtype = type instanceof Callable ? storageDtypes.get(type.name) : undefined;
  if (!dtype) throw refuse("a storage of unknown type");
  return dtype;
}

/** `(storage, offset, size, stride, requires_grad, backward_hooks)`; only where the elements lie matters here. */
function rebuildTensor(...[storage, offset, size, stride]: Pickled[]): Pickled {
  return new TensorRef(storage, offset, size, stride);
}

function rebuildParameter(data: Pickled | undefined): Pickled {
  if (!(data instanceof TensorRef)) throw refuse("a parameter is rebuilt from something that is not a tensor");
  return data;
}

function device(type: Pickled | undefined, index: Pickled | undefined): string {
  if (index !== undefined && !isCount(index)) throw refuse("a device without a number");
  return index === undefined ? text(type) : `${text(type)}:${index}`;
}

function notCalled(name: string): never {
  throw refuse(`its pickle calls ${name}, which is only accepted as a name`);
}

function pair(value: Pickled): [Pickled, Pickled] {
  if (!Array.isArray(value) || value.length !== 2) throw refuse("a dictionary is made of something that is not pairs");
  return [value[0]!, value[1]!];
}

function text(value: Pickled | undefined): string {
  if (typeof value !== "string") throw refuse("text expected");
  return value;
}

function encode(value: string, encoding: Pickled | undefined, budget: Budget): Uint8Array {
  budget.spend(value.length, "encoding text");
  const bytes = encoding === "latin1" ? encodeLatin1(value) : undefined;
  if (!bytes) throw refuse("bytes that are not written as Latin-1");
  return bytes;
}

type ReadNumber = (view: DataView, littleEndian: boolean) => number | bigint | boolean;

/** NumPy's type codes: kind and bytes. */
const numpyTypes: ReadonlyMap<Pickled | undefined, ReadNumber> = new Map<Pickled | undefined, ReadNumber>([
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

/** `numpy.float64(3.5)` and the like, as accuracies are often saved: the number. */
function numpyScalar(dtype: Pickled | undefined, raw: Pickled | undefined): Pickled {
  const code = dtype instanceof Instance && dtype.name === "numpy.dtype" ? dtype.args[0] : undefined;
  const read = numpyTypes.get(code);
  const bytes = typeof raw === "string" ? encodeLatin1(raw) : raw;
  if (!read || !(bytes instanceof Uint8Array) || bytes.length !== Number(String(code).slice(1)))
    throw refuse("a NumPy scalar that is not a number");
  const state = (dtype as Instance).state;
  const bigEndian = Array.isArray(state) && state[1] === ">";
  return read(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), !bigEndian);
}

function refuse(problem: string): FormatError {
  return refusal("torch checkpoint", problem);
}
