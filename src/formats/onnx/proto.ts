import type { Tensor } from "../../core/tensor.js";

/**
 * The part of onnx.proto that writing a model needs, as protobuf wire format.
 * Field numbers are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
 */
type Chunk = Uint8Array;

const utf8 = new TextEncoder();

function varint(value: number | bigint): Chunk {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

function join(chunks: readonly Chunk[]): Chunk {
  const out = new Uint8Array(chunks.reduce((n, chunk) => n + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    out.set(chunk, at);
    at += chunk.length;
  }
  return out;
}

const integerField = (field: number, value: number | bigint): Chunk => join([varint(field << 3), varint(value)]);
const bytesField = (field: number, value: Chunk): Chunk =>
  join([varint((field << 3) | 2), varint(value.length), value]);
const textField = (field: number, value: string): Chunk => bytesField(field, utf8.encode(value));
const floatField = (field: number, value: number): Chunk =>
  join([varint((field << 3) | 5), new Uint8Array(Float32Array.of(value).buffer)]);

/** An attribute's value: integers are plain numbers, floats are marked, because ONNX tells them apart. */
export type OnnxAttribute =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly graph: OnnxSubgraph };

/** The nodes of a branch. They may read whatever stands before the branch. */
export interface OnnxSubgraph {
  readonly nodes: readonly OnnxNode[];
  readonly outputs: readonly OnnxValueInfo[];
}

/** A node, before its names are known to be unique. */
export interface OnnxNode {
  readonly type: string;
  readonly domain?: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: { readonly [name: string]: OnnxAttribute };
}

export type OnnxDType = "float32" | "float16" | "int64" | "bool" | "int32" | "uint8" | "int8";

/** An input or output; a dimension that is text is symbolic. */
export interface OnnxValueInfo {
  readonly name: string;
  readonly dtype: OnnxDType;
  readonly shape: readonly (number | string)[];
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

function attribute(name: string, value: OnnxAttribute): Chunk {
  const parts = [textField(1, name)];
  if (typeof value === "number") parts.push(integerField(3, value), integerField(20, 2));
  else if (typeof value === "string") parts.push(textField(4, value), integerField(20, 3));
  else if ("float" in value) parts.push(floatField(2, value.float), integerField(20, 1));
  else if ("floats" in value) parts.push(...value.floats.map((v) => floatField(7, v)), integerField(20, 6));
  else if ("graph" in value) parts.push(bytesField(6, subgraph(name, value.graph)), integerField(20, 5));
  else parts.push(...value.map((v) => integerField(8, v)), integerField(20, 7));
  return join(parts);
}

function subgraph(name: string, { nodes, outputs }: OnnxSubgraph): Chunk {
  return join([
    ...nodes.map((n) => bytesField(1, node(n))),
    textField(2, name),
    ...outputs.map((output) => bytesField(12, valueInfo(output))),
  ]);
}

function node({ type, domain, name, inputs, outputs, attributes }: OnnxNode): Chunk {
  return join([
    ...inputs.map((input) => textField(1, input)),
    ...outputs.map((output) => textField(2, output)),
    textField(3, name),
    textField(4, type),
    ...Object.entries(attributes).map(([key, value]) => bytesField(5, attribute(key, value))),
    ...(domain ? [textField(7, domain)] : []),
  ]);
}

function initializer(name: string, { dtype, shape, data }: Tensor): Chunk {
  const code = dtypeCodes[dtype as OnnxDType];
  if (code === undefined) throw new TypeError(`ONNX initializer ${name}: dtype ${dtype} is not written`);
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return join([...shape.map((d) => integerField(1, d)), integerField(2, code), textField(8, name), bytesField(9, raw)]);
}

function valueInfo({ name, dtype, shape }: OnnxValueInfo): Chunk {
  const dims = shape.map((d) => bytesField(1, typeof d === "number" ? integerField(1, d) : textField(2, d)));
  const type = join([integerField(1, dtypeCodes[dtype]), bytesField(2, join(dims))]);
  return join([textField(1, name), bytesField(2, bytesField(1, type))]);
}

/** The bytes of a model (ONNX IR version 8). */
export function encodeOnnx(model: OnnxModel): Uint8Array {
  const graph = join([
    ...model.nodes.map((n) => bytesField(1, node(n))),
    textField(2, "fovea"),
    ...[...model.initializers].map(([name, value]) => bytesField(5, initializer(name, value))),
    ...model.inputs.map((input) => bytesField(11, valueInfo(input))),
    ...model.outputs.map((output) => bytesField(12, valueInfo(output))),
  ]);
  return join([
    integerField(1, 8),
    textField(2, "fovea"),
    bytesField(7, graph),
    ...Object.entries(model.opsets).map(([domain, version]) =>
      bytesField(8, join([textField(1, domain), integerField(2, version)])),
    ),
    ...Object.entries(model.metadata ?? {}).map(([key, value]) =>
      bytesField(14, join([textField(1, key), textField(2, value)])),
    ),
  ]);
}
