import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type AsyncZippable, zipSync } from "fflate";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import sharp from "sharp";
import { pageFolder } from "../../src/cli/studio-server.js";
import { generateShapes } from "../../src/index.js";
import { chromiumPath, printed, withoutChromium } from "../support/chromium.js";
import { main, temporaryFolder } from "../support/fovea.js";
import { gpuFlags } from "../support/webgpu.js";

/** For tests of the page: why they are skipped, or false. A checkout without the built page fails: the build makes it. */
export const skip = withoutChromium;

/** A studio that serves on a port of its own. */
export interface Served {
  readonly url: string;
  /** The folder it was started in. */
  readonly folder: string;
  close(): void;
}

export async function serve(): Promise<Served> {
  if (!existsSync(pageFolder)) throw new Error("the studio is not built: npm run build");
  const folder = temporaryFolder();
  const child = spawn(process.execPath, [main, "studio", "--port", "0"], { cwd: folder });
  const [url] = await printed(child, /http:\S+/);
  return { url, folder, close: () => void child.kill() };
}

/** A browser whose graphics card is a program on the processor. */
export const openGpuBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: chromiumPath!, headless: false, args: gpuFlags });

/** A browser with a camera that shows a test picture. */
export const openBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: chromiumPath!,
    args: ["--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
  });

/** A page, and what it should not have done. */
export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors and warnings on the console, and requests for anything that is not on this machine. */
  readonly faults: readonly string[];
}

export async function visit(browser: Browser, url: string): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, permissions: ["camera"] });
  const faults: string[] = [];
  context.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    const local = ["data:", "blob:"].includes(protocol) || origin === new URL(url).origin;
    if (!local) faults.push(`asks for ${request.url()}`);
  });
  const page = await context.newPage();
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(error.message));
  // Small and quick: what is tested is the studio, not how well it learns.
  await page.addInitScript(() => {
    const key = "fovea-studio-settings";
    if (!localStorage.getItem(key)) localStorage.setItem(key, JSON.stringify({ threads: 1, epochs: 2, batch: 8 }));
    // Messages are gone after a while. Each is an element of its own, that stays the same while other things change.
    const said: string[] = [];
    Object.assign(globalThis, { said });
    let last: Element | null = null;
    new MutationObserver(() => {
      const toast = document.querySelector("[role=status] .toast");
      if (toast && toast !== last) said.push(toast.textContent ?? "");
      last = toast ?? last;
    }).observe(document, { childList: true, subtree: true, characterData: true });
  });
  await page.goto(url);
  await page.getByRole("heading", { name: "Collect" }).waitFor();
  return { page, context, faults };
}

/** A task of a thread of the browser. */
export interface ThreadTask {
  /** `CrRendererMain` is the page's own. */
  readonly thread: string;
  /** Processor time in milliseconds: unlike its duration, it does not grow where the machine does other things. */
  readonly cpu: number;
}

/** What the browser's threads did meanwhile. */
export async function tasksDuring(browser: Browser, page: Page, work: () => Promise<void>): Promise<ThreadTask[]> {
  interface TraceEvent {
    readonly ph: string;
    readonly name: string;
    readonly pid: number;
    readonly tid: number;
    readonly tdur?: number;
    readonly args?: { readonly name?: string };
  }
  await browser.startTracing(page, { categories: ["toplevel"], screenshots: false });
  await work();
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] };
  const threadOf = ({ pid, tid }: TraceEvent) => `${pid} ${tid}`;
  const threads = new Map<string, string>();
  for (const event of traceEvents) if (event.name === "thread_name") threads.set(threadOf(event), event.args!.name!);
  const tasks = traceEvents.flatMap((event) =>
    event.ph === "X" && event.name.endsWith("RunTask") && event.tdur !== undefined
      ? [{ thread: threads.get(threadOf(event)) ?? "", cpu: event.tdur / 1000 }]
      : [],
  );
  assert.ok(tasks.length > 0, "the trace has no tasks with their processor time");
  return tasks;
}

/** A zip archive of small shapes in folders of classes, and the names of the files in it. */
export async function shapesZip(perClass: number, classes = ["circle", "heart", "star"], seed = 3): Promise<Buffer> {
  const data = generateShapes({ count: 10 * perClass, seed });
  const files: AsyncZippable & Record<string, Uint8Array> = {};
  for (let i = 0; i < data.length; i++) {
    const name = data.classes[data.labels[i]!]!;
    if (classes.includes(name))
      files[`shapes/${name}/${name}-${String(i).padStart(4, "0")}.png`] = await png(await data.image(i));
  }
  return Buffer.from(zipSync(files, { level: 0 }));
}

export async function png({
  width,
  height,
  pixels,
}: {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}): Promise<Uint8Array> {
  const area = width * height;
  const rgb = Buffer.from(Array.from({ length: 3 * area }, (_, i) => pixels[(i % 3) * area + Math.floor(i / 3)]!));
  return sharp(rgb, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

/** A file to hand to a page. */
export interface HandedFile {
  readonly name: string;
  readonly mimeType: string;
  readonly buffer: Buffer;
}

export const zipFile = (buffer: Buffer, name = "images.zip"): HandedFile => ({
  name,
  mimeType: "application/zip",
  buffer,
});

/** Hands files to the page's dialog. */
export async function choose(page: Page, button: string, files: readonly HandedFile[] | string): Promise<void> {
  const asked = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: button, exact: true }).click();
  await (await asked).setFiles(files as HandedFile[]);
}

/** Waits until something was said to everyone, now or before, and forgets what was said up to then. */
export async function said(page: Page, text: string | RegExp, timeout = 120_000): Promise<void> {
  const source = typeof text === "string" ? `^${text.replace(/[.*+?()[\]{}|^$\\]/g, "\\$&")}` : text.source;
  await page.waitForFunction(
    (pattern) => {
      const { said = [] } = globalThis as { said?: string[] };
      const at = said.findIndex((one) => new RegExp(pattern).test(one));
      said.splice(0, at + 1);
      return at >= 0;
    },
    source,
    { timeout, polling: 100 },
  );
}

/** Adds a class and records a burst of 30 frames of it. */
export async function record(page: Page, name: string): Promise<void> {
  await page
    .getByRole("button", { name: /^(Start with an empty class|Class)$/ })
    .first()
    .click();
  await page.getByLabel("Name of the class").last().fill(name);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: `Record ${name} with the camera` }).click();
  await page.getByRole("button", { name: "Record 30 frames" }).click();
  await said(page, /^Added \d+ images/);
  await page.getByRole("button", { name: "Close" }).click();
}

export const goTo = (page: Page, view: string): Promise<void> =>
  page.getByRole("navigation").getByRole("link", { name: view }).click();

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Violations that axe-core calls serious or critical, what is beyond the edge of its card, and whether the page is wider than the window. */
export async function look(page: Page, width: number, colorScheme: "light" | "dark"): Promise<string[]> {
  await page.setViewportSize({ width, height: 900 });
  await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
  await page.waitForTimeout(200);
  // Not by the page, whose policy forbids it.
  const session = await page.context().newCDPSession(page);
  const evaluate = async (expression: string) => {
    const { result } = await session.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    return result.value as unknown;
  };
  await evaluate(`${axe};0`);
  const serious = (await evaluate(
    `axe.run().then(({ violations }) => violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => id + ": " + html.slice(0, 200) + " " + failureSummary)))`,
  )) as string[];
  const overflow = Number(
    await evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"),
  );
  const outside = (await evaluate(
    `[...document.querySelectorAll(".card :is(a, button, input, select, p, h2)")]
      .filter((one) => !one.closest(".scroll, .drawing, .hidden"))
      .filter((one) => one.getBoundingClientRect().right > one.closest(".card").getBoundingClientRect().right + 1)
      .map((one) => "beyond the edge of its card: " + one.outerHTML.slice(0, 200))`,
  )) as string[];
  await session.detach();
  return [...serious, ...outside, ...(overflow > 0 ? [`${overflow} px wider than the window`] : [])];
}

/** A picture of the view for the documentation, where one is asked for: `npm run docs:studio`. */
export async function picture(page: Page, view: string): Promise<void> {
  const folder = process.env.FOVEA_STUDIO_PICTURES;
  if (!folder) return;
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  await page.evaluate(() => scrollTo(0, 0));
  await page.locator(".toast").waitFor({ state: "detached", timeout: 10_000 });
  const height = Math.min(1250, await page.evaluate(() => document.documentElement.scrollHeight));
  await page.setViewportSize({ width: 1280, height: Math.max(700, height) });
  await page.waitForTimeout(500);
  const png = await page.screenshot();
  await sharp(png)
    .resize(1000)
    .webp({ quality: 82 })
    .toFile(join(folder, `${view}.webp`));
  await page.setViewportSize({ width: 1280, height: 900 });
}
