import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { dist, serve } from "../serve.js";

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const program = ["chromium", "chromium-browser", "google-chrome"].find(
  (name) => spawnSync(name, ["--version"]).status === 0,
);
const built = readdirSync(dist, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".html"));
/** Pages of the API reference are made alike, so the largest of each kind stands for it. */
const kinds = ["index", "functions/", "classes/", "interfaces/", "type-aliases/", "variables/"];
const largest = (files) => files.toSorted((a, b) => statSync(join(dist, b)).size - statSync(join(dist, a)).size)[0];
const pages = [
  ...built.filter((file) => !file.startsWith("api/") && file !== "404.html"),
  ...kinds.map((kind) => largest(built.filter((file) => file.startsWith("api/") && file.includes(kind)))),
];

let site;
let browser;
before(async () => {
  if (!program) return;
  site = await serve();
  browser = await chromium.launch({
    executablePath: spawnSync("which", [program], { encoding: "utf8" }).stdout.trim(),
  });
});
after(async () => {
  await browser?.close();
  site?.server.close();
});

/** Both sizes and both color schemes; what is wrong with colors does not depend on the size. */
const screens = { "desktop, light": [1280, "light"], "phone, dark": [390, "dark"] };

for (const page of pages)
  for (const [screen, [width, colorScheme]] of Object.entries(screens))
    test(`${page}, ${screen}`, { skip: program ? false : "no Chromium" }, async () => {
      const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
      try {
        const tab = await context.newPage();
        const errors = [];
        tab.on("pageerror", (error) => errors.push(error.message));
        await tab.goto(`${site.origin}/${page.replace(/(^|\/)index\.html$/, "$1").replace(/\.html$/, "")}`);
        await tab.waitForLoadState("networkidle");
        await tab.addScriptTag({ path: axe });
        const violations = await tab.evaluate(async () => (await globalThis.axe.run()).violations);
        const serious = violations
          .filter(({ impact }) => impact === "serious" || impact === "critical")
          .map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).slice(0, 3)}`);
        assert.deepEqual(serious, []);
        assert.deepEqual(errors, []);
        const overflow = await tab.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(overflow <= 0, `the page is ${overflow} pixels wider than the window`);
      } finally {
        await context.close();
      }
    });
