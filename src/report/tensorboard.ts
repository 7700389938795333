import { check, fieldsOf, finite, list, that, whole } from "../core/schema.js";

/** A point of a curve or a picture, for TensorBoard. */
export type Summary =
  | { readonly tag: string; readonly value: number }
  | { readonly tag: string; readonly png: Uint8Array; readonly width: number; readonly height: number };

/** What belongs to one step. */
export interface StepSummaries {
  readonly step: number;
  /** Seconds since 1970. */
  readonly time: number;
  readonly summaries: readonly Summary[];
}

const stepsSchema = list(
  fieldsOf<StepSummaries>({
    step: whole(0),
    time: finite,
    summaries: list(
      that<Summary>("{ tag, value } or { tag, png, width, height }", (x) => isSummary(x)),
      "a list of summaries",
    ),
  }),
  "a list of { step, time, summaries }",
);

/**
 * A TensorBoard event file: TFRecords of `tensorflow.Event` messages (tensorflow/core/util/event.proto, summary.proto). To an existing file
 * the records of later steps may be appended: those of {@link eventRecords}.
 */
export function eventFile(steps: readonly StepSummaries[], time: number): Uint8Array {
  check("eventFile", "time", finite, time);
  const version = message([double(1, time), bytes(3, utf8("brain.Event:2"))]);
  return concat([record(version), eventRecords(steps)]);
}

/** The records of some steps, without the file's beginning. */
export function eventRecords(steps: readonly StepSummaries[]): Uint8Array {
  check("eventRecords", "steps", stepsSchema, steps);
  return concat(
    steps.map(({ step, time, summaries }) => {
      const summary = message(summaries.map((one) => bytes(1, summaryValue(one))));
      return record(message([double(1, time), integer(2, step), bytes(5, summary)]));
    }),
  );
}

function isSummary(x: unknown): boolean {
  const { tag, value, png, width, height } = (x ?? {}) as Record<string, unknown>;
  const picture = png instanceof Uint8Array && Number.isInteger(width) && Number.isInteger(height);
  return typeof tag === "string" && (typeof value === "number" || picture);
}

function summaryValue(summary: Summary): Uint8Array {
  const tag = bytes(1, utf8(summary.tag));
  if ("value" in summary) return message([tag, float(2, summary.value)]);
  const { png, width, height } = summary;
  const rgb = 3;
  const image = message([integer(1, height), integer(2, width), integer(3, rgb), bytes(4, png)]);
  return message([tag, bytes(4, image)]);
}

/** Length, data, and a masked checksum of each (tensorflow/core/lib/io/record_writer.h). */
function record(data: Uint8Array): Uint8Array {
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(data.length), true);
  return concat([length, masked(length), data, masked(data)]);
}

function masked(data: Uint8Array): Uint8Array {
  const crc = crc32c(data);
  return littleEndian32((((crc >>> 15) | (crc << 17)) >>> 0) + 0xa282ead8);
}

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0x82f63b78 ^ (n >>> 1) : n >>> 1;
  return n;
});

/** Castagnoli's. */
function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = table[(crc ^ byte) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

// The wire format of protocol buffers, as far as these messages need it.
const message = (fields: readonly Uint8Array[]) => concat(fields);
const integer = (field: number, value: number) => concat([varint(field * 8), varint(value)]);
const bytes = (field: number, data: Uint8Array) => concat([varint(field * 8 + 2), varint(data.length), data]);

function double(field: number, value: number): Uint8Array {
  const data = new Uint8Array(8);
  new DataView(data.buffer).setFloat64(0, value, true);
  return concat([varint(field * 8 + 1), data]);
}

function float(field: number, value: number): Uint8Array {
  const data = new Uint8Array(4);
  new DataView(data.buffer).setFloat32(0, value, true);
  return concat([varint(field * 8 + 5), data]);
}

function varint(value: number): Uint8Array {
  const digits: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) digits.push((rest % 128) | 128);
  return Uint8Array.from([...digits, rest]);
}

function littleEndian32(value: number): Uint8Array {
  const data = new Uint8Array(4);
  new DataView(data.buffer).setUint32(0, value >>> 0, true);
  return data;
}

const utf8 = (value: string) => new TextEncoder().encode(value);

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
