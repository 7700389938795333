import assert from "node:assert/strict";
import { after, test } from "node:test";
import {
  choose,
  goTo,
  look,
  openBrowser,
  type Served,
  said,
  serve,
  shapesZip,
  skip,
  type Visit,
  visit,
  zipFile,
} from "./support.js";

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

/** No serious finding of axe-core, nothing beyond the edge: light and dark, wide and narrow. */
async function looksWell({ page }: Visit, view: string): Promise<void> {
  for (const width of [1280, 390])
    for (const scheme of ["light", "dark"] as const)
      assert.deepEqual(await look(page, width, scheme), [], `${view} at ${width} px, ${scheme}`);
  await page.setViewportSize({ width: 1280, height: 900 });
}

test("an empty studio", { skip }, async () => looksWell((await visited)!, "empty"));

test("an archive of folders becomes classes; what is no image is skipped, and says why", { skip }, async () => {
  const { page } = (await visited)!;
  const text = (words: string) => Buffer.from(words);
  await choose(page, "Choose files", [
    zipFile(await shapesZip(12)),
    { name: "move.png", mimeType: "image/png", buffer: text("GIF89a…") },
    {
      name: "drawing.png",
      mimeType: "image/png",
      buffer: text('<?xml version="1.0"?><svg xmlns=""><script>1</script></svg>'),
    },
    { name: "setup.jpg", mimeType: "image/jpeg", buffer: text("MZ\x90\0\x03") },
    { name: "phone.heic", mimeType: "image/heic", buffer: text("\0\0\0\x18ftypheic") },
    { name: "cut.png", mimeType: "image/png", buffer: Buffer.from("89504e470d0a1a0a0000000d49484452", "hex") },
    {
      name: "huge.png",
      mimeType: "image/png",
      buffer: Buffer.from("89504e470d0a1a0a0000000d49484452000075300000753008060000", "hex"),
    },
    { name: "empty.webp", mimeType: "image/webp", buffer: Buffer.alloc(0) },
    { name: "broken.zip", mimeType: "application/zip", buffer: text("PK\x03\x04 and no more") },
  ]);
  await said(page, /^Added 36 images\. 8 files skipped/);
  await page.getByText("8 files were skipped").click();
  const reasons = await page.getByRole("list", { name: "Skipped files" }).innerText();
  for (const reason of [
    /move\.png: a GIF/,
    /drawing\.png: an SVG/,
    /setup\.jpg: not a JPEG/,
    /phone\.heic: an HEIC/,
    /cut\.png: damaged/,
    /huge\.png: 30000 × 30000/,
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
  const zip = await shapesZip(12);
  await choose(page, "Files", [zipFile(zip)]);
  await said(page, /^Added 0 images\. 36 images already there/);
  await page.locator(".thumb").first().click();
  await page.getByLabel("Move to class").selectOption("heart");
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
  assert.equal(await page.locator(".thumb").count(), 36);
});

test("all is there after a reload; a second tab does not touch it", { skip }, async () => {
  const { page, context } = (await visited)!;
  await page.reload();
  await page.locator(".thumb").first().waitFor();
  assert.equal(await page.locator(".thumb").count(), 36);
  const second = await context.newPage();
  await second.goto(new URL("/", (await served)!.url).href);
  await second.getByText("open in another tab").waitFor();
  await second.close();
});

test("it trains in the page, with curves and maps; stops, and goes on after a reload", { skip }, async () => {
  const { page } = (await visited)!;
  await goTo(page, "Train");
  await page.getByRole("button", { name: "Train", exact: true }).click();
  await page.getByText(/^Epoch 2 of 2/).waitFor({ timeout: 120_000 });
  await page.reload();
  await page.getByText(/was interrupted.*after epoch 1 of 2/).waitFor();
  await page.getByRole("button", { name: "Go on" }).click();
  await said(page, /^Training finished: \d+ %/, 120_000);
  assert.equal(await page.locator(".look canvas").count(), 6);
  await page.getByText("The numbers").click();
  assert.equal(await page.getByRole("region", { name: "Numbers of all epochs" }).locator("tbody tr").count(), 2);
  await looksWell((await visited)!, "train");
});

test("nothing was asked of anybody else, and the console is clean", { skip }, async () => {
  assert.deepEqual((await visited)!.faults, []);
});
