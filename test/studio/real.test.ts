import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { ifLong } from "../support/long.js";
import { choose, goTo, openBrowser, said, serve, visit, skip as withoutChromium } from "./support.js";

const data = process.env.FOVEA_DATA ?? "";
const [photos, weights] = [join(data, "hymenoptera"), join(data, "weights", "mobilenetV1X0.25_pretrain.tar")];
const missing =
  data && existsSync(photos) && existsSync(weights) ? false : "no FOVEA_DATA with hymenoptera and weights";
const skip = withoutChromium || ifLong || missing;
const served = skip ? undefined : serve();
const browser = skip ? undefined : openBrowser();
after(async () => {
  await (await browser)?.close();
  (await served)?.close();
});

test("ants and bees: a folder of photos, transfer from MobileNet in the page", { skip }, async () => {
  const { page, faults } = await visit((await browser)!, (await served)!.url);
  await page.evaluate(() =>
    localStorage.setItem("fovea-studio-settings", JSON.stringify({ threads: 1, epochs: 15, batch: 32 })),
  );
  await page.reload();
  const began = performance.now();
  await choose(page, "Choose a folder", photos);
  await page.locator(".thumb img").first().waitFor();
  console.log(`# first images after ${((performance.now() - began) / 1000).toFixed(1)} s`);
  await said(page, /^Added 397 images\. 1 file skipped/);
  await page.getByText(/imageNotFound\.gif: a GIF/).waitFor();
  await goTo(page, "Train");
  await choose(page, "Weights in a file", weights);
  await page.getByText(/mobilenetv1_025, from/).waitFor();
  const started = performance.now();
  await page.getByRole("button", { name: "Train", exact: true }).click();
  await said(page, /^Training finished/, 600_000);
  console.log(`# trained in ${((performance.now() - started) / 1000).toFixed(0)} s`);
  const share = Number.parseInt(await page.locator(".finished .figure").innerText(), 10);
  assert.ok(share >= 85, `${share} %`);
  assert.deepEqual(faults, []);
});
