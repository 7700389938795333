import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type EntryPoint, publicApi } from "../tools/api.js";

const texts = publicApi();
for (const entry of Object.keys(texts) as EntryPoint[])
  test(`the public API of ${entry} is as it is written down`, () => {
    assert.equal(
      texts[entry],
      readFileSync(`test/api/${entry}.txt`, "utf8"),
      "if this is meant: npm run build && node dist/tools/api.js",
    );
  });
