import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { temporaryFolder } from "./support/fovea.js";

const readme = readFileSync("README.md", "utf8");
const files = readdirSync("examples").filter((file) => file.endsWith(".ts"));

test("the code in the README is that of examples/", () => {
  const blocks = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code!);
  const examples = files.map((file) => readFileSync(join("examples", file), "utf8"));
  assert.deepEqual(blocks.toSorted(), examples.toSorted());
});

for (const file of files)
  test(`examples/${file} runs`, async () => {
    const compiled = pathToFileURL(resolve("dist/examples", file.replace(/ts$/, "js"))).href;
    const before = process.cwd();
    process.chdir(temporaryFolder());
    try {
      await import(compiled);
      if (file === "train.ts") assert.ok(statSync("model.onnx").size > 1e6);
    } finally {
      process.chdir(before);
    }
  });

test("links in the documentation lead somewhere", () => {
  for (const file of [
    "README.md",
    ...readdirSync("docs")
      .filter((name) => name.endsWith(".md"))
      .map((name) => `docs/${name}`),
  ])
    for (const [, target] of readFileSync(file, "utf8").matchAll(/\]\((?!https?:|#)([^)#]+)\)/g))
      assert.ok(statSync(join(file, "..", target!)).size > 0, `${file}: ${target}`);
});
