import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { sharedFovea as fovea, temporaryFolder, tinyCifar } from "../support/fovea.js";
import { ifLong } from "../support/long.js";
import { readEvents } from "../support/tensorboard.js";

const folder = temporaryFolder();
const at = (...parts: string[]) => join(folder, ...parts);
mkdirSync(at("data"));
tinyCifar(at("data"), { train: 32, test: 20 });
const train = (out: string, ...more: string[]) =>
  fovea([
    ...["train", at("data"), "--model", "resnet20", "--attention", "cbam", "--epochs", "2", "--batch", "16"],
    ...["--seed", "5", "--threads", "1", "--out", at(out), ...more],
  ]);
const file = (...parts: string[]) => readFileSync(at(...parts));
const json = (...parts: string[]) => JSON.parse(file(...parts).toString());
/** The report without what differs between equal trainings: where they are, and how fast they were. */
const lasting = (run: string) =>
  file(run, "report.html")
    .toString()
    .replaceAll(at(run), "RUN")
    .replace(/\d+ images\/s/, "");

interface Facts {
  readonly followed: readonly { readonly index: number; readonly label: string }[];
}

const whole = await train("whole", "--tensorboard");
assert.equal(whole.code, 0, whole.stderr);

test("the same images are followed through all epochs, with Grad-CAM and the last spatial gate", () => {
  const maps = [1, 2].map((epoch) => json("whole", "maps", `epoch-${epoch}.json`));
  const { followed, findings } = json("whole", "report.json");
  assert.equal(followed.length, 6);
  assert.equal(new Set(followed.map(({ label }: { label: string }) => label)).size, 6, "of different classes");
  for (const [i, { format, epoch, layer, gate, looks }] of maps.entries()) {
    assert.deepEqual([format, epoch, layer, gate], ["fovea.maps.1", i + 1, "layer3", "layer3.2.cbam/spatial"]);
    assert.equal(looks.length, 6);
    for (const { cam, gate } of looks) assert.deepEqual([cam.data.length, gate.data.length], [64, 64]);
  }
  assert.notDeepEqual(maps[0].looks, maps[1].looks);
  assert.equal(findings.gates.gates.length, 18);
  assert.equal(findings.objects, null);
  assert.ok(findings.confused.length > 0 && findings.wrong.length > 0);
  const html = lasting("whole");
  for (const title of ["epoch by epoch", "Most wrong", "Least certain", "Gates"])
    assert.ok(html.includes(title), title);
});

test("a training that is killed and resumed has the same weights, maps and report", { skip: ifLong }, async () => {
  const stopped = await fovea(
    [
      ...["train", at("data"), "--model", "resnet20", "--attention", "cbam", "--epochs", "2", "--batch", "16"],
      ...["--seed", "5", "--threads", "1", "--out", at("killed"), "--tensorboard"],
    ],
    (text, child) => {
      if (text.includes("epoch 1/2")) child.kill("SIGKILL");
    },
  );
  assert.equal(stopped.signal, "SIGKILL");
  const resumed = await fovea(["train", "--resume", "--out", at("killed")]);
  assert.equal(resumed.code, 0, resumed.stderr);
  assert.deepEqual(file("killed", "last.safetensors"), file("whole", "last.safetensors"));
  assert.deepEqual(readdirSync(at("killed", "maps")), readdirSync(at("whole", "maps")));
  for (const epoch of [1, 2])
    assert.deepEqual(file("killed", "maps", `epoch-${epoch}.json`), file("whole", "maps", `epoch-${epoch}.json`));
  assert.deepEqual(file("killed", "report.json"), file("whole", "report.json"));
  assert.equal(lasting("killed"), lasting("whole"));
  const steps = (run: string) =>
    readEvents(file(run, "tensorboard", "events.out.tfevents.0.fovea")).map(({ step, values }) => [
      step,
      values.filter(({ tag }) => tag !== "images per second"),
    ]);
  assert.deepEqual(steps("killed"), steps("whole"));
});

test("a run of another seed follows the same images", { skip: ifLong }, async () => {
  const { code, stderr } = await fovea([
    ...["train", at("data"), "--model", "resnet20", "--attention", "se", "--epochs", "1", "--batch", "16"],
    ...["--seed", "6", "--out", at("other")],
  ]);
  assert.equal(code, 0, stderr);
  const [one, other] = ["whole", "other"].map((run) => json(run, "report.json") as Facts);
  assert.deepEqual(one!.followed, other!.followed);
  assert.equal(json("other", "maps", "epoch-1.json").gate, null, "se has no spatial gate");
});

test("--no-maps trains the same weights, and leaves the maps out", async () => {
  const { code, stderr } = await train("plain", "--no-maps");
  assert.equal(code, 0, stderr);
  assert.deepEqual(file("plain", "last.safetensors"), file("whole", "last.safetensors"));
  assert.ok(!readdirSync(at("plain")).includes("maps"));
  assert.doesNotMatch(lasting("plain"), /epoch by epoch|Most wrong/);
});

test("fovea report writes the same report again, from the run folder alone", async () => {
  const { code, stderr } = await fovea(["report", at("whole"), "--out", at("again.html")]);
  assert.equal(code, 0, stderr);
  assert.equal(file("again.html").toString(), file("whole", "report.html").toString());
  const before = file("whole", "report.html");
  writeFileSync(at("whole", "report.html"), "lost");
  assert.equal((await fovea(["report", at("whole")])).code, 0);
  assert.deepEqual(file("whole", "report.html"), before);
});

test("fovea report puts runs side by side, and writes event files of each", async () => {
  const runs = [at("whole"), at("plain")];
  const { code, stderr } = await fovea(["report", ...runs, "--out", at("compared.html")]);
  assert.equal(code, 0, stderr);
  const html = file("compared.html").toString();
  for (const text of ["2 runs side by side", "whole", "plain", "Where they look"]) assert.ok(html.includes(text), text);
  const events = await fovea(["report", ...runs, "--tensorboard", at("events")]);
  assert.equal(events.code, 0, events.stderr);
  const name = "events.out.tfevents.0.fovea";
  assert.deepEqual(file("events", "whole", name), file("whole", "tensorboard", name), "as the training wrote it");
  const plain = readEvents(file("events", "plain", name));
  assert.deepEqual(
    plain.map(({ step }) => step),
    [0, 1, 2],
  );
  const lines = file("plain", "results.csv").toString().trim().split("\n").slice(1);
  for (const [i, line] of lines.entries()) {
    const value = plain[i + 1]!.values.find(({ tag }) => tag === "loss/training")!.value!;
    assert.equal(value, Math.fround(Number(line.split(",")[3])));
  }
  assert.ok(plain.every(({ values }) => values.every(({ image }) => image === undefined)));
});

test("runs of versions that kept no maps have a report; what is none is refused in one line", async () => {
  rmSync(at("plain", "report.json"));
  const { code, stderr } = await fovea(["report", at("plain"), "--out", at("old.html")]);
  assert.equal(code, 0, stderr);
  assert.match(file("old.html").toString(), /parameters<\/dt><dd>27\d,\d{3}/);
  for (const [args, status, says] of [
    [[at("nothing")], 1, /nothing is not a run folder: it has no config\.json/],
    [[at("whole"), at("plain")], 2, /to compare 2 runs, add --out FILE/],
    [[at("whole"), `${at("whole")}/`], 2, /whole is given twice/],
    [[at("whole"), "--out", "a.html", "--tensorboard", "b"], 2, /--out and --tensorboard/],
    [[at("whole"), "--out", folder], 1, /is a folder/],
  ] as const) {
    const outcome = await fovea(["report", ...args]);
    assert.equal(outcome.code, status, outcome.stderr);
    assert.match(outcome.stderr, says);
    assert.equal(outcome.stderr.trim().split("\n").length, 1);
  }
  for (const [text, says] of [
    ["{", /report\.json: must be JSON/],
    ['{"format":"fovea.report.1"}', /report\.json: must be/],
  ] as const) {
    writeFileSync(at("plain", "report.json"), text);
    const outcome = await fovea(["report", at("plain"), "--out", at("x.html")]);
    assert.equal(outcome.code, 1);
    assert.match(outcome.stderr, says);
  }
});
