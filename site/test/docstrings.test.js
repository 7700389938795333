import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const site = fileURLToPath(new URL("..", import.meta.url));

test("every public name has a docstring, and links in them lead somewhere", () => {
  const { stdout, stderr, status } = spawnSync("npx", ["typedoc", "--emit", "none", "--pretty", "false"], {
    cwd: site,
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  const warnings = `${stdout}${stderr}`
    .split("\n")
    .filter((line) => /does not have any documentation|links? to/.test(line))
    // Fields of anonymous objects are documented with the property that has them.
    .filter((line) => !line.includes("__type"));
  assert.deepEqual(warnings, []);
});
