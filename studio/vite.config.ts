import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const root = fileURLToPath(new URL("..", import.meta.url));
const { exports } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

/** What the package exports, as it was built: the studio uses nothing else of Fovea. */
const alias = Object.entries(exports as Record<string, { default?: string }>)
  .filter(([, entry]) => entry.default)
  .map(([name, entry]) => ({
    find: new RegExp(`^fovea${name.slice(1)}$`),
    replacement: `${root}${entry.default!.slice(2)}`,
  }));

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  // Works in any folder of any host.
  base: "./",
  resolve: { alias },
  worker: { format: "es" },
  build: {
    outDir: `${root}dist/page`,
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 2000,
    rolldownOptions: { checks: { bundlerTimings: false } },
  },
  logLevel: "warn",
});
