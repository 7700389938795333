import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bytesSource, inBlocks } from "../../src/formats/byte-source.js";

test("a source that reads in blocks gives the bytes that are asked for, in few reads", async () => {
  const bytes = Uint8Array.from({ length: 2 ** 22 + 5 }, (_, i) => (i * 7 + (i >> 8)) & 255);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(bytes.length), fc.nat(2 ** 21)), { maxLength: 20 }), async (ranges) => {
      const source = inBlocks(bytesSource(bytes));
      for (const [offset, wanted] of ranges) {
        const length = Math.min(wanted, bytes.length - offset);
        const read = await source.read(offset, length);
        assert.equal(Buffer.compare(read, bytes.subarray(offset, offset + length)), 0, `${offset}, ${length}`);
      }
    }),
    { numRuns: 50, seed: 15 },
  );
  let reads = 0;
  const counted = inBlocks({
    size: bytes.length,
    read(...range) {
      reads++;
      return bytesSource(bytes).read(...range);
    },
  });
  for (let at = 0; at + 16 <= bytes.length; at += 16) await counted.read(at, 16);
  assert.ok(reads <= 5, `${reads}`);
});
