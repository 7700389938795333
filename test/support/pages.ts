import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { type Browser, chromium } from "playwright-core";
import { chromiumPath } from "./chromium.js";

/** How a page is looked at. */
export interface View {
  readonly width: number;
  readonly dark?: boolean;
  /** Where a picture of the whole page goes. */
  readonly screenshot?: string;
}

/** What is wrong with a page as a reader sees it. */
export interface Look {
  /** Violations that axe-core calls serious or critical: rule and element. */
  readonly serious: readonly string[];
  /** Errors on the console, and requests for anything but the file itself. */
  readonly errors: readonly string[];
  /** How much wider than the window the page is, in pixels. */
  readonly overflow: number;
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const openBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: chromiumPath!, args: ["--no-sandbox", "--disable-gpu"] });

/** Opens an HTML file with the network off, and looks. */
export async function lookAt(browser: Browser, file: string, { width, dark = false, screenshot }: View): Promise<Look> {
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    colorScheme: dark ? "dark" : "light",
    offline: true,
  });
  try {
    const page = await context.newPage();
    const errors: string[] = [];
    const address = pathToFileURL(file).href;
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) errors.push(message.text());
    });
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("request", (request) => {
      if (request.url() !== address && !request.url().startsWith("data:")) errors.push(`asks for ${request.url()}`);
    });
    await page.goto(address);
    // Everything that is folded away counts as well.
    await page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })");
    const overflow = Number(
      await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"),
    );
    await page.evaluate(axe);
    const serious = (await page.evaluate(
      `axe.run().then(({ violations }) => violations
        .filter(({ impact }) => impact === "serious" || impact === "critical")
        .flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ": " + html.slice(0, 200))))`,
    )) as string[];
    if (screenshot) await page.screenshot({ path: screenshot, fullPage: true });
    return { serious, errors, overflow };
  } finally {
    await context.close();
  }
}

/** The file printed on A4. */
export async function printed(browser: Browser, file: string, path?: string): Promise<Buffer> {
  const page = await browser.newPage({ colorScheme: "dark" });
  try {
    await page.goto(pathToFileURL(file).href);
    return await page.pdf({ preferCSSPageSize: true, printBackground: false, ...(path ? { path } : {}) });
  } finally {
    await page.close();
  }
}
