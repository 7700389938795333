import assert from "node:assert/strict";
import { test } from "node:test";
import { noWeb } from "../../support/engines.js";
import { ifLong } from "../../support/long.js";
import { roundTrip, smallest } from "./support.js";

// tools/check-export.ts has every network.
for (const name of ["resnet20", "preact_resnet20", "mobilenetv1_025", "mbv2_ca", "van_b0"])
  test(`${name}: its file gives the same logits in Node and as WebAssembly`, {
    skip: noWeb || (name !== "resnet20" && ifLong),
  }, async () => {
    const errors = await roundTrip(smallest(name));
    assert.deepEqual([...errors.keys()], ["onnxruntime-node", "onnxruntime-web"]);
    for (const [runtime, error] of errors) assert.ok(error <= 1e-4, `${runtime}: ${error}`);
  });
