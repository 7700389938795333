import { arrayTypes, sizeOf, type Tensor } from "../../core/tensor.js";

/**
 * The part of onnx.proto needed to write a model, in protobuf wire format.
 * Field numbers are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
 */
class ProtoWriter {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** A view of what was written: a copy of large weights would double the memory. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Makes room for more bytes. */
  #grow(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }

  #varint(value: number): void {
    this.#grow(10);
    if (value < 0) {
      let rest = BigInt.asUintN(64, BigInt(value));
      for (; rest > 127n; rest >>= 7n) this.#bytes[this.#length++] = Number(rest & 127n) | 128;
      this.#bytes[this.#length++] = Number(rest);
      return;
    }
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.#bytes[this.#length++] = (rest % 128) | 128;
    this.#bytes[this.#length++] = rest;
  }

  integer(field: number, value: number): void {
    this.#varint(field << 3);
    this.#varint(value);
  }

  float(field: number, value: number): void {
    this.#varint((field << 3) | 5);
    this.#append(new Uint8Array(Float32Array.of(value).buffer));
  }

  data(field: number, value: Uint8Array): void {
    this.#varint((field << 3) | 2);
    this.#varint(value.length);
    this.#append(value);
  }

  text(field: number, value: string): void {
    this.message(field, () => {
      this.#grow(3 * value.length);
      this.#length += utf8.encodeInto(value, this.#bytes.subarray(this.#length)).written;
    });
  }

  /** A nested message: its length is inserted before it once it is written. */
  message(field: number, write: () => void): void {
    this.#varint((field << 3) | 2);
    const start = this.#length;
    write();
    const end = this.#length;
    this.#varint(end - start);
    const size = this.#bytes.slice(end, this.#length);
    this.#bytes.copyWithin(start + size.length, start, end);
    this.#bytes.set(size, start);
  }

  #append(value: Uint8Array): void {
    this.#grow(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }
}

const utf8 = new TextEncoder();

/** An attribute's value. Plain numbers are integers; floats are marked, because ONNX distinguishes them. */
export type OnnxAttribute =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly graph: OnnxSubgraph };

/** The nodes of a branch. They may read values from outside. */
export interface OnnxSubgraph {
  readonly nodes: readonly OnnxNode[];
  readonly outputs: readonly OnnxValueInfo[];
}

/** A node of a model. */
export interface OnnxNode {
  readonly type: string;
  readonly domain?: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: { readonly [name: string]: OnnxAttribute };
}

export type OnnxDType = "float32" | "float16" | "int64" | "bool" | "int32" | "uint8" | "int8";

/** An input or output. A string dimension is symbolic. */
export interface OnnxValueInfo {
  readonly name: string;
  readonly dtype: OnnxDType;
  readonly shape: readonly (number | string)[];
  /** Whether it is a sequence of such tensors. */
  readonly sequence?: boolean;
}

export interface OnnxModel {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: ReadonlyMap<string, Tensor>;
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  /** Version of each operator domain in use; `""` is ONNX itself. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly metadata?: Readonly<Record<string, string>>;
}

const dtypeCodes: Record<OnnxDType, number> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
};

/** Element types by their codes in ONNX, as in the attribute of Cast. */
export const typeCodes: ReadonlyMap<number, OnnxDType> = new Map(
  Object.entries(dtypeCodes).map(([dtype, code]) => [code, dtype as OnnxDType]),
);

function attribute(to: ProtoWriter, name: string, value: OnnxAttribute): void {
  to.text(1, name);
  if (typeof value === "number") {
    to.integer(3, value);
    to.integer(20, 2);
  } else if (typeof value === "string") {
    to.text(4, value);
    to.integer(20, 3);
  } else if ("float" in value) {
    to.float(2, value.float);
    to.integer(20, 1);
  } else if ("floats" in value) {
    for (const v of value.floats) to.float(7, v);
    to.integer(20, 6);
  } else if ("graph" in value) {
    to.message(6, () => subgraph(to, name, value.graph));
    to.integer(20, 5);
  } else {
    for (const v of value) to.integer(8, v);
    to.integer(20, 7);
  }
}

function subgraph(to: ProtoWriter, name: string, { nodes, outputs }: OnnxSubgraph): void {
  for (const n of nodes) to.message(1, () => node(to, n));
  to.text(2, name);
  for (const output of outputs) to.message(12, () => valueInfo(to, output));
}

function node(to: ProtoWriter, { type, domain, name, inputs, outputs, attributes }: OnnxNode): void {
  for (const input of inputs) to.text(1, input);
  for (const output of outputs) to.text(2, output);
  to.text(3, name);
  to.text(4, type);
  for (const [key, value] of Object.entries(attributes)) to.message(5, () => attribute(to, key, value));
  if (domain) to.text(7, domain);
}

function initializer(to: ProtoWriter, name: string, { dtype, shape, data }: Tensor): void {
  const code = dtypeCodes[dtype as OnnxDType];
  if (code === undefined) throw new TypeError(`ONNX initializer ${name}: dtype ${dtype} is not written`);
  for (const d of shape) to.integer(1, d);
  to.integer(2, code);
  to.text(8, name);
  to.data(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

function valueInfo(to: ProtoWriter, { name, dtype, shape, sequence }: OnnxValueInfo): void {
  const tensorType = () =>
    to.message(1, () => {
      to.integer(1, dtypeCodes[dtype]);
      to.message(2, () => {
        for (const d of shape) to.message(1, () => (typeof d === "number" ? to.integer(1, d) : to.text(2, d)));
      });
    });
  to.text(1, name);
  to.message(2, sequence ? () => to.message(4, () => to.message(1, tensorType)) : tensorType);
}

/** The bytes of a model (ONNX IR version 8), at the start of a buffer that may be longer. */
export function encodeOnnx(model: OnnxModel): Uint8Array {
  const initializers = [...model.initializers];
  const bytes = ({ dtype, shape }: Tensor) => sizeOf(shape) * arrayTypes[dtype].BYTES_PER_ELEMENT;
  const data = initializers.reduce((sum, [, tensor]) => sum + bytes(tensor), 0);
  const to = new ProtoWriter(data + 256 * (model.nodes.length + initializers.length + 16));
  to.integer(1, 8);
  to.text(2, "fovea");
  to.message(7, () => {
    for (const n of model.nodes) to.message(1, () => node(to, n));
    to.text(2, "fovea");
    for (const [name, value] of initializers) to.message(5, () => initializer(to, name, value));
    for (const input of model.inputs) to.message(11, () => valueInfo(to, input));
    for (const output of model.outputs) to.message(12, () => valueInfo(to, output));
  });
  for (const [domain, version] of Object.entries(model.opsets))
    to.message(8, () => {
      to.text(1, domain);
      to.integer(2, version);
    });
  for (const [key, value] of Object.entries(model.metadata ?? {}))
    to.message(14, () => {
      to.text(1, key);
      to.text(2, value);
    });
  return to.bytes;
}
