import { type FormatError, OptionError } from "../core/errors.js";
import { bytes as bytesSchema, check, entries, metadata as metadataSchema, text, that } from "../core/schema.js";
import { type DType, sizeOf, type Tensor } from "../core/tensor.js";
import { type ByteSource, inBlocks, sourceSchema } from "./byte-source.js";
import { bytesOf, bytesPerElement, tensorOf } from "./elements.js";
import { refusal } from "./refusal.js";
import { type JsonValue, MAX_JSON_BYTES, parseStrictJson } from "./strict-json.js";

/** The contents of a safetensors file, tensors in header order. */
export interface Safetensors {
  readonly tensors: Map<string, Tensor>;
  readonly metadata: Record<string, string>;
}

/** The largest array on Node 20. */
const MAX_ARRAY_BYTES = 2 ** 32;
const METADATA = "__metadata__";

const dtypeNames: { readonly [D in DType]: string } = {
  float64: "F64",
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  int64: "I64",
  int32: "I32",
  int16: "I16",
  int8: "I8",
  uint8: "U8",
  bool: "BOOL",
};
const dtypesByName = new Map((Object.keys(dtypeNames) as DType[]).map((dtype) => [dtypeNames[dtype], dtype]));

/**
 * Reads a safetensors file: `u64` header length, JSON header, data; little-endian.
 * Tensors are views of `bytes` if aligned, else copies.
 *
 * @throws FormatError for any violation of the format: a header longer than the file or 32 MiB, an unknown dtype, a duplicate name, offsets
 *   that do not match the shape, tensors that overlap or leave gaps.
 * @example
 * const { tensors, metadata } = readSafetensors(await readFile("model.safetensors"));
 * tensors.get("conv1.weight")?.shape; // [64, 3, 7, 7]
 */
export function readSafetensors(bytes: Uint8Array): Safetensors {
  check("readSafetensors", "bytes", bytesSchema, bytes);
  if (bytes.length < 8) throw refuse(`needs at least 8 bytes, got ${bytes.length}`);
  const start = dataStart(bytes, bytes.length);
  const data = bytes.subarray(start);
  const { entries, metadata } = readHeader(bytes.subarray(8, start), data.length);
  const tensors = new Map(
    entries.map(({ name, dtype, shape, begin, end }) => [name, tensorOf(dtype, shape, data.subarray(begin, end))]),
  );
  return { tensors, metadata };
}

/** A safetensors file with only its header read. */
export interface OpenSafetensors {
  /** The header's entry for each tensor, in its order. */
  readonly entries: ReadonlyMap<string, Pick<Tensor, "dtype" | "shape">>;
  /** Text stored with the tensors. */
  readonly metadata: Record<string, string>;
  /** Reads one tensor. @throws FormatError if there is none of that name, or it is larger than an array can be. */
  read(name: string): Promise<Tensor>;
}

/**
 * Opens a safetensors file of any size: reads the header now, each tensor on demand.
 *
 * @throws FormatError like {@link readSafetensors}.
 * @example
 * const file = await openSafetensors(blobSource(blob));
 * const weight = await file.read("conv1.weight");
 */
export async function openSafetensors(source: ByteSource): Promise<OpenSafetensors> {
  check("openSafetensors", "source", sourceSchema, source);
  if (source.size < 8) throw refuse(`needs at least 8 bytes, got ${source.size}`);
  const start = dataStart(await source.read(0, 8), source.size);
  const { entries, metadata } = readHeader(await source.read(8, start - 8), source.size - start);
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  const data = inBlocks(source);
  return {
    entries: byName,
    metadata,
    async read(name) {
      check("read", "name", text, name);
      const entry = byName.get(name);
      if (!entry) throw refuse(`there is no tensor ${JSON.stringify(name)}`);
      const { dtype, shape, begin, end } = entry;
      if (end - begin > MAX_ARRAY_BYTES)
        throw refuse(`tensor ${JSON.stringify(name)} takes ${end - begin} bytes, more than ${MAX_ARRAY_BYTES}`);
      return tensorOf(dtype, shape, await data.read(start + begin, end - begin));
    },
  };
}

/** The offset of the data, from the first 8 bytes. */
function dataStart(bytes: Uint8Array, size: number): number {
  const headerLength = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (headerLength > MAX_JSON_BYTES) throw refuse(`header of ${headerLength} bytes, more than ${MAX_JSON_BYTES}`);
  if (headerLength > size - 8) throw refuse(`header of ${headerLength} bytes, but only ${size - 8} bytes follow`);
  return 8 + headerLength;
}

/** The header's entries, validated against the length of the data. */
function readHeader(bytes: Uint8Array, dataLength: number): { entries: Entry[]; metadata: Record<string, string> } {
  const header = parseStrictJson(bytes, "safetensors header");
  if (!(header instanceof Map)) throw refuse("the header must be a JSON object");
  const metadata = readMetadata(header.get(METADATA));
  header.delete(METADATA);
  const entries = [...header].map(([name, entry]) => readEntry(name, entry));
  checkTiling(entries, dataLength);
  return { entries, metadata };
}

const pair = that("a pair of a name and a tensor", (entry) => {
  if (!Array.isArray(entry) || entry.length !== 2 || typeof entry[0] !== "string") return false;
  const { dtype, shape, data } = (entry[1] ?? {}) as Partial<Tensor>;
  return (
    typeof dtype === "string" && Object.hasOwn(dtypeNames, dtype) && Array.isArray(shape) && ArrayBuffer.isView(data)
  );
});

/** A safetensors file to write: its pieces in order, tensors as views of their data. */
export interface SafetensorsFile extends Iterable<Uint8Array> {
  /** Bytes in total. */
  readonly byteLength: number;
  /** All pieces in one array, up to 4 GiB. @throws OptionError beyond that. */
  bytes(): Uint8Array;
}

/**
 * Encodes a safetensors file of any size, to be written piece by piece. Deterministic: wider dtypes come first, so that every tensor is
 * aligned, otherwise in the given order; the header is padded with spaces to 8 bytes.
 *
 * @throws OptionError if two tensors share a name, or one is named `__metadata__`.
 * @throws ShapeError if a tensor's data does not match its shape.
 * @example
 * await writeFileAtomic("model.safetensors", encodeSafetensors([["weight", float32([2], [1, 2])]], { epoch: "3" }));
 */
export function encodeSafetensors(
  tensors: Iterable<readonly [string, Tensor]>,
  metadata: Readonly<Record<string, string>> = {},
): SafetensorsFile {
  check("writeSafetensors", "tensors", entries, tensors);
  check("writeSafetensors", "metadata", metadataSchema, metadata);
  const given = [...tensors];
  for (const entry of given) check("writeSafetensors", "each of tensors", pair, entry);
  const ordered = given.sort(([, a], [, b]) => bytesPerElement(b.dtype) - bytesPerElement(a.dtype));
  const names = new Set([METADATA]);
  // Built by hand, because an object would move names like "0" to the front.
  const fields: string[] = [];
  if (Object.keys(metadata).length > 0) fields.push(`"${METADATA}":${JSON.stringify(metadata)}`);
  let size = 0;
  for (const [name, t] of ordered) {
    if (names.has(name)) throw new OptionError(`safetensors: the name ${JSON.stringify(name)} is taken`);
    names.add(name);
    const end = size + bytesOf(t).length;
    const entry = { dtype: dtypeNames[t.dtype], shape: t.shape, data_offsets: [size, end] };
    fields.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`);
    size = end;
  }
  const text = new TextEncoder().encode(`{${fields.join()}}`);
  const head = new Uint8Array(8 + Math.ceil(text.length / 8) * 8).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(head.length - 8), true);
  head.set(text, 8);
  const pieces = [head, ...ordered.map(([, t]) => bytesOf(t))];
  const byteLength = head.length + size;
  return {
    byteLength,
    [Symbol.iterator]: () => pieces.values(),
    bytes: () => {
      if (byteLength > MAX_ARRAY_BYTES)
        throw new OptionError(
          `safetensors: a file of ${byteLength} bytes does not fit an array (${MAX_ARRAY_BYTES}). Write it piece by piece: encodeSafetensors`,
        );
      return joined(pieces, byteLength);
    },
  };
}

/** Encodes a safetensors file of up to 4 GiB as one array: see {@link encodeSafetensors}. @throws like that, and beyond 4 GiB. */
export function writeSafetensors(
  tensors: Iterable<readonly [string, Tensor]>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  return encodeSafetensors(tensors, metadata).bytes();
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length);
  let offset = 0;
  for (const piece of pieces) {
    all.set(piece, offset);
    offset += piece.length;
  }
  return all;
}

interface Entry {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function readEntry(name: string, value: JsonValue): Entry {
  const where = `tensor ${JSON.stringify(name)}`;
  if (!(value instanceof Map)) throw refuse(`${where}: must be an object`);
  for (const field of value.keys())
    if (field !== "dtype" && field !== "shape" && field !== "data_offsets")
      throw refuse(`${where}: unknown field ${JSON.stringify(field)}`);
  const dtypeName = value.get("dtype");
  const dtype = typeof dtypeName === "string" ? dtypesByName.get(dtypeName) : undefined;
  if (!dtype)
    throw refuse(
      `${where}: dtype must be one of ${[...dtypesByName.keys()].join(", ")}, got ${JSON.stringify(dtypeName)}`,
    );
  const shape = readCounts(value.get("shape"), `${where}: shape`);
  const offsets = readCounts(value.get("data_offsets"), `${where}: data_offsets`);
  const [begin, end] = offsets;
  const size = sizeOf(shape) * bytesPerElement(dtype);
  if (begin === undefined || end === undefined || offsets.length !== 2)
    throw refuse(`${where}: data_offsets must be two numbers`);
  if (!Number.isSafeInteger(size) || end - begin !== size)
    throw refuse(`${where}: ${dtypeName} [${shape}] takes ${size} bytes, data_offsets span ${end - begin}`);
  return { name, dtype, shape, begin, end };
}

function readCounts(value: JsonValue | undefined, where: string): number[] {
  if (!Array.isArray(value)) throw refuse(`${where} must be a list`);
  return value.map((count) => {
    if (typeof count !== "number" || !Number.isSafeInteger(count) || count < 0)
      throw refuse(`${where} must hold non-negative integers`);
    return count;
  });
}

function readMetadata(value: JsonValue | undefined): Record<string, string> {
  if (value === undefined) return {};
  if (!(value instanceof Map)) throw refuse(`${METADATA} must be an object`);
  // Object.fromEntries makes "__proto__" an ordinary field.
  return Object.fromEntries(
    [...value].map(([key, text]) => {
      if (typeof text !== "string") throw refuse(`${METADATA}: ${JSON.stringify(key)} must be a string`);
      return [key, text];
    }),
  );
}

/** The tensors must cover the data exactly, without overlaps or gaps. */
function checkTiling(entries: readonly Entry[], length: number): void {
  let covered = 0;
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== covered)
      throw refuse(
        `tensor ${JSON.stringify(name)} begins at ${begin}, ${begin < covered ? "inside another tensor" : `after a gap from ${covered}`}`,
      );
    covered = end;
  }
  if (covered !== length) throw refuse(`the tensors take ${covered} bytes, the file holds ${length}`);
}

function refuse(what: string): FormatError {
  return refusal("safetensors", what);
}
