import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { loweredConv } from "../../tools/lowered-conv.js";
import { loweringImage, pipelineImage } from "../../tools/lowering-image.js";
import { assertWellFormed } from "../report/support.js";

const page = readFileSync("docs/lowering.md", "utf8");

for (const [computation, nodes] of loweredConv())
  test(`docs/lowering.md shows the nodes of the ${computation}`, () => {
    assert.ok(page.includes(`\`\`\`text\n${nodes}\`\`\``), `node dist/tools/lowered-conv.js prints now:\n${nodes}`);
  });

for (const [file, drawn] of Object.entries({
  "lowering.svg": loweringImage(),
  "lowering-pipeline.svg": pipelineImage(),
}))
  test(`docs/${file} is what its tool draws`, () => {
    assertWellFormed(drawn);
    assert.ok(readFileSync(`docs/${file}`, "utf8") === drawn, "out of date: node dist/tools/lowering-image.js");
  });

test("the files that docs/lowering.md speaks of are there", () => {
  for (const [, path] of page.matchAll(/`((?:src|test|tools|bench)\/[\w./-]+\.ts)`/g)) readFileSync(path!, "utf8");
});
