import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";

// Builds the studio's page, studio/ to dist/page: node dist/tools/studio.js

const missing = ["preact", "vite", "onnxruntime-web/wasm"].filter((name) => {
  try {
    createRequire(new URL("../../studio/package.json", import.meta.url)).resolve(name);
    return false;
  } catch {
    return true;
  }
});

/** Runs a command of an installed package; its failure is that of the build. */
async function run(name: string, ...args: string[]): Promise<void> {
  const command = spawn("npx", ["--no-install", name, ...args], { stdio: ["ignore", 2, 2] });
  const [status] = await once(command, "close");
  if (status !== 0) process.exit(status ?? 1);
}

async function pages(): Promise<void> {
  await run("vite", "build", "--config", "studio/vite.config.ts");
  // Into a folder of the first, which that empties.
  await run("vite", "build", "--config", "studio/standalone/vite.config.ts");
}

if (missing.length > 0)
  console.error(`the studio is not built, for lack of ${missing.join(", ")}: npm ci, then npm run build`);
else await Promise.all([run("tsc", "-p", "studio"), pages()]);
