import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { after, test } from "node:test";
import { unzipSync, zipSync } from "fflate";
import type { Page } from "playwright-core";
import { fovea, temporaryFolder } from "../support/fovea.js";
import { ifLong } from "../support/long.js";
import { goTo, openBrowser, said, serve, shapesZip, skip, visit } from "./support.js";

const served = skip ? undefined : serve();
const browser = skip ? undefined : openBrowser();
after(async () => {
  await (await browser)?.close();
  (await served)?.close();
});

/** Drops files and folders onto the middle of the page, as somebody's mouse does. */
async function drop(page: Page, ...files: string[]): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files, dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"] as const)
    await session.send("Input.dispatchDragEvent", { type, x: 640, y: 500, data });
  await session.detach();
}

const home = temporaryFolder();

/** A folder of images of three classes, and one with a run that was trained on them. */
async function trained(): Promise<{ readonly images: string; readonly run: string }> {
  for (const [path, bytes] of Object.entries(unzipSync(await shapesZip(10)))) {
    mkdirSync(dirname(join(home, path)), { recursive: true });
    writeFileSync(join(home, path), bytes);
  }
  const [images, run] = [join(home, "shapes"), join(home, "a run")];
  const flags = ["--model", "resnet20", "--image-size", "32", "--epochs", "1", "--batch", "8", "--out", run];
  const { code, stderr } = await fovea(["train", images, ...flags]);
  assert.equal(code, 0, stderr);
  return { images, run };
}

/** Whether the page keeps files that are dropped onto it to itself: where it does not, the browser opens them in its place. */
const keepsDrops = (page: Page): Promise<boolean[]> =>
  page.evaluate(() =>
    ["dragover", "drop"].map((type) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(["<p>"], "report.html", { type: "text/html" }));
      const event = new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true });
      document.querySelector("main h1")!.dispatchEvent(event);
      return event.defaultPrevented;
    }),
  );

test("no view lets the browser open a dropped file in the place of the page", { skip }, async () => {
  const { page, context, faults } = await visit((await browser)!, (await served)!.url);
  for (const view of ["Train", "Understand", "Compare", "Take it", "Look around", "Collect"]) {
    await goTo(page, view);
    await page.getByRole("heading", { name: view, level: 1 }).waitFor();
    assert.deepEqual(await keepsDrops(page), [true, true], view);
  }
  assert.deepEqual(faults, []);
  await context.close();
});

test("a view takes what is dropped as soon as it shows", { skip }, async () => {
  const { page, context } = await visit((await browser)!, (await served)!.url);
  const takes = page.evaluate(
    () =>
      new Promise((resolve) => {
        let takes = false;
        const add = document.addEventListener;
        document.addEventListener = (type: string, listener: never) => {
          takes ||= type === "drop";
          add.call(document, type, listener);
        };
        new MutationObserver(() => {
          const isShown = document.querySelector("main")!.textContent.includes("Open a run or a checkpoint");
          if (isShown) resolve(takes);
        }).observe(document.body, { childList: true, subtree: true });
      }),
  );
  await goTo(page, "Look around");
  assert.equal(await takes, true);
  await context.close();
});

const canvases = (page: Page) => page.getByRole("region", { name: "Your network" }).locator("canvas").first();
const show = async (page: Page) => {
  await page.getByRole("button", { name: "Show what each layer sees" }).click();
  await canvases(page).waitFor({ timeout: 120_000 });
};

test("what is dropped: a folder of images, a run folder, its archive, a checkpoint; what cannot be opened changes nothing", {
  skip: skip || ifLong,
}, async () => {
  const { images, run } = await trained();
  const { page, context, faults } = await visit((await browser)!, (await served)!.url);

  await drop(page, images);
  await said(page, /^Added 30 images\./);
  assert.deepEqual(
    await page
      .getByLabel("Name of the class")
      .evaluateAll((inputs) => inputs.map((input) => (input as HTMLInputElement).value)),
    ["circle", "heart", "star"],
  );

  const lookAround = async () => {
    await goTo(page, "Look around");
    await page.getByRole("heading", { name: "Open a run or a checkpoint" }).waitFor();
  };
  await lookAround();
  await drop(page, run);
  await said(page, "The run is open.");
  await show(page);
  await goTo(page, "Train");
  await page.locator(".look canvas").nth(5).waitFor();
  // Nothing is taken there, and the page stays.
  await drop(page, join(run, "report.html"));
  assert.equal(await page.locator(".look canvas").count(), 6);

  // What is no run, or not all of one: the run that is open stays.
  await lookAround();
  const refused = async (path: string, words: RegExp) => {
    await drop(page, path);
    await page.getByRole("alert").getByText(words).waitFor();
  };
  const bad = (name: string, contents: string | Uint8Array) => {
    const path = join(home, name);
    writeFileSync(path, contents);
    return path;
  };
  await refused(images, /no run folder among these files/);
  await refused(bad("words.pth", "words"), /cannot be opened: words\.pth/);
  await refused(bad("none.zip", zipSync({ "a.txt": new Uint8Array(3) })), /not a run folder/);
  const altered = (name: string, change: (config: Record<string, never>) => unknown) => {
    const copy = join(home, name);
    cpSync(run, copy, { recursive: true });
    const config = JSON.parse(readFileSync(join(copy, "config.json"), "utf8"));
    writeFileSync(join(copy, "config.json"), JSON.stringify(change(config)));
    return copy;
  };
  await refused(
    altered("other", (config) => ({ ...config, model: { name: "resnet18", options: { numClasses: 3 } } })),
    // Not what was said of the archive.
    /cannot be opened: (?!it is not a run folder).*the weights do not fit the model: \d+ missing \(layer4\.0\.conv1\.weight/,
  );
  await refused(
    altered("no classes", (config) => ({ ...config, data: {} })),
    /cannot be opened: its config\.json: data\.\w+ must be/,
  );
  await refused(
    altered("no epochs", (config) => ({ ...config, training: { ...(config.training as object), epochs: 0 } })),
    /its config\.json: training\.epochs must be/,
  );
  await refused(
    altered("pixels", (config) => ({ ...config, task: { name: "segmentation", loss: ["dice"], classWeights: null } })),
    /segmentation run/,
  );
  await page.reload();
  await show(page);

  const archive = bad(
    "run.zip",
    zipSync({
      run: Object.fromEntries(
        readdirSync(run, { recursive: true, encoding: "utf8" })
          .filter((file) => file.includes("."))
          .filter((file) => !basename(file).startsWith("."))
          .map((file) => [file, new Uint8Array(readFileSync(join(run, file)))]),
      ),
    }),
  );
  await drop(page, archive);
  await said(page, "The run is open.");

  // Two at once: each gets its turn, and the message of the last stays.
  const alert = page.getByRole("alert");
  await drop(page, join(home, "words.pth"));
  await drop(page, archive);
  await said(page, "The run is open.");
  await page.waitForTimeout(500);
  assert.deepEqual(await alert.allInnerTexts(), []);
  await drop(page, archive);
  await drop(page, join(home, "words.pth"));
  await said(page, "The run is open.");
  await alert.getByText(/cannot be opened: words\.pth/).waitFor();
  await drop(page, archive);
  await drop(page, join(run, "best.safetensors"));
  await said(page, "The run is open.");
  await said(page, "The run is open.");
  assert.deepEqual(await alert.allInnerTexts(), []);
  await show(page);
  await goTo(page, "Understand");
  await page.getByText(/^\d+ of \d+ held-out images are right$/).waitFor({ timeout: 120_000 });
  await goTo(page, "Take it");
  assert.equal(await page.getByRole("button", { name: "Save: The run folder" }).count(), 0);
  const download = page.waitForEvent("download", { timeout: 120_000 });
  await page.getByRole("button", { name: "Save: ONNX", exact: true }).click();
  assert.equal((await download).suggestedFilename(), "resnet20.onnx");
  assert.deepEqual(faults, []);
  await context.close();
});
