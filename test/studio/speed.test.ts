import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { unzipSync } from "fflate";
import type { Page } from "playwright-core";
import { fovea, temporaryFolder } from "../support/fovea.js";
import { ifLong } from "../support/long.js";
import { goTo, openBrowser, record, said, serve, skip, tasksDuring, visit } from "./support.js";

/**
 * Figures that depend on the machine are printed; what is asserted is processor time, which grows little where others work as well. On a
 * quiet machine: FOVEA_TESTS=all node --test dist/test/studio/speed.test.js
 */

const served = skip ? undefined : serve();
const browser = skip ? undefined : openBrowser();
after(async () => {
  await (await browser)?.close();
  (await served)?.close();
});

/** Milliseconds of processor time of the workers' own threads. */
const workersTime = (tasks: Awaited<ReturnType<typeof tasksDuring>>) =>
  tasks.filter(({ thread }) => /DedicatedWorker/.test(thread)).reduce((sum, { cpu }) => sum + cpu, 0);

async function saved(page: Page, button: string): Promise<string> {
  const asked = page.waitForEvent("download", { timeout: 120_000 });
  await page.getByRole("button", { name: button, exact: true }).click();
  const folder = temporaryFolder();
  const archive = join(folder, "saved.zip");
  await (await asked).saveAs(archive);
  for (const [path, bytes] of Object.entries(unzipSync(readFileSync(archive)))) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
  return folder;
}

const [epochs, seconds] = [12, 60];

test("two classes of 30 frames of the camera are trained within a minute, with one thread and with two", {
  skip: skip || ifLong,
}, async () => {
  const { page, context, faults } = await visit((await browser)!, (await served)!.url);
  for (const name of ["near", "far"]) await record(page, name);
  const images = await saved(page, "Save as zip");
  await goTo(page, "Train");
  await page.getByLabel("Epochs").fill(String(epochs));
  await page.getByLabel("Epochs").blur();
  await page.getByText("More settings").click();
  for (const threads of [1, 2]) {
    const field = page.getByLabel("Threads");
    // A machine of one processor has no choice.
    if (threads > 1 && !(await field.isVisible())) break;
    if (await field.isVisible()) {
      await field.fill(String(threads));
      await field.blur();
    }
    const began = performance.now();
    const tasks = await tasksDuring((await browser)!, page, async () => {
      await page.getByRole("button", { name: /^Train( again)?$/ }).click();
      await said(page, /^Training finished/, 600_000);
    });
    const wall = (performance.now() - began) / 1000;
    const cpu = workersTime(tasks) / 1000;
    console.log(
      `# two classes of 30 frames, ${epochs} epochs, threads ${threads}: ${wall.toFixed(1)} s; the workers' own threads took ${cpu.toFixed(1)} s`,
    );
    assert.ok(cpu > 0 && cpu <= seconds, `${cpu} s`);
  }
  // The command line says what the page said.
  const right = /(\d+) %/.exec(await page.locator(".finished .figure").innerText())![1];
  await goTo(page, "Take it");
  const run = await saved(page, "Save: The run folder");
  const { code, stdout, stderr } = await fovea(["eval", run, images, "--json"]);
  assert.equal(code, 0, stderr);
  assert.equal(JSON.parse(stdout).count, 12);
  assert.equal(Math.round(100 * JSON.parse(stdout).top1), Number(right), stdout);
  assert.deepEqual(faults, []);
  await context.close();
});

const framesPerSecond = 15;

test("maps of the camera's images: 15 a second at 32 × 32", { skip: skip || ifLong }, async () => {
  const { page, context, faults } = await visit((await browser)!, (await served)!.url);
  await page.addInitScript(() => {
    const { transferToImageBitmap: take } = OffscreenCanvas.prototype;
    Object.assign(globalThis, { looks: 0 });
    // Each frame that is looked at is taken from a canvas.
    OffscreenCanvas.prototype.transferToImageBitmap = function () {
      (globalThis as unknown as { looks: number }).looks++;
      return take.call(this);
    };
  });
  await page.reload();
  for (const name of ["near", "far"]) await record(page, name);
  await goTo(page, "Train");
  await page.getByRole("button", { name: "Train", exact: true }).click();
  await said(page, /^Training finished/, 600_000);
  await goTo(page, "Understand");
  await page.getByText(/^\d+ of \d+ held-out images are right$/).waitFor({ timeout: 120_000 });
  await page.getByRole("button", { name: "Camera" }).click();
  await page.getByText(/^[1-9]\d* images a second/).waitFor({ timeout: 60_000 });
  const looks = () => page.evaluate(() => (globalThis as unknown as { looks: number }).looks);
  // What is compiled at first is not measured.
  await page.waitForTimeout(3000);
  const before = await looks();
  const began = performance.now();
  let [count, wall] = [0, 0];
  const tasks = await tasksDuring((await browser)!, page, async () => {
    await page.waitForTimeout(10_000);
    count = (await looks()) - before;
    wall = (performance.now() - began) / 1000;
  });
  const cpu = workersTime(tasks) / count;
  console.log(
    `# the camera's maps: ${(count / wall).toFixed(1)} a second; the worker took ${cpu.toFixed(1)} ms for each`,
  );
  assert.ok(count > 0 && cpu <= 1000 / framesPerSecond, `${cpu} ms`);
  assert.deepEqual(faults, []);
  await context.close();
});
