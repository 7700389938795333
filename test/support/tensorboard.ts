/** A reader of TensorBoard's event files, by their description alone: TFRecords of protocol buffers. */
export interface ReadEvent {
  readonly time: number;
  readonly step: number;
  readonly version: string | null;
  readonly values: readonly {
    readonly tag: string;
    readonly value?: number;
    readonly image?: { height: number; width: number; colorspace: number; png: Buffer };
  }[];
}

/** Bit by bit. */
export function crc32c(data: Uint8Array): number {
  let crc = ~0;
  for (const byte of data) {
    crc ^= byte;
    for (let k = 0; k < 8; k++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

const unmasked = (masked: number) => {
  const rotated = (masked - 0xa282ead8) >>> 0;
  return ((rotated >>> 17) | (rotated << 15)) >>> 0;
};

/** @throws Error where a checksum does not fit */
export function readEvents(file: Uint8Array): ReadEvent[] {
  const buffer = Buffer.from(file);
  const events: ReadEvent[] = [];
  for (let at = 0; at < buffer.length; ) {
    const head = buffer.subarray(at, at + 8);
    if (crc32c(head) !== unmasked(buffer.readUInt32LE(at + 8))) throw new Error(`checksum of the length at ${at}`);
    const length = Number(head.readBigUInt64LE());
    const data = buffer.subarray(at + 12, at + 12 + length);
    if (crc32c(data) !== unmasked(buffer.readUInt32LE(at + 12 + length))) throw new Error(`checksum at ${at}`);
    events.push(eventOf(data));
    at += 16 + length;
  }
  return events;
}

type Field = readonly [number: number, value: number | Buffer];

/** Numbers of wire types 0, 1 and 5, bytes of 2. */
function fieldsOf(data: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = data[at++]!;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return Number(value);
    }
  };
  while (at < data.length) {
    const key = varint();
    const [field, type] = [key >> 3, key & 7];
    if (type === 0) fields.push([field, varint()]);
    else if (type === 1) fields.push([field, data.readDoubleLE((at += 8) - 8)]);
    else if (type === 5) fields.push([field, data.readFloatLE((at += 4) - 4)]);
    else if (type === 2) {
      const length = varint();
      fields.push([field, data.subarray(at, (at += length))]);
    } else throw new Error(`wire type ${type}`);
  }
  return fields;
}

const get = (fields: readonly Field[], number: number) => fields.find(([field]) => field === number)?.[1];

function eventOf(data: Buffer): ReadEvent {
  const event = fieldsOf(data);
  const summary = get(event, 5) as Buffer | undefined;
  const values = (summary ? fieldsOf(summary) : []).map(([, value]) => {
    const parts = fieldsOf(value as Buffer);
    const image = get(parts, 4) as Buffer | undefined;
    const tag = String(get(parts, 1));
    if (!image) return { tag, value: get(parts, 2) as number };
    const [height, width, colorspace, png] = [1, 2, 3, 4].map((n) => get(fieldsOf(image), n));
    return { tag, image: { height, width, colorspace, png } as NonNullable<ReadEvent["values"][number]["image"]> };
  });
  const version = get(event, 3);
  return {
    time: (get(event, 1) as number) ?? 0,
    step: (get(event, 2) as number) ?? 0,
    version: version === undefined ? null : String(version),
    values,
  };
}
