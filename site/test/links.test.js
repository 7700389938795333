import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { dist, fileOf } from "../serve.js";

const pages = readdirSync(dist, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".html"));
const anchors = new Map();
const anchorsOf = (file) => {
  if (!anchors.has(file))
    anchors.set(file, new Set([...readFileSync(file, "utf8").matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id)));
  return anchors.get(file);
};

test("every link of the site leads to a page and to a heading that exist", () => {
  assert.ok(pages.length > 300);
  const broken = [];
  for (const page of pages.filter((page) => page !== "404.html")) {
    const here = new URL(page, "http://site/");
    for (const [, link] of readFileSync(join(dist, page), "utf8").matchAll(/\s(?:href|src)="([^"]+)"/g)) {
      const { origin, pathname, hash } = new URL(link.replaceAll("&amp;", "&"), here);
      if (origin !== here.origin) continue;
      const file = fileOf(pathname);
      if (!file || (hash && file.endsWith(".html") && !anchorsOf(file).has(decodeURIComponent(hash.slice(1)))))
        broken.push(`${page}: ${link}`);
    }
  }
  assert.deepEqual(broken, []);
});

test("every page of docs/ is in the sidebar", () => {
  const config = readFileSync(new URL("../.vitepress/config.js", import.meta.url), "utf8");
  const names = readdirSync(new URL("../../docs/", import.meta.url)).filter((file) => file.endsWith(".md"));
  assert.deepEqual(
    names.filter((file) => file !== "README.md" && !config.includes(`"${file.replace(".md", "")}"]`)),
    [],
  );
});
