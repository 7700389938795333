import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { FormatError, OptionError, ShapeError } from "../../src/core/errors.js";
import { type DType, float32, sizeOf, type Tensor, tensor } from "../../src/core/tensor.js";
import { bytesPerElement, tensorOf } from "../../src/formats/elements.js";
import { readSafetensors, writeSafetensors } from "../../src/formats/safetensors.js";

const dtypes: DType[] = [
  "float64",
  "float32",
  "float16",
  "bfloat16",
  "int64",
  "int32",
  "int16",
  "int8",
  "uint8",
  "bool",
];

/** A file with this header text, padded as given, and so many bytes of data. */
function file(header: string, dataLength = 0): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + dataLength);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const anyTensor = fc
  .record({ dtype: fc.constantFrom(...dtypes), shape: fc.array(fc.nat(4), { maxLength: 4 }) })
  .chain(({ dtype, shape }) => {
    const length = sizeOf(shape) * bytesPerElement(dtype);
    return fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => tensorOf(dtype, shape, bytes));
  });
const anyName = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom("__proto__", "constructor", "0", "1", 'a.b\n"c'),
);
const anyFile = fc.tuple(
  fc.uniqueArray(fc.tuple(anyName, anyTensor), { selector: ([name]) => name, maxLength: 6 }),
  fc
    .array(fc.tuple(anyName, fc.string({ unit: "binary" })), { maxLength: 3 })
    .map((entries) => Object.fromEntries(entries)),
);

test("what is written reads back, and writes the same bytes again", () => {
  fc.assert(
    fc.property(anyFile, fc.nat(9), ([entries, metadata], shift) => {
      const written = writeSafetensors(entries, metadata);
      const moved = Buffer.alloc(written.length + shift).subarray(shift);
      moved.set(written);
      const read = readSafetensors(moved);
      assert.deepEqual(read.metadata, metadata);
      assert.deepEqual(new Set(read.tensors.keys()), new Set(entries.map(([name]) => name)));
      for (const [name, t] of entries) assert.deepEqual(read.tensors.get(name), t);
      assert.deepEqual(writeSafetensors(read.tensors, read.metadata), written);
    }),
    { numRuns: 300, seed: 1 },
  );
});

test("wide elements come first, then the given order; everything is aligned", () => {
  const small = tensor("uint8", [3], Uint8Array.of(1, 2, 3));
  const written = writeSafetensors([
    ["b", small],
    ["2", float32([1], [1])],
    ["1", float32([1], [2])],
    ["wide", tensor("int64", [], BigInt64Array.of(9n))],
  ]);
  const length = Number(new DataView(written.buffer).getBigUint64(0, true));
  assert.equal(length % 8, 0);
  assert.equal(
    new TextDecoder().decode(written.subarray(8, 8 + length)).trimEnd(),
    '{"wide":{"dtype":"I64","shape":[],"data_offsets":[0,8]},"2":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},' +
      '"1":{"dtype":"F32","shape":[1],"data_offsets":[12,16]},"b":{"dtype":"U8","shape":[3],"data_offsets":[16,19]}}',
  );
});

test("tensors are views where aligned and copies where not", () => {
  const written = writeSafetensors([["x", float32([2], [1, 2])]]);
  assert.equal(readSafetensors(written).tensors.get("x")!.data.buffer, written.buffer);
  const shifted = Buffer.concat([Buffer.alloc(1), written]).subarray(1);
  const copy = readSafetensors(
    shifted.byteOffset % 4 ? shifted : Buffer.concat([Buffer.alloc(2), written]).subarray(2),
  );
  assert.deepEqual(copy.tensors.get("x"), float32([2], [1, 2]));
});

test("an empty file and names that poison objects", () => {
  assert.deepEqual(readSafetensors(writeSafetensors([])), { tensors: new Map(), metadata: {} });
  const { tensors, metadata } = readSafetensors(
    file('{"__metadata__":{"__proto__":"p"},"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1),
  );
  assert.deepEqual([...tensors.keys()], ["__proto__"]);
  assert.deepEqual(Object.entries(metadata), [["__proto__", "p"]]);
  assert.equal(Object.getPrototypeOf(metadata), Object.prototype);
});

test("the writer refuses taken names and data that does not fit its shape", () => {
  const one = float32([1], [1]);
  assert.throws(
    () =>
      writeSafetensors([
        ["a", one],
        ["a", one],
      ]),
    OptionError,
  );
  assert.throws(() => writeSafetensors([["__metadata__", one]]), OptionError);
  assert.throws(() => writeSafetensors([["a", { ...one, shape: [2] } as Tensor]]), ShapeError);
});

const entry = (dtype: string, shape: string, offsets: string) =>
  `{"dtype":${dtype},"shape":${shape},"data_offsets":${offsets}}`;
const f32 = (begin: number, end: number) => entry('"F32"', `[${(end - begin) / 4}]`, `[${begin},${end}]`);

const damaged: [why: string, bytes: Uint8Array, message: RegExp][] = [
  ["too short for a length", new Uint8Array(7), /at least 8 bytes, got 7/],
  ["header longer than the file", Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0), /header of 9 bytes, but only 0/],
  ["header beyond the limit", new Uint8Array(8).fill(0xff), /more than 33554432/],
  [
    "header of more keys than any model has",
    file(`{"__metadata__":{${Array.from({ length: 100_001 }, (_, i) => `"k${i}":""`)}}}`),
    /an object of more than 100000 keys/,
  ],
  ["header not UTF-8", file("{}").fill(0xff, 8), /not UTF-8/],
  ["header not JSON", file("{]"), /expected a string at character 1/],
  ["header not an object", file("[]"), /must be a JSON object/],
  ["something after the header", file("{} {}"), /unexpected text after/],
  ["a name twice", file(`{"a":${f32(0, 4)},"a":${f32(4, 8)}}`, 8), /"a" appears twice/],
  ["a name twice, once escaped", file(`{"a":${f32(0, 4)},"\\u0061":${f32(4, 8)}}`, 8), /"a" appears twice/],
  ["a field twice", file('{"a":{"dtype":"F32","dtype":"F64"}}'), /"dtype" appears twice/],
  ["an unknown field", file('{"a":{"dtyp":"F32"}}'), /unknown field "dtyp"/],
  [
    "an unknown dtype",
    file(`{"a":${entry('"F8_E4M3"', "[1]", "[0,1]")}}`, 1),
    /dtype must be one of F64, .* got "F8_E4M3"/,
  ],
  ["a dtype from the prototype", file(`{"a":${entry('"toString"', "[1]", "[0,1]")}}`, 1), /dtype must be/],
  ["no dtype", file('{"a":{"shape":[],"data_offsets":[0,0]}}'), /dtype must be/],
  ["no shape", file('{"a":{"dtype":"F32","data_offsets":[0,0]}}'), /shape must be a list/],
  ["a negative size", file(`{"a":${entry('"F32"', "[-1]", "[0,4]")}}`, 4), /non-negative integers/],
  ["a fractional size", file(`{"a":${entry('"F32"', "[1.5]", "[0,6]")}}`, 6), /non-negative integers/],
  ["a size beyond 2^53", file(`{"a":${entry('"F32"', "[9007199254740993]", "[0,4]")}}`, 4), /non-negative integers/],
  ["a size of 1e400", file(`{"a":${entry('"F32"', "[1e400]", "[0,4]")}}`, 4), /non-negative integers/],
  ["a product that overflows", file(`{"a":${entry('"F32"', "[4294967296,4294967296]", "[0,0]")}}`), /takes/],
  ["three offsets", file(`{"a":${entry('"F32"', "[1]", "[0,4,8]")}}`, 8), /two numbers/],
  [
    "offsets that contradict the shape",
    file(`{"a":${entry('"F32"', "[2]", "[0,4]")}}`, 4),
    /takes 8 bytes, data_offsets span 4/,
  ],
  ["offsets backwards", file(`{"a":${entry('"F32"', "[1]", "[4,0]")}}`, 4), /span -4/],
  ["overlap", file(`{"a":${f32(0, 8)},"b":${f32(4, 12)}}`, 12), /"b" begins at 4, inside another/],
  ["a gap", file(`{"a":${f32(0, 4)},"b":${f32(8, 12)}}`, 12), /"b" begins at 8, after a gap from 4/],
  ["data beyond the file", file(`{"a":${f32(0, 8)}}`, 4), /take 8 bytes, the file holds 4/],
  ["data that nobody owns", file(`{"a":${f32(0, 4)}}`, 8), /take 4 bytes, the file holds 8/],
  ["metadata that is no object", file('{"__metadata__":[]}'), /__metadata__ must be an object/],
  ["metadata that is no text", file('{"__metadata__":{"a":1}}'), /"a" must be a string/],
  ["true, false and null", file('{"a":null}'), /expected a string, number, list or object/],
  ["deep nesting", file(`{"a":${"[".repeat(100_000)}`), /nested deeper than 8/],
  ["an unfinished string", file('{"a'), /malformed string/],
  ["a raw line feed in a name", file('{"a\n":1}'), /malformed string/],
];
for (const [why, bytes, message] of damaged)
  test(`refuses ${why}`, () => {
    assert.throws(() => readSafetensors(bytes), { name: "FormatError", message });
    assert.throws(() => readSafetensors(bytes), FormatError);
  });

test("messages stay one short line whatever a file calls its tensors", () => {
  const name = JSON.stringify(`${"long\n".repeat(1000)}`);
  assert.throws(
    () => readSafetensors(file(`{${name}:1}`)),
    (error: Error) => error.message.length < 320 && !error.message.includes("\n"),
  );
});

const golden = join(process.env.FOVEA_DATA ?? "../shared/data", "../golden");
test("every golden file reads, and reads the same once it is written again", {
  skip: !existsSync(golden) && `no ${golden}`,
}, () => {
  const files = readdirSync(golden, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".safetensors"),
  );
  assert.ok(files.length > 100);
  for (const name of files) {
    const bytes = readFileSync(join(golden, name));
    const { tensors, metadata } = readSafetensors(bytes);
    const written = writeSafetensors(tensors, metadata);
    // Those that are laid out as the reference implementation does it come back to the byte; others have their own order.
    if (!/^(?:seeing|comparing)\b/.test(name)) assert.ok(bytes.equals(written), name);
    const again = readSafetensors(written);
    assert.deepEqual(again.metadata, metadata, name);
    assert.deepEqual([...again.tensors.keys()].sort(), [...tensors.keys()].sort(), name);
    for (const [key, { dtype, shape, data }] of tensors) {
      const found = again.tensors.get(key)!;
      assert.deepEqual([found.dtype, found.shape], [dtype, shape], `${name}: ${key}`);
      const bytesOf = (array: ArrayBufferView) => Buffer.from(array.buffer, array.byteOffset, array.byteLength);
      assert.ok(bytesOf(found.data).equals(bytesOf(data)), `${name}: ${key}`);
    }
  }
});
