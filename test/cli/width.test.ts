import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { attentionModules } from "../../src/attention/index.js";
import { wrapped } from "../../src/cli/terminal.js";
import { models } from "../../src/models/index.js";
import { sharedFovea as fovea } from "../support/fovea.js";

/** Words are never broken, so addresses may be longer. */
const tooWide = (text: string, width: number) =>
  text.split("\n").filter((line) => line.length > width && line.trim().includes(" "));

const commands =
  "list summary train eval predict explain report compare tune export studio inspect convert verify bench".split(" ");
const helps = [[], ...commands.map((name) => [name]), ["bench", "calibrate"], ["bench", "explain"]].map((args) => [
  ...args,
  "--help",
]);
const lists = [[], ...[...attentionModules.keys(), ...models.keys()].map((name) => [name])];

for (const args of helps)
  test(`fovea ${args.join(" ")} fits 80 columns`, async () => {
    const { code, stdout } = await fovea(args);
    assert.equal(code, 0);
    assert.ok(stdout.length > 100);
    assert.deepEqual(tooWide(stdout, 80), []);
  });

test("fovea list, and all that it lists, fit 80 columns", async () => {
  for (let at = 0; at < lists.length; at += 4)
    for (const { code, stdout } of await Promise.all(lists.slice(at, at + 4).map((name) => fovea(["list", ...name])))) {
      assert.equal(code, 0);
      assert.deepEqual(tooWide(stdout, 80), []);
    }
});

test("text is wrapped to any width, every word once and in order", () => {
  const text =
    "channels ÷ hidden channels of the channel gate, or a fraction: hidden ÷ channels; https://arxiv.org/abs/1807.06521";
  for (const width of [1, 20, 33, 80, 200])
    for (const indent of [0, 6]) {
      const lines = wrapped(text, { width, indent });
      assert.equal(lines.map((line) => line.trim()).join(" "), text);
      if (width >= 33) assert.deepEqual(tooWide(lines.join("\n"), width), []);
    }
  assert.deepEqual(wrapped(""), []);
});

test("the command line loads the command that is named, and no other", () => {
  const main = readFileSync("src/cli/main.ts", "utf8");
  const first = [...main.matchAll(/^import .* from "(.*)";$/gm)].map(([, from]) => from);
  assert.deepEqual(
    first.filter((from) => from!.startsWith(".")),
    ["../core/errors.js", "../version.js", "./streams.js", "./terminal.js"],
  );
  for (const name of commands) assert.match(main, new RegExp(`^  ${name}: \\[`, "m"));
});
