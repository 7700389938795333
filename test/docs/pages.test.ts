import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { sharedFovea, temporaryFolder } from "../support/fovea.js";
import { ifLong } from "../support/long.js";

const markdown = (folder: string, options = {}) =>
  readdirSync(folder, { encoding: "utf8", ...options })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(folder, name));
const pages = [...markdown("."), ...markdown("docs", { recursive: true }), ...markdown(".github", { recursive: true })];
const textOf = (file: string) => readFileSync(file, "utf8");

/** Pages whose code is checked by a test of their own. */
const own = ["docs/adding-a-module.md", "docs/rebuild-a-network.md"];
/** Pages whose code no test runs yet: it needs files that are not here. */
const untested = ["docs/data.md", "docs/measuring-maps.md"];
const examples = readdirSync("examples").filter((file) => file.endsWith(".ts"));
const codeOf = (file: string) => [...textOf(file).matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code!);

test("code on the pages is that of examples/, all of which is on a page", () => {
  const files = new Set(examples.map((file) => textOf(join("examples", file))));
  const shown = new Set<string>();
  for (const page of pages.filter((page) => ![...own, ...untested].includes(page)))
    for (const code of codeOf(page)) {
      assert.ok(files.has(code), `${page}: not a file of examples/:\n${code}`);
      shown.add(code);
    }
  assert.equal(shown.size, files.size);
});

/** A quick run, of those that know one; modules of examples read it when they are loaded. */
process.env.SMALL = "1";
/** Examples that train as others do. */
const slow = ["find-people.ts", "key-points.ts", "labels.ts", "reidentify.ts", "save.ts", "segment.ts", "train.ts"];
for (const file of examples)
  test(`examples/${file} runs`, { skip: slow.includes(file) && ifLong }, async () => {
    const compiled = pathToFileURL(resolve("dist/examples", file.replace(/ts$/, "js"))).href;
    const before = process.cwd();
    process.chdir(temporaryFolder());
    try {
      const { pck } = await import(compiled);
      if (file === "train.ts") assert.ok(statSync("model.onnx").size > 1e6);
      if (file === "key-points.ts") {
        assert.equal(pck.length, 2);
        for (const [from, to] of pck) assert.ok(from < 0.1 && to > 0.2, `PCK ${from} → ${to}`);
        assert.equal(readFileSync("key-points.svg", "utf8").match(/<image /g)!.length, 6);
      }
      if (file === "save.ts") assert.ok(statSync("last.safetensors").size > 2e6);
    } finally {
      process.chdir(before);
    }
  });

test("links lead somewhere, and to headings that exist", () => {
  for (const page of pages)
    for (const [, target, heading] of textOf(page).matchAll(/\]\((?!\w+:)([^)#]*)(?:#([^)]+))?\)/g)) {
      const file = target ? join(page, "..", target) : page;
      assert.ok(statSync(file).size > 0, `${page}: ${target}`);
      if (heading) assert.ok(headings(textOf(file)).includes(heading), `${page}: ${target}#${heading}`);
    }
});

/** The anchors that GitHub gives to headings. */
const headings = (text: string) =>
  [...text.replaceAll(/```.*?```/gs, "").matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );

const help = new Map<string, string>();
const helpOf = async (command: string) => {
  if (!help.has(command)) help.set(command, (await sharedFovea([...command.split(" "), "--help"])).stdout);
  return help.get(command)!;
};

test("commands on the pages exist, and so do their flags", async () => {
  const commands = pages.flatMap((page) =>
    [...textOf(page).matchAll(/```(?:sh|console)\n(.*?)```|`(?:npx )?(fovea [a-z][^`]*)`/gs)].flatMap(
      ([, block, inline]) =>
        (block?.replaceAll("\\\n", " ").split("\n") ?? [inline!])
          .map((line) => /^(?:\$ )?(?:npx )?fovea ([a-z].*)/.exec(line.replace(/ #.*/, ""))?.[1])
          .filter((line) => line !== undefined)
          .map((line) => [page, line] as const),
    ),
  );
  assert.ok(commands.length > 40);
  for (const [page, line] of commands) {
    const command = /^(bench (?:calibrate|explain)|compare (?:work(?:er)?|tables)|[a-z]+)/.exec(line)![1]!;
    const shown = await helpOf(command);
    for (const flag of ["", ...(line.match(/(?<=\s)--[a-z-]+/g) ?? [])])
      assert.ok(shown.includes(`Usage: fovea ${command} `) && shown.includes(flag), `${page}: fovea ${line}: ${flag}`);
  }
});
