import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { unzipSync, zipSync } from "fflate";
import { toInput } from "../../src/engine.js";
import { decodeImage, loadRun, predict, readCheckpoint } from "../../src/index.js";
import { RunFolder } from "../../src/internal.js";
import { ort } from "../support/engines.js";
import { temporaryFolder } from "../support/fovea.js";
import { ifLong, runsLong } from "../support/long.js";
import {
  choose,
  goTo,
  look,
  openBrowser,
  picture,
  type Served,
  said,
  serve,
  shapesZip,
  skip,
  type Visit,
  visit,
  zipFile,
} from "./support.js";

/** Few images, trained briefly; more for the pictures in the documentation. */
const pictures = process.env.FOVEA_STUDIO_PICTURES !== undefined;
const [perClass, epochs, seeds] = pictures ? [36, 25, 3] : [12, 4, 1];

/** The whole way once, in order: each test begins where the one before ended. */

const served: Promise<Served> | undefined = skip ? undefined : serve();
const browser = skip ? undefined : openBrowser();
const visited: Promise<Visit> | undefined = skip
  ? undefined
  : served!.then(async ({ url }) => visit((await browser)!, url));
after(async () => {
  await (await browser)?.close();
  (await served)?.close();
});

const [wide, narrow] = [1280, 390];
const views = [
  ...([
    [wide, "light"],
    [narrow, "dark"],
  ] as const),
  ...(runsLong
    ? ([
        [wide, "dark"],
        [narrow, "light"],
      ] as const)
    : []),
];
const text = (words: string) => Buffer.from(words);
/** By its header, 30,000 pixels a side. */
const hugePng = {
  name: "huge.png",
  mimeType: "image/png",
  buffer: Buffer.from("89504e470d0a1a0a0000000d49484452000075300000753008060000", "hex"),
};

/** No serious finding of axe-core, nothing beyond the edge: light and dark, wide and narrow. */
async function looksWell({ page }: Visit, view: string): Promise<void> {
  for (const [width, scheme] of views)
    assert.deepEqual(await look(page, width, scheme), [], `${view} at ${width} px, ${scheme}`);
  await page.setViewportSize({ width: wide, height: 900 });
  if (view !== "empty") await picture(page, view);
}

/** Unpacks an archive. Returns its files. */
function unpack(zip: Uint8Array, folder: string): string[] {
  return Object.entries(unzipSync(zip)).map(([path, bytes]) => {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
    return file;
  });
}

/** The class of each image, as the library says. */
async function answers(network: Parameters<typeof predict>[0], files: readonly string[]): Promise<string[]> {
  const images = await Promise.all(files.map((file) => decodeImage(file)));
  return (await predict(network, images, { engine: ort, top: 1 })).map(([best]) => best!.name);
}

test("an empty studio", { skip }, async () => looksWell((await visited)!, "empty"));

test("an archive of folders becomes classes; what is no image is skipped, and says why", { skip }, async () => {
  const { page } = (await visited)!;
  await choose(page, "Choose files", [
    zipFile(await shapesZip(perClass)),
    { name: "move.png", mimeType: "image/png", buffer: text("GIF89a…") },
    {
      name: "drawing.png",
      mimeType: "image/png",
      buffer: text('<?xml version="1.0"?><svg xmlns=""><script>1</script></svg>'),
    },
    { name: "setup.jpg", mimeType: "image/jpeg", buffer: text("MZ\x90\0\x03") },
    { name: "phone.heic", mimeType: "image/heic", buffer: text("\0\0\0\x18ftypheic") },
    { name: "cut.png", mimeType: "image/png", buffer: Buffer.from("89504e470d0a1a0a0000000d49484452", "hex") },
    hugePng,
    {
      name: "huge.webp",
      mimeType: "image/webp",
      buffer: Buffer.from("524946461e000000574542505650385800000000000000ff3e00ff3e0000", "hex"),
    },
    zipFile(Buffer.from(zipSync({ "class/zeros.png": new Uint8Array(12e6) })), "bomb.zip"),
    { name: "empty.webp", mimeType: "image/webp", buffer: Buffer.alloc(0) },
    { name: "broken.zip", mimeType: "application/zip", buffer: text("PK\x03\x04 and no more") },
  ]);
  await said(page, new RegExp(`^Added ${3 * perClass} images\\. 10 files skipped`));
  await page.getByText("10 files were skipped").click();
  const reasons = await page.getByRole("list", { name: "Skipped files" }).innerText();
  for (const reason of [
    /move\.png: a GIF/,
    /drawing\.png: an SVG/,
    /setup\.jpg: not a JPEG/,
    /phone\.heic: an HEIC/,
    /cut\.png: damaged/,
    /huge\.png: 30000 × 30000/,
    /huge\.webp: \d+ × \d+ pixels/,
    /bomb\.zip: it would unpack to 12 MB, far more than/,
    /empty\.webp: empty/,
    /broken\.zip: it is damaged/,
  ])
    assert.match(reasons, reason);
  await page.getByRole("button", { name: "Got it" }).click();
  assert.deepEqual(
    await page
      .getByLabel("Name of the class")
      .evaluateAll((inputs) => inputs.map((input) => (input as HTMLInputElement).value)),
    ["circle", "heart", "star"],
  );
  await looksWell((await visited)!, "collect");
});

test("the same files again are left out; in another class they are a conflict", { skip }, async () => {
  const { page } = (await visited)!;
  const zip = await shapesZip(perClass);
  await choose(page, "Files", [zipFile(zip)]);
  await said(page, new RegExp(`^Added 0 images\\. ${3 * perClass} images already there`));
  await page.locator(".thumb").first().click();
  assert.deepEqual(await look(page, 390, "light"), []);
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.getByLabel("Move to class").selectOption("heart");
  await page.getByRole("button", { name: "Move", exact: true }).click();
  await said(page, "Moved 1 image to heart");
  await choose(page, "Files", [zipFile(zip)]);
  await said(page, /^Added 1 image\./);
  await page.getByText("One image is in two classes").waitFor();
  await page.getByRole("button", { name: /^Undo/ }).click();
  await said(page, "Undone: add 1 image");
  await page.getByRole("button", { name: /^Undo/ }).click();
  await page.getByText("One image is in two classes").waitFor({ state: "detached" });
});

test("by keyboard: images are selected, moved, removed and brought back", { skip }, async () => {
  const { page } = (await visited)!;
  await page.locator(".thumb[tabindex='0']").focus();
  await page.keyboard.press("ArrowRight");
  await page.waitForTimeout(150);
  await page.keyboard.press("Space");
  await page.keyboard.press("ArrowRight");
  await page.waitForTimeout(150);
  await page.keyboard.press("Space");
  await page.getByText("2 selected").waitFor();
  await page.keyboard.press("Delete");
  await said(page, /^Removed 2 images/);
  await page.keyboard.press("Control+z");
  await said(page, "Undone: remove 2 images");
  assert.equal(await page.locator(".thumb").count(), 3 * perClass);
});

test("all is there after a reload; a second tab does not touch it", { skip }, async () => {
  const { page, context } = (await visited)!;
  await page.reload();
  await page.locator(".thumb").first().waitFor();
  assert.equal(await page.locator(".thumb").count(), 3 * perClass);
  const second = await context.newPage();
  await second.goto(new URL("/", (await served)!.url).href);
  await second.getByText("open in another tab").waitFor();
  await second.close();
});

test("it trains in the page, with curves and maps; stops, and goes on after a reload", {
  skip: skip || ifLong,
}, async () => {
  const { page } = (await visited)!;
  await goTo(page, "Train");
  const field = page.getByLabel("Epochs");
  await field.fill(String(epochs));
  // What is typed stays there while the form is drawn anew.
  await page.getByLabel("Image size").dispatchEvent("change");
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  assert.equal(await field.inputValue(), String(epochs));
  await field.blur();
  assert.equal(await field.inputValue(), String(epochs));
  await page.getByRole("button", { name: "Train", exact: true }).click();
  // Looked for every 20 ms: an epoch of these few images is shorter than a locator's own interval.
  await page.waitForFunction(() => /^Epoch 2 of/m.test(document.body.innerText), undefined, {
    polling: 20,
    timeout: 600_000,
  });
  await page.reload();
  await page.getByText(new RegExp(`was interrupted.*after epoch \\d+ of ${epochs}`)).waitFor();
  await page.getByRole("button", { name: "Go on" }).click();
  await said(page, /^Training finished: \d+ %/, 600_000);
  assert.equal(await page.locator(".look canvas").count(), 6);
  await page.getByText("The numbers").click();
  assert.equal(await page.getByRole("region", { name: "Numbers of all epochs" }).locator("tbody tr").count(), epochs);
  // The picture shows the maps.
  if (pictures) await page.getByText("The numbers").click();
  await looksWell((await visited)!, "train");
});

test("the confusion matrix leads to images, and images to maps; a cover changes what it says", {
  skip: skip || ifLong,
}, async () => {
  const { page } = (await visited)!;
  await goTo(page, "Understand");
  await page.getByText(/^\d+ of \d+ held-out images are right$/).waitFor({ timeout: 120_000 });
  const matrix = page.getByRole("region", { name: "Confusion matrix" });
  const counts = await matrix.locator("td .cell").allInnerTexts();
  const validation = counts.reduce((sum, count) => sum + Number(count), 0);
  assert.match(
    await page.getByRole("heading", { level: 2 }).first().innerText(),
    new RegExp(`of ${validation} held-out images`),
  );
  const button = matrix.getByRole("button").first();
  const count = Number(await button.innerText());
  const predicted = /predicted as (\w+)/.exec((await button.getAttribute("aria-label"))!)?.[1] ?? "circle";
  await button.focus();
  await page.keyboard.press("Enter");
  const images = page.getByRole("region", { name: "Images" }).locator(".thumb");
  assert.equal(await images.count(), count);
  await images.first().focus();
  await page.keyboard.press("Enter");
  const canvas = page.getByRole("application");
  await canvas.waitFor({ timeout: 60_000 });
  await canvas.focus();
  await page.keyboard.press("ArrowRight");
  await page.getByText("with a part covered").waitFor();
  await page
    .locator(".bars")
    .getByText(/from \d+/)
    .first()
    .waitFor({ timeout: 60_000 });
  await page.keyboard.press("Escape");
  await page.getByLabel("Method").selectOption("layercam");
  await page.getByLabel("What speaks for").selectOption({ label: "star" });
  await page.getByText(/^Evidence for star/).waitFor({ timeout: 60_000 });
  await page.getByLabel("What speaks for").selectOption({ label: "what it says" });
  await page.getByText(new RegExp(`^Evidence for ${predicted}`)).waitFor({ timeout: 60_000 });
  await looksWell((await visited)!, "understand");
});

test("the camera is looked at live", { skip: skip || ifLong }, async () => {
  const { page } = (await visited)!;
  await page.getByRole("button", { name: "Camera" }).click();
  await page.getByText(/^[1-9]\d* images a second/).waitFor({ timeout: 60_000 });
  await page.getByRole("button", { name: "Stop the camera" }).click();
});

test("modules are drawn, and the network's layers have maps", { skip: skip || ifLong }, async () => {
  const { page } = (await visited)!;
  await goTo(page, "Look around");
  const modules = page.getByRole("region", { name: "Modules" });
  await modules.getByRole("heading", { name: "CBAM" }).waitFor({ timeout: 60_000 });
  await modules.getByText("simam", { exact: true }).click();
  await modules.getByRole("heading", { name: /SimAM/ }).waitFor({ timeout: 60_000 });
  const drawn = modules.getByRole("img", { name: /flow chart/ });
  await drawn.evaluate((image) => (image as HTMLImageElement).decode());
  await page.getByRole("button", { name: "Show what each layer sees" }).click();
  const maps = page.getByRole("region", { name: "Your network" }).locator("canvas");
  await maps.first().waitFor({ timeout: 120_000 });
  assert.ok((await maps.count()) >= 4, `${await maps.count()} layers`);
  await looksWell((await visited)!, "look-around");
});

test("modules are compared seed by seed; what was stopped goes on", { skip: skip || ifLong }, async () => {
  const { page } = (await visited)!;
  await goTo(page, "Compare");
  await page.getByLabel("cbam", { exact: true }).setChecked(false, { force: true });
  const all = 2 * seeds;
  await page.getByLabel("Seeds").fill(String(seeds));
  await page.getByLabel("Epochs").fill(pictures ? "4" : "1");
  await page.getByLabel("Epochs").blur();
  await page.getByText(`${all} trainings of resnet20`).waitFor();
  await page.getByRole("button", { name: "Compare", exact: true }).click();
  await page.waitForFunction((words) => document.body.innerText.includes(words), `${all - 1} of ${all} done`, {
    polling: 20,
    timeout: 600_000,
  });
  await page.getByRole("button", { name: "Stop" }).click();
  await said(page, /^The comparison (was stopped|is done)/);
  await page.reload();
  const goOn = page.getByRole("button", { name: "Go on" });
  const results = page.getByRole("region", { name: "Table of results" });
  await results.waitFor();
  if (await goOn.isVisible()) {
    await goOn.click();
    await said(page, "The comparison is done.");
  }
  const [, none, se] = await results.getByRole("row").allInnerTexts();
  const row = (name: string, words: string) => new RegExp(`^${name}\\s+${seeds}\\s+\\d+\\.\\d\\d\\s.*${words}`, "s");
  assert.match(none!, row("none", seeds === 1 ? "1 seed: no interval with fewer than 3" : "measured against"));
  assert.match(
    se!,
    row("se", seeds === 1 ? "points from none in 1 seed: no interval with fewer than 3" : "after Holm"),
  );
  // What it says is read without scrolling sideways, at any width.
  for (const width of [wide, narrow]) {
    await page.setViewportSize({ width, height: 900 });
    const verdict = page
      .getByText(/points from none|after Holm/)
      .filter({ visible: true })
      .first();
    const { x, width: own } = (await verdict.boundingBox())!;
    assert.ok(x >= 0 && x + own <= width, `a verdict from ${x} to ${x + own} in ${width} pixels`);
  }
  // The form still says what was compared.
  await page.getByText(`${all} trainings of resnet20`).waitFor();
  await looksWell((await visited)!, "compare");
});

test("what is taken away says what the page says", { skip: skip || ifLong }, async () => {
  const { page } = (await visited)!;
  const folder = temporaryFolder();
  await goTo(page, "Take it");
  await looksWell((await visited)!, "take");
  const save = async (title: string, name: string) => {
    const asked = page.waitForEvent("download", { timeout: 120_000 });
    await page.getByRole("button", { name: `Save: ${title}`, exact: true }).click();
    await (await asked).saveAs(join(folder, name));
    await page.getByRole("button", { name: `Save: ${title}`, exact: true }).isEnabled();
    return join(folder, name);
  };
  const images = await unpack(await shapesZip(34), join(folder, "images"));
  const run = join(folder, "run");
  await unpack(readFileSync(await save("The run folder", "run.zip")), run);
  const facts = await (await RunFolder.open(run)).facts();
  assert.equal(facts?.followed.length, 6);
  const files = images.filter((file) => file.endsWith(".png"));
  const expected = (await answers(await loadRun(run), files)).join();

  const weights = await readCheckpoint(readFileSync(await save("safetensors", "weights.safetensors")));
  const { model, ...rest } = await loadRun(run, { weights });
  assert.equal((await answers({ model, ...rest }, files)).join(), expected, "safetensors");

  const { preprocessing, classes } = await loadRun(run);
  const session = async (bytes: Uint8Array, input: string, output: string) => {
    const { InferenceSession, Tensor } = await import("onnxruntime-node");
    const opened = await InferenceSession.create(bytes);
    const found: string[] = [];
    for (const file of files) {
      const data = toInput(await decodeImage(file), preprocessing);
      const side = preprocessing.imageSize;
      const { [output]: logits } = await opened.run({ [input]: new Tensor("float32", data, [1, 3, side, side]) });
      const numbers = [...(logits!.data as Float32Array)];
      found.push(classes[numbers.indexOf(Math.max(...numbers))]!);
    }
    return found.join();
  };
  assert.equal(await session(readFileSync(await save("ONNX", "model.onnx")), "input", "output"), expected, "ONNX");
  const folderOf = join(folder, "transformers.js");
  await unpack(readFileSync(await save("transformers.js", "t.zip")), folderOf);
  assert.equal(JSON.parse(readFileSync(join(folderOf, "config.json"), "utf8")).id2label[0], "circle");
  const inFolder = readFileSync(join(folderOf, "onnx", "model.onnx"));
  assert.equal(await session(inFolder, "pixel_values", "logits"), expected, "transformers.js");

  // The page, from the file, with the network off.
  const alone = await save("A page that works offline", "page.html");
  const context = await (await browser)!.newContext({ offline: true });
  const other = await context.newPage();
  const faults: string[] = [];
  other.on("console", (message) => faults.push(message.text()));
  other.on("pageerror", (error) => faults.push(error.message));
  await other.goto(pathToFileURL(alone).href);
  await other.getByText(/^Ready/).waitFor({ timeout: 120_000 });
  await other.locator("input").setInputFiles(files);
  await other.locator(`[data-done="${files.length}"]`).waitFor({ timeout: 120_000 });
  const said = await other
    .locator(".answer")
    .evaluateAll((all) => all.map((one) => (one as HTMLElement).dataset.answer));
  assert.equal(said.join(), expected, "the page");
  for (const scheme of ["light", "dark"] as const) assert.deepEqual(await look(other, narrow, scheme), []);
  await other
    .locator("input")
    .setInputFiles([hugePng, { name: "move.gif", mimeType: "image/gif", buffer: text("GIF89a") }]);
  await other.getByText(/^huge\.png was skipped: 30000 × 30000 pixels/).waitFor();
  await other.getByText(/^move\.gif was skipped: a GIF/).waitFor();
  assert.deepEqual(faults, []);
  await context.close();
});

test("a saved run is opened again", { skip: skip || ifLong }, async () => {
  const { page } = (await visited)!;
  await goTo(page, "Take it");
  const asked = page.waitForEvent("download", { timeout: 120_000 });
  await page.getByRole("button", { name: "Save: The run folder" }).click();
  const archive = join(temporaryFolder(), "run.zip");
  await (await asked).saveAs(archive);
  await goTo(page, "Look around");
  await choose(page, "Choose an archive or a checkpoint", [zipFile(Buffer.from("PK nothing"))]);
  await page.getByText("It cannot be opened: it is damaged").waitFor();
  await choose(page, "Choose an archive or a checkpoint", archive);
  await said(page, "The run is open.");
  for (const again of [false, true]) {
    if (again) await page.reload();
    await goTo(page, "Train");
    await page.locator(".look canvas").nth(5).waitFor();
  }
  await goTo(page, "Understand");
  await page.getByText(/^\d+ of \d+ held-out images are right$/).waitFor({ timeout: 120_000 });
});

test("nothing was asked of anybody else, and the console is clean", { skip }, async () => {
  assert.deepEqual((await visited)!.faults, []);
});
