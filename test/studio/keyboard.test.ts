import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Page } from "playwright-core";
import { ifLong } from "../support/long.js";
import { openBrowser, said, serve, visit, skip as withoutChromium } from "./support.js";

const skip = withoutChromium || ifLong;
const served = skip ? undefined : serve();
const browser = skip ? undefined : openBrowser();
after(async () => {
  await (await browser)?.close();
  (await served)?.close();
});

/** What has the focus. */
interface Focused {
  /** Its role or tag, and its name. */
  readonly what: string;
  /** Why it is not seen that it has the focus; empty if it is. */
  readonly unseen: string;
}

const focused = (page: Page): Promise<Focused> =>
  page.evaluate(() => {
    const at = document.activeElement as HTMLElement | null;
    if (!at || at === document.body) return { what: "", unseen: "" };
    const label = (at as HTMLInputElement).labels?.[0]?.textContent;
    const name = (at.getAttribute("aria-label") ?? label ?? at.textContent ?? "").trim();
    const what = `${at.getAttribute("role") ?? at.tagName.toLowerCase()} ${name}`;
    // A radio button or check box may be shown by what comes after it.
    const shown = [at, at.nextElementSibling].find((one) => {
      const style = one && getComputedStyle(one);
      return (
        style && style.outlineStyle !== "none" && Number.parseFloat(style.outlineWidth) > 0 && style.opacity !== "0"
      );
    });
    if (!shown) return { what, unseen: "no outline" };
    const { left, top, right, bottom } = shown.getBoundingClientRect();
    const inside = right > 0 && bottom > 0 && left < innerWidth && top < innerHeight;
    if (!inside) return { what, unseen: "outside of the window" };
    const [x, y] = [
      (Math.max(0, left) + Math.min(innerWidth, right)) / 2,
      (Math.max(0, top) + Math.min(innerHeight, bottom)) / 2,
    ];
    const over = document.elementFromPoint(x, y);
    const own = over && (shown.contains(over) || over.contains(shown));
    return { what, unseen: own ? "" : `behind ${over?.outerHTML.slice(0, 80)}` };
  });

/** What has the focus, once the page has come to rest: it scrolls to the focus, and maps that arrive move what is below. */
async function seenOrNot(page: Page): Promise<Focused> {
  let found = await focused(page);
  for (let i = 0; i < 20 && found.unseen; i++) {
    await page.waitForTimeout(100);
    found = await focused(page);
  }
  return found;
}

/** Presses Tab until something has the focus whose role and name match. Whatever has it on the way is seen to have it. */
async function tabTo(page: Page, wanted: RegExp, key: "Tab" | "Shift+Tab" = "Tab"): Promise<void> {
  const passed: string[] = [];
  for (let i = 0; i < 120; i++) {
    const { what, unseen } = await seenOrNot(page);
    assert.equal(unseen, "", `${what}: ${unseen}`);
    if (wanted.test(what)) return;
    passed.push(what);
    await page.keyboard.press(key);
  }
  assert.fail(`no way by ${key} to ${wanted}; passed ${passed.join(" | ")}`);
}

async function press(page: Page, wanted: RegExp, key: "Tab" | "Shift+Tab" = "Tab"): Promise<void> {
  await tabTo(page, wanted, key);
  await page.keyboard.press("Enter");
}

/** Opens a view by its link. */
const goTo = (page: Page, view: string) => press(page, new RegExp(`^a ${view}$`), "Shift+Tab");

/** Notes from then on where the focus was before it was nowhere for a while. */
const watchFocus = (page: Page) =>
  page.evaluate(() => {
    const lost: string[] = [];
    let [last, nowhere] = ["", 0];
    Object.assign(globalThis, { lost });
    setInterval(() => {
      const at = document.activeElement;
      if (at && at !== document.body) [last, nowhere] = [at.outerHTML.slice(0, 120), 0];
      else if (last && ++nowhere === 10) lost.push(last);
    }, 20);
  });

test("the whole way by keyboard alone; the focus is always somewhere, and seen", { skip }, async () => {
  const { page, context, faults } = await visit((await browser)!, (await served)!.url);
  await watchFocus(page);

  // Collect: shapes, and one of them into another class.
  await press(page, /^button Try it: Shapes/);
  await said(page, /^Added 320 images/);
  await tabTo(page, /^button circle-.*png/);
  await page.keyboard.press("ArrowRight");
  await page.waitForTimeout(150);
  const moved = (await focused(page)).what;
  assert.match(moved, /^button circle-/);
  await page.keyboard.press("m");
  await page.getByText("1 selected").waitFor();
  await tabTo(page, /^select Move to class/);
  await page.keyboard.press("t");
  await press(page, /^button Move$/);
  await said(page, "Moved 1 image to triangle");
  await page.waitForTimeout(150);
  assert.match((await focused(page)).what, /^button circle-/, "back at the images");
  await page.keyboard.press("Control+z");
  await said(page, "Undone: move 1 image to “triangle”");

  // Train, stop, go on, watch.
  await goTo(page, "Train");
  await tabTo(page, /^select Attention module/);
  await page.keyboard.press("e");
  await tabTo(page, /^input Epochs/);
  await page.keyboard.press("Control+a");
  await page.keyboard.type("2");
  await press(page, /^button Train$/);
  await press(page, /^button Stop$/);
  await said(page, /^Training stopped (and stored|before its first step)\.$/);
  await press(page, /^button Go on$/);
  await said(page, /^Training finished/, 600_000);
  assert.match(await page.getByRole("status", { name: "Progress" }).innerText(), /^Epoch \d of 2 is done/);
  await tabTo(page, /^summary The numbers/);
  await page.keyboard.press("Enter");
  await tabTo(page, /^input Epoch 2/);
  await page.keyboard.press("ArrowLeft");
  await page.getByText("Epoch 1", { exact: true }).waitFor();

  // Understand: a number of the matrix, its images, one of them, a cover over it.
  await goTo(page, "Understand");
  await page.getByText(/^\d+ of \d+ held-out images are right$/).waitFor({ timeout: 120_000 });
  await press(page, /^button \d+ images?: /);
  await press(page, /^button \w+: \d+ %/);
  await page.getByRole("application").waitFor({ timeout: 60_000 });
  await tabTo(page, /^application /);
  await page.keyboard.press("ArrowRight");
  await page.getByText("with a part covered").waitFor();
  await page.keyboard.press("Escape");
  await tabTo(page, /^select Method/);
  await page.keyboard.press("l");
  await page.waitForFunction(
    () => [...document.querySelectorAll("select")].some(({ value }) => value === "layercam"),
    undefined,
    { timeout: 60_000 },
  );

  // Look around, and take it.
  await goTo(page, "Look around");
  await tabTo(page, /^input cbam/);
  await page.keyboard.press("ArrowRight");
  await press(page, /^button Show what each layer sees/);
  await page.getByRole("region", { name: "Your network" }).locator("canvas").first().waitFor({ timeout: 120_000 });
  await goTo(page, "Take it");
  const download = page.waitForEvent("download", { timeout: 120_000 });
  await press(page, /^button Save: ONNX$/);
  assert.match((await download).suggestedFilename(), /\.onnx$/);
  await said(page, /^Saved /);
  await page.waitForTimeout(300);
  assert.match((await focused(page)).what, /^button Save: /);

  const lost = await page.evaluate(() => (globalThis as unknown as { lost: string[] }).lost);
  assert.deepEqual(lost, []);
  assert.deepEqual(faults, []);
  await context.close();
});
