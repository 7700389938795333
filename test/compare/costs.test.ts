import assert from "node:assert/strict";
import { test } from "node:test";
import { costsCsv } from "../../src/compare/costs.js";

test("names with what CSV reserves are quoted, a carriage return too", () => {
  const of = (entrant: string) =>
    costsCsv({
      threads: 1,
      noisy: false,
      rows: [
        {
          ...{ backbone: "resnet20", entrant, trainingRate: 300, memory: null, noisy: false },
          latency: { median: 0.001, low: 0.0009, high: 0.0012 },
        },
      ],
    })
      .split("\n")
      .slice(1)
      .join("\n");
  const rest = ",1.000,0.900,1.200,300.0,,,1,\n";
  assert.equal(of("se"), `resnet20,se${rest}`);
  assert.equal(of('se, "r=4"'), `resnet20,"se, ""r=4"""${rest}`);
  assert.equal(of("a\rb"), `resnet20,"a\rb"${rest}`);
});
