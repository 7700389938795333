import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process, { chdir, cwd, execPath, platform } from "node:process";
import { after, test } from "node:test";
import { Machine } from "../../src/cli/studio-machine.js";
import { serveStudio } from "../../src/cli/studio-server.js";
import { float32 } from "../../src/engine.js";
import { fetchToCache } from "../../src/hub/index.js";
import { createModelByName, readSafetensors, weightsOf, writeSafetensors } from "../../src/index.js";
import { initialize } from "../../src/nn.js";
import { serve as serveFiles } from "../hub/server.js";
import { printed } from "../support/chromium.js";
import { setEnv } from "../support/env.js";
import { main, temporaryFolder } from "../support/fovea.js";
import { ifLong } from "../support/long.js";
import { png } from "./support.js";

const [before, home] = [cwd(), temporaryFolder()];
chdir(home);
after(() => chdir(before));

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

async function open(machine: Machine) {
  const server = await serveStudio(0, machine.api);
  after(async () => {
    await machine.close();
    await server.close();
  });
  return asker(server.url);
}

const recipe = {
  network: "resnet20",
  attention: null,
  placement: "built in",
  imageSize: 32,
  epochs: 1000,
  batch: 2,
  optimizer: "sgd",
  lr: 0.01,
  augment: false,
  seed: 0,
  pretrained: null,
  headOnly: false,
};

/** A run with images of two classes, each of one gray. */
async function withImages(ask: ReturnType<typeof asker>, perClass = 4): Promise<string> {
  const { run } = (await (await ask("runs", "POST")).json()) as { run: string };
  for (const [c, name] of ["ants", "bees"].entries())
    for (let i = 0; i < perClass; i++) {
      const image = await png({ width: 16, height: 16, pixels: new Uint8Array(3 * 256).fill(100 * c + (i % 100)) });
      const put = await ask(`runs/${run}/images/${i ? "train" : "val"}/${name}/${i}.png`, "PUT", image);
      assert.equal(put.status, 200, await put.text());
    }
  return run;
}

async function started(ask: ReturnType<typeof asker>, run: string, settings: object = recipe): Promise<void> {
  const answer = await ask(`runs/${run}/train`, "POST", JSON.stringify(settings));
  assert.equal(answer.status, 200, await answer.text());
}

/** The last of the first `count` steps that a training tells of. From then on, interrupts are heard. */
async function stepTold(ask: ReturnType<typeof asker>, run: string, count = 1) {
  const reader = (await ask(`runs/${run}/events`)).body!.pipeThrough(new TextDecoderStream()).getReader();
  let told = "";
  for (;;) {
    const { value, done } = await reader.read();
    assert.ok(!done, told);
    told += value;
    const news = [...told.matchAll(/event: news\ndata: (.*)\n\n/g)].map(([, data]) => JSON.parse(data!));
    const step = news.filter(({ kind }) => kind === "step")[count - 1]?.step;
    if (!step) continue;
    await reader.cancel();
    return step;
  }
}

/** Starts a training whose first epoch takes seconds, and waits until it is in it: only a stop saves anything. */
async function inFirstEpoch(ask: ReturnType<typeof asker>): Promise<string> {
  const run = await withImages(ask, 60);
  await started(ask, run, { ...recipe, imageSize: 64, batch: 1 });
  await stepTold(ask, run);
  return run;
}

/** A stop has saved the steps that were done of the first epoch. */
function assertSaved(folder: string): void {
  const { metadata } = readSafetensors(readFileSync(join(folder, "last.safetensors")));
  const { epoch, batch, count } = JSON.parse(metadata.progress!);
  assert.deepEqual([epoch, count], [0, batch]);
  assert.ok(batch > 0 && batch < 118, `${batch} steps`);
}

test("a run has the name of its folder, however --out is written", async () => {
  for (const folder of ["./x", "y/", "./z//", ".", join(home, "w")]) {
    const ask = await open(new Machine(folder));
    for (const name of ["studio", "studio-2"]) {
      assert.deepEqual(await (await ask("runs", "POST")).json(), { run: name }, folder);
      assert.ok(existsSync(join(folder, name)), folder);
    }
  }
});

test("of two trainings asked for at once, one starts", async () => {
  const ask = await open(new Machine("twice"));
  const run = await withImages(ask);
  const train = () => ask(`runs/${run}/train`, "POST", JSON.stringify(recipe));
  const answers = await Promise.all([train(), train(), train()]);
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409, 409]);
});

test("files of a run are sent whole, also empty ones; an aborted download does no harm", async () => {
  const ask = await open(new Machine("files"));
  const folder = join("files", "some", "run");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "metrics.jsonl"), "");
  writeFileSync(join(folder, "report.json"), "12345");
  writeFileSync(join(folder, "best.safetensors"), new Uint8Array(2e7));
  mkdirSync(join(folder, "config.json"));
  for (const [file, body] of [
    ["metrics.jsonl", ""],
    ["report.json", "12345"],
  ]) {
    const answer = await ask(`runs/some/files/${file}`);
    assert.deepEqual([answer.status, await answer.text()], [200, body], file);
  }
  const aborted = await ask("runs/some/files/best.safetensors");
  await aborted.body!.cancel();
  const whole = await ask("runs/some/files/best.safetensors");
  assert.equal((await whole.arrayBuffer()).byteLength, 2e7);
  for (const file of ["last.safetensors", "config.json"])
    assert.equal((await ask(`runs/some/files/${file}`)).status, 404, file);
});

test("weights of the hub are fetched by the machine; nothing but the name of a repository is taken", async () => {
  const weights = Buffer.from(writeSafetensors([["a", float32([2], [1, 2])]]));
  const hub = await serveFiles(({ url }, response) => {
    const found = url === "/timm/net/resolve/main/model.safetensors";
    if (!found) response.statusCode = 404;
    response.end(found ? weights : "");
  });
  after(setEnv({ HF_ENDPOINT: hub.origin, FOVEA_CACHE: join(home, "cache") }));
  const ask = await open(new Machine("hub"));
  const fetched = (repository: unknown) => ask("hub", "POST", JSON.stringify({ repository }));
  for (const bad of [
    "net",
    "../net",
    "timm/../x",
    "a/b/c",
    "timm/net@x",
    "https://evil.example/x",
    "/etc/passwd",
    1,
    null,
  ])
    assert.equal((await fetched(bad)).status, 400, String(bad));
  assert.equal((await ask("hub", "POST", "{")).status, 400);
  assert.equal((await ask("hub")).status, 404);
  assert.deepEqual(hub.seen, []);
  const answer = await fetched("timm/net");
  assert.deepEqual(Buffer.from(await answer.arrayBuffer()), weights);
  const none = await fetched("timm/none");
  assert.equal(none.status, 502);
  assert.match(await none.text(), /not found/);
});

test("weights in several files are refused before any of them is fetched, also where the index is cached", async () => {
  const shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
  const index = JSON.stringify({ metadata: {}, weight_map: { a: shards[0], b: shards[1] } });
  const body = writeSafetensors([["a", float32([2], [1, 2])]]);
  const hub = await serveFiles(({ url }, response) => {
    if (url?.endsWith(".index.json")) response.end(index);
    else if (shards.some((name) => url?.endsWith(name))) response.end(body.subarray(0, 20));
    else response.writeHead(404).end();
  });
  after(setEnv({ HF_ENDPOINT: hub.origin, FOVEA_CACHE: join(home, "shards") }));
  const ask = await open(new Machine("sharded"));
  const refuse = async () => {
    const answer = await ask("hub", "POST", JSON.stringify({ repository: "big/net" }));
    assert.deepEqual(
      [answer.status, await answer.text()],
      [
        502,
        `${hub.origin}/big/net/resolve/main/model.safetensors.index.json: the weights are in several files. Use weights in one file\n`,
      ],
    );
  };
  await refuse();
  assert.deepEqual(
    hub.seen.filter(({ path }) => path.includes("-of-")),
    [],
  );
  // As another program leaves it: the index is there, its files are not.
  const source = { kind: "hf", owner: "big", name: "net", revision: "main" } as const;
  await assert.rejects(fetchToCache(source, { retries: 0 }));
  await refuse();
});

test("a training tells how far it is, step by step, before its first epoch is done", { skip: ifLong }, async () => {
  const machine = new Machine("steps");
  const ask = await open(machine);
  const run = await withImages(ask);
  await started(ask, run);
  const step = await stepTold(ask, run, 2);
  assert.equal(step.epochs, recipe.epochs);
  assert.ok(step.batch >= 1 && step.batch <= step.batches && step.imagesPerSecond > 0, JSON.stringify(step));
  await machine.close();
});

test("a training from pretrained weights builds the network with all of its options", { skip: ifLong }, async () => {
  const ask = await open(new Machine("options"));
  const run = await withImages(ask);
  const own = { attention: ["se", { reduction: 8 }], stem: "cifar", shortcut: "identity", init: "cbam" };
  const network = initialize(createModelByName("resnet20", { ...own, numClasses: 5 }));
  const weights = writeSafetensors(weightsOf(network));
  assert.equal((await ask(`runs/${run}/weights`, "PUT", weights)).status, 200);
  const pretrained = { network: "resnet20", options: own };
  const answer = await ask(`runs/${run}/train`, "POST", JSON.stringify({ ...recipe, epochs: 1, pretrained }));
  assert.equal(answer.status, 200, await answer.text());
  assert.match(await (await ask(`runs/${run}/events`)).text(), /"failure":null,"finished":true/);
  const { model } = await (await ask(`runs/${run}/files/config.json`)).json();
  assert.deepEqual(model, { name: "resnet20", options: { ...own, numClasses: 2 } });
});

test("a training that is stopped twice is saved", { skip: ifLong }, async () => {
  const machine = new Machine("stopped");
  const ask = await open(machine);
  const run = await inFirstEpoch(ask);
  const [stop] = await Promise.all([ask(`runs/${run}/stop`, "POST"), machine.close()]);
  assert.equal(stop.status, 200, await stop.text());
  const events = await (await ask(`runs/${run}/events`)).text();
  assert.match(events, /event: end\ndata: \{"failure":null,"finished":false\}/);
  assertSaved(join("stopped", run, "run"));
});

const noGroups = platform === "win32" && "no process groups";
test("Ctrl-C in the terminal reaches the training by the studio only, and saves it", {
  skip: noGroups || ifLong,
}, async () => {
  // As a shell does: Ctrl-C reaches the whole process group.
  const out = `interrupted-${process.pid}`; // of no other test run on this machine
  const studio = spawn(execPath, [main, "studio", "--port", "0", "--out", out], { detached: true });
  after(() => studio.kill("SIGKILL"));
  const [url] = await printed(studio, /http:\S+/);
  const ask = asker(url);
  const run = await inFirstEpoch(ask);
  const group = () =>
    execFileSync("ps", ["-A", "-o", "pgid=,args="], { encoding: "utf8" })
      .split("\n")
      .filter((line) => line.includes(`train ${join(out, run, "data")} `))
      .map((line) => Number.parseInt(line, 10));
  const [other, ...more] = group();
  assert.ok(other && other !== studio.pid && more.length === 0);
  const ended = once(studio, "close");
  process.kill(-studio.pid!, "SIGINT");
  await ended;
  assert.deepEqual(group(), []);
  assertSaved(join(out, run, "run"));
});
