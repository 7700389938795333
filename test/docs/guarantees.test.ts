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

test("every limit but those without a test names one that is there", () => {
  const rows = readFileSync("docs/limits.md", "utf8")
    .split("\n")
    .filter((line) => line.startsWith("| ") && line !== "| what | bound | beyond | test |");
  assert.ok(rows.length > 30);
  for (const row of rows.filter((row) => !row.endsWith("| – |") && !row.endsWith("| the same |"))) {
    const files = [...row.matchAll(/\]\(\.\.\/(test\/[^)]+)\)/g)].map(([, file]) => readFileSync(file!, "utf8"));
    assert.ok(files.length > 0, row);
    const test = row.slice(row.lastIndexOf("| "));
    for (const [, name] of test.matchAll(/"([^"]+)"/g)) {
      const beginning = name!.replace(/ ?…$/, "");
      assert.ok(
        files.some((text) => text.includes(`"${beginning}`)),
        `${beginning}: ${row}`,
      );
    }
  }
});
