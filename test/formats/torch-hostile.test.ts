import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { float32 } from "../../src/core/tensor.js";
import { readTorch } from "../../src/formats/torch/index.js";
import { said, survives } from "./mutation.js";
import { archiveFile, bytes, global, int, legacyFile, rebuild, storageId, uint, unicode } from "./torch-files.js";

const four = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);

/** Reads a pickled object that has one storage, "0", of four floats; in both layouts. */
function read(...object: (number | string | Uint8Array)[]): unknown {
  const pickled = bytes(...object);
  const value = readTorch(legacyFile(pickled, { 0: four }));
  assert.deepEqual(readTorch(archiveFile(pickled, { "data/0": four })), value);
  return value;
}

/** That an object is refused in both layouts. */
function refused(message: RegExp, ...object: (number | string | Uint8Array)[]): void {
  // The legacy layout reads every storage it lists, so this one must be mentioned.
  const pickled = bytes(storageId("0", 4), "0", ...object);
  assert.throws(() => readTorch(legacyFile(pickled, { 0: four })), { name: "FormatError", message });
  assert.throws(() => readTorch(archiveFile(pickled, { "data/0": four })), { name: "FormatError", message });
}

const window = (offset: number, shape: number[], strides: number[]) =>
  rebuild(storageId("0", 4), offset, shape, strides);

test("the helpers make files that are read", () => {
  assert.deepEqual(read(window(0, [2, 2], [1, 2])), float32([2, 2], [1, 3, 2, 4]));
  assert.deepEqual(read(window(1, [3], [1])), float32([3], [2, 3, 4]));
});

const forbidden: [module: string, name: string][] = [
  ["os", "system"],
  ["posix", "system"],
  ["nt", "system"],
  ["builtins", "eval"],
  ["builtins", "exec"],
  ["builtins", "getattr"],
  ["__builtin__", "eval"],
  ["subprocess", "Popen"],
  ["torch.storage", "_load_from_bytes"],
  ["torch._utils", "_rebuild_wrapper_subclass"],
  ["pickle", "loads"],
  ["collections", "__proto__"],
  ["", "constructor"],
  ["torch", "load"],
  ["__torch__.Model", "Module"],
];
for (const [module, name] of forbidden)
  test(`refuses ${module}.${name}, naming it, however it is called`, () => {
    const message = new RegExp(`asks for ${module}\\.${name}, which is not on the list`);
    refused(message, global(module, name), unicode("echo"), 0x85, "R");
    refused(message, global(module, name));
    refused(message, unicode(module), unicode(name), 0x93, unicode("echo"), 0x85, 0x81);
  });

test("a pickle inside bytes stays bytes", () => {
  const inner = bytes(0x80, 2, "cos\nsystem\n", unicode("echo"), 0x85, "R.");
  refused(/stack is empty/, bytes("B", uint(4, inner.length), inner, "0"));
  assert.deepEqual(read(storageId("0", 4), "0", "B", uint(4, inner.length), inner), inner);
});

test("the header pickles may name nothing at all", () => {
  const file = bytes(0x80, 2, global("collections", "OrderedDict"), ")R.");
  assert.throws(() => readTorch(file), { name: "FormatError", message: /header asks for collections.OrderedDict/ });
});

const cases: [why: string, message: RegExp, ...object: (number | string | Uint8Array)[]][] = [
  ["a window beyond its storage", /reaches beyond its storage of 4 elements/, window(0, [5], [1])],
  ["an offset beyond its storage", /reaches beyond its storage/, window(4, [1], [1])],
  ["strides beyond its storage", /reaches beyond its storage/, window(0, [2, 2], [1, 3])],
  [
    "a shape that overflows",
    /reaches beyond its storage/,
    window(0, [2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1], [0, 0, 0]),
  ],
  [
    "an expanded tensor of gigabytes",
    /non-contiguous tensor .* takes 8589934588 bytes; the limit/,
    window(0, [2 ** 31 - 1], [0]),
  ],
  ["a negative stride", /not lists of non-negative integers/, window(3, [4], [-1])],
  ["a negative offset", /offset that is not/, window(-1, [1], [1])],
  ["more strides than dimensions", /1 dimensions and 2 strides/, window(0, [1], [1, 1])],
  ["65 dimensions", /not lists/, window(0, Array(65).fill(1), Array(65).fill(1))],
  ["a tensor of a number", /not a storage/, rebuild(int(7), 0, [1], [1])],
  ["a storage declared in two ways", /declared in two ways/, storageId("0", 5)],
  ["a storage of an unknown class", /unknown type torch.Int4Storage/, storageId("1", 1, "Int4Storage")],
  ["a storage of a class that is none", /unknown type/, storageId("1", 1, "Size")],
  ["a list as external object", /not a storage/, "]Q"],
  ["a storage without a length", /no length/, storageId("1", -1)],
  ["a call of a mere name", /only accepted as a name/, global("torch", "FloatStorage"), ")R"],
  ["an object of a known class with named arguments", /named arguments/, global("torch", "Size"), ")}NNs", 0x92],
  ["an object without a class", /without a class/, "(o"],
  ["a call of a number", /calls something that is not a function/, int(1), ")R"],
  ["a call of text that looks like a name", /not a function/, global("torch", "float32"), ")R"],
  ["a call without a tuple", /without a tuple/, global("torch", "Size"), int(1), "R"],
  ["a call with too many arguments", /with 17 arguments/, global("torch", "Size"), "(", ...Array(17).fill("N"), "tR"],
  ["a state for a list", /has none/, "]}b"],
  ["a list that holds itself", /contains itself/, "]q\x01h\x01a"],
  ["a dict that holds itself", /contains itself/, "}q\x01Nh\x01s"],
  ["a namespace that holds itself", /contains itself/, global("argparse", "Namespace"), ")Rq\x01h\x01b"],
  ["tuples nested 200 deep", /nested deeper than 100/, ")", "\x85".repeat(200)],
  [
    "200 lists, nested back to front",
    /nested deeper than 100/,
    "(]q\x00",
    ...Array.from({ length: 200 }, (_, i) => bytes("]q", i + 1, "h", i, "a")),
    "t",
  ],
  ["30 doublings", /more than 10000000 values/, "N", "2\x86".repeat(30)],
  ["marks nested too deep", /nested deeper than 1000/, "(".repeat(1001)],
  ["an unknown opcode", /opcode 0xff is unknown/, "\xff"],
  ["an extension", /opcode 0x82/, "\x82\x01"],
  ["protocol 6", /protocol 6/, "\x80\x06"],
  ["an empty stack", /stack is empty/, "0"],
  ["a mark that is popped as a value", /stack is empty/, "N(0"],
  ["no mark", /no mark/, "Nt"],
  ["a memo entry that is not there", /memo has no entry 7/, "h\x07"],
  ["a memo entry without a number", /without a number/, "Npx\n"],
  ["an append to text", /not a list/, unicode("a"), "Na"],
  ["items of a list", /not a dict/, "]NNs"],
  ["a key without a value", /without a value/, "}(Nu"],
  ["text longer than the file", /ends early: 2147483647 bytes needed/, "X", uint(4, 2 ** 31 - 1)],
  ["text of 2^60 bytes", /a length of/, 0x8d, uint(8, 2 ** 60)],
  ["bytes longer than the file", /ends early/, "B", uint(4, 2 ** 32 - 1)],
  ["old text of negative length", /ends early/, "T", uint(4, -1)],
  ["text that is not UTF-8", /not UTF-8/, "X", uint(4, 1), "\xff"],
  ["an integer of a megabyte", /integer of 1048576 bytes/, 0x8b, uint(4, 2 ** 20)],
  ["an integer in letters", /not written in digits/, "Iten\n"],
  ["an integer line without end", /no end of line/, `I${"1".repeat(2000)}\n`],
  ["a float in letters", /float that is not/, "Fx1\n"],
  ["a set of a number", /not a list/, global("builtins", "set"), int(1), "\x85R"],
  ["a dictionary of triples", /not pairs/, global("collections", "OrderedDict"), "(NNNt\x85\x85R"],
  [
    "text in another encoding",
    /not written as Latin-1/,
    global("_codecs", "encode"),
    unicode("a"),
    unicode("rot13"),
    "\x86R",
  ],
  [
    "a NumPy scalar of objects",
    /NumPy scalar that is not a number/,
    global("numpy.core.multiarray", "scalar"),
    global("numpy", "dtype"),
    unicode("O8"),
    "\x85R",
    unicode("12345678"),
    "\x86R",
  ],
];
for (const [why, message, ...object] of cases) test(`refuses ${why}`, () => refused(message, ...object));

test("a shape that grows after it was checked", () => {
  const call = bytes(
    global("torch._utils", "_rebuild_tensor_v2"),
    "(",
    storageId("0", 4),
    "K\x00](K\x02eq\x01](K\x01eq\x02\x89NtR",
  );
  assert.deepEqual(read("(", call, "h\x01K\x09ah\x02K\x09at"), [float32([2], [1, 2]), [2, 9], [1, 9]]);
});

test("copying one long list again and again is limited", () => {
  const list = bytes("(", "N".repeat(500_000), "lq\x01");
  const copies = bytes(global("torch", "Size"), "q\x02", ...Array(1000).fill("0h\x02h\x01\x85R"));
  refused(/copying a list takes 8000000 bytes/, list, "0", copies);
});

test("a pickle of more than two million steps", () => refused(/more than 2000000 steps/, "N0".repeat(1_000_001)));
test("a stack of more than a million values", () => refused(/more than 1000000 values/, "N".repeat(1_000_001)));

test("names like __proto__ are ordinary keys", () => {
  const value = read(storageId("0", 4), "0}", unicode("__proto__"), "}", unicode("polluted"), 0x88, "ss");
  assert.deepEqual(value, new Map([["__proto__", new Map([["polluted", true]])]]));
  assert.equal(Object.hasOwn(Object.prototype, "polluted"), false);
});

test("numbers in their older spellings", () => {
  const value = read(
    storageId("0", 4),
    "0(I01\nI00\nI-12\nL123L\nF1.5e3\nFnan\nF-inf\nJ",
    uint(4, -5),
    "\x8a\x02\xff\x7f\x8a\x01\xff\x8a\x00l",
  );
  assert.deepEqual(value, [true, false, -12, 123, 1500, Number.NaN, Number.NEGATIVE_INFINITY, -5, 32767, -1, 0]);
});

test("damage to the frame around a legacy object", () => {
  const object = window(0, [4], [1]);
  const file = (contents: Record<string, Uint8Array>) => () => readTorch(legacyFile(object, contents));
  assert.throws(file({}), { message: /storage "0" should have 16 bytes, is missing/ });
  assert.throws(file({ 0: four.subarray(4) }), { message: /should have 4 elements, has 3/ });
  assert.throws(file({ 0: four, 1: four }), { message: /lists a storage that no tensor uses/ });
  assert.throws(() => readTorch(legacyFile(object, { 0: four }).subarray(0, -1)), { message: /ends early/ });
  assert.throws(() => readTorch(bytes(0x80, 2, "}.")), { message: /a pickle, but not one of torch.save/ });
});

test("a legacy storage that is a view of another", () => {
  const id = (start: number, length: number) =>
    bytes(
      "(",
      unicode("storage"),
      global("torch", "FloatStorage"),
      unicode("0"),
      unicode("cpu"),
      int(4),
      unicode("1"),
      int(start),
      int(length),
      "\x87tQ",
    );
  const value = readTorch(legacyFile(rebuild(id(1, 3), 1, [2], [1]), { 0: four }));
  assert.deepEqual(value, float32([2], [3, 4]));
  assert.throws(() => readTorch(legacyFile(rebuild(id(2, 3), 0, [1], [1]), { 0: four })), {
    message: /a view reaches beyond storage/,
  });
});

test("damage to the frame around an archive", () => {
  const object = window(0, [4], [1]);
  const file = (others: Record<string, Uint8Array>) => () => readTorch(archiveFile(object, others));
  assert.throws(file({}), { message: /storage "0" should have 16 bytes, is missing/ });
  assert.throws(file({ "data/0": four.subarray(1) }), { message: /should have 16 bytes, has 15/ });
  assert.throws(file({ "data/0": four, byteorder: bytes("big") }), { message: /byte order is "big"/ });
  assert.throws(file({ "data/0": four, "constants.pkl": four }), { message: /TorchScript/ });
  assert.deepEqual(file({ "data/0": four, byteorder: bytes("little") })(), float32([4], [1, 2, 3, 4]));
});

const fragments = [
  ..."(0120NJM\x88\x89)]}tlaesudbRQ".split("").map((code) => bytes(code)),
  ...[0x85, 0x86, 0x87, 0x8f, 0x90, 0x91, 0x93, 0x94, 0x81].map((code) => bytes(code)),
  ...["h\x00", "h\x01", "q\x00", "q\x01", "K\x02", "I3\n", "F1.5\n"].map((code) => bytes(code)),
  ...["OrderedDict", "defaultdict"].map((name) => bytes(global("collections", name))),
  ...["Size", "device", "float32", "FloatStorage"].map((name) => bytes(global("torch", name))),
  ...["set", "list"].map((name) => bytes(global("builtins", name))),
  bytes(global("torch._utils", "_rebuild_tensor_v2")),
  bytes(global("argparse", "Namespace")),
  bytes(global("numpy", "dtype")),
  bytes(global("numpy", "ndarray")),
  bytes(global("numpy.core.multiarray", "_reconstruct")),
  bytes(global("project", "Config")),
  bytes(global("project", "collate")),
  bytes(global("builtins", "getattr")),
  bytes(global("_operator", "getitem")),
  bytes(global("pathlib", "PosixPath")),
  bytes(global("torch._utils", "_rebuild_tensor_v3")),
  bytes(global("torch._tensor", "_rebuild_from_type_v2")),
  bytes(0x92),
  bytes("o"),
  unicode("RED"),
  bytes(global("numpy.core.multiarray", "scalar")),
  bytes(global("_codecs", "encode")),
  unicode("latin1"),
  unicode("f8"),
  bytes("C\x0812345678"),
  storageId("0", 4),
  window(0, [2], [2]),
];

test("random programs of opcodes are run or refused, never more", (t) => {
  const programs = fc.array(fc.constantFrom(...fragments), { maxLength: 60 });
  const outcome = survives(programs, (program) =>
    readTorch(legacyFile(bytes(storageId("0", 4), ...program), { 0: four })),
  );
  t.diagnostic(said(outcome));
});
