import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Looks, lookShare } from "../../studio/logic/looks.js";

/** A training by a clock of its own: how long each epoch takes, and a look after it, if there is one. */
async function trained(times: readonly { readonly epoch: number; readonly look: number }[]) {
  let now = 1000;
  const looks = new Looks(() => now);
  const taken: { readonly epoch: number; readonly time: number }[] = [];
  for (const [i, { epoch, look }] of times.entries()) {
    now += epoch;
    const found = await looks.after(i + 1, times.length, async () => {
      now += look;
      return "maps";
    });
    if (found) taken.push({ epoch: i + 1, time: look });
  }
  return { all: now - 1000, taken, share: looks.share };
}

const sum = (times: readonly { readonly time: number }[]) => times.reduce((total, { time }) => total + time, 0);
const time = fc.integer({ min: 1, max: 1000 });
const timesOf = (epoch: fc.Arbitrary<number>, look: fc.Arbitrary<number>) =>
  fc.array(fc.record({ epoch, look }), { minLength: 1, maxLength: 200 });

test("whatever epochs and looks take, looks after the first are within their share, but for two", async () => {
  const of = (times: fc.Arbitrary<{ epoch: number; look: number }[]>) =>
    fc.asyncProperty(times, async (times) => {
      const { all, taken, share } = await trained(times);
      assert.equal(taken[0]!.epoch, 1);
      assert.equal(taken.at(-1)!.epoch, times.length);
      const later = taken.slice(1);
      const longest = Math.max(0, ...later.map(({ time }) => time));
      assert.ok(sum(later) <= lookShare * all + 2 * longest, `${sum(later)} of ${all} ms`);
      assert.ok(Math.abs(share - sum(taken) / all) < 1e-12);
    });
  await fc.assert(of(timesOf(time, time)));
  await fc.assert(of(timesOf(time, fc.integer({ min: 0, max: 20 }))));
});

test("looks that all take as long are within their share, if two are", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(time, { minLength: 2, maxLength: 200 }), time, time, async (epochs, first, look) => {
      const times = epochs.map((epoch, i) => ({ epoch, look: i === 0 ? first : look }));
      const { all, taken } = await trained(times);
      assert.ok(sum(taken.slice(1)) <= Math.max(lookShare * all, 2 * look));
    }),
  );
});

test("where a look takes a fiftieth of an epoch, every epoch has one; where it takes half of one, few have", async () => {
  const count = async (look: number) =>
    (await trained(Array.from({ length: 100 }, (_, i) => ({ epoch: 100, look: i === 0 ? 300 : look })))).taken.length;
  assert.equal(await count(2), 100);
  const few = await count(50);
  assert.ok(few >= 8 && few <= 12, `${few}`);
});
