import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "vite";
import { temporaryFolder } from "../support/fovea.js";

const source = (path: string) => JSON.stringify(fileURLToPath(new URL(`../../src/${path}.js`, import.meta.url)));

/** Diagrams of a network and of every module. */
const program = `
import { attentionInfo, createAttentionByName, createModel, drawDiagram, listAttention, trace } from ${source("web")};
import { Conv2d } from ${source("nn")};
export const className = Conv2d.name;
export const diagrams = {
  resnet20: drawDiagram(trace(createModel("resnet20"), [1, 3, 8, 8])),
  van: drawDiagram(trace(createModel("van_b0"), [1, 3, 32, 32])),
};
for (const name of listAttention())
  if (attentionInfo(name).kind !== "head")
    diagrams[name] = drawDiagram(trace(createAttentionByName(name, 64, name === "rga" ? { size: [16, 16] } : {}), [1, 64, 16, 16]));
`;

interface Drawn {
  readonly className: string;
  readonly diagrams: Readonly<Record<string, string>>;
}

test("diagrams are the same where a minifier has shortened the names of classes", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "plain.mjs"), program);
  await build({
    root: folder,
    configFile: false,
    logLevel: "silent",
    ssr: { noExternal: true },
    build: {
      ssr: "plain.mjs",
      minify: true,
      outDir: "minified",
      rolldownOptions: { output: { entryFileNames: "a.mjs" } },
    },
  });
  const load = (file: string): Promise<Drawn> => import(pathToFileURL(join(folder, file)).href);
  const [plain, minified] = [await load("plain.mjs"), await load("minified/a.mjs")];
  assert.equal(plain.className, "Conv2d");
  assert.notEqual(minified.className, "Conv2d", "names are shortened");
  assert.deepEqual(minified.diagrams, plain.diagrams);
});
