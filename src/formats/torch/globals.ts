import type { FormatError } from "../../core/errors.js";
import type { DType } from "../../core/tensor.js";
import { bytesPerElement } from "../elements.js";
import { refusal } from "../refusal.js";
import type { Budget } from "./budget.js";
import { numpyScalar } from "./numpy.js";
import { encodeLatin1 } from "./scalars.js";
import { isCount, StorageRef, TensorRef, type Unread } from "./storage.js";
import { judgeAttribute, judgeName, unlisted } from "./unknown-names.js";
import { Callable, Instance, type Pickled, Placeholder, UnknownName } from "./values.js";

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

/** Storages of element types without a dtype here. */
const unreadStorages: readonly (readonly [string, Unread])[] = [
  ["torch.ComplexFloatStorage", { type: "complex64", width: 8 }],
  ["torch.ComplexDoubleStorage", { type: "complex128", width: 16 }],
  ["torch.QInt8Storage", { type: "qint8", width: 1 }],
  ["torch.QUInt8Storage", { type: "quint8", width: 1 }],
  ["torch.QInt32Storage", { type: "qint32", width: 4 }],
];
const unreadByName: ReadonlyMap<string, Unread> = new Map(unreadStorages);

/** Numeric types by their names in the module `torch`, those with a dtype here first. As values they are plain text, like layouts. */
const dtypes: ReadonlyMap<string, DType> = new Map<string, DType>([
  ["torch.bool", "bool"],
  ["torch.uint8", "uint8"],
  ["torch.int8", "int8"],
  ["torch.int16", "int16"],
  ["torch.short", "int16"],
  ["torch.int32", "int32"],
  ["torch.int", "int32"],
  ["torch.int64", "int64"],
  ["torch.long", "int64"],
  ["torch.float16", "float16"],
  ["torch.half", "float16"],
  ["torch.bfloat16", "bfloat16"],
  ["torch.float32", "float32"],
  ["torch.float", "float32"],
  ["torch.float64", "float64"],
  ["torch.double", "float64"],
]);
const otherNames = [
  ...["uint16", "uint32", "uint64", "complex32", "chalf", "complex64", "cfloat", "complex128", "cdouble"],
  ...["qint8", "quint8", "qint32", "quint4x2", "quint2x4"],
  ...["float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"],
  ...["strided", "sparse_coo", "sparse_csr", "sparse_csc", "sparse_bsr", "sparse_bsc", "_mkldnn"],
  ...["contiguous_format", "channels_last", "channels_last_3d", "preserve_format"],
  ...["per_tensor_affine", "per_tensor_symmetric", "per_channel_affine", "per_channel_symmetric"],
  "per_channel_affine_float_qparams",
].map((name) => `torch.${name}`);

/** Tensors without plain elements, by the function that rebuilds them. */
const otherTensors: readonly (readonly [string, string])[] = [
  ["_rebuild_qtensor", "quantized"],
  ["_rebuild_sparse_tensor", "sparse"],
  ["_rebuild_sparse_csr_tensor", "sparse"],
  ["_rebuild_nested_tensor", "nested"],
  ["_rebuild_mkldnn_tensor", "mkldnn"],
  ["_rebuild_meta_tensor_no_storage", "meta"],
  ["_rebuild_device_tensor_from_numpy", "of another device"],
  ["_rebuild_device_tensor_from_cpu_tensor", "of another device"],
  ["_rebuild_xla_tensor", "of another device"],
];

/** Built-in Python types, which occur as the factory of a defaultdict. */
const builtinNames = ["list", "dict", "int", "long", "float", "str", "unicode", "tuple", "bool"];

/** Harmless classes that {@link judgeName} would refuse. */
const inertClasses = [
  ...["Ellipsis", "NotImplemented", "object", "range", "xrange", "slice"].flatMap((name) => [
    `builtins.${name}`,
    `__builtin__.${name}`,
  ]),
  ...["collections.ChainMap", "collections.UserDict", "collections.UserList", "collections.UserString"],
  ...["UserDict.UserDict", "UserDict.IterableUserDict", "UserList.UserList", "UserString.UserString"],
  ...["datetime.time", "datetime.timedelta", "datetime.timezone", "datetime.tzinfo"],
  ...["array.array", "http.HTTPStatus", "logging.Logger", "random.Random", "time.struct_time", "types.GenericAlias"],
  ...["matrix", "poly1d", "recarray", "record", "rec.recarray", "rec.record"].map((name) => `numpy.${name}`),
  ...["matrixlib.defmatrix.matrix", "lib.polynomial.poly1d", "core.records.recarray"].map((name) => `numpy.${name}`),
];

/** Functions that only rebuild an object, with its type. */
const inertFunctions: readonly (readonly [string, string])[] = [
  ["array._array_reconstructor", "array.array"],
  ["logging.getLogger", "logging.Logger"],
  ["re._compile", "re.Pattern"],
  ["zoneinfo.ZoneInfo._unpickle", "zoneinfo.ZoneInfo"],
  ["numpy.ma.core._mareconstruct", "numpy.ma.MaskedArray"],
  ["numpy.random._pickle.__generator_ctor", "numpy.random.Generator"],
  ["numpy.random._pickle.__bit_generator_ctor", "numpy.random.BitGenerator"],
  ["numpy.random._pickle.__randomstate_ctor", "numpy.random.RandomState"],
  ["numpy.random.__RandomState_ctor", "numpy.random.RandomState"],
  ["pandas.core.indexes.base._new_Index", "pandas.Index"],
  ["pandas._libs.internals._unpickle_block", "pandas.DataFrame"],
  ["pandas._libs.tslibs.timestamps._unpickle_timestamp", "pandas.Timestamp"],
  ["pandas._libs.tslibs.timedeltas._timedelta_unpickle", "pandas.Timedelta"],
  ["pytz._UTC", "pytz.UTC"],
  ["pytz._p", "pytz.tzinfo"],
];

/** NumPy's scalar types; as values they are plain text. */
const numpyTypeNames = [
  ...[
    "bool",
    "bool_",
    "intc",
    "uintc",
    "longlong",
    "ulonglong",
    "longdouble",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
  ],
  ...["float16", "float32", "float64", "complex64", "complex128", "str_", "bytes_", "object_", "void", "datetime64"],
];

const exceptionClass = /^(?:builtins|__builtin__|exceptions)\.[A-Z]\w{0,60}(?:Error|Exception|Warning)$/;

/** Far more object types than any real checkpoint has. */
const MAX_UNKNOWN_NAMES = 1000;

/**
 * The meaning of Python names in a checkpoint. All of them build plain data; none runs code: containers, tensors, storage types, devices,
 * dtypes, NumPy scalars and arrays. For other names {@link judgeName} decides which are harmless.
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
  define(["torch._utils._rebuild_tensor_v3"], rebuildTypedTensor);
  define(["torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state"], rebuildParameter);
  for (const [name, kind] of otherTensors)
    define([`torch._utils.${name}`], () => new Placeholder(`torch.Tensor (${kind})`));
  const rebuilds = new Set([...table.values()]);
  define(["torch._tensor._rebuild_from_type", "torch._tensor._rebuild_from_type_v2"], (rebuild, _type, args) => {
    if (!(rebuild instanceof Callable && rebuilds.has(rebuild)) || !Array.isArray(args) || args.length > 16)
      throw refuse("a tensor subclass is rebuilt by something that rebuilds no tensors");
    return rebuild.call(...args);
  });
  for (const [name] of [...storageTypes, ...unreadStorages]) define([name], () => notCalled(name));
  define(["torch.storage.TypedStorage"], () => notCalled("torch.storage.TypedStorage"));
  for (const name of [...dtypes.keys(), ...otherNames]) table.set(name, name);
  define(["torch.serialization._get_layout"], text);
  define(["torch.torch_version.TorchVersion"], text);
  define(["torch.Size"], (sizes) => [...items(sizes)]);
  define(["torch.device"], device);

  define(["collections.OrderedDict"], (pairs = []) => new Map(items(pairs).map(pair)));
  define(["collections.defaultdict"], () => new Map());
  define(["collections.deque"], (values = []) => [...items(values)]);
  // A MultiStepLR scheduler keeps its milestones in a Counter.
  define(["collections.Counter"], (counts = new Map()) => {
    if (!(counts instanceof Map)) throw refuse("a Counter is made of something that is not a dict");
    budget.spend(32 * counts.size, "copying a dict");
    return new Map(counts);
  });
  define(["argparse.Namespace", "types.SimpleNamespace"], () => new Instance("argparse.Namespace", []));
  for (const [module, separator] of [
    ["PosixPath", "/"],
    ["PurePosixPath", "/"],
    ["WindowsPath", "\\"],
    ["PureWindowsPath", "\\"],
  ] as const)
    define([`pathlib.${module}`, `pathlib._local.${module}`], (...parts) => path(parts.map(text), separator, budget));
  define(["datetime.datetime", "datetime.date"], date);
  for (const module of ["builtins", "__builtin__"]) {
    define([`${module}.set`, `${module}.frozenset`], (values = []) => new Set(items(values)));
    define([`${module}.bytearray`, `${module}.bytes`], (value = "") =>
      value instanceof Uint8Array ? value : encode(text(value), "latin1", budget));
    define([`${module}.complex`], complex);
    for (const name of builtinNames) define([`${module}.${name}`], () => notCalled(name));
    // type(None), in annotations.
    define([`${module}.type`], (value) =>
      value === null || value instanceof Placeholder ? new Placeholder(`${module}.type`) : notCalled(`${module}.type`));
    // How a class inside another, a member of an enumeration and a method are written.
    const getattr = `${module}.getattr`;
    const attribute = (owner?: Pickled, name?: Pickled) => {
      const of = owner instanceof UnknownName || owner instanceof Placeholder ? owner.name : undefined;
      if (of === undefined || typeof name !== "string") throw unlisted("asks for", getattr);
      return table.get(`${of}.${name}`) ?? remember(`${of}.${name}`, judgeAttribute(of, name));
    };
    table.set(getattr, new Callable(getattr, attribute, false));
  }
  // Annotations such as List[int], and combined members of an enumeration.
  for (const name of ["_operator.getitem", "_operator.or_"])
    table.set(name, new Callable(name, (left) => operation(name, left), false));
  for (const module of ["copyreg", "copy_reg"])
    define([`${module}._reconstructor`], (cls) => {
      if (!(cls instanceof UnknownName)) throw refuse("an object of something that is not a class");
      return new Placeholder(cls.name);
    });

  // Protocol 2 has no bytes: Python 3 writes them as Latin-1 text with this call.
  define(["_codecs.encode"], (value, encoding) => encode(text(value), encoding, budget));
  define(["numpy.dtype"], (...args) => new Instance("numpy.dtype", args));
  for (const core of ["numpy.core", "numpy._core"]) {
    define([`${core}.multiarray.scalar`], (type, raw) => numpyScalar(type, raw, budget));
    define([`${core}.multiarray._reconstruct`], (type) =>
      type instanceof Callable && type.name === "numpy.ndarray"
        ? new Instance("numpy.ndarray", [])
        : new Placeholder(type instanceof UnknownName ? type.name : "numpy.ndarray"));
    define([`${core}.numeric._frombuffer`], (bytes, dtype, shape, order) => {
      const array = new Instance("numpy.ndarray", []);
      array.state = [shape ?? null, dtype ?? null, order === "F", bytes ?? null];
      return array;
    });
  }
  define(["numpy.ndarray"], () => notCalled("numpy.ndarray"));
  for (const name of numpyTypeNames) table.set(`numpy.${name}`, `numpy.${name}`);
  for (const name of inertClasses) table.set(name, new UnknownName(name, true));
  for (const [name, type] of inertFunctions) table.set(name, new UnknownName(type, true));

  const known = table.size;
  return (module, name) => {
    const whole = `${module}.${name}`;
    const found = table.get(whole);
    if (found !== undefined) return found;
    // Pickle takes torch.channels_last for an attribute of whatever module has an attribute "torch".
    const text = name.startsWith("torch.") ? table.get(name) : undefined;
    if (typeof text === "string") return text;
    return remember(whole, exceptionClass.test(whole) ? "class" : judgeName(module, name));
  };

  function remember(whole: string, kind: "class" | "function" | undefined): UnknownName {
    if (!kind) throw unlisted("asks for", whole);
    if (table.size - known >= MAX_UNKNOWN_NAMES)
      throw refuse(`its pickle asks for more than ${MAX_UNKNOWN_NAMES} names that are not known`);
    const unknown = new UnknownName(whole, kind === "class");
    table.set(whole, unknown);
    return unknown;
  }
}

/** The element type of a storage class. */
export function elementsOf(type: Pickled | undefined): { dtype: DType; unread?: Unread } {
  const name = type instanceof Callable || type instanceof UnknownName ? type.name : "";
  const dtype = storageDtypes.get(name);
  if (dtype) return { dtype };
  const unread = unreadByName.get(name);
  if (!unread) throw refuse(`a storage of unknown type ${name}`.trim());
  return { dtype: "uint8", unread };
}

/** `(storage, offset, size, stride, requires_grad, backward_hooks, metadata)`. */
function rebuildTensor(...[storage, offset, size, stride, , , metadata]: Pickled[]): Pickled {
  if (storage instanceof StorageRef && storage.unread) return new Placeholder(`torch.Tensor (${storage.unread.type})`);
  // Flags for elements that are to be conjugated or negated when read.
  if (metadata instanceof Map && (metadata.get("conj") === true || metadata.get("neg") === true))
    return new Placeholder("torch.Tensor (conjugated or negated)");
  return new TensorRef(storage, offset, size, stride);
}

/** The same with the dtype after the hooks, for types without a storage class: the storage holds bytes. */
function rebuildTypedTensor(...[storage, offset, size, stride, , , type, metadata]: Pickled[]): Pickled {
  if (typeof type !== "string") throw refuse("a tensor without a dtype");
  const dtype = dtypes.get(type);
  if (!dtype && !otherNames.includes(type)) throw refuse("a tensor of an unknown dtype");
  if (!dtype) return new Placeholder(`torch.Tensor (${type.replace("torch.", "")})`);
  if (!(storage instanceof StorageRef)) return rebuildTensor(storage ?? null);
  const width = bytesPerElement(dtype);
  if ((storage.start * storage.width) % width) throw refuse("a tensor begins within an element");
  const [start, length] = [storage.start, storage.length].map((n) => Math.floor((n * storage.width) / width));
  const typed = new StorageRef(storage.key, dtype, length!, start, storage.unread);
  return rebuildTensor(typed, offset!, size!, stride!, null, null, metadata ?? null);
}

function rebuildParameter(data: Pickled | undefined): Pickled {
  if (!(data instanceof TensorRef || data instanceof Placeholder))
    throw refuse("a parameter is rebuilt from something that is not a tensor");
  return data;
}

/** A call of an operator, which is harmless if its left operand is a placeholder. */
function operation(name: string, left: Pickled | undefined): Pickled {
  const of = left instanceof UnknownName || left instanceof Placeholder ? left.name : undefined;
  if (of === undefined) throw unlisted("asks for", name);
  return new Placeholder(of);
}

function path(parts: readonly string[], separator: string, budget: Budget): string {
  for (const { length } of parts) budget.spend(length, "joining a path");
  const [first = ".", ...rest] = parts;
  if (first.endsWith(separator)) return first + rest.join(separator);
  return parts.length === 0 ? first : parts.join(separator);
}

function complex(re: Pickled = 0, im: Pickled = 0): string {
  if (typeof re !== "number" || typeof im !== "number") throw refuse("a complex number of something else than numbers");
  return `${re}${im < 0 ? "-" : "+"}${Math.abs(im)}j`;
}

/** Year in two bytes, month, day; then hour, minute, second, and microseconds in three bytes. As ISO 8601 without the time zone. */
function date(packed: Pickled | undefined): Pickled {
  const bytes = typeof packed === "string" ? encodeLatin1(packed) : packed;
  if (!(bytes instanceof Uint8Array) || (bytes.length !== 4 && bytes.length !== 10))
    return new Placeholder("datetime.datetime");
  const two = (value: number) => String(value).padStart(2, "0");
  const [y1, y2, month, day, hour, minute, second, ...micro] = bytes as unknown as number[];
  const calendar = `${String(256 * y1! + y2!).padStart(4, "0")}-${two(month! & 0x7f)}-${two(day!)}`;
  if (hour === undefined) return calendar;
  const fraction = micro.reduce((value, byte) => 256 * value + byte, 0);
  return `${calendar}T${two(hour)}:${two(minute!)}:${two(second!)}${fraction ? `.${String(fraction).padStart(6, "0")}` : ""}`;
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

function refuse(problem: string): FormatError {
  return refusal("torch checkpoint", problem);
}
