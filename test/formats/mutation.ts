import assert from "node:assert/strict";
import fc from "fast-check";
import { FormatError, type FoveaError } from "../../src/core/errors.js";

/** One kind of damage. Positions are fractions of the file, so that they stay sensible while a case is shrunk. */
type Damage = (bytes: Uint8Array) => Uint8Array;

// Not fc.double, which prefers numbers next to zero: nearly all damage would hit the first byte.
const position = fc.nat(2 ** 31 - 1).map((n) => n / 2 ** 31);
const at = (bytes: Uint8Array, where: number) => Math.floor(where * bytes.length);

const flipBit = fc.tuple(position, fc.nat(7)).map(
  ([where, bit]): Damage =>
    (bytes) => {
      const out = bytes.slice();
      if (out.length) out[at(out, where)]! ^= 1 << bit;
      return out;
    },
);

/** Numbers that break arithmetic, in the place of 1, 2, 4 or 8 bytes. */
const extreme = fc
  .tuple(
    position,
    fc.constantFrom(1, 2, 4, 8),
    fc.constantFrom(
      0n,
      1n,
      0x7fn,
      0xffn,
      0x7fffffffn,
      0x80000000n,
      0xffffffffn,
      2n ** 53n,
      2n ** 63n - 1n,
      2n ** 64n - 1n,
    ),
  )
  .map(
    ([where, width, value]): Damage =>
      (bytes) => {
        const out = bytes.slice();
        const start = at(out, where);
        for (let i = 0; i < width && start + i < out.length; i++)
          out[start + i] = Number((value >> BigInt(8 * i)) & 0xffn);
        return out;
      },
  );

const truncate = position.map(
  (where): Damage =>
    (bytes) =>
      bytes.slice(0, at(bytes, where)),
);

/** A stretch of the file once more, up to a thousand times, somewhere else. */
const repeat = fc.tuple(position, position, position, fc.constantFrom(1, 2, 1000)).map(
  ([from, length, to, times]): Damage =>
    (bytes) => {
      const start = at(bytes, from);
      const part = bytes.slice(start, start + Math.ceil(length ** 4 * 64));
      const target = at(bytes, to);
      return Buffer.concat([bytes.slice(0, target), ...Array<Uint8Array>(times).fill(part), bytes.slice(target)]);
    },
);

const insert = fc.tuple(position, fc.uint8Array({ maxLength: 12 })).map(
  ([where, added]): Damage =>
    (bytes) => {
      const start = at(bytes, where);
      return Buffer.concat([bytes.slice(0, start), added, bytes.slice(start)]);
    },
);

const remove = fc.tuple(position, fc.integer({ min: 1, max: 64 })).map(
  ([where, length]): Damage =>
    (bytes) => {
      const start = at(bytes, where);
      return Buffer.concat([bytes.slice(0, start), bytes.slice(start + length)]);
    },
);

const anyDamage = fc.array(fc.oneof(flipBit, flipBit, extreme, truncate, repeat, insert, remove), {
  minLength: 1,
  maxLength: 5,
});

/** `FOVEA_FUZZ_RUNS=200000` for the long run; `FOVEA_FUZZ_SEED` for another one. */
const runs = Number(process.env.FOVEA_FUZZ_RUNS ?? 1000);
const seed = Number(process.env.FOVEA_FUZZ_SEED ?? 1);
/** Of the processor's time: on a busy machine any case may have to wait. */
const SLOWEST_MILLISECONDS = 1000;
const LONGEST_MESSAGE = 500;

export interface Outcome {
  cases: number;
  accepted: number;
  /** Milliseconds. */
  slowest: number;
  /** Of all that this process has held at a time so far, in MiB. */
  memory: number;
}

/** Reads every input: a reader may accept it or throw a FormatError of one line, and must be quick. */
export function survives<T>(inputs: fc.Arbitrary<T>, read: (input: T) => void): Outcome {
  const trial = new Trial([FormatError]);
  fc.assert(
    fc.property(inputs, (input) => {
      const start = process.cpuUsage();
      try {
        read(input);
        trial.accepted();
      } catch (error) {
        trial.refused(error);
      }
      trial.ended(start);
    }),
    { numRuns: runs, seed },
  );
  return trial.outcome;
}

/** The same of readers that wait, and that may throw other errors. A share of the runs: files make them slower. */
export async function survivesWaiting<T>(
  inputs: fc.Arbitrary<T>,
  read: (input: T) => Promise<unknown>,
  errors: readonly (typeof FoveaError)[],
  share = 1,
): Promise<Outcome> {
  const trial = new Trial(errors);
  await fc.assert(
    fc.asyncProperty(inputs, async (input) => {
      const start = process.cpuUsage();
      try {
        await read(input);
        trial.accepted();
      } catch (error) {
        trial.refused(error);
      }
      trial.ended(start);
    }),
    { numRuns: Math.ceil(runs * share), seed },
  );
  return trial.outcome;
}

class Trial {
  readonly outcome: Outcome = { cases: 0, accepted: 0, slowest: 0, memory: 0 };

  constructor(private readonly errors: readonly (typeof FoveaError)[]) {}

  accepted(): void {
    this.outcome.accepted++;
  }

  refused(error: unknown): void {
    if (!(error instanceof Error) || !this.errors.some((kind) => error instanceof kind)) throw error;
    assert.doesNotMatch(error.message, /[\n\r]/);
    assert.ok(error.message.length < LONGEST_MESSAGE, `a message of ${error.message.length} characters`);
  }

  ended(start: NodeJS.CpuUsage): void {
    const { user, system } = process.cpuUsage(start);
    const milliseconds = (user + system) / 1000;
    assert.ok(milliseconds < SLOWEST_MILLISECONDS, `took ${milliseconds} ms`);
    this.outcome.cases++;
    this.outcome.slowest = Math.max(this.outcome.slowest, milliseconds);
    this.outcome.memory = process.resourceUsage().maxRSS / 1024;
  }
}

/** What a test says of it. */
export const said = ({ cases, accepted, slowest, memory }: Outcome): string =>
  `${cases} cases, ${accepted} still readable, slowest ${slowest.toFixed(1)} ms, memory ${memory.toFixed(0)} MiB`;

/** The files, damaged in many ways. */
export function damaged(files: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  return fc
    .tuple(fc.constantFrom(...files), anyDamage)
    .map(([file, damages]) => damages.reduce((now, damage) => damage(now), file));
}
