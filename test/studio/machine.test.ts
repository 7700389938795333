import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Page } from "playwright-core";
import { fovea } from "../support/fovea.js";
import { ifLong } from "../support/long.js";
import {
  choose,
  goTo,
  openBrowser,
  said,
  serve,
  shapesZip,
  visit,
  skip as withoutChromium,
  zipFile,
} from "./support.js";

const skip = withoutChromium || ifLong;
const served = skip ? undefined : serve();
const browser = skip ? undefined : openBrowser();
after(async () => {
  await (await browser)?.close();
  (await served)?.close();
});

/** The losses of all epochs, as stored. */
const losses = (page: Page): Promise<number[]> =>
  page.evaluate(async () => {
    const home = await (await navigator.storage.getDirectory()).getDirectoryHandle("fovea-studio");
    const run = await home.getDirectoryHandle("run");
    const file = await (await run.getFileHandle("metrics.jsonl")).getFile();
    const lines = (await file.text()).trim().split("\n");
    return lines.map((line) => (JSON.parse(line) as { trainLoss: number }).trainLoss);
  });

/** One step an epoch. By SGD: AdamW divides rounding errors by gradients that are nearly 0, and is 1.2e-3 apart after 17 steps. */
const steps = 20;

test(`the page and the machine train alike: the losses of ${steps} steps`, { skip }, async () => {
  const { url, folder } = (await served)!;
  const { page, faults } = await visit((await browser)!, url);
  await page.evaluate(
    (epochs) =>
      localStorage.setItem(
        "fovea-studio-settings",
        JSON.stringify({ threads: 1, epochs, batch: 24, optimizer: "sgd", lr: 0.02 }),
      ),
    steps,
  );
  await page.reload();
  await choose(page, "Choose files", [zipFile(await shapesZip(10))]);
  await said(page, /^Added 30 images/);
  await goTo(page, "Train");
  await page.getByLabel("Trained").selectOption("machine");
  await page.getByRole("button", { name: "Train", exact: true }).click();
  await said(page, /^Training finished/, 120_000);
  const onMachine = await losses(page);
  assert.equal(onMachine.length, steps);

  // What it trained there is a run folder beside its images.
  const [run] = readdirSync(join(folder, "studio-runs"));
  const config = JSON.parse(readFileSync(join(folder, "studio-runs", run!, "run", "config.json"), "utf8"));
  assert.deepEqual(config.data.classes, ["circle", "heart", "star"]);
  const evaluated = await fovea([
    "eval",
    join(folder, "studio-runs", run!, "run"),
    join(folder, "studio-runs", run!, "data"),
    "--json",
  ]);
  assert.equal(evaluated.code, 0, evaluated.stderr);
  const shown = await page.locator(".finished .figure").innerText();
  assert.equal(shown, `${Math.round(100 * JSON.parse(evaluated.stdout).top1)} %`);
  // Also when the page is opened again.
  assert.equal(await page.locator(".look canvas").count(), 6);
  await page.reload();
  await page.locator(".look canvas").nth(5).waitFor();

  await page.getByLabel("Trained").selectOption("page");
  await page.getByRole("button", { name: "Train again" }).click();
  await said(page, /^Training finished/, 600_000);
  const inPage = await losses(page);
  assert.equal(inPage.length, steps);
  inPage.forEach((loss, i) => {
    const other = onMachine[i]!;
    assert.ok(Math.abs(loss - other) <= 1e-3 * other, `step ${i + 1}: ${loss} in the page, ${other} on the machine`);
  });
  assert.deepEqual(faults, []);
});
