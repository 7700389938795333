import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { evaluate, resnet, sgd, shapes, train } from "../src/index.js";
import { ort } from "./support/engines.js";
import { temporaryFolder } from "./support/fovea.js";

const chromium = ["chromium", "chromium-browser", "google-chrome"].find(
  (name) => spawnSync(name, ["--version"]).status === 0,
);

/** Resolves with the match once what a program prints matches. */
const printed = (child: ChildProcess, pattern: RegExp) =>
  new Promise<RegExpExecArray>((resolve, reject) => {
    let text = "";
    const read = (chunk: Buffer) => {
      text += chunk;
      const match = pattern.exec(text);
      if (match) resolve(match);
    };
    child.stdout!.on("data", read);
    child.stderr!.on("data", read);
    child.on("exit", (code) => reject(new Error(`ended with ${code}: ${text}`)));
  });

test("the page of examples/browser trains in Chromium as Node does", { skip: !chromium && "no Chromium" }, async () => {
  const server = spawn(process.execPath, [fileURLToPath(new URL("../examples/browser/serve.js", import.meta.url))]);
  after(() => server.kill());
  const [address] = await printed(server, /http:\S+/);
  const quiet = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking";
  const flags = [...quiet.split(" "), "--disable-component-update", "--disable-sync", "--enable-logging=stderr"];
  const browser = spawn(chromium!, [...flags, `--user-data-dir=${temporaryFolder()}`, address]);
  const ended = once(browser, "exit");
  const [line, loss] = await printed(browser, /trained: loss ([\d.]+)|Uncaught.*/).finally(() => browser.kill());
  await ended;
  assert.ok(loss, line);

  const data = shapes({ count: 64, size: 16 });
  const model = resnet(20, { classes: data.classes.length, attention: "se" });
  await train(model, data, { engine: ort, epochs: 2, batch: 16, optimizer: sgd({ lr: 0.05 }) });
  const here = await evaluate(model, data, { engine: ort });
  assert.ok(Math.abs(Number(loss) - here.loss) <= 1e-3, `${loss} in the browser, ${here.loss} here`);
});
