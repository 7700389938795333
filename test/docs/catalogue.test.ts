import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { attentionModules } from "../../src/attention/index.js";
import { catalogue } from "../../tools/catalogue.js";
import { assertWellFormed } from "../report/support.js";

const docs = new URL("../../../docs/", import.meta.url);
const files = catalogue();

for (const [path, text] of files)
  test(`docs/${path} is what the registry says`, () => {
    const file = new URL(path, docs);
    assert.ok(existsSync(file), `${file.pathname} is missing: npm run docs:catalogue`);
    // No difference is shown: of a page or a drawing it would be long, and the command tells more.
    assert.ok(readFileSync(file, "utf8") === text, `${path} is out of date: npm run docs:catalogue`);
  });

test("every module has a section, a row, a drawing, a formula and notes", () => {
  const page = files.get("catalogue.md")!;
  for (const { name, formula, notes } of attentionModules.values()) {
    assert.ok(page.includes(`\n## ${name}\n`), `no section for ${name}`);
    assert.ok(page.includes(`| [${name}](#${name}) |`), `no row for ${name}`);
    assert.ok(files.has(`diagrams/${name}.svg`), `no drawing of ${name}`);
    assert.ok(formula.length > 0 && notes.length > 0, `no formula or notes of ${name}`);
  }
});

test("no drawing is left of a module that is gone", () => {
  const drawn = readdirSync(new URL("diagrams/", docs)).map((name) => `diagrams/${name}`);
  assert.deepEqual(
    drawn.filter((path) => !files.has(path)),
    [],
  );
});

test("drawings are well-formed, and tell the names of maps", () => {
  for (const [path, text] of files) if (path.endsWith(".svg")) assertWellFormed(text);
  for (const name of ["channel", "spatial"]) assert.ok(files.get("diagrams/cbam.svg")!.includes(`map: ${name}<`));
});

test("parameters in the table are those of the authors' modules", () => {
  // Counted in PyTorch from the authors' code at 64 channels.
  const counted = {
    se: "512",
    cbam: "680",
    bam: "1,173",
    scse: "645",
    triplet: "300",
    coord: "1,688",
    gam: "102,720",
    eca: "3",
  };
  const rows = files.get("catalogue.md")!.split("\n");
  for (const [name, count] of Object.entries(counted))
    assert.equal(rows.find((row) => row.startsWith(`| [${name}](`))!.split(" | ")[4], count, name);
});
