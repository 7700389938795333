import assert from "node:assert/strict";
import { test } from "node:test";
import { commandOf } from "../../src/compare/flags.js";
import { parsePlan } from "../../src/compare/plan.js";

const command = (data: object) =>
  commandOf(parsePlan({ data: { source: "/data/scenes", ...data }, modules: ["none", "se"] }));

test("a plan that flags can say is made by flags", () => {
  const said = command({ images: 5, testImages: 6, imageSize: 32 });
  assert.match(said, /fovea compare scenes\/ --modules none,se .*--images 5 --test-images 6 --image-size 32/);
  assert.doesNotMatch(said, /plan\.json/);
});

for (const data of [
  { validation: 0.1 },
  { classNames: ["sky", "road"] },
  { ignoreLabel: 255 },
  { ignoreLabel: null },
  { masks: "/data/masks" },
])
  test(`a plan with ${JSON.stringify(data)}, for which there is no flag, is made by a plan file that has it`, () => {
    const said = command(data);
    assert.match(said, /^```\nfovea compare plan\.json\n```/);
    const [name, value] = Object.entries(data)[0]!;
    const written = JSON.parse(said.split("```")[3]!);
    assert.deepEqual(written.data[name], value);
  });
