import { spawnSync } from "node:child_process";
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
function run(name: string, ...args: string[]): void {
  const { status } = spawnSync("npx", ["--no-install", name, ...args], { stdio: ["ignore", 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
}

if (missing.length > 0)
  console.error(`the studio is not built, for lack of ${missing.join(", ")}: npm ci, then npm run build`);
else {
  run("tsc", "-p", "studio");
  run("vite", "build", "--config", "studio/vite.config.ts");
  run("vite", "build", "--config", "studio/standalone/vite.config.ts");
}
