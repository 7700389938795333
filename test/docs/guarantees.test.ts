import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";

test("every guarantee names a test file that is there", () => {
  const rows = readFileSync("docs/guarantees.md", "utf8")
    .split("\n")
    .filter((line) => line.startsWith("| ") && line !== "| what | test |");
  assert.ok(rows.length > 20);
  for (const row of rows) {
    const files = [...row.matchAll(/\]\(\.\.\/(test\/[^)]+)\)/g)].map(([, file]) => file!);
    assert.ok(files.length > 0 && files.every((file) => existsSync(file)), row);
  }
});
