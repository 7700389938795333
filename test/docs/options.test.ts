import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { check, type Schema } from "../../src/core/schema.js";
import { FoveaError } from "../../src/index.js";
import { entries, optionsPage } from "../../tools/options-page.js";

const root = new URL("../../../", import.meta.url);

test("docs/options.md is what the schemas say", () => {
  assert.ok(
    readFileSync(new URL("docs/options.md", root), "utf8") === optionsPage(),
    "out of date: npm run docs:options",
  );
});

/** Fields of what is written in options, the options of networks, which follow from the registry, and what a plan of comparisons holds. */
const elsewhere = ["visitor", "part", "own", "dataSchema", "namedSchema", "settingSchema", "planSchema"];

test("every object of options that a schema checks is on the page", () => {
  const tool = readFileSync(new URL("tools/options-page.ts", root), "utf8");
  const names = readdirSync(new URL("src/", root), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !/^(core|cli|models)\//.test(file))
    .flatMap((file) => [
      ...readFileSync(new URL(`src/${file}`, root), "utf8").matchAll(
        /^(?:export )?const (\w+)(?:: Schema<.*>)? =\s(?:fields|options)[<(]/gm,
      ),
    ])
    .map(([, name]) => name!);
  assert.ok(names.length > 40, `${names.length}`);
  assert.deepEqual(
    names.filter((name) => !elsewhere.includes(name) && !new RegExp(`\\b${name}\\b`).test(tool)),
    [],
  );
});

for (const { owners, schema, fields } of entries)
  test(`options of ${owners}: each has words, and no others are taken`, () => {
    assert.ok(fields.length > 0);
    assert.deepEqual(
      fields.filter(({ words }) => words === "").map(({ name }) => name),
      [],
    );
    for (const wrong of [null, 7, [], "text", { nonsense: 1 }])
      assert.throws(() => check("f", "options", schema as Schema, wrong), FoveaError);
  });
