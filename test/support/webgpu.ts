import { spawn } from "node:child_process";
import { existsSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium, type Page } from "playwright-core";
import { chromiumPath, printed } from "./chromium.js";
import { temporaryFolder } from "./fovea.js";

/** Where a page finds packages without a bundler. */
const imports = {
  fflate: "/node_modules/fflate/esm/browser.js",
  valibot: "/node_modules/valibot/dist/index.mjs",
  "onnxruntime-web/wasm": "/node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs",
  "onnxruntime-web/webgpu": "/node_modules/onnxruntime-web/dist/ort.webgpu.bundle.min.mjs",
};

/** Chromium with SwiftShader, a program on the processor, as the GPU. */
export const gpuFlags =
  "--headless=new --no-sandbox --enable-unsafe-webgpu --use-webgpu-adapter=swiftshader --enable-features=Vulkan --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync".split(
    " ",
  );

/** A page with WebGPU that can import this repository's modules. */
export async function openGpuPage(): Promise<{ readonly page: Page; close(): Promise<void> }> {
  const server = spawn(process.execPath, [fileURLToPath(new URL("../../examples/browser/serve.js", import.meta.url))]);
  const [address] = await printed(server, /http:\S+/);
  const browser = await chromium.launch({ executablePath: chromiumPath!, headless: false, args: gpuFlags });
  const page = await browser.newPage();
  page.setDefaultTimeout(0);
  const headers = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };
  const body = `<!doctype html><script type="importmap">${JSON.stringify({ imports })}</script>`;
  await page.route("**/gpu.html", (route) => route.fulfill({ contentType: "text/html", headers, body }));
  await page.goto(`${address}gpu.html`);
  const close = async () => {
    await browser.close();
    server.kill();
  };
  return { page, close };
}

/** For Node: SwiftShader as it comes with Chromium, if it is there, and no other driver. */
export function swiftShader(): NodeJS.ProcessEnv | undefined {
  const folder = [
    dirname(chromiumPath ?? "/"),
    "/usr/lib/chromium",
    "/usr/lib/chromium-browser",
    "/opt/google/chrome",
  ].find((path) => existsSync(join(path, "vk_swiftshader_icd.json")) && existsSync(join(path, "libvulkan.so.1")));
  if (process.platform !== "linux" || !folder) return undefined;
  // Not the whole folder, which has libraries of its own.
  const own = temporaryFolder();
  symlinkSync(join(folder, "libvulkan.so.1"), join(own, "libvulkan.so.1"));
  const icd = join(folder, "vk_swiftshader_icd.json");
  return { ...process.env, LD_LIBRARY_PATH: own, VK_ICD_FILENAMES: icd, VK_DRIVER_FILES: icd, XDG_RUNTIME_DIR: own };
}
