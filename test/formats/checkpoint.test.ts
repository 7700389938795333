import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { float32 } from "../../src/core/tensor.js";
import { type CheckpointOptions, readCheckpoint } from "../../src/formats/checkpoint.js";
import { bytesOf } from "../../src/formats/elements.js";
import { writeSafetensors } from "../../src/formats/safetensors.js";
import { archiveFile, bytes, int, legacyFile, rebuild, storageId, unicode } from "./torch-files.js";

type Saved = Uint8Array | { readonly [key: string]: Saved };

const isBytes = (saved: Saved): saved is Uint8Array => saved instanceof Uint8Array;

/** A pickled dictionary. */
function dict(saved: Saved): Uint8Array {
  if (isBytes(saved)) return saved;
  return bytes("}(", ...Object.entries(saved).flatMap(([key, value]) => [unicode(key), dict(value)]), "u");
}

/** A pickled tensor of one element: the first, second … of [1, 2, 3, 4]. */
const weight = (which: number) => rebuild(storageId("0", 4), which - 1, [1], [1]);
/** A pickled matrix of two elements. */
const matrix = (which: number) => rebuild(storageId("0", 4), which - 1, [2, 1], [1, 1]);
const scalar = rebuild(storageId("0", 4), 3, [], []);
const text = unicode("resnet20");
const data = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);

/** The weights that are found, each by its value, and the metadata. */
function read(saved: Saved, options?: CheckpointOptions) {
  const { tensors, metadata } = readCheckpoint(archiveFile(dict(saved), { "data/0": data }), "x.pth", options);
  return { weights: Object.fromEntries([...tensors].map(([key, t]) => [key, t.data[0]])), metadata };
}

const [plain, ema] = [{ w: weight(1) }, { w: weight(2) }];
const found: [why: string, saved: Saved, weights: Record<string, number>, metadata?: Record<string, string>][] = [
  ["a bare state dict", { a: weight(1), b: weight(2), steps: scalar }, { a: 1, b: 2, steps: 4 }],
  ...["state_dict", "model_state_dict", "model", "net"].map(
    (key): [string, Saved, Record<string, number>, Record<string, string>] => [
      key,
      { [key]: plain, best: scalar, epoch: int(3), arch: text, optimizer: { state: ema } },
      { w: 1 },
      { best: "4", epoch: "3", arch: "resnet20" },
    ],
  ),
  ["one wrapper in another", { model: { state_dict: plain } }, { w: 1 }],
  ...["params", "weights", "generator", "student", "encoder", "model_state", "network"].map(
    (key): [string, Saved, Record<string, number>] => [`under ${key}`, { [key]: plain }, { w: 1 }],
  ),
  ["three wrappers deep", { checkpoint: { trainer: { network: plain } } }, { w: 1 }],
  ["the larger of two networks", { discriminator: plain, generator: { v: weight(3), w: weight(1) } }, { v: 3, w: 1 }],
  ["a student before its teacher", { teacher: { v: weight(3), w: weight(2) }, student: plain }, { w: 1 }],
  [
    "an optimizer's memory is none",
    { net: plain, opt: { state: { a: weight(2), b: weight(2) }, param_groups: ema } },
    { w: 1 },
  ],
  [
    "torch's AveragedModel",
    { model_ema: { n_averaged: scalar, "module.w": weight(1), "module.b": weight(2) } },
    { w: 1, b: 2 },
  ],
  ["plain weights before EMA", { state_dict_ema: ema, state_dict: plain }, { w: 1 }],
  ["EMA weights where there are no others", { model_ema: ema, best: scalar }, { w: 2 }, { best: "4" }],
  ["DataParallel", { "module.a.w": weight(1), "module.b": weight(2) }, { "a.w": 1, b: 2 }],
  ["torch.compile around DataParallel", { "_orig_mod.module.w": weight(1) }, { w: 1 }],
  ["a prefix that only some keys have", { "module.a": weight(1), b: weight(2) }, { "module.a": 1, b: 2 }],
  ["thop's counters", { total_ops: weight(3), "module.w": weight(1), "module.w.total_params": weight(4) }, { w: 1 }],
  [
    "a memory bank larger than a small network",
    { model: { "fc.weight": weight(1) }, bank: { queue: matrix(2) } },
    { "fc.weight": 1 },
  ],
  ["features beside the weights", { features: matrix(2), model: { "fc.bias": weight(1) } }, { "fc.bias": 1 }],
  ["text among the weights", { w: weight(1), note: text }, { w: 1 }, { note: "resnet20" }],
];
for (const [why, saved, weights, metadata = {}] of found)
  test(`finds the weights: ${why}`, () => assert.deepEqual(read(saved), { weights, metadata }));

test("EMA weights on request", () => {
  for (const key of [
    "state_dict_ema",
    "model_ema",
    "ema",
    "ema_state_dict",
    "net_ema",
    "params_ema",
    "swa_model",
    "teacher",
  ])
    assert.deepEqual(read({ state_dict: plain, [key]: ema }, { ema: true }).weights, { w: 2 });
  assert.deepEqual(read({ state_dict: plain, ema: { state_dict: ema } }, { ema: true }).weights, { w: 2 });
  assert.throws(() => read({ state_dict: plain }, { ema: true }), {
    message: "x.pth: it has no EMA weights",
  });
});

test("where the weights were, and where else there are some", () => {
  const saved = dict({ state_dict: plain, ema: { shadow: ema }, best: scalar });
  const { part, otherParts } = readCheckpoint(archiveFile(saved, { "data/0": data }));
  assert.deepEqual([part, otherParts], ["state_dict", ["ema.shadow"]]);
});

test("the format is told from the bytes", () => {
  const object = dict(plain);
  const formats = [
    writeSafetensors([["module.w", float32([1], [1])]]),
    archiveFile(object, { "data/0": data }),
    legacyFile(object, { 0: data }),
  ].map((file) => readCheckpoint(file, "same.pth"));
  assert.deepEqual(
    formats.map(({ format }) => format),
    ["safetensors", "torch-zip", "torch-legacy"],
  );
  assert.deepEqual(
    formats.map(({ tensors }) => [...tensors.keys()]),
    [["module.w"], ["w"], ["w"]],
  );
});

test("a checkpoint without weights", () => {
  assert.throws(() => read({ epoch: int(1) }), {
    name: "FormatError",
    message: "x.pth: it has no weights",
  });
});

const foreign: [what: RegExp, bytes: Uint8Array][] = [
  [/this looks like a JPEG image$/, bytes("\xff\xd8\xff\xe0\x00\x10JFIF")],
  [/this looks like a PNG image$/, bytes("\x89PNG\r\n")],
  [/this looks like an ONNX model$/, bytes("\x08\x08\x12\x07pytorch")],
  [/this looks like HTML or XML, as a failed download leaves$/, bytes("\n<!DOCTYPE html><html>")],
  [/this looks like an HDF5 file/, bytes("\x89HDF\r\n")],
  [/this looks like a gzip file$/, bytes("\x1f\x8b\x08")],
  [/this looks like a Git LFS pointer/, bytes("version https://git-lfs.github.com/spec/v1\n")],
  [/this looks like a tar archive$/, bytes(new Uint8Array(257), "ustar")],
  [/this looks like text: "Not Found"$/, bytes("Not Found")],
  [/this looks like an empty file$/, bytes()],
  [/this looks like unknown bytes 00 01 02$/, bytes(0, 1, 2)],
  [/a zip without data.pkl/, bytes("PK\x03\x04", new Uint8Array(26), "PK\x05\x06", new Uint8Array(18))],
  [/a pickle, but not one of torch.save/, bytes(0x80, 4, "N.")],
];
for (const [message, file] of foreign)
  test(`foreign bytes: ${message.source}`, () => {
    assert.throws(() => readCheckpoint(file, "weights.pth"), { name: "FormatError", message });
    assert.throws(() => readCheckpoint(file, "weights.pth"), { message: /^weights.pth: / });
  });

/** sha256 over key, shape and bytes of every entry of the state dict, computed with PyTorch. */
const published: Record<string, [format: string, entries: number, sha256: string]> = {
  "resnet20-12fca82f.th": ["torch-legacy", 97, "5b9d89ce6c7d4c4e5cdb5de205d6c88fd3f4c46a048e23437bd172a73ba26854"],
  "resnet20_simam_cifar100_best100.pth.tar": [
    "torch-zip",
    128,
    "4802630e779328bea158c9dca44d836a4324342df86c3b10fe5d72f6d402218c",
  ],
  "mobilenetV1X0.25_pretrain.tar": [
    "torch-legacy",
    164,
    "a947d0040626539883d7bc67e88751102f04988aaf976ac3036bd56772d65741",
  ],
};
const folder = join(process.env.FOVEA_DATA ?? "../shared/data", "weights");
for (const [name, [format, entries, sha256]] of Object.entries(published))
  test(`published weights: ${name}`, { skip: !existsSync(join(folder, name)) && `no ${folder}/${name}` }, () => {
    const checkpoint = readCheckpoint(readFileSync(join(folder, name)), name);
    const hash = createHash("sha256");
    for (const [key, t] of checkpoint.tensors) hash.update(`${key}${JSON.stringify(t.shape)}`).update(bytesOf(t));
    assert.deepEqual([checkpoint.format, checkpoint.tensors.size, hash.digest("hex")], [format, entries, sha256]);
  });
