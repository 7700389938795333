/** Engines on WebGPU in a page of Chromium, driven from Node. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = new URL("../../../", import.meta.url);
const names = ["chromium", "chromium-browser", "google-chrome"];
const common = "--headless=new --no-sandbox --enable-unsafe-webgpu --enable-features=Vulkan --no-first-run";

function findChromium() {
  for (const folder of (process.env.PATH ?? "").split(delimiter))
    for (const name of names)
      try {
        accessSync(join(folder, name), constants.X_OK);
        return join(folder, name);
      } catch {}
  throw new Error("no Chromium");
}

/** Serves the repository, and opens a page of it. */
async function openPage(software) {
  const { chromium } = await import("playwright-core");
  const server = spawn(process.execPath, [fileURLToPath(new URL("dist/examples/browser/serve.js", root))]);
  process.on("exit", () => server.kill());
  const [address] = await once(server.stdout.setEncoding("utf8"), "data");
  const args = [...common.split(" "), ...(software ? ["--use-webgpu-adapter=swiftshader"] : [])];
  const browser = await chromium.launch({ executablePath: findChromium(), headless: false, args });
  const page = await browser.newPage();
  page.setDefaultTimeout(0);
  await page.goto(`${address.trim()}bench/peers/js/page.html`);
  return page;
}

/** An engine of engines.mjs whose arrays are in a page. `seconds` measures there. */
export async function inPage(name, version, arrays, software) {
  const page = await openPage(software);
  const plain = Object.entries(arrays).map(([key, { shape, data }]) => [key, { shape, data: [...data] }]);
  const side = await page.evaluate(([...given]) => globalThis.create(...given), [name, version, plain, software]);
  const once = (measure) => page.evaluate((m) => globalThis.engine[m]().then((data) => [...data]), measure);
  return {
    side,
    training: () => once("training"),
    inference: () => once("inference"),
    seconds: (...given) => page.evaluate(([...g]) => globalThis.seconds(...g), given),
  };
}
