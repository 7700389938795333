import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { env } from "node:process";
import { test } from "node:test";
import { ortEngine } from "../../src/engines/ort/node.js";
import { writeSafetensors } from "../../src/formats/safetensors.js";
import { cachePath } from "../../src/hub/cache.js";
import { parseSource } from "../../src/hub/source.js";
import { type CreatePretrainedOptions, createPretrained, openDataset, predict } from "../../src/index.js";
import {
  type PretrainedWeights,
  pretrainedFor,
  pretrainedOf,
  pretrainedWeights,
} from "../../src/inference/pretrained-weights.js";
import { createModel, createModelByName, type ModelName } from "../../src/models/index.js";
import { recognizeCheckpoint } from "../../src/models/recognize.js";
import { stateOf, trace } from "../../src/nn/index.js";
import { evaluate } from "../../src/train/evaluate.js";
import { loadState } from "../../src/train/index.js";
import { type Handler, sendFile, serve, sha256 } from "../hub/server.js";
import { temporaryFolder } from "../support/fovea.js";
import { ifLong } from "../support/long.js";
import { filled, layoutOf, layouts, logits, marked, noise } from "./published.js";

const table = [...pretrainedWeights.values()];
const engine = ortEngine({ threads: 1 });
test.after(() => engine.release());

const shapesOf = (state: ReadonlyMap<string, { readonly shape: readonly number[] }>) =>
  new Map([...state].map(([key, { shape }]) => [key, [...shape]]));
const create = (weights: PretrainedWeights, options: object = {}) =>
  createPretrained(weights.model as ModelName, options as CreatePretrainedOptions);

test("published weights are pinned: a commit or a name of their own, and a sha256", () => {
  assert.ok(table.length >= 20);
  for (const { name, model, source, classes, preprocessing, top1 } of table) {
    const parsed = parseSource(source);
    assert.match(parsed.sha256 ?? "", /^[\da-f]{64}$/, name);
    if (parsed.kind === "hf") assert.match(parsed.revision, /^[\da-f]{40}$/, name);
    else {
      assert.equal(parsed.kind, "url", name);
      const { url } = parsed as { url: string };
      // A commit, or a name that PyTorch's own downloader checks: it ends with the first digits of the digest.
      assert.ok(/\/[\da-f]{40}\//.test(url) || url.includes(`-${parsed.sha256!.slice(0, 8)}.`), name);
    }
    assert.equal(name.slice(0, name.indexOf(".")), model, name);
    assert.equal(new Set(classes).size, classes.length === 1000 ? 998 : classes.length, name);
    assert.ok(top1 > 50 && top1 < 100 && preprocessing.resize >= preprocessing.imageSize, name);
  }
  assert.equal(new Set(table.map(({ source }) => source)).size, table.length);
});

for (const weights of table)
  test(`${weights.name} has the names and shapes of its authors' code, mapped both ways`, () => {
    const theirs = layouts.get(layoutOf(weights));
    assert.ok(theirs, layoutOf(weights));
    const numClasses = weights.classes.length;
    const own = shapesOf(stateOf(createModelByName(weights.model, { ...weights.options, numClasses })));
    const known = recognizeCheckpoint(new Map([...theirs].map(([key, shape]) => [key, { shape }])));
    assert.ok(known);
    assert.equal(known.model, weights.model);
    assert.deepEqual(known.missing, []);
    assert.deepEqual(
      known.unexplained.filter((key) => !/\.?total_(ops|params)$/.test(key)),
      [],
    );
    // What a program added for counting is in SimAM's file; all else is the network's.
    const counted = [...theirs].filter(([key]) => !/\.?total_(ops|params)$/.test(key));
    const renamed = new Map(counted.map(([key, shape]) => [known.rename(key), [...shape]]));
    const counters = [...own.keys()].filter((key) => !renamed.has(key));
    assert.ok(
      counters.every((key) => key.endsWith("num_batches_tracked")),
      `${counters}`,
    );
    for (const [key, shape] of renamed) assert.deepEqual(own.get(key), shape, key);
    for (const [key] of counted) assert.equal(known.original(known.rename(key)), key);
    if (known.normalization)
      for (const part of ["mean", "std"] as const)
        assert.deepEqual(weights.preprocessing[part], known.normalization[part]);
  });

/** Whether the tests of a network's weights are long. */
const isLong = (layout: string) => /^torchvision\/(resnet(34|50|101|152)|wide_|mobilenet_v2)/.test(layout);

for (const [layout, { size, logits: theirs, largest }] of Object.entries(logits))
  test(`${layout} computes the same logits as its authors' code`, { skip: isLong(layout) && ifLong }, async () => {
    const weights = table.find((one) => layoutOf(one) === layout)!;
    const model = createModelByName(weights.model, { ...weights.options, numClasses: weights.classes.length });
    const tensors = filled(layouts.get(layout)!);
    loadState(model, tensors, { rename: recognizeCheckpoint(tensors)!.rename });
    const executable = await engine.compile(trace(model, [1, 3, size, size]));
    const data = Float32Array.from(noise("input", 3 * size ** 2));
    const { output } = await executable.run({ input: { dtype: "float32", shape: [1, 3, size, size], data } });
    await executable.release();
    // Float32 against float64; values grow with the depth of these random networks.
    theirs.forEach((value, i) => assert.ok(Math.abs(Number(output!.data[i]) - value) < 1e-4 * largest, `logit ${i}`));
  });

/** The same weights from a server on this computer, with the digest of what it sends. */
function local(weights: PretrainedWeights, origin: string, digest: string): PretrainedWeights {
  const [address] = weights.source.split("#");
  const source = weights.source.startsWith("hf:")
    ? address
    : `${origin}/${new URL(address!).pathname.split("/").at(-1)}`;
  return { ...weights, source: `${source}#sha256=${digest}` };
}

async function served(weights: PretrainedWeights, handler?: (body: Buffer) => Handler) {
  // Counters beside the weights are left out by the reader of PyTorch files.
  const layout = [...layouts.get(layoutOf(weights))!].filter(([key]) => !/total_(ops|params)$/.test(key));
  const tensors = marked(new Map(layout));
  const body = Buffer.from(writeSafetensors(tensors));
  const server = await serve(handler?.(body) ?? ((request, response) => sendFile(request, response, body)));
  const download = { cache: temporaryFolder(), endpoint: server.origin, retries: 0 };
  return { tensors, body, ...server, download, mine: local(weights, server.origin, sha256(body)) };
}

for (const weights of table)
  test(`${weights.name} is loaded from a server, then from the cache alone`, {
    // The first of each network.
    skip: (isLong(layoutOf(weights)) || table.find(({ model }) => model === weights.model) !== weights) && ifLong,
  }, async () => {
    const { tensors, seen, download, mine } = await served(weights);
    const network = await create(weights, { weights: mine, download });
    const source = parseSource(weights.source);
    if (source.kind === "hf")
      assert.deepEqual(
        seen.map(({ path }) => path),
        [`/${source.owner}/${source.name}/resolve/${source.revision}/model.safetensors`],
      );
    const { fresh, headFrom } = network.report;
    assert.deepEqual([fresh, headFrom, network.classes], [[], "positions", weights.classes]);
    assert.deepEqual(network.preprocessing, weights.preprocessing);
    const state = stateOf(network.model);
    const { rename } = recognizeCheckpoint(tensors)!;
    for (const [key, { shape, data }] of tensors) {
      const value = state.get(rename(key))?.value;
      if (key.endsWith("num_batches_tracked") || /total_(ops|params)$/.test(key)) continue;
      assert.deepEqual([value?.shape, Number(value?.data.at(-1))], [shape, Number(data.at(-1))], key);
    }
    const again = await create(weights, { weights: mine, download: { ...download, offline: true } });
    assert.equal(seen.length, 1);
    const first = [...state.keys()].find((key) => key.endsWith(".weight"))!;
    assert.deepEqual(stateOf(again.model).get(first)!.value, state.get(first)!.value);
  });

const small = pretrainedFor("resnet20", "resnet20.chenyaofo_cifar10");

test("weights of another digest are refused, and do not enter the cache", async () => {
  // What the table says of each, against a server that sends something else.
  for (const weights of [small, pretrainedFor("resnet18"), pretrainedFor("resnet50", "resnet50.a1_in1k")]) {
    const { sha256: digest } = parseSource(weights.source);
    const { download, origin } = await served(small);
    const wrong = local(weights, origin, digest!);
    await assert.rejects(
      create(weights, { weights: wrong, download }),
      ({ name, message }: Error) => name === "DownloadError" && message.includes(digest!),
    );
    assert.deepEqual(readdirSync(download.cache), []);
  }
});

test("a hub that announces another digest is refused before anything is downloaded", async () => {
  const weights = pretrainedFor("resnet18");
  const { download } = await served(small, (body) => (request, response) => {
    const headers = { "x-linked-etag": `"${sha256(body)}"`, "x-linked-size": `${body.length}` };
    sendFile(request, response, body, { headers });
  });
  await assert.rejects(create(weights, { download }), /the server's file has sha256 [\da-f]{64}, expected 694f673d/);
});

test("offline, weights that are not cached are an error", async () => {
  await assert.rejects(
    createPretrained("resnet18", { download: { offline: true, cache: temporaryFolder() } }),
    /^FoveaError: offline: .*resnet18\.tv_in1k.* is not in the cache/,
  );
});

test("a network for other classes, or with modules, keeps the rest of the weights", async () => {
  const { download, mine, tensors } = await served(small);
  const other = await createPretrained("resnet20", {
    weights: mine,
    classes: ["ant", "bee"],
    attention: "se",
    download,
  });
  assert.deepEqual([other.classes, other.report.headFrom], [["ant", "bee"], null]);
  assert.deepEqual(stateOf(other.model).get("fc.weight")!.shape, [2, 64]);
  assert.ok(other.report.fresh.length > 0 && other.report.fresh.every((path) => path.includes(".se.")));
  assert.deepEqual(
    Number(stateOf(other.model).get("layer3.2.conv2.weight")!.value.data[7]),
    Number(tensors.get("layer3.2.conv2.weight")!.data[7]),
  );
  // The same classes in another order: rows of the classifier move along.
  const turned = await createPretrained("resnet20", { weights: mine, classes: small.classes.toReversed(), download });
  assert.equal(turned.report.headFrom, "names");
  assert.equal(Number(stateOf(turned.model).get("fc.bias")!.value.data[0]), Number(tensors.get("fc.bias")!.data[9]));
  const counted = await createPretrained("resnet20", { weights: mine, numClasses: 3, download });
  assert.equal(counted.classes, null);
});

test("wrong names and options are refused before anything is downloaded", async () => {
  const { download, seen, mine } = await served(small);
  for (const [call, says] of [
    [() => createPretrained("van_b0"), /van_b0: no published weights are listed; networks with some: resnet18, /],
    [() => createPretrained("unet_resnet18"), /unet_resnet18: no published weights are listed/],
    [() => createPretrained("resnet18", { weights: "resnet18.tv" }), /Unknown weights of resnet18 "resnet18\.tv"/],
    [() => createPretrained("resnet18", { weights: "resnet50.a1_in1k" }), /Unknown weights of resnet18/],
    [() => createPretrained("resnet32", { weights: mine, download }), /are weights of resnet20, not of resnet32/],
    [() => create(small, { weights: mine, download, nonsense: 1 }), /Unknown option of resnet20 "nonsense"/],
    [() => create(small, { weights: {} }), /createPretrained: weights/],
    [() => create(small, { weights: mine, download, classes: ["a"], numClasses: 1 }), /leave numClasses out/],
    [() => create(small, { weights: { ...mine, source: "ftp://x/y" }, download }), /ftp/],
    [async () => createModel("resnet18", { pretrained: true } as object), /await createPretrained\("resnet18"\)/],
  ] as const)
    await assert.rejects(call, says);
  assert.equal(seen.length, 0);
  await assert.rejects(
    createPretrained("resnet20", { weights: mine, shortcut: "identity", download }),
    /WeightsError|the weights do not fit the model/,
  );
});

test("the usual weights of a network come first, and every network's are found", () => {
  assert.equal(pretrainedFor("resnet50").name, "resnet50.tv2_in1k");
  for (const { model, name } of table) {
    assert.ok(pretrainedOf(model).some((weights) => weights.name === name));
    assert.equal(pretrainedFor(model, name).name, name);
  }
});

const folder = env.FOVEA_DATA ?? "";
const file = join(folder, "weights/resnet20-12fca82f.th");

test("published weights themselves: ResNet-20 of CIFAR-10 names its classes and has its accuracy", {
  skip: existsSync(file) ? false : "FOVEA_DATA has no weights/resnet20-12fca82f.th",
}, async () => {
  const { writeFileSync } = await import("node:fs");
  const cache = temporaryFolder();
  const [address] = pretrainedFor("resnet20").source.split("#");
  writeFileSync(cachePath(cache, address!), readFileSync(file));
  const network = await createPretrained("resnet20", { download: { cache, offline: true } });
  const { validation } = await openDataset(join(folder, "cifar-10-batches-bin"));
  assert.deepEqual(validation.classes, network.classes);
  const { top1 } = await evaluate(network.model, validation, { engine, preprocessing: network.preprocessing });
  assert.equal(top1, 0.915);
  const [answers] = await predict(network, [await validation.image(0)], { engine, top: 1 });
  assert.equal(answers![0]!.name, network.classes![validation.labels[0]!]);
});
