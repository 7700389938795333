import assert from "node:assert/strict";
import { test } from "node:test";
import { element, escapeText, fragment } from "../../src/report/svg.js";
import { assertWellFormed, hostile } from "./support.js";

test("text and attributes are escaped, markup is not escaped twice", () => {
  const inner = element("title", {}, hostile);
  const outer = element("g", { "data-name": hostile }, inner, hostile);
  assertWellFormed(outer.text);
  assert.doesNotMatch(outer.text, /<script|"1"|'q'/);
  assert.equal(outer.text.split("&#60;script&#62;alert(&#34;1&#34;)&#60;/script&#62; &#38; &#39;q&#39;").length, 4);
});

test("characters that XML cannot hold are replaced, others kept", () => {
  assert.equal(escapeText("\u0000\u001b\ud800\ufffe"), "\ufffd".repeat(4));
  assert.equal(escapeText("größe 猫 🐈\n\t"), "größe 猫 🐈\n\t");
});

test("numbers are rounded, what is missing is left out, children may nest", () => {
  assert.equal(element("rect", { x: 1 / 3, y: Number.NaN, rx: null, ry: undefined }).text, '<rect x="0.33" y="0"/>');
  assert.equal(element("g", {}, [1, [false, null, "b"]], undefined).text, "<g>1b</g>");
  assert.equal(fragment(element("td", {}), "<").text, "<td></td>&#60;");
});
