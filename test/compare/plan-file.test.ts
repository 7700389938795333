import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readPlanFile } from "../../src/compare/node/plan-file.js";
import { parsePlan, writtenPlan } from "../../src/compare/plan.js";
import { temporaryFolder } from "../support/fovea.js";

const folder = temporaryFolder();
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

test("YAML and JSON say the same plan, with comments and anchors in YAML", async () => {
  const yaml = `# six seeds
data: { source: shapes, images: 512 }
modules:
  - none
  - name: se
    options: &half { reduction: 8 }
  - { name: cbam, options: *half }
seeds: [3, 4]
settings: [{ lr: 0.1 }, { lr: 2e-2, weightDecay: 0.001 }]
`;
  const plan = await readPlanFile(file("plan.yaml", yaml));
  assert.deepEqual(plan.seeds, [3, 4]);
  assert.deepEqual(plan.entrants[2]!.options, { reduction: 8 });
  assert.equal(plan.settings[1]!.lr, 0.02);
  const json = file("plan.json", JSON.stringify(writtenPlan(plan)));
  assert.deepEqual(await readPlanFile(json), plan);
  assert.deepEqual(parsePlan(writtenPlan(plan)), plan);
});

test("what is wrong with a plan is said in one line, with the line in the file", async () => {
  const valid = "data: shapes\nmodules:\n  - none\n  - se\n";
  for (const [name, text, says] of [
    ["a.yaml", `${valid}seeds: 0\n`, /a\.yaml:5: seeds must be how many seeds/],
    [
      "a.yaml",
      `${valid}settings:\n  - lr: 0.1\n  - lr: -1\n`,
      /a\.yaml:7: settings\[1\]\.lr must be a positive number/,
    ],
    ["a.yaml", `${valid}\nsedes: 3\n`, /a\.yaml:6: unknown option "sedes"\. Did you mean "seeds"/],
    ["a.yaml", `${valid}settings:\n  - lr: 0.1\n    decay: 1\n`, /a\.yaml:7: settings\[0\]: unknown option "decay"/],
    ["a.yaml", "data: shapes\nmodules:\n  - none\n  - cbma\n", /a\.yaml:4: modules\[1\]: Unknown module "cbma"\. Did/],
    ["a.yml", "data: shapes\nmodules: [none, se\n", /a\.yml:\d: Flow sequence/],
    ["a.yaml", "data: shapes\ndata: x\nmodules: [none, se]\n", /a\.yaml:2: Map keys must be unique/],
    ["a.yaml", `${valid}- x\n`, /a\.yaml:\d: /],
    ["a.yaml", "modules: [none, se]\n", /a\.yaml: data must be/],
    ["a.yaml", "", /a\.yaml: must be a plan/],
    ["a.yaml", "just words", /a\.yaml: must be a plan/],
    ["a.yaml", "data: !!js/function 'x'\nmodules: [none, se]\n", /a\.yaml/],
    ["a.yaml", `a: &a [${"x,".repeat(99)}x]\nb: &b [${"*a,".repeat(99)}*a]\nc: [${"*b,".repeat(99)}*b]\n`, /alias/],
    ["a.yaml", `# ${"x".repeat(200_001)}`, /a plan has at most 200,000 characters/],
    ["a.json", `{"data":"shapes",\n"modules":["none","se"],\n"seeds":"3"}`, /a\.json:3: seeds must be/],
    ["a.json", `{"data":"shapes",\n"modules":["none","se"\n}`, /a\.json:\d is not JSON/],
    ["a.json", "data: shapes\nmodules: [none, se]\n", /a\.json is not JSON/],
  ] as const) {
    const path = file(name, text);
    await assert.rejects(readPlanFile(path), (error: Error) => {
      assert.equal(error.name, "OptionError", String(error));
      assert.match(error.message, says, text.slice(0, 60));
      assert.ok(!error.message.includes("\n"));
      return true;
    });
  }
  await assert.rejects(readPlanFile(join(folder, "nowhere.yaml")), /nowhere\.yaml: cannot be read/);
});
