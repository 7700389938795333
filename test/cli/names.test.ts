import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import sharp from "sharp";
import { jsonLine, table, visible } from "../../src/cli/terminal.js";
import { writeSafetensors } from "../../src/formats/safetensors.js";
import { float32 } from "../../src/nn.js";
import { sharedFovea as fovea, main, temporaryFolder } from "../support/fovea.js";
import { ifLong } from "../support/long.js";

/** Names that a terminal, a page or a table could take for something else. */
const hostile: Readonly<Record<string, string>> = {
  "an escape sequence": "a\x1b[2J\x1b]0;title\x07",
  "a newline": "b\nfovea: all is well",
  "a carriage return": "c\rd",
  "a control sequence in one character": "e\u009b31m",
  "a bidirectional override": "f\u202egnp",
  "a bidirectional isolate": "g\u2066h",
  "a character of no width": "i\u200bj",
  "a line separator": "k\u2028l",
  "a tag": "m\u{e0041}n",
  "a filler": "o\u3164p",
  markup: `q<img src=x onerror="alert(1)">'`,
  "a formula": "=1+1",
};

const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u3164]/u;

/** Nothing but printable characters in lines, none of which was made by a name. */
function assertClean(text: string, what: string): void {
  for (const line of text.split("\n")) {
    assert.doesNotMatch(line, unsafe, `${what}: ${JSON.stringify(line)}`);
    assert.doesNotMatch(line, /^fovea: all is well/, what);
  }
}

const folder = temporaryFolder();
const names = Object.values(hostile);
const data = join(folder, "data\x1b[1m");
for (const [label, name] of names.entries()) {
  const home = join(data, name);
  mkdirSync(home, { recursive: true });
  for (const i of [0, 1, 2])
    writeFileSync(
      join(home, `${i}${name}.png`),
      await sharp({ create: { width: 8, height: 8, channels: 3, background: { r: 20 * label, g: i, b: 0 } } })
        .png()
        .toBuffer(),
    );
  writeFileSync(join(home, `bad${name}.jpg`), "no image");
  writeFileSync(join(home, `${name}.txt`), "");
}
const run = join(folder, "run\u202e\x1b[2J");
const training = [
  "--model",
  "mobilenetv1_025",
  "--image-size",
  "32",
  "--batch",
  "4",
  "--epochs",
  "1",
  "--threads",
  "1",
];
const trained = await fovea(["train", data, ...training, "--out", run]);
const image = join(data, names[0]!, `0${names[0]}.png`);

for (const [what, name] of Object.entries(hostile))
  test(`visible: ${what} is spelled out, once`, () => {
    const shown = visible(name);
    assert.doesNotMatch(shown, unsafe);
    assert.equal(visible(shown), shown);
    assert.equal(JSON.parse(jsonLine(name)), name);
    assert.doesNotMatch(jsonLine(name).slice(0, -1), unsafe);
  });

test("visible leaves letters of all scripts and emoji, and spells out what stands alone or joins", () => {
  const text = "Größe 犬 כלב ❤️ 👍🏽 é";
  assert.equal(visible(text), text);
  assert.equal(visible("\ud800a\u200d"), "\\ud800a\\u200d");
  assert.equal(visible("x".repeat(100), 10), `${"x".repeat(9)}…`);
});

test("a long name widens no table beyond two hundred characters", () => {
  const lines = table(
    [["y".repeat(1_000_000), 1], ...Array.from({ length: 1000 }, () => ["z", 2] as const)],
    ["a", "b"],
  );
  assert.ok(lines.every((line) => line.length < 250));
});

test("train prints no name of a class or file as it is", () => {
  assert.equal(trained.code, 0, trained.stderr);
  assertClean(trained.stderr, "train");
  assert.match(trained.stderr, /skipped .*data\\x1b\[1m.*not a JPEG/);
  assert.ok(trained.stderr.includes(visible(run)));
});

test("the report holds names as text", () => {
  const html = readFileSync(join(run, "report.html"), "utf8");
  assert.doesNotMatch(html, /<img src=x/);
  assert.doesNotMatch(html, /(?![\n\r])\p{Cc}|[\u202a-\u202e\u2066-\u2069]/u);
  assert.ok(html.includes("q&#60;img src=x onerror=&#34;alert(1)&#34;&#62;&#39;"));
});

test("eval, predict and export print no name as it is", async () => {
  for (const args of [
    ["eval", run, data],
    ["predict", run, image, "--top", "12"],
    ["predict", run, data, "--top", "12"],
    ["export", run, "--out", join(folder, "x\x1b[3m.onnx")],
    ["predict", run, join(folder, "none\x1b[3m\n.jpg")],
  ]) {
    const { stdout, stderr } = await fovea(args);
    assertClean(stdout, args[0]!);
    assertClean(stderr, args[0]!);
  }
});

test("JSON and CSV keep names as they are", async () => {
  const jsonl = await fovea(["predict", run, image, "--top", "12", "--format", "jsonl"]);
  assert.doesNotMatch(jsonl.stdout.slice(0, -1), unsafe);
  const answer = JSON.parse(jsonl.stdout) as { image: string; classes: { name: string }[] };
  assert.equal(answer.image, image);
  assert.deepEqual(answer.classes.map(({ name }) => name).sort(), [...names].sort());
  const csv = await fovea(["predict", run, image, "--top", "12", "--format", "csv"]);
  assert.deepEqual(
    fields(csv.stdout)[1]!
      .filter((_, i) => i % 2 === 1)
      .sort(),
    [...names].sort(),
  );
});

/** The rows of CSV by RFC 4180. */
function fields(text: string): string[][] {
  const rows: string[][] = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n)/g)) {
    if (rows.length === 0 || rows.at(-1)!.at(-1) === "\n") rows.push([]);
    rows.at(-1)!.push(quoted?.replaceAll('""', '"') ?? plain!);
    if (end === "\n") rows.push([]);
  }
  return rows.filter((row) => row.length > 0);
}

test("on a terminal CSV is shown, not obeyed", { skip: ifLong }, (t) => {
  const python = "import os,pty,sys; os._exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
  let shown: string;
  try {
    execFileSync("python3", ["-c", "import pty"], { stdio: "ignore" });
    const args = ["-c", python, process.execPath, main, "predict", run, image, "--format", "csv", "--top", "12"];
    shown = execFileSync("python3", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    return t.skip("needs Python for a terminal of its own");
  }
  // Standard error is the same terminal: the program itself clears its line of progress there.
  assertClean(shown.replaceAll("\r\n", "\n").replaceAll("\r\x1b[2K", ""), "predict on a terminal");
  assert.match(shown, /a\\x1b\[2J/);
});

test("inspect and convert print no key or metadata as it is", async () => {
  const file = join(folder, "keys\x1b[5m.safetensors");
  const tensors = names.map((name) => [name, float32([1], [0])] as const);
  writeFileSync(file, writeSafetensors(tensors, Object.fromEntries(names.map((name) => [`key ${name}`, name]))));
  for (const args of [
    ["inspect", file],
    ["convert", file, join(folder, "out\x1b[5m.safetensors")],
    ["eval", "resnet20", data, "--weights", file],
    ["train", data, "--weights", file, ...training],
    ["verify", file],
  ]) {
    const { stdout, stderr } = await fovea(args);
    assertClean(stdout, args[0]!);
    assertClean(stderr, args[0]!);
  }
  const { stdout } = await fovea(["inspect", file]);
  for (const name of names) assert.ok(stdout.includes(`\n${visible(name)} `), visible(name));
});

for (const [i, [what, name]] of Object.entries(hostile).entries())
  test(`errors that quote ${what} do so in one line`, { skip: i > 1 && ifLong }, async () => {
    const classes = join(folder, "classes.txt");
    writeFileSync(classes, `["${name}`);
    const all = await Promise.all(
      [
        ["list", name],
        ["summary", "--model", name],
        ["inspect", `hf:owner/name/${name}`],
        ["inspect", `https://u:p@example.invalid/${name}`],
        ["predict", run, image, "--class-names", join(folder, name)],
        ["train", join(folder, name)],
        ["verify", join(folder, name)],
        [`--${name}`],
      ].map((args) => fovea(args)),
    );
    for (const { code, stdout, stderr } of all) {
      assert.ok(code === 1 || code === 2, stderr);
      assert.equal(stdout, "");
      assert.equal(stderr.split("\n").length, 2, stderr);
      assertClean(stderr, what);
    }
  });

test("nothing was written under a name that a terminal would obey, but where it was asked for", () => {
  assert.deepEqual(readdirSync(run).sort(), [
    "best.safetensors",
    "config.json",
    "last.safetensors",
    "maps",
    "metrics.jsonl",
    "report.html",
    "report.json",
    "results.csv",
  ]);
});
