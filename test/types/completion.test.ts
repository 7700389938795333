/** What an editor offers, asked of TypeScript's own language service. */
import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, test } from "node:test";
import { API } from "typescript/unstable/sync";
import { temporaryFolder } from "../support/fovea.js";

/** What is offered at `|` of an expression. */
const expressions = {
  "a module's name": 'createAttention("|", 64)',
  "a network's name": 'createModel("|")',
  "a module's options": 'createAttention("se", 64, { | })',
  "the words of an option": 'createAttention("cbam", 64, { variant: "|" })',
  "a network's options": 'createModel("resnet20", { | })',
  "a module of a network": 'createModel("resnet20", { attention: ["cbam", { | }] })',
} as const;

const folder = temporaryFolder();
mkdirSync(join(folder, "node_modules"));
symlinkSync(resolve("."), join(folder, "node_modules", "fovea"));
const compilerOptions = { target: "es2022", module: "nodenext", strict: true, noEmit: true, types: [] };
writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
writeFileSync(join(folder, "package.json"), '{ "type": "module" }');

const start = 'import { createAttention, createModel } from "fovea";\n';
const files = Object.values(expressions).map((expression, i) => {
  const text = start + expression;
  const file = join(folder, `program${i}.ts`);
  writeFileSync(file, text.replace("|", ""));
  return { file, at: text.indexOf("|") };
});
const api = new API({ cwd: folder });
after(() => api.close());
const project = api.updateSnapshot({ openProject: join(folder, "tsconfig.json") }).getProjects()[0]!;

function offered(what: keyof typeof expressions): readonly string[] {
  const { file, at } = files[Object.keys(expressions).indexOf(what)]!;
  const found = project.checker.getCompletionsAtPosition(file, at);
  return found?.entries.map(({ name }) => name.replace(/^"|"$|\?$/g, "")) ?? [];
}

test("editors complete the names of modules and networks", () => {
  const modules = offered("a module's name");
  for (const name of ["cbam", "eca", "se", "simam", "danet-head"]) assert.ok(modules.includes(name), String(modules));
  const networks = offered("a network's name");
  for (const name of ["resnet20", "van_b0", "unet_resnet18"]) assert.ok(networks.includes(name), String(networks));
});

test("editors complete options by the name before them, and their words", () => {
  assert.deepEqual(offered("a module's options").toSorted(), ["bias", "reduction", "variant"]);
  assert.deepEqual(offered("the words of an option").toSorted(), ["authors", "dense", "plain", "timm"]);
  assert.deepEqual(offered("a network's options").toSorted(), [
    "attention",
    "dropPath",
    "extraChannels",
    "init",
    "numClasses",
    "seed",
    "shortcut",
    "stem",
  ]);
  const inBlocks = offered("a module of a network");
  for (const name of ["reduction", "kernelSize", "variant"]) assert.ok(inBlocks.includes(name), String(inBlocks));
});
