import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, test } from "node:test";
import { preview } from "vite";
import { consoleLine, withoutChromium } from "./support/chromium.js";
import { temporaryFolder } from "./support/fovea.js";
import { ifLong } from "./support/long.js";

/** What the registry would deliver, unpacked. */
const folder = temporaryFolder();
execFileSync("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder]);
const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"))!;
execFileSync("tar", ["xzf", tarball], { cwd: folder });

const installed = join(folder, "package");
const manifest = (at: string) => JSON.parse(readFileSync(join(at, "package.json"), "utf8"));

/** A project that depends on the package, and on nothing more than is named here. */
function project(name: string, dependencies: readonly string[]): string {
  const home = join(folder, name);
  mkdirSync(join(home, "node_modules", "@types"), { recursive: true });
  writeFileSync(join(home, "package.json"), '{ "type": "module" }');
  // A copy: what it imports is looked up beside it.
  cpSync(installed, join(home, "node_modules", "fovea"), { recursive: true });
  for (const dependency of dependencies)
    symlinkSync(resolve("node_modules", dependency), join(home, "node_modules", dependency));
  return home;
}
const bin = (name: string) => resolve("node_modules", ".bin", name);
/** What comes with the package. */
const own = Object.keys(manifest(installed).dependencies);
/** What a program in Node installs beside it. */
const needed = [...own, "onnxruntime-node", "sharp", "@types/node"];

/** A package and all that comes with it. */
function withDependencies(name: string, found = new Set<string>()): Set<string> {
  if (found.has(name)) return found;
  found.add(name);
  const { dependencies = {}, optionalDependencies = {} } = manifest(resolve("node_modules", name));
  for (const next of Object.keys({ ...dependencies, ...optionalDependencies })) withDependencies(next, found);
  return found;
}

test("what comes with the package is JavaScript alone: nothing native, nothing that runs when it is installed", () => {
  const all = own.flatMap((name) => [...withDependencies(name)]);
  for (const name of all) {
    const at = resolve("node_modules", name);
    const { scripts = {}, gypfile } = manifest(at);
    assert.ok(!gypfile && !scripts.install && !scripts.postinstall && !scripts.preinstall, name);
    const native = readdirSync(at, { recursive: true, encoding: "utf8" }).filter((file) =>
      /\.(node|so|dll|dylib)$/.test(file),
    );
    assert.deepEqual(native, [], name);
  }
  const { scripts, peerDependencies, peerDependenciesMeta } = manifest(installed);
  assert.deepEqual(
    Object.keys(scripts).filter((name) => /install$/.test(name)),
    [],
  );
  for (const name of Object.keys(peerDependencies)) assert.ok(peerDependenciesMeta[name].optional, name);
});

test("npm lists nothing native in a project for browsers", { skip: ifLong }, () => {
  const home = join(folder, "listed");
  const put = (name: string, from: string) => {
    mkdirSync(join(home, "node_modules", name), { recursive: true });
    cpSync(join(from, "package.json"), join(home, "node_modules", name, "package.json"));
  };
  // npm reads no more than the manifests.
  for (const name of [...own, "onnxruntime-web"].flatMap((dependency) => [...withDependencies(dependency)]))
    put(name, resolve("node_modules", name));
  put("fovea", installed);
  const dependencies = {
    fovea: manifest(installed).version,
    "onnxruntime-web": manifest(installed).peerDependencies["onnxruntime-web"],
  };
  writeFileSync(join(home, "package.json"), JSON.stringify({ name: "listed", version: "1.0.0", dependencies }));
  const { status, stdout, stderr } = spawnSync("npm", ["ls", "--all", "--parseable"], { cwd: home, encoding: "utf8" });
  assert.equal(status, 0, stderr);
  const listed = stdout
    .trim()
    .split("\n")
    .slice(1)
    .map((path) => path.slice(path.indexOf("node_modules/") + 13));
  for (const name of ["fovea", "onnxruntime-web", ...own]) assert.ok(listed.includes(name), name);
  for (const name of ["sharp", "onnxruntime-node", "fs-native-extensions"]) assert.ok(!listed.includes(name), name);
});

test("publint and arethetypeswrong find nothing", { skip: ifLong }, () => {
  const file = join(folder, tarball);
  const lint = spawnSync(bin("publint"), ["run", file, "--strict"], { encoding: "utf8" });
  assert.equal(lint.status, 0, lint.stdout + lint.stderr);
  // The package is ESM for Node ≥ 20.9, where require() of ESM is not yet everywhere: no CommonJS.
  const types = spawnSync(bin("attw"), [file, "--profile", "esm-only"], { encoding: "utf8" });
  assert.equal(types.status, 0, types.stdout + types.stderr);
});

test("without the packages that Node needs, one line says how to install them", () => {
  const home = project("bare", [...own, "@types/node"]);
  writeFileSync(
    join(home, "program.js"),
    `import { createModel, decodeImage, ortEngine, trace } from "fovea";
const graph = trace(createModel("resnet20"), [1, 3, 8, 8]);
for (const use of [() => decodeImage("x.png"), () => ortEngine().compile(graph)])
  await use().catch((error) => console.log(\`\${error.name}: \${error.message}\`));`,
  );
  assert.equal(
    execFileSync(process.execPath, ["program.js"], { cwd: home, encoding: "utf8" }),
    `FoveaError: decodeImage needs the package sharp: npm install --ignore-scripts sharp
FoveaError: ortEngine needs the package onnxruntime-node: npm install --ignore-scripts onnxruntime-node@1.30.0
`,
  );
});

for (const [module, types] of [
  ["nodenext", ["node"]],
  ["preserve", ["node"]],
  ["preserve", []],
] as const)
  test(`the types hold in a strict project without onnxruntime-web: ${module}, types ${JSON.stringify(types)}`, {
    skip: module !== "nodenext" && ifLong,
  }, () => {
    const home = project(`types-${module}-${types.length}`, needed);
    const compilerOptions = {
      ...{ target: "es2022", module, types, strict: true, noEmit: true, skipLibCheck: false },
      ...{ exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, lib: ["es2023", "dom"] },
    };
    writeFileSync(join(home, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
    writeFileSync(
      join(home, "program.ts"),
      `import { createModel, loadRun, openDataset, ortEngine, predict, train } from "fovea";
import { printGraph } from "fovea/engine";
import { faithfulness, openExplainer } from "fovea/explain";
import { Conv2d, ops, resnet } from "fovea/nn";
import { checkModule } from "fovea/testing";
import { ortWebEngine } from "fovea/web";
const { train: data, validation } = await openDataset("shapes");
const { best } = await train(createModel("resnet20", { attention: ["cbam", { reduction: 8 }] }), data, { engine: ortEngine(), validate: validation });
const top1: number | null | undefined = best?.top1;
console.log(top1, checkModule, ortWebEngine, predict, loadRun, printGraph, Conv2d, ops, faithfulness, openExplainer);
// @ts-expect-error: the depth is a number
resnet("20");
`,
    );
    const { status, stdout } = spawnSync(bin("tsc"), ["-p", "."], { cwd: home, encoding: "utf8" });
    assert.equal(status, 0, stdout);
  });

test("the types for browsers hold in a strict project without those of Node", { skip: ifLong }, () => {
  const home = project("types-browser", own);
  const compilerOptions = {
    ...{ target: "es2022", module: "preserve", types: [], strict: true, noEmit: true, skipLibCheck: false },
    ...{ exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, lib: ["es2023", "dom", "dom.iterable"] },
  };
  writeFileSync(join(home, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
  writeFileSync(
    join(home, "program.ts"),
    `import { trainingStep } from "fovea/engine";
import { drawMapGrid, gates } from "fovea/explain";
import { Conv2d, Module, ops, type Value } from "fovea/nn";
import { createModel, generateShapes, ortWebEngine, train } from "fovea/web";
class Gate extends Module {
  readonly conv = new Conv2d(3, 3, { kernelSize: 1 });
  override forward(x: Value): Value {
    return ops.mul(x, ops.sigmoid(this.conv.call(x)));
  }
}
const model = createModel("resnet20", { numClasses: 10, attention: () => new Gate() });
await train(model, generateShapes({ count: 64 }), { engine: ortWebEngine(), epochs: 1 });
console.log(trainingStep, drawMapGrid, gates);
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
  const command = join(home, "node_modules", "fovea", "bin", "fovea.js");
  assert.match(execFileSync(process.execPath, [command, "list"], { cwd: home, encoding: "utf8" }), /cbam/);
});

test("Vite builds examples/vite without a setting; its worker trains, and stops by a message", {
  skip: ifLong || withoutChromium,
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

test("the command is a file that can be run, as npx does in a checkout", () => {
  assert.match(execFileSync("bin/fovea.js", ["--version"], { encoding: "utf8" }), /^\d+\.\d+\.\d+\n$/);
});
