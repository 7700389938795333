import { fileURLToPath } from "node:url";
import { defineConfig, mergeConfig, type Plugin } from "vite";
import studio from "../vite.config.js";

/** The engine is put into the page when it is made: from the studio's own copy. */
const withoutEngine: Plugin = {
  name: "without-engine",
  generateBundle(_, bundle) {
    for (const name of Object.keys(bundle)) if (name.endsWith(".wasm")) delete bundle[name];
  },
};

/** The page computes on the CPU: it does not need the build for GPUs, which is 27 MB. */
const external = ["onnxruntime-web/webgpu"];

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The page that a network is taken away as: one program and one style sheet, which the studio puts into one file. */
export default mergeConfig(
  studio,
  defineConfig({
    root: here("."),
    publicDir: false,
    plugins: [withoutEngine],
    worker: { rolldownOptions: { external } },
    build: {
      outDir: here("../../dist/page/standalone"),
      emptyOutDir: true,
      rolldownOptions: {
        external,
        input: here("main.ts"),
        output: { entryFileNames: "standalone.js", assetFileNames: "standalone[extname]", codeSplitting: false },
      },
    },
  }),
);
