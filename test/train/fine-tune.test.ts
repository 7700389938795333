import assert from "node:assert/strict";
import { test } from "node:test";
import { toFloat64 } from "../../src/engine.js";
import {
  createAttention,
  createModelByName,
  freezeUntil,
  headGroup,
  insertAttention,
  listModels,
  loadPretrained,
  modelInfo,
  readCheckpoint,
  WeightsError,
  weightsOf,
  writeSafetensors,
} from "../../src/index.js";
import { headOf, initialize, isModelName, type Module, parametersOf, stateOf } from "../../src/nn.js";

const network = (options: object = {}, seed = 0, name = "resnet20"): Module =>
  initialize(createModelByName(name, { numClasses: 4, stem: "cifar", ...options }), { seed });
const classes = ["a", "b", "c", "d"];
const checkpointOf = (model: Module, names?: readonly string[]) =>
  readCheckpoint(writeSafetensors(weightsOf(model), names ? { classes: JSON.stringify(names) } : {}));
const dataOf = (model: Module, key: string) => [...toFloat64(stateOf(model).get(key)!.value).data];

/** The last rows of networks' authors. */
const heads: Readonly<Record<string, string>> = {
  resnet: "fc",
  preact: "linear",
  wide: "fc",
  van: "head",
  mobilenetv2: "classifier.1",
};

test("the head of every classifier is its last layer, with or without modules, built in or inserted", () => {
  assert.ok(listModels().every(isModelName));
  for (const name of [
    "resnet20",
    "preact_resnet20",
    "wide_resnet16_8",
    "van_b0",
    "mobilenetv2_100",
    "mobilenetv1_025",
  ]) {
    assert.equal(modelInfo(name).task, "classification");
    const plain = createModelByName(name, { numClasses: 4, attention: "none" });
    const head = headOf(plain);
    assert.equal(String(stateOf(plain).get(`${head}.weight`)!.shape[0]), "4", name);
    const [family] = Object.keys(heads).filter((prefix) => name.startsWith(prefix));
    if (family) assert.equal(head, heads[family]);
    insertAttention(plain, "se", { identityAtStart: true, input: [3, 64, 64] });
    assert.equal(headOf(plain), head, `${name} with se inserted`);
    if (name.startsWith("van") || name.startsWith("mobilenetv1")) continue; // their blocks take none
    assert.equal(headOf(createModelByName(name, { numClasses: 4, attention: "se" })), head, `${name} with se`);
  }
  assert.throws(() => headOf(createModelByName("unet_resnet18")), { name: "OptionError", message: /^headOf: / });
});

test("the head as a group has the parameters of the classifier, and no others", () => {
  const model = network({ attention: "se" });
  const { has, lrFactor } = headGroup(model, 10);
  assert.equal(lrFactor, 10);
  assert.deepEqual([...parametersOf(model).keys()].filter(has), ["fc.weight", "fc.bias"]);
});

test("freezeUntil freezes what comes before a part", () => {
  const model = network();
  const frozen = freezeUntil(model, "layer2");
  const trained = [...parametersOf(model)].flatMap(([path, { trainable }]) => (trainable ? [path] : []));
  assert.ok(frozen.every((path) => /^(conv1|bn1|layer1)\./.test(path)) && frozen.includes("layer1.2.bn2.bias"));
  assert.ok(trained.every((path) => /^(layer2|layer3|fc)\./.test(path)));
  assert.equal(frozen.length + trained.length, parametersOf(model).size);
  assert.throws(
    () => freezeUntil(model, "layer9"),
    /^OptionError: freezeUntil: no parameter's path begins with layer9/,
  );
  assert.throws(() => freezeUntil(model, "conv1"), /freezeUntil/);
});

test("pretrained weights of a plain network go into one with modules, chosen or inserted", () => {
  const source = network({}, 1);
  const gated = network({ attention: ["cbam", { reduction: 8 }] });
  const own = network({ attention: (channels: number) => createAttention("se", channels) });
  const inserted = network();
  insertAttention(inserted, "se", { input: [3, 32, 32] });
  for (const model of [gated, own, inserted]) {
    const { loaded, fresh, unused, backbone, head, headFrom } = loadPretrained(model, checkpointOf(source));
    assert.deepEqual([head, headFrom], ["fc", "positions"]);
    assert.equal(loaded.length, stateOf(source).size);
    assert.deepEqual(unused, []);
    assert.ok(
      fresh.every((path) => /\.cbam\.|attention\./.test(path)),
      String(fresh),
    );
    assert.ok(!backbone.some((path) => path.startsWith("fc.") || path.includes("running")));
    assert.deepEqual(dataOf(model, "layer3.0.conv1.weight"), dataOf(source, "layer3.0.conv1.weight"));
  }
  assert.ok(parametersOf(gated).size > parametersOf(source).size);
});

test("the classifier goes over by the names of its classes, and starts fresh where they differ", () => {
  const source = network({}, 1);
  const order = ["c", "a", "d", "b"];
  const named = network();
  const report = loadPretrained(named, checkpointOf(source, order), { classes });
  assert.equal(report.headFrom, "names");
  const bias = dataOf(source, "fc.bias");
  assert.deepEqual(
    dataOf(named, "fc.bias"),
    classes.map((name) => bias[order.indexOf(name)]),
  );

  const others = network();
  const before = dataOf(others, "fc.bias");
  const anew = loadPretrained(others, checkpointOf(source, ["a", "b", "c", "x"]), { classes });
  assert.equal(anew.headFrom, null);
  assert.match(anew.classDifference!, /x/);
  assert.deepEqual(dataOf(others, "fc.bias"), before);

  const more = network({ numClasses: 7 });
  assert.equal(loadPretrained(more, checkpointOf(source), {}).headFrom, null);
});

test("weights of another network are refused, and nothing is changed", () => {
  const model = network();
  const before = dataOf(model, "conv1.weight");
  assert.throws(() => loadPretrained(model, checkpointOf(network({}, 1, "resnet32"))), WeightsError);
  assert.deepEqual(dataOf(model, "conv1.weight"), before);
});
