import assert from "node:assert/strict";
import { test } from "node:test";
import { csv, csvField } from "../../src/core/csv.js";

/** The fields of a CSV file, read by the rules of RFC 4180. */
function fieldsOf(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\n)/g)) {
    rows.at(-1)!.push(quoted === undefined ? plain! : quoted.replaceAll('""', '"'));
    if (end === "\n") rows.push([]);
  }
  return rows.slice(0, -1);
}

const names = [
  "a,b",
  'say "cheese"',
  '"',
  "two\nlines",
  "a\rb",
  "a\r\nb",
  "=1+1",
  "+x",
  "-x",
  "@x",
  " spaces ",
  "plain",
  "",
];

test("any name is read back as it was", () => {
  assert.deepEqual(fieldsOf(csv([names, names.toReversed()])), [names, names.toReversed()]);
});

test("only what needs quotes has them", () => {
  assert.deepEqual(["plain", "=1+1", "two words", 'a"b', "a,b", "a\rb", 0.5, false, null, undefined].map(csvField), [
    "plain",
    "=1+1",
    "two words",
    '"a""b"',
    '"a,b"',
    '"a\rb"',
    "0.5",
    "false",
    "",
    "",
  ]);
});
