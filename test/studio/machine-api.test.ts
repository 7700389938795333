import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { chdir, execPath, platform } from "node:process";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Machine } from "../../src/cli/studio-machine.js";
import { serveStudio } from "../../src/cli/studio-server.js";
import { printed } from "../support/chromium.js";
import { main, temporaryFolder } from "../support/fovea.js";
import { png } from "./support.js";

const home = temporaryFolder();
chdir(home);

/** Requests to a studio, by the address that it printed. */
function asker(url: string): (path: string, method?: string, body?: string | Uint8Array) => Promise<Response> {
  const { origin, port, searchParams } = new URL(url);
  const cookie = `fovea-${port}=${searchParams.get("token")}`;
  return (path, method = "GET", body) =>
    fetch(`${origin}/api/${path}`, {
      method,
      headers: { cookie, "sec-fetch-site": "same-origin" },
      ...(body === undefined ? {} : { body: body as Uint8Array<ArrayBuffer> }),
    });
}

async function open(folder: string) {
  const machine = new Machine(folder);
  const server = await serveStudio(0, machine.api);
  after(async () => {
    await machine.close();
    await server.close();
  });
  return asker(server.url);
}

const recipe = {
  network: "resnet18",
  attention: null,
  placement: "built in",
  imageSize: 64,
  epochs: 100,
  batch: 2,
  optimizer: "sgd",
  lr: 0.01,
  augment: false,
  seed: 0,
  pretrained: null,
  headOnly: false,
};

/** A run with images of two classes, each of one gray. */
async function withImages(ask: ReturnType<typeof asker>): Promise<string> {
  const { run } = (await (await ask("runs", "POST")).json()) as { run: string };
  for (const [c, name] of ["ants", "bees"].entries())
    for (let i = 0; i < 4; i++) {
      const image = await png({ width: 16, height: 16, pixels: new Uint8Array(3 * 256).fill(100 * c + i) });
      const put = await ask(`runs/${run}/images/${i ? "train" : "val"}/${name}/${i}.png`, "PUT", image);
      assert.equal(put.status, 200, await put.text());
    }
  return run;
}

test("a run has the name of its folder, however --out is written", async () => {
  for (const folder of ["./x", "y/", "./z//", ".", join(home, "w")]) {
    const ask = await open(folder);
    for (const name of ["studio", "studio-2"]) {
      assert.deepEqual(await (await ask("runs", "POST")).json(), { run: name }, folder);
      assert.ok(existsSync(join(folder, name)), folder);
    }
  }
});

test("of two trainings asked for at once, one starts", async () => {
  const ask = await open("twice");
  const run = await withImages(ask);
  const train = () => ask(`runs/${run}/train`, "POST", JSON.stringify(recipe));
  const answers = await Promise.all([train(), train(), train()]);
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409, 409]);
});

test("Ctrl-C in the terminal saves what is trained", {
  skip: platform === "win32" && "no process groups",
}, async () => {
  // As a shell does: Ctrl-C reaches the whole process group.
  const studio = spawn(execPath, [main, "studio", "--port", "0", "--out", "interrupted"], { detached: true });
  const [url] = await printed(studio, /http:\S+/);
  const ask = asker(url);
  const run = await withImages(ask);
  const training = await ask(`runs/${run}/train`, "POST", JSON.stringify(recipe));
  assert.equal(training.status, 200, await training.text());
  const folder = join("interrupted", run, "run");
  while (!existsSync(join(folder, "metrics.jsonl"))) await sleep(20);
  const ended = once(studio, "close");
  process.kill(-studio.pid!, "SIGINT");
  await ended;
  assert.ok(readdirSync(folder).includes("last.safetensors"), readdirSync(folder).join());
});
