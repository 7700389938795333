import { stridesOf } from "../../core/shape.js";
import { type DType, sizeOf, type Tensor, zeros } from "../../core/tensor.js";
import { bytesOf, bytesPerElement, tensorOf } from "../elements.js";
import { refusal } from "../refusal.js";
import type { Budget } from "./budget.js";
import { Opaque, type Pickled } from "./values.js";

/** An unsupported element type, with its size in bytes. */
export interface Unread {
  readonly type: string;
  readonly width: number;
}

/** Memory shared by tensors, or (`start` > 0) a part of it. Its bytes are outside the pickle. */
export class StorageRef extends Opaque {
  readonly name = "torch.Storage";
  readonly key: string;
  readonly dtype: DType;
  readonly length: number;
  readonly start: number;
  /** Set for unsupported element types; `dtype` is then meaningless. */
  readonly unread: Unread | undefined;

  constructor(key: string, dtype: DType, length: number, start = 0, unread?: Unread) {
    super();
    this.unread = unread;
    this.key = key;
    this.dtype = dtype;
    this.length = length;
    this.start = start;
  }

  /** Bytes per element. */
  get width(): number {
    return this.unread?.width ?? bytesPerElement(this.dtype);
  }
}

/** A tensor as stored by torch: a strided view of a storage, validated to lie within it. */
export class TensorRef extends Opaque {
  readonly name = "torch.Tensor";
  readonly storage: StorageRef;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];

  /** @throws FormatError if an argument is invalid or an element lies outside the storage. */
  constructor(
    storage: Pickled | undefined,
    offset: Pickled | undefined,
    shape: Pickled | undefined,
    strides: Pickled | undefined,
  ) {
    super();
    if (!(storage instanceof StorageRef)) throw refuse("is rebuilt from something that is not a storage");
    if (!isCount(offset)) throw refuse("has a storage offset that is not a non-negative integer");
    if (!isCounts(shape) || !isCounts(strides))
      throw refuse("has a shape or strides that are not lists of non-negative integers");
    if (shape.length !== strides.length) throw refuse(`has ${shape.length} dimensions and ${strides.length} strides`);
    const end = shape.includes(0) ? 0 : shape.reduce((last, d, i) => last + (d - 1) * strides[i]!, offset) + 1;
    if (end > storage.length || !Number.isSafeInteger(sizeOf(shape)))
      throw refuse(
        `[${shape}] with strides [${strides}] from ${offset} reaches beyond its storage of ${storage.length} elements`,
      );
    this.storage = storage;
    this.offset = offset;
    // Copied, because the pickle still holds these lists and could change them after validation.
    this.shape = [...shape];
    this.strides = [...strides];
  }

  get dtype(): DType {
    return this.storage.dtype;
  }

  /** Where in the storage the elements are, in bytes. */
  get span(): readonly [begin: number, length: number] {
    const { shape, strides } = this;
    const count = shape.includes(0) ? 0 : shape.reduce((last, d, i) => last + (d - 1) * strides[i]!, 0) + 1;
    const width = bytesPerElement(this.dtype);
    return [(this.storage.start + this.offset) * width, count * width];
  }

  /** The elements in row-major order: a view of the storage's bytes if possible, else a copy. */
  read(storage: Uint8Array, budget: Budget): Tensor {
    const [begin, length] = this.span;
    return this.readSpan(storage.subarray(begin, begin + length), budget);
  }

  /** The same from the bytes of its span. */
  readSpan(bytes: Uint8Array, budget: Budget): Tensor {
    const { dtype, shape, strides } = this;
    const size = sizeOf(shape);
    if (size === 0) return zeros(dtype, shape);
    const dense = stridesOf(shape);
    if (shape.every((d, i) => d === 1 || strides[i] === dense[i])) return tensorOf(dtype, shape, bytes);
    const width = bytesPerElement(dtype);
    budget.spend(size * width, `a non-contiguous tensor [${shape}]`);
    return gather(
      zeros(dtype, shape),
      strides.map((stride) => stride * width),
      bytes,
    );
  }
}

/** Fills `to` with the elements that are `steps` bytes apart in `from`. */
export function gather(to: Tensor, steps: readonly number[], from: Uint8Array): Tensor {
  const target = bytesOf(to);
  const width = to.data.BYTES_PER_ELEMENT;
  const index = steps.map(() => 0);
  let source = 0;
  for (let at = 0; at < target.length; at += width) {
    for (let byte = 0; byte < width; byte++) target[at + byte] = from[source + byte]!;
    for (let axis = index.length - 1; axis >= 0; axis--) {
      source += steps[axis]!;
      if (++index[axis]! < to.shape[axis]!) break;
      source -= steps[axis]! * to.shape[axis]!;
      index[axis] = 0;
    }
  }
  return to;
}

const MAX_DIMENSIONS = 64;

/** A non-negative integer, as sizes, strides and offsets must be. */
export function isCount(value: Pickled | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

export function isCounts(value: Pickled | undefined): value is number[] {
  return Array.isArray(value) && value.length <= MAX_DIMENSIONS && value.every(isCount);
}

function refuse(what: string) {
  return refusal("torch checkpoint", `a tensor ${what}`);
}
