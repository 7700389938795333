import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { main, temporaryFolder, tinyCifar } from "../support/fovea.js";
import { ifLong } from "../support/long.js";

const folder = temporaryFolder();
const data = join(folder, "data");
mkdirSync(data);
tinyCifar(data, { train: 32, test: 16 });
const train = (out: string) =>
  `train ${data} --model resnet20 --batch 8 --threads 1 --epochs 2 --no-maps --out ${join(folder, out)}`;
const epochs = (out: string) =>
  String(readFileSync(join(folder, out, "results.csv")))
    .trim()
    .split("\n").length - 1;

/** Runs a line of bash in which `fovea` is the command line; the codes of a pipe's parts are in `codes`. */
function bash(line: string) {
  const script = `fovea() { "${process.execPath}" "${main}" "$@"; }; ${line}; echo "\${PIPESTATUS[*]}" >&3`;
  const { stdout, stderr, output } = spawnSync("bash", ["-c", script], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  return { stdout, stderr, codes: output[3]!.trim().split(" ").map(Number) };
}

test("a training whose output nobody reads any more goes on, and saves", { skip: ifLong }, () => {
  const { stdout, codes } = bash(`fovea ${train("head")} 2>&1 | head -1`);
  assert.match(stdout, /^resnet20, .*\n$/);
  assert.deepEqual(codes, [0, 0]);
  assert.equal(epochs("head"), 2);
  assert.ok(existsSync(join(folder, "head", "report.html")));
});

test("a training whose output does not fit the disk goes on, and saves", {
  skip: !existsSync("/dev/full") || ifLong,
}, () => {
  const { codes } = bash(`fovea ${train("full")} 2> /dev/full`);
  assert.deepEqual(codes, [0]);
  assert.equal(epochs("full"), 2);
});

const run = join(folder, "head");
const images = join(folder, "images");

test("commands whose reader ended end quietly", async () => {
  mkdirSync(images);
  const sharp = (await import("sharp")).default;
  for (let i = 0; i < 100; i++)
    await sharp({ create: { width: 32, height: 32, channels: 3, background: { r: i % 256, g: 0, b: 0 } } })
      .png()
      .toFile(join(images, `${i}.png`));
  for (const command of [
    "list",
    "--help",
    ...(ifLong
      ? []
      : [
          `predict ${run} ${images}`,
          `predict ${run} ${images} --format csv`,
          "list --json",
          "train --help",
          `inspect ${run}/best.safetensors`,
          `eval ${run} ${data}`,
          `predict ${run} ${images} --format jsonl`,
        ]),
  ]) {
    const { stderr, codes } = bash(`fovea ${command} | head -c 1`);
    assert.deepEqual(codes, [0, 0], `${command}: ${stderr}`);
    assert.doesNotMatch(stderr, / at |EPIPE|terminate/, command);
  }
});

test("output that does not fit the disk is one line and code 1", { skip: !existsSync("/dev/full") || ifLong }, () => {
  for (const command of [
    "list",
    "list --json",
    "--help",
    "train --help",
    `inspect ${run}/best.safetensors`,
    `eval ${run} ${data}`,
    `predict ${run} ${images} --format jsonl`,
    `${train("json")} --json 2> /dev/null`,
  ]) {
    const { stderr, codes } = bash(`fovea ${command} > /dev/full`);
    assert.deepEqual(codes, [1], `${command}: ${stderr}`);
    const lines = stderr.split("\n").filter((line) => line.startsWith("fovea: "));
    if (!command.includes("2>"))
      assert.deepEqual(lines, ["fovea: standard output cannot be written: no space left"], command);
    assert.doesNotMatch(stderr, /\n +at |terminate/, command);
  }
  assert.equal(epochs("json"), 2);
});

/** Runs the command line on a pseudoterminal that is closed once `epoch 1/` stands on it. Prints the exit code, negative for a signal. */
const terminal = `
import os, pty, subprocess, sys
leader, args = sys.argv[1] == "leader", sys.argv[2:]
def until_epoch(fd):
    text = b""
    while b"epoch 1/" not in text: text += os.read(fd, 4096)
    os.close(fd)
if leader:
    pid, fd = pty.fork()
    if pid == 0: os.execv(args[0], args)
    until_epoch(fd)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
else:
    fd, theirs = pty.openpty()
    child = subprocess.Popen(args, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    until_epoch(fd)
    print(child.wait())
`;

const noTerminal =
  spawnSync("python3", ["-c", "import pty"]).status === 0 ? false : "no Python to make a terminal with";

const onTerminal = (kind: "leader" | "other", out: string): Promise<string> =>
  new Promise((resolve) => {
    const child = spawn("python3", ["-c", terminal, kind, process.execPath, main, ...train(out).split(" ")]);
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
    });
    child.on("close", () => resolve(text.trim()));
  });

test("a terminal that is closed stops a training, which saves", { skip: noTerminal || ifLong }, async () => {
  assert.equal(await onTerminal("leader", "closed"), "0");
  assert.ok(readdirSync(join(folder, "closed")).includes("last.safetensors"));
  const { codes } = bash(`fovea train --resume --out ${join(folder, "closed")}`);
  assert.deepEqual(codes, [0]);
  const last = (out: string) => readFileSync(join(folder, out, "last.safetensors"));
  assert.deepEqual(last("closed"), last("head"));
});

test("a training that outlives its terminal, as with nohup, goes on", { skip: noTerminal || ifLong }, async () => {
  assert.equal(await onTerminal("other", "outlived"), "0");
  assert.equal(epochs("outlived"), 2);
});
