import assert from "node:assert/strict";
import { test } from "node:test";
import { encodePng } from "../../src/report/index.js";
import { eventFile, eventRecords } from "../../src/report/tensorboard.js";
import { crc32c, readEvents } from "../support/tensorboard.js";

test("the reader's checksum is Castagnoli's", () => {
  assert.equal(crc32c(new TextEncoder().encode("123456789")), 0xe3069283); // RFC 3720's check value
});

test("curves and pictures are read back from an event file", () => {
  const png = encodePng({ width: 2, height: 1, pixels: Uint8Array.of(1, 2, 3, 4, 5, 6) });
  const steps = [
    { step: 1, time: 1.5, summaries: [{ tag: "loss/training", value: 2.25 }] },
    {
      step: 300,
      time: 2 ** 31,
      summaries: [
        { tag: "maps", png, width: 2, height: 1 },
        { tag: "größe", value: -1e-3 },
      ],
    },
    { step: 2 ** 40, time: 0, summaries: [] },
  ];
  const [version, ...events] = readEvents(eventFile(steps, 7));
  assert.deepEqual(version, { time: 7, step: 0, version: "brain.Event:2", values: [] });
  assert.deepEqual(
    events.map(({ step, time }) => [step, time]),
    steps.map(({ step, time }) => [step, time]),
  );
  assert.deepEqual(events[0]!.values, [{ tag: "loss/training", value: 2.25 }]);
  assert.deepEqual(events[1]!.values, [
    { tag: "maps", image: { height: 1, width: 2, colorspace: 3, png: Buffer.from(png) } },
    { tag: "größe", value: Math.fround(-1e-3) },
  ]);
});

test("records may be appended, and a bit that is turned is noticed", () => {
  const step = (n: number) => ({ step: n, time: n, summaries: [{ tag: "a", value: n }] });
  const whole = eventFile([step(1), step(2)], 0);
  assert.deepEqual(Buffer.concat([eventFile([step(1)], 0), eventRecords([step(2)])]), Buffer.from(whole));
  for (const at of [3, 9, 14, whole.length - 1]) {
    const damaged = Uint8Array.from(whole);
    damaged[at]! ^= 4;
    assert.throws(() => readEvents(damaged), /checksum/);
  }
});

test("what are no steps is refused", () => {
  for (const steps of [[{ step: -1, time: 0, summaries: [] }], [{ step: 0, time: 0, summaries: [{ tag: 3 }] }], 7])
    assert.throws(() => eventRecords(steps as never), /eventRecords: steps/);
});
