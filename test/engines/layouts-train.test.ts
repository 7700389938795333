import assert from "node:assert/strict";
import { test } from "node:test";
import { generateShapes } from "../../src/data/index.js";
import { resnet } from "../../src/models/index.js";
import { lossesOf, relativeDifferences } from "../../tools/compare-layouts.js";
import { ortBlocked, ortPlain } from "../support/engines.js";
import { ifLong } from "../support/long.js";

test("fifty steps of ResNet-20 + CBAM have the same losses in blocks as without", { skip: ifLong }, async (t) => {
  const data = generateShapes({ count: 1600, size: 16, seed: 1 });
  // At three times this rate rounding alone moves the losses by nearly the bound (docs/lab/lowering-checks.md).
  const options = { batch: 32, steps: 50, lr: 0.003 };
  const [plain, blocked] = await Promise.all(
    [ortPlain, ortBlocked].map((engine) =>
      lossesOf(engine, resnet(20, { numClasses: data.classes.length, attention: "cbam" }), data, options),
    ),
  );
  const differences = relativeDifferences(blocked!, plain!);
  assert.equal(differences.length, 50);
  const [early, all] = [Math.max(...differences.slice(0, 25)), Math.max(...differences)];
  t.diagnostic(`largest difference in 25 steps ${early.toExponential(1)}, in 50 ${all.toExponential(1)}`);
  // Gradients that are a hundredth too large differ by 1e-4 at step 25.
  assert.ok(early <= 5e-5, `losses of 25 steps differ by ${early.toExponential(1)}`);
  assert.ok(all <= 1e-3, `losses of 50 steps differ by ${all.toExponential(1)}`);
});
