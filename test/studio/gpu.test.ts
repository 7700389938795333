import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Page } from "playwright-core";
import { ifLong } from "../support/long.js";
import { choose, goTo, openGpuBrowser, said, serve, shapesZip, skip, visit, zipFile } from "./support.js";

const long = skip || ifLong;
const served = long ? undefined : serve();
const browser = long ? undefined : openGpuBrowser();
after(async () => {
  await (await browser)?.close();
  (await served)?.close();
});

const settings = { threads: 1, epochs: 2, batch: 12, attention: null, optimizer: "sgd", lr: 0.01 };
const remember = (page: Page, more: object = {}) =>
  page.evaluate((settings) => localStorage.setItem("fovea-studio-settings", JSON.stringify(settings)), {
    ...settings,
    ...more,
  });

/** Opened where a graphics card that is emulated will do. */
const accepting = async () => new URL("/?software-gpu", (await served)!.url).href;

/** The mean loss of each epoch of the last training. */
const losses = (page: Page): Promise<number[]> =>
  page.evaluate(async () => {
    const home = await (await navigator.storage.getDirectory()).getDirectoryHandle("fovea-studio");
    const run = await home.getDirectoryHandle("run");
    const text = await (await (await run.getFileHandle("metrics.jsonl")).getFile()).text();
    return text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).trainLoss as number);
  });

test("in the page, a graphics card trains and explains as the processor does", { skip: long }, async () => {
  const { page, context, faults } = await visit((await browser)!, (await served)!.url);
  await remember(page);
  await page.goto(await accepting());
  await choose(page, "Choose files", [zipFile(await shapesZip(12))]);
  await said(page, /^Added 36 images/);
  await goTo(page, "Train");
  const computedBy = page.getByLabel("Computed by");
  await page.getByText("Found a graphics card: google swiftshader.").waitFor();
  assert.equal(await computedBy.inputValue(), "cpu");
  await page.getByRole("button", { name: "Train", exact: true }).click();
  await said(page, /^Training finished/, 600_000);
  const onProcessor = await losses(page);

  await computedBy.selectOption("webgpu");
  const gpuFile = page.waitForResponse(/ort-wasm-simd-threaded\.asyncify/, { timeout: 300_000 });
  await page.getByRole("button", { name: "Train again" }).click();
  assert.equal((await gpuFile).status(), 200);
  await said(page, /^Training finished/, 1_200_000);
  const onGpu = await losses(page);
  console.log(`# losses: ${onGpu.join(", ")} on the graphics card, ${onProcessor.join(", ")} without`);
  assert.equal(onGpu.length, settings.epochs);
  onGpu.forEach((loss, i) => {
    const other = onProcessor[i]!;
    assert.ok(Math.abs(loss - other) <= 1e-3 * other, `epoch ${i + 1}: ${loss} on the graphics card, ${other} without`);
  });
  assert.equal(await page.locator(".look canvas").count(), 6);

  // Remembered, and what Understand computes with, too.
  await page.reload();
  assert.equal(await computedBy.inputValue(), "webgpu");
  await goTo(page, "Understand");
  await page.getByText(/^\d+ of \d+ held-out images are right$/).waitFor({ timeout: 600_000 });
  const right = await page.getByText(/^\d+ of \d+ held-out images are right$/).innerText();
  await computedBy.selectOption("cpu");
  await page.getByText("Opening the network").waitFor({ state: "detached" });
  await page.getByText(right, { exact: true }).waitFor({ timeout: 120_000 });
  assert.deepEqual(faults, []);
  await context.close();
});

test("without a graphics card it says why, what to do, and computes nothing", { skip: long }, async () => {
  const { page, context, faults } = await visit((await browser)!, (await served)!.url);
  await remember(page);
  await page.reload();
  await choose(page, "Choose files", [zipFile(await shapesZip(8))]);
  await said(page, /^Added 24 images/);
  await goTo(page, "Train");
  await page.getByText(/^No graphics card can be used: WebGPU is emulated on the processor/).waitFor();
  assert.ok(await page.getByRole("option", { name: "the graphics card, by WebGPU" }).isDisabled());
  // One that was there before is not replaced silently.
  await remember(page, { device: "webgpu" });
  await page.reload();
  await page
    .getByRole("alert")
    .getByText(/^It cannot be used: .*\. Choose the processor\.$/)
    .waitFor();
  await page.getByRole("button", { name: "Train", exact: true }).click();
  await said(page, "Training failed.");
  await page
    .getByRole("alert")
    .getByText(
      /^The training failed: WebGPU runs on the processor here.*\. Choose “the processor” under “Computed by”$/,
    )
    .waitFor();
  await page.getByLabel("Computed by").selectOption("cpu");
  await page.getByRole("button", { name: "Go on" }).click();
  await said(page, /^Training finished/, 300_000);
  assert.deepEqual(faults, []);
  await context.close();
});
