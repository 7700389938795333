import { FormatError } from "../../core/errors.js";

/** Of all metadata together. */
const mostBytes = 2 ** 24;
/** `metadata_props` of a ModelProto, and `key` and `value` of its entries. */
const fields = { metadata: 14, key: 1, value: 2 } as const;

/**
 * The text metadata of an ONNX file. Reads nothing else of it.
 *
 * @throws FormatError if it is no protocol buffer, or its metadata take more than 16 MiB.
 */
export function readOnnxMetadata(bytes: Uint8Array, file: string): Record<string, string> {
  const entries: [string, string][] = [];
  let total = 0;
  for (const { field, part } of fieldsOf(bytes, file)) {
    if (field !== fields.metadata || !part) continue;
    // Entries without text take memory too.
    total += part.length + 64;
    if (total > mostBytes) throw new FormatError(`${file}: its metadata take more than ${mostBytes} bytes`);
    const texts = new Map<number, string>();
    for (const inner of fieldsOf(part, file))
      if (inner.part) texts.set(inner.field, new TextDecoder().decode(inner.part));
    entries.push([texts.get(fields.key) ?? "", texts.get(fields.value) ?? ""]);
  }
  return Object.fromEntries(entries);
}

/** The fields of a message, one after another; `part` of those that have a length. */
function* fieldsOf(bytes: Uint8Array, file: string): Generator<{ readonly field: number; readonly part?: Uint8Array }> {
  let at = 0;
  const bad = () => new FormatError(`${file}: is not an ONNX file`);
  const varint = (): number => {
    let value = 0;
    for (let i = 0; i < 10; i++) {
      const byte = bytes[at++];
      if (byte === undefined) throw bad();
      value += (byte & 127) * 2 ** (7 * i);
      if (byte < 128) return value;
    }
    throw bad();
  };
  while (at < bytes.length) {
    const tag = varint();
    const [field, wire] = [Math.floor(tag / 8), tag % 8];
    if (field === 0) throw bad();
    if (wire === 0) {
      varint();
      yield { field };
      continue;
    }
    const length = wire === 2 ? varint() : wire === 5 ? 4 : wire === 1 ? 8 : Number.NaN;
    if (!(at + length <= bytes.length)) throw bad();
    at += length;
    yield wire === 2 ? { field, part: bytes.subarray(at - length, at) } : { field };
  }
}
