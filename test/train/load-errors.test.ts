import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { writeSafetensors } from "../../src/index.js";
import { initialize } from "../../src/nn/index.js";
import { type ResNetOptions, resnet } from "../../src/nn.js";
import { loadState, WeightsError, weightsOf } from "../../src/train/index.js";
import { sharedFovea as fovea, temporaryFolder } from "../support/fovea.js";

const net = (options: ResNetOptions) => initialize(resnet(20, options));
const errorOf = (model: ReturnType<typeof net>, weights: Parameters<typeof loadState>[1]): WeightsError => {
  try {
    loadState(model, weights);
  } catch (error) {
    assert.ok(error instanceof WeightsError, String(error));
    return error;
  }
  throw new Error("loaded");
};
const plain = weightsOf(net({ numClasses: 4 }));
const gated = weightsOf(net({ numClasses: 4, attention: "cbam" }));

/** What does not fit, the patterns that leave it out, and what the message names. */
const cases: readonly [what: string, ResNetOptions, typeof plain, patterns: string[], message: RegExp][] = [
  [
    "another number of classes",
    { numClasses: 7 },
    plain,
    ["^fc\\."],
    /2 of another shape \(fc\.weight is \[4,64\], the model needs \[7,64\]/,
  ],
  [
    "modules that the weights lack",
    { numClasses: 4, attention: "cbam" },
    plain,
    ["\\.cbam\\."],
    /missing \(layer1\.0\.cbam\./,
  ],
  ["modules that the model lacks", { numClasses: 4 }, gated, ["\\.cbam\\."], /unexpected \(layer1\.0\.cbam\./],
  [
    "both",
    { numClasses: 7, attention: "se" },
    gated,
    ["\\.se\\.", "\\.cbam\\.", "^fc\\."],
    /missing .* unexpected .* of another shape/,
  ],
];
for (const [what, options, weights, patterns, message] of cases)
  test(`weights that do not fit lead on: ${what}`, () => {
    const error = errorOf(net(options), weights);
    assert.deepEqual(error.patterns, patterns);
    assert.match(error.message, message);
    assert.match(error.message, /recognizeCheckpoint says which network/);
    // The advice leads to weights that are loaded.
    loadState(net(options), weights, { ignore: patterns.map((pattern) => new RegExp(pattern)) });
  });

test("weights of which nothing fits get no pattern that would leave everything out", () => {
  const renamed = new Map([...plain].map(([key, value]) => [`net.${key}`, value]));
  const { message, patterns, report } = errorOf(net({ numClasses: 4 }), renamed);
  assert.deepEqual([patterns, report.matched], [[], []]);
  assert.doesNotMatch(message, /ignore/);
  assert.match(message, /none of \d+ fit\. recognizeCheckpoint says/);
});

test("counters of batch norms are not named where a key that matters is", () => {
  const { message } = errorOf(net({ numClasses: 4 }), weightsOf(initialize(resnet(32, { numClasses: 4 }))));
  assert.match(message, /90 unexpected|unexpected \(layer1\.3\.conv1\.weight, /);
  assert.doesNotMatch(message, /num_batches_tracked/);
});

test("the command line speaks of flags", async () => {
  const file = join(temporaryFolder(), "weights.safetensors");
  writeFileSync(file, writeSafetensors(plain));
  const flags = ["--weights", file, "--attention", "se", "--classes", "4", "--image-size", "32"];
  const { code, stderr } = await fovea(["eval", "resnet20", "shapes", ...flags]);
  assert.equal(code, 1);
  assert.match(stderr, /^fovea: --weights \S+: the weights do not fit the model: 18 missing .*`fovea inspect` says/);
  assert.doesNotMatch(stderr, /\{ ignore|recognizeCheckpoint/);
  writeFileSync(file, writeSafetensors([...plain].filter(([key]) => !key.startsWith("layer3.2."))));
  const trained = await fovea(["train", "shapes", "--weights", file, "--epochs", "1"]);
  assert.match(trained.stderr, /--weights \S+: .* missing \(layer3\.2\.conv1.* --ignore '\^layer3\\\.2\\\.'/);
  const unknown = await fovea(["summary", "--model", "squeezenet"]);
  assert.match(unknown.stderr, /For a network of your own: docs\/rebuild-a-network\.md/);
});
