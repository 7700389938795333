import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

// Tests run from the root of the repository.
const page = readFileSync("docs/adding-a-module.md", "utf8");

test("the excerpts of docs/adding-a-module.md are in the files that they are from", () => {
  const excerpts = [...page.matchAll(/From `([^`]+)`:\n\n```\w+\n([\s\S]*?)```/g)];
  assert.ok(excerpts.length >= 5);
  for (const [, file, text] of excerpts)
    assert.ok(readFileSync(file!, "utf8").includes(text!.trimEnd()), `not in ${file}:\n${text}`);
});

test("the printed graph that it shows is the committed one", () => {
  const graph = readFileSync("test/golden/gct.graph.txt", "utf8").trimEnd().split("\n").slice(-4).join("\n");
  assert.ok(page.includes(graph));
});
