import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readSafetensors, writeSafetensors } from "../../src/formats/safetensors.js";
import { createModelByName } from "../../src/index.js";
import { float32, stateOf } from "../../src/nn.js";
import { archiveFile, bytes, global, rebuild, storageId, unicode } from "../formats/torch-files.js";
import { sharedFovea as fovea, temporaryFolder } from "../support/fovea.js";

const folder = temporaryFolder();

/** A file of a state dict, and one more pickled value beside or among the weights. */
function file(name: string, beside: Uint8Array, among = bytes("N")): string {
  const weight = rebuild(storageId("0", 4), 0, [2, 2], [2, 1]);
  const weights = bytes("}(", unicode("w"), weight, unicode("x"), among, "u");
  const saved = bytes("}(", unicode("state_dict"), weights, unicode("side\x1b[2J\n"), beside, "u");
  const path = join(folder, name);
  writeFileSync(path, archiveFile(saved, { "data/0": new Uint8Array(16) }));
  return path;
}

const config = bytes(global("omegaconf.dictconfig", "DictConfig"), ")", 0x81, "}b");

test("inspect names the Python objects beside the weights, as text and as JSON", async () => {
  const path = file("config.pt", bytes("(", config, config, "t"));
  const text = await fovea(["inspect", path]);
  assert.equal(text.code, 0, text.stderr);
  assert.match(text.stdout, /the weights are at state_dict\n/);
  assert.ok(
    text.stdout.includes(
      "Python objects that were not read: side\\x1b[2J\\x0a.0 (omegaconf.dictconfig.DictConfig), side\\x1b[2J\\x0a.1 (omegaconf.dictconfig.DictConfig)\n",
    ),
    text.stdout,
  );
  const { placeholders, tensors } = JSON.parse((await fovea(["inspect", path, "--json"])).stdout);
  assert.deepEqual(
    tensors.map(({ key }: { key: string }) => key),
    ["w"],
  );
  assert.deepEqual(placeholders[1], { where: "side\x1b[2J\n.1", type: "omegaconf.dictconfig.DictConfig" });
});

test("inspect names a few of many, and none where there are none", async () => {
  const many = await fovea(["inspect", file("many.pt", bytes("(", ...Array<Uint8Array>(25).fill(config), "t"))]);
  assert.match(many.stdout, /\.9 \(omegaconf\.dictconfig\.DictConfig\), and 15 more\n/);
  const none = await fovea(["inspect", file("none.pt", bytes("N"))]);
  assert.doesNotMatch(none.stdout, /Python objects/);
});

for (const [why, message, path] of [
  [
    "what could execute",
    /asks for os\.system, which is not on the list/,
    file("evil.pt", bytes(global("os", "system"), unicode("id"), "\x85R")),
  ],
  [
    "an object among the weights",
    /among the weights, x is of type omegaconf\.dictconfig\.DictConfig, which is not supported/,
    file("among.pt", bytes("N"), config),
  ],
] as const)
  test(`inspect and convert refuse ${why} in one line`, async () => {
    for (const args of [
      ["inspect", path],
      ["convert", path, join(folder, "out.safetensors")],
    ]) {
      const { code, stderr, stdout } = await fovea(args);
      assert.equal(code, 1);
      assert.equal(stdout, "");
      assert.match(stderr, message);
      assert.equal(stderr.trim().split("\n").length, 1);
    }
  });

test("--part takes other weights than the largest, by the names that inspect gives them", async () => {
  const tensor = (shape: number[]) => rebuild(storageId("0", 4), 0, shape, [2, 1]);
  const dict = (key: string, value: Uint8Array) => bytes("}", unicode(key), value, "s");
  const saved = bytes(
    ...["}(", unicode("generator"), dict("g", tensor([2, 2])), unicode("discriminator"), dict("d", tensor([1, 2]))],
    ...[unicode("ema"), dict("shadow", dict("e", tensor([2, 2]))), "u"],
  );
  const [path, out] = [join(folder, "gan.pt"), join(folder, "part.safetensors")];
  writeFileSync(path, archiveFile(saved, { "data/0": new Uint8Array(16) }));
  const { part, otherParts } = JSON.parse((await fovea(["inspect", path, "--json"])).stdout);
  assert.deepEqual([part, otherParts], ["generator", ["discriminator", "ema.shadow"]]);
  for (const [name, key] of [
    ["generator", "g"],
    ["discriminator", "d"],
    ["ema.shadow", "e"],
  ] as const) {
    const inspected = JSON.parse((await fovea(["inspect", path, "--part", name, "--json"])).stdout);
    assert.deepEqual([inspected.part, inspected.tensors[0].key], [name, key]);
    const converted = await fovea(["convert", path, out, "--part", name]);
    assert.deepEqual([converted.code, converted.stderr], [0, ""]);
    assert.deepEqual([...readSafetensors(readFileSync(out)).tensors.keys()], [key]);
  }
  const unsaid = await fovea(["convert", path, out]);
  assert.match(
    unsaid.stderr,
    /gan\.pt holds several sets of weights: using generator; --part selects others: discriminator, ema\.shadow/,
  );
  const unknown = await fovea(["convert", path, out, "--part", "gen"]);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /it has no tensors at "gen", but at generator, discriminator, ema\.shadow/);
  const none = await fovea(["inspect", out, "--part", "generator"]);
  assert.match(none.stderr, /part\.safetensors: only PyTorch files have parts/);
});

test("of two networks in one dictionary inspect says which it recognizes, and --part takes the other", async () => {
  const network = [...stateOf(createModelByName("resnet20", { numClasses: 1, shortcut: "identity" }))];
  const zeros = storageId("0", 64 * 64 * 9);
  const strides = (shape: readonly number[]) => shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
  const entries = ["student", "teacher"].flatMap((name) =>
    network
      .filter(([key]) => !key.endsWith("num_batches_tracked"))
      .flatMap(([key, { shape }]) => [unicode(`${name}.${key}`), rebuild(zeros, 0, [...shape], strides(shape))]),
  );
  const path = join(folder, "pair.pt");
  const saved = bytes("}", unicode("net"), "}(", ...entries, "us");
  writeFileSync(path, archiveFile(saved, { "data/0": new Uint8Array(4 * 64 * 64 * 9) }));
  const { stdout } = await fovea(["inspect", path]);
  assert.match(stdout, /the weights are at net$/m);
  assert.match(stdout, /the network has the keys that begin with student\.$/m);
  assert.match(stdout, /keys that this network does not explain: teacher\.conv1\.weight/);
  for (const part of ["net.teacher", "net.student"]) {
    const result = JSON.parse((await fovea(["inspect", path, "--part", part, "--json"])).stdout);
    assert.deepEqual([result.part, result.network.model, result.network.unexplained], [part, "resnet20", []]);
  }
  const none = await fovea(["inspect", path, "--part", "net.assistant"]);
  assert.match(none.stderr, /it has no tensors at "net\.assistant"/);
});

test("control characters in keys and metadata do not reach the terminal", async () => {
  const path = join(folder, "keys.safetensors");
  writeFileSync(path, writeSafetensors([["\x1b]0;title\x07key\nline", float32([1], [1])]], { "a\x1b[31m": "b\rc" }));
  const { stdout } = await fovea(["inspect", path]);
  assert.doesNotMatch(stdout, /[^\P{Cc}\n]/u);
  assert.match(stdout, /\\x1b\]0;title\\x07key\\x0aline/);
  assert.match(stdout, /a\\x1b\[31m: b\\x0dc/);
});
