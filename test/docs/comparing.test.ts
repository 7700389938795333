import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parsePlan, presets, unitsOf } from "../../src/compare/index.js";
import { readPlanFile } from "../../src/compare/node/plan-file.js";
import { sharedFovea as fovea, temporaryFolder } from "../support/fovea.js";
import { ifLong } from "../support/long.js";

const text = ["comparing", "distributed"].map((name) => readFileSync(`docs/${name}.md`, "utf8")).join("\n");
const [json] = [...text.matchAll(/```json\n(.*?)```/gs)].map(([, code]) => code!);
const commands = [...text.matchAll(/```sh\n(.*?)```/gs)].flatMap(([, code]) => code!.trim().split("\n"));
const small = [
  "--seeds",
  "1",
  "--epochs",
  "1",
  "--images",
  "16",
  "--test-images",
  "8",
  "--batch",
  "8",
  "--workers",
  "1",
  "--dry-run",
  "--json",
];

test("the commands of docs/comparing.md and docs/distributed.md plan what they say", { skip: ifLong }, async () => {
  const out = temporaryFolder();
  const plan = join(out, "plan.json");
  const written = JSON.parse(json!);
  assert.equal(unitsOf(parsePlan(written)).length, 36);
  writeFileSync(
    plan,
    JSON.stringify({
      ...written,
      seeds: 1,
      epochs: 1,
      data: { ...written.data, images: 16 },
      settings: [{ batch: 8 }],
    }),
  );
  const yaml = join(out, "plan.yaml");
  writeFileSync(yaml, [...text.matchAll(/```yaml\n(.*?)```/gs)][0]![1]!);
  assert.equal(unitsOf(await readPlanFile(yaml)).length, 18);
  assert.ok(commands.length >= 7);
  // One shows the way, all of them take half a minute.
  for (const [i, command] of commands.entries()) {
    if (i > 0 && ifLong) break;
    const folder = join(out, String(i));
    const [npx, program, ...words] = command.split(" ");
    assert.deepEqual([npx, program], ["npx", "fovea"]);
    const planned = join(out, "planned");
    const args = words.map((word) => (word === "plan.json" ? plan : word === "FOLDER" ? planned : word));
    const own = args.includes("--out") ? [] : ["--out", folder];
    const asked = args.includes("slurm") ? small.filter((flag) => flag !== "--dry-run") : small;
    if (args[0] === "tune") {
      const tried = await fovea([...args, "--images", "16", "--test-images", "8", ...small.slice(-2)]);
      assert.equal(tried.code, 0, `${command}: ${tried.stderr}`);
      assert.equal(JSON.parse(tried.stdout).trials.length, 27);
      continue;
    }
    // In the folder that an earlier command planned, nothing is done yet.
    if (args[1] === "tables") {
      const { code, stderr } = await fovea(args);
      assert.equal(code, 1);
      assert.match(stderr, /is not the folder of a comparison|no unit is done yet/);
      continue;
    }
    const more = args[1] === "work" ? [] : [...(args[1] === plan ? small.slice(-2) : asked), ...own];
    const { code, stdout, stderr } = await fovea([...args, ...more]);
    assert.equal(code, 0, `${command}: ${stderr}`);
    if (args[1] !== "work")
      assert.ok(Number(JSON.parse(stdout).units?.length ?? JSON.parse(stdout).units) > 0, command);
  }
});

test("every preset is a plan, and docs/comparing.md names it", () => {
  for (const [name, { backbones, modules }] of Object.entries(presets)) {
    assert.ok(parsePlan({ data: "shapes", modules, ...(backbones && { backbones }) }).entrants.length > 1);
    assert.ok(text.includes(`\`${name}\``), name);
  }
});
