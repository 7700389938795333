import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { asArgument, foveaCommand, shellQuote, visible } from "../../src/cli/terminal.js";
import { sharedFovea as fovea, temporaryFolder, tinyCifar } from "../support/fovea.js";
import { ifLong } from "../support/long.js";

const skip = process.platform === "win32" && "no shell of this kind";

const names = [
  "runs/photos-resnet18-se",
  "",
  "my runs/first one",
  "it's",
  "'; touch /tmp/fovea-was-here; '",
  "$HOME",
  "$(id)",
  "`id`",
  "a & b | c > d < e; f",
  "*?[ab]{1,2}!!",
  '"double"',
  "back\\slash\\",
  "#comment",
  "~",
  "=word",
  "new\nline",
  "carriage\rreturn",
  "tab\tand it's \\n",
  "red\x1b[31m",
  "\u202egnp.exe",
  "zero\u200bwidth",
  "tag\u{e0041}",
  "Katze 🐈 ö",
];

/** What a shell takes a line's words for. */
function wordsOf(line: string, shell = "bash"): string[] {
  const { stdout, status, stderr } = spawnSync(shell, ["-c", `printf '%s\\0' ${line}`], {
    encoding: "utf8",
    env: { PATH: process.env.PATH, LC_ALL: "C.UTF-8" },
  });
  assert.equal(status, 0, stderr);
  return stdout.split("\0").slice(0, -1);
}

test("words of a command that is shown are one word each in a shell, whatever is in them", { skip }, () => {
  for (const shell of ["bash", "sh"]) {
    const own = shell === "bash" ? names : names.filter((name) => visible(name) === name);
    assert.deepEqual(wordsOf(visible(own.map((name) => shellQuote(name)).join(" ")), shell), own);
  }
});

test("so are any words", { skip }, () => {
  const word = fc.string({ unit: "grapheme", maxLength: 12 }).map((text) => text.replaceAll("\0", ""));
  const ascii = fc.string({ unit: "binary-ascii", maxLength: 12 }).map((text) => text.replaceAll("\0", ""));
  fc.assert(
    fc.property(fc.array(fc.oneof(word, ascii), { minLength: 1, maxLength: 50 }), (words) => {
      assert.deepEqual(wordsOf(visible(words.map((name) => shellQuote(name)).join(" "))), words);
    }),
    { numRuns: ifLong ? 10 : 50, seed: 15 },
  );
});

test("names for Windows stand in double quotes, and what begins with a dash is a path", () => {
  assert.equal(shellQuote("C:\\runs\\first", "win32"), "C:\\runs\\first");
  assert.equal(shellQuote("C:\\my runs\\first & second", "win32"), '"C:\\my runs\\first & second"');
  assert.equal(foveaCommand("predict", asArgument("--out"), "IMAGE..."), "npx fovea predict ./--out IMAGE...");
});

const folder = temporaryFolder();
const hostile = (name: string) => join(folder, `${name}'s $HOME;\n\`id\` <b>`);
mkdirSync(join(folder, "data"));
const data = tinyCifar(join(folder, "data"), { train: 16, test: 8 });
const training = [
  ...["train", data, "--model", "resnet20", "--batch", "4", "--threads", "1", "--no-maps"],
  ...["--epochs", "2", "--out"],
];

/** The words of the commands in a report. */
function shownIn(run: string): readonly string[][] {
  const shown = [...readFileSync(join(run, "report.html"), "utf8").matchAll(/<pre>npx fovea ([^<]*)<\/pre>/g)];
  const unescaped = (html: string) => html.replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)));
  return shown.map(([, html]) => wordsOf(unescaped(html!)));
}

test("commands of a run with a hostile name can be copied from the terminal and from its report", {
  skip: skip || ifLong,
}, async () => {
  const run = hostile("it");
  const { code, stderr } = await fovea([...training, run]);
  assert.equal(code, 0, stderr);
  const commands = [
    ["predict", run, "IMAGE..."],
    ["export", run, "--out", "model.onnx"],
  ];
  assert.deepEqual(shownIn(run), commands);
  // What each is for stands behind it.
  const printed = [...stderr.matchAll(/^ *npx fovea (.*)$/gm)].map(([, line]) => wordsOf(line!));
  assert.deepEqual(
    printed.map((words, i) => words.slice(0, commands[i]?.length)),
    commands,
  );
});

test("so can the command that goes on with it", { skip: skip || ifLong }, async () => {
  const run = hostile("he");
  let stopped = false;
  const first = await fovea([...training, run], (text, child) => {
    if (!stopped && text.includes("epoch 1/2")) stopped = child.kill("SIGINT");
  });
  const command = /To resume: npx fovea (.*)\n/.exec(first.stderr)?.[1];
  assert.deepEqual(wordsOf(command!), ["train", "--resume", "--out", run]);
  const second = await fovea(wordsOf(command!));
  assert.equal(second.code, 0, second.stderr);
  assert.equal(shownIn(run).length, 2);
});
