import type { Cursor } from "./cursor.js";
import { Machine, type PickleHost } from "./machine.js";
import { decodeLatin1, decodeUtf8, narrow } from "./scalars.js";
import type { Pickled } from "./values.js";

/** Bounds the cost of a file; real checkpoints take some ten thousand steps. */
const MAX_STEPS = 2_000_000;
const MAX_LONG_BYTES = 1024;
const MAX_LINE = 1024;

/**
 * Reads one pickle and leaves the cursor at its end.
 *
 * Supports the binary opcodes of protocols 1 to 5, except extensions and out-of-band buffers; torch cannot write the text strings of
 * protocol 0. Calls only `Callable`s from `host`, and never recurses.
 *
 * @throws FormatError for anything else, and for more than 2 million steps.
 */
export function unpickle(cursor: Cursor, host: PickleHost): Pickled {
  const machine = new Machine(cursor, host);
  for (let step = 0; step < MAX_STEPS; step++) {
    const opcode = cursor.uint8();
    if (opcode === STOP) return machine.pop();
    const run = opcodes.get(opcode);
    if (!run) throw cursor.refuse(`pickle opcode 0x${opcode.toString(16)} is unknown or not accepted`);
    run(machine, cursor);
  }
  throw cursor.refuse(`pickle takes more than ${MAX_STEPS} steps`);
}

type Step = (machine: Machine, cursor: Cursor) => void;

const STOP = 0x2e;

/** Named as in Python's pickletools. */
const opcodes: ReadonlyMap<number, Step> = new Map<number, Step>([
  [0x80 /* PROTO */, (_, c) => checkProtocol(c, c.uint8())],
  [0x95 /* FRAME */, (_, c) => void c.uint64()],

  [0x28 /* MARK */, (m) => m.mark()],
  [0x30 /* POP */, (m) => void m.pop()],
  [0x31 /* POP_MARK */, (m) => void m.popToMark()],
  [0x32 /* DUP */, (m) => m.push(m.top())],

  [0x4e /* NONE */, (m) => m.push(null)],
  [0x88 /* NEWTRUE */, (m) => m.push(true)],
  [0x89 /* NEWFALSE */, (m) => m.push(false)],
  [0x49 /* INT */, (m, c) => m.push(parseInteger(c, c.line(MAX_LINE)))],
  [0x4a /* BININT */, (m, c) => m.push(c.int32())],
  [0x4b /* BININT1 */, (m, c) => m.push(c.uint8())],
  [0x4d /* BININT2 */, (m, c) => m.push(c.uint16())],
  [0x4c /* LONG */, (m, c) => m.push(parseInteger(c, c.line(MAX_LINE)))],
  [0x8a /* LONG1 */, (m, c) => m.push(decodeLong(c, c.uint8()))],
  [0x8b /* LONG4 */, (m, c) => m.push(decodeLong(c, c.uint32()))],
  [0x46 /* FLOAT */, (m, c) => m.push(parseFloatLine(c, c.line(MAX_LINE)))],
  [0x47 /* BINFLOAT */, (m, c) => m.push(c.float64BigEndian())],

  [0x54 /* BINSTRING */, (m, c) => m.push(oldString(c.take(c.int32())))],
  [0x55 /* SHORT_BINSTRING */, (m, c) => m.push(oldString(c.take(c.uint8())))],
  [0x58 /* BINUNICODE */, (m, c) => m.push(text(c, c.uint32()))],
  [0x8c /* SHORT_BINUNICODE */, (m, c) => m.push(text(c, c.uint8()))],
  [0x8d /* BINUNICODE8 */, (m, c) => m.push(text(c, c.uint64()))],
  [0x42 /* BINBYTES */, (m, c) => m.push(c.take(c.uint32()))],
  [0x43 /* SHORT_BINBYTES */, (m, c) => m.push(c.take(c.uint8()))],
  [0x8e /* BINBYTES8 */, (m, c) => m.push(c.take(c.uint64()))],
  [0x96 /* BYTEARRAY8 */, (m, c) => m.push(c.take(c.uint64()))],

  [0x29 /* EMPTY_TUPLE */, (m) => m.push([])],
  [0x85 /* TUPLE1 */, (m) => m.push(m.pops(1))],
  [0x86 /* TUPLE2 */, (m) => m.push(m.pops(2))],
  [0x87 /* TUPLE3 */, (m) => m.push(m.pops(3))],
  [0x74 /* TUPLE */, (m) => m.push(m.popToMark())],
  [0x5d /* EMPTY_LIST */, (m) => m.push([])],
  [0x6c /* LIST */, (m) => m.push(m.popToMark())],
  [0x61 /* APPEND */, (m) => m.append(m.pops(1))],
  [0x65 /* APPENDS */, (m) => m.append(m.popToMark())],
  [0x7d /* EMPTY_DICT */, (m) => m.push(new Map())],
  [0x64 /* DICT */, (m) => m.dict(m.popToMark())],
  [0x73 /* SETITEM */, (m) => m.setItems(m.pops(2))],
  [0x75 /* SETITEMS */, (m) => m.setItems(m.popToMark())],
  [0x8f /* EMPTY_SET */, (m) => m.push(new Set())],
  [0x90 /* ADDITEMS */, (m) => m.addItems(m.popToMark())],
  [0x91 /* FROZENSET */, (m) => m.push(new Set(m.popToMark()))],

  [0x71 /* BINPUT */, (m, c) => m.put(c.uint8())],
  [0x72 /* LONG_BINPUT */, (m, c) => m.put(c.uint32())],
  [0x70 /* PUT */, (m, c) => m.put(Number(c.line(MAX_LINE)))],
  [0x94 /* MEMOIZE */, (m) => m.memoize()],
  [0x68 /* BINGET */, (m, c) => m.get(c.uint8())],
  [0x6a /* LONG_BINGET */, (m, c) => m.get(c.uint32())],
  [0x67 /* GET */, (m, c) => m.get(Number(c.line(MAX_LINE)))],

  [0x63 /* GLOBAL */, (m, c) => m.global(c.line(MAX_LINE), c.line(MAX_LINE))],
  [0x93 /* STACK_GLOBAL */, (m) => m.global(...m.pair())],
  [0x52 /* REDUCE */, (m) => m.call(...m.pair())],
  [0x81 /* NEWOBJ */, (m) => m.create(...m.pair())],
  [0x92 /* NEWOBJ_EX */, (m) => m.create(...(m.pops(3) as [Pickled, Pickled, Pickled]))],
  [0x69 /* INST */, (m, c) => m.createInstance(c.line(MAX_LINE), c.line(MAX_LINE))],
  [0x6f /* OBJ */, (m) => m.createObject()],
  [0x62 /* BUILD */, (m) => m.build(m.pop())],
  [0x51 /* BINPERSID */, (m) => m.push(m.host.persistent(m.pop()))],
]);

function checkProtocol(cursor: Cursor, protocol: number): void {
  if (protocol > 5) throw cursor.refuse(`pickle protocol ${protocol}; at most 5 is known`);
}

function text(cursor: Cursor, length: number): string {
  const decoded = decodeUtf8(cursor.take(length));
  if (decoded === undefined) throw cursor.refuse("pickle holds text that is not UTF-8");
  return decoded;
}

/** Python 2 wrote text and bytes alike. What is not UTF-8 was bytes, decoded as one character per byte. */
function oldString(bytes: Uint8Array): string {
  return decodeUtf8(bytes) ?? decodeLatin1(bytes);
}

/** Two's complement, little-endian. */
function decodeLong(cursor: Cursor, length: number): number | bigint {
  if (length > MAX_LONG_BYTES) throw cursor.refuse(`pickle holds an integer of ${length} bytes`);
  const bytes = cursor.take(length);
  const digits = Array.from(bytes.toReversed(), (byte) => byte.toString(16).padStart(2, "0"));
  return narrow(BigInt.asIntN(8 * length, BigInt(`0x0${digits.join("")}`)));
}

/** Decimal digits with Python 2's `L`; protocol 1 writes True and False as `01` and `00`. */
function parseInteger(cursor: Cursor, line: string): number | bigint | boolean {
  if (line === "01" || line === "00") return line === "01";
  const digits = /^([+-]?[0-9]+)L?$/.exec(line)?.[1];
  if (digits === undefined) throw cursor.refuse("pickle holds an integer that is not written in digits");
  return narrow(BigInt(digits.replace("+", "")));
}

function parseFloatLine(cursor: Cursor, line: string): number {
  const named: Record<string, number> = {
    nan: Number.NaN,
    inf: Number.POSITIVE_INFINITY,
    "-inf": Number.NEGATIVE_INFINITY,
  };
  if (Object.hasOwn(named, line)) return named[line]!;
  if (!/^[+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?$/.test(line))
    throw cursor.refuse("pickle holds a float that is not written in digits");
  return Number(line);
}
