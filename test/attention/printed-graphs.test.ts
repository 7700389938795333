import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { printGraph } from "../../src/graph/print.js";
import { verify } from "../../src/graph/verify.js";
import { examples, traceExample } from "./catalogue.js";

// A change that is not meant to change a module leaves its printed graph alone. UPDATE_GRAPHS=1 writes them anew.
const folder = new URL("../../../test/golden/", import.meta.url);

for (const example of examples)
  test(`printed graph of ${example.label}`, () => {
    const { graph } = traceExample(example, undefined, true);
    verify(graph);
    const file = new URL(`${example.label}.graph.txt`, folder);
    const printed = printGraph(graph);
    if (process.env.UPDATE_GRAPHS) writeFileSync(file, printed);
    assert.ok(existsSync(file), `${file.pathname} is missing: run with UPDATE_GRAPHS=1`);
    assert.equal(printed, readFileSync(file, "utf8"));
  });

test("every committed graph belongs to a module", () => {
  const labels = new Set(examples.map(({ label }) => `${label}.graph.txt`));
  const stale = readdirSync(folder).filter((name) => name.endsWith(".graph.txt") && !labels.has(name));
  assert.deepEqual(stale, []);
});
