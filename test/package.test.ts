import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, test } from "node:test";
import { preview } from "vite";
import { consoleLine, withoutChromium } from "./support/chromium.js";
import { temporaryFolder } from "./support/fovea.js";

/** What the registry would deliver, unpacked. */
const folder = temporaryFolder();
execFileSync("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder]);
const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"))!;
execFileSync("tar", ["xzf", tarball], { cwd: folder });

/** A project that depends on the package, and on nothing more than is named here. */
function project(name: string, dependencies: readonly string[]): string {
  const home = join(folder, name);
  mkdirSync(join(home, "node_modules", "@types"), { recursive: true });
  writeFileSync(join(home, "package.json"), '{ "type": "module" }');
  // A copy: what it imports is looked up beside it.
  cpSync(join(folder, "package"), join(home, "node_modules", "fovea"), { recursive: true });
  for (const dependency of dependencies)
    symlinkSync(resolve("node_modules", dependency), join(home, "node_modules", dependency));
  return home;
}
const bin = (name: string) => resolve("node_modules", ".bin", name);
/** Of Node, without the package that browsers need. */
const needed = ["commander", "fflate", "onnxruntime-common", "onnxruntime-node", "sharp", "valibot", "@types/node"];

for (const [module, types] of [
  ["nodenext", ["node"]],
  ["preserve", ["node"]],
  ["preserve", []],
] as const)
  test(`the types hold in a strict project without onnxruntime-web: ${module}, types ${JSON.stringify(types)}`, () => {
    const home = project(`types-${module}-${types.length}`, needed);
    const compilerOptions = {
      ...{ target: "es2022", module, types, strict: true, noEmit: true, skipLibCheck: false },
      ...{ exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, lib: ["es2023", "dom"] },
    };
    writeFileSync(join(home, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
    writeFileSync(
      join(home, "program.ts"),
      `import { loadRun, openDataset, ortEngine, predict, train } from "fovea";
import { resnet } from "fovea/nn";
import { checkModule } from "fovea/testing";
import { ortWebEngine } from "fovea/web";
const { train: data, validation } = await openDataset("shapes");
const { best } = await train(createModel("resnet20", { attention: ["cbam", { reduction: 8 }] }), data, { engine: ortEngine(), validate: validation });
const top1: number | null | undefined = best?.top1;
console.log(top1, checkModule, ortWebEngine, predict, loadRun, printGraph, Conv2d, ops);
// @ts-expect-error: the depth is a number
resnet("20");
`,
    );
    const { status, stdout } = spawnSync(bin("tsc"), ["-p", "."], { cwd: home, encoding: "utf8" });
    assert.equal(status, 0, stdout);
  });

test("the package runs where it is installed, its command too", () => {
  const home = project("node", needed);
  const program = `import { resnet } from "fovea/nn";
import { costOf, trace } from "fovea";
console.log(costOf(trace(resnet(20), [1, 3, 32, 32])).macs);`;
  writeFileSync(join(home, "program.js"), program);
  assert.match(execFileSync(process.execPath, ["program.js"], { cwd: home, encoding: "utf8" }), /^4\d{7}\n$/);
  const command = join(home, "node_modules", "fovea", "dist", "src", "cli", "main.js");
  assert.match(execFileSync(process.execPath, [command, "list"], { cwd: home, encoding: "utf8" }), /cbam/);
});

test("Vite builds examples/vite without a setting; its worker trains, and stops by a message", {
  skip: withoutChromium,
}, async () => {
  const home = project("vite", [...needed, "onnxruntime-web", "vite"]);
  cpSync("examples/vite", home, { recursive: true });
  const built = spawnSync(bin("vite"), ["build"], { cwd: home, encoding: "utf8" });
  assert.equal(built.status, 0, built.stderr);
  const server = await preview({ root: home, preview: { port: 0 }, logLevel: "silent" });
  after(() => server.close());
  const address = server.resolvedUrls!.local[0]!;
  const outcome = /(trained|stopped after (\d+) steps): loss [\d.]+|failed: .*|Uncaught.*/;
  assert.match((await consoleLine(address, outcome))[0], /^trained/);
  const [line, , steps] = await consoleLine(`${address}#stop`, outcome);
  assert.ok(Number(steps) >= 1 && Number(steps) < 8, line);
});
