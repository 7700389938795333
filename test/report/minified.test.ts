import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "vite";
import { temporaryFolder } from "../support/fovea.js";
import { ifLong } from "../support/long.js";

const source = (path: string) => JSON.stringify(fileURLToPath(new URL(`../../src/${path}.js`, import.meta.url)));

/** Networks of the same classes as others. */
const few = /101|152|110|56|164|40_/;

/** All that tells of networks and modules: diagrams, printed graphs, costs by layer, gates, and what weights are recognized as. */
const program = `
import { attentionInfo, costOf, createAttentionByName, createModelByName, listAttention, listModels, modelInfo, recognizeCheckpoint, trace } from ${source("web")};
import { printGraph } from ${source("engine")};
import { drawDiagram } from ${source("explain")};
import { tapNames } from ${source("graph/passes/publish")};
import { Conv2d, stateOf } from ${source("nn")};
export const className = Conv2d.name;
const tell = (graph) => ({ printed: printGraph(graph), costs: costOf(graph), gates: [...tapNames(graph).keys()] });
export const told = {};
for (const name of listModels())
  if (!${few}.test(name)) told[name] = tell(trace(createModelByName(name), [1, ...modelInfo(name).input]));
const gated = createModelByName("resnet20", { attention: "cbam" });
const draw = (graph) => ({ ...tell(graph), diagram: drawDiagram(graph) });
told.gated = draw(trace(gated, [1, 3, 8, 8]));
told.van = draw(trace(createModelByName("van_b0"), [1, 3, 32, 32]));
const { model, options } = recognizeCheckpoint(stateOf(gated));
told.recognized = { model, options };
for (const name of listAttention())
  if (attentionInfo(name).kind !== "head")
    told[name] = draw(trace(createAttentionByName(name, 64, attentionInfo(name).sized ? { size: [16, 16] } : {}), [1, 64, 16, 16]));
`;

interface Told {
  readonly className: string;
  readonly told: Readonly<Record<string, unknown>>;
}

test("diagrams, printed graphs, costs and gates are the same where a minifier has shortened the names of classes", {
  skip: ifLong,
}, async () => {
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
  const load = (file: string): Promise<Told> => import(pathToFileURL(join(folder, file)).href);
  const [plain, minified] = [await load("plain.mjs"), await load("minified/a.mjs")];
  assert.equal(plain.className, "Conv2d");
  assert.notEqual(minified.className, "Conv2d", "names are shortened");
  assert.ok(Object.keys(plain.told).length > 30);
  assert.deepEqual(minified.told, plain.told);
});
