import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { zeros } from "../../src/engine.js";
import { writeSafetensors } from "../../src/index.js";
import { createModel, createModelByName, models } from "../../src/models/index.js";
import { type KeyTable, keyTables, renaming } from "../../src/models/keys.js";
import { recognizeCheckpoint } from "../../src/models/recognize.js";
import { type Module, stateOf } from "../../src/nn/index.js";
import { GoldenFile } from "../../src/testing/golden/file.js";
import { sharedFovea as fovea, temporaryFolder } from "../support/fovea.js";

type Shapes = ReadonlyMap<string, { readonly shape: readonly number[] }>;

const shapesOf = (network: Module): Shapes =>
  new Map([...stateOf(network)].map(([key, { shape }]) => [key, { shape }]));
const sorted = (shapes: Shapes) => [...shapes].map(([key, { shape }]) => `${key} [${shape}]`).sort();
const renamed = (shapes: Shapes, rename: (key: string) => string): Shapes =>
  new Map([...shapes].map(([key, value]) => [rename(key), value]));

/** Families that the tests have met. */
const seen = new Set<string>();

/** Recognizes a checkpoint, builds the network that it names, and checks that all its keys and shapes fit, in both directions. */
function assertFits(theirs: Shapes): { readonly family: string; readonly model: string; readonly options: object } {
  const known = recognizeCheckpoint(theirs);
  assert.ok(known, "is not recognized");
  seen.add(known.family);
  const ours = shapesOf(createModelByName(known.model, known.options));
  assert.deepEqual(sorted(renamed(theirs, known.rename)), sorted(ours));
  assert.deepEqual(sorted(renamed(ours, known.original)), sorted(theirs));
  return known;
}

for (const { name } of models.values())
  test(`${name}: its own checkpoint is recognized`, () => {
    const known = assertFits(shapesOf(createModelByName(name, { numClasses: 7 })));
    assert.equal(known.model, name);
  });

/** What a golden file of a network, by its name, is recognized as. */
const golden: Readonly<Record<string, readonly [model: string, options: object]>> = {
  "cifar-resnet20-none": ["resnet20", { numClasses: 10 }],
  "cifar-resnet20-se": ["resnet20", { numClasses: 10, attention: ["se", { reduction: 4 }] }],
  "cifar-resnet20-cbam": ["resnet20", { numClasses: 10, attention: ["cbam", {}] }],
  "cifar-resnet20-simam": ["resnet20", { numClasses: 10, attention: ["simam", {}] }],
  "cifar-se-resnet20-moskomule": [
    "resnet20",
    { numClasses: 10, stem: "cifar", shortcut: "projection", attention: ["se", {}] },
  ],
  "eca-mobilenetv2": ["eca_mobilenetv2", { numClasses: 1000 }],
  "eca-resnet18": ["ecaresnet18", { numClasses: 1000, stem: "imagenet", shortcut: "projection" }],
  "jongchan-resnet18-bam-cifar100": [
    "resnet18",
    { numClasses: 100, stem: "cifar", shortcut: "projection", attention: ["bam", {}] },
  ],
  "jongchan-resnet18-bam-imagenet": [
    "resnet18",
    { numClasses: 1000, stem: "imagenet", shortcut: "projection", attention: ["bam", {}] },
  ],
  "jongchan-resnet18-cbam-cifar100": [
    "resnet18",
    { numClasses: 100, stem: "cifar", shortcut: "projection", attention: ["cbam", {}] },
  ],
  "jongchan-resnet18-none-cifar100": ["resnet18", { numClasses: 100, stem: "cifar", shortcut: "projection" }],
  "jongchan-resnet50-bam-cifar100": [
    "resnet50",
    { numClasses: 100, stem: "cifar", shortcut: "projection", attention: ["bam", {}] },
  ],
  "jongchan-resnet50-cbam-cifar100": [
    "resnet50",
    { numClasses: 100, stem: "cifar", shortcut: "projection", attention: ["cbam", {}] },
  ],
  "jongchan-resnet50-cbam-imagenet": [
    "resnet50",
    { numClasses: 1000, stem: "imagenet", shortcut: "projection", attention: ["cbam", {}] },
  ],
  "convnext-atto": ["convnext_atto", { numClasses: 1000 }],
  "efficientnet-b0": ["efficientnet_b0", { numClasses: 1000 }],
  ghostnet: ["ghostnet_100", { numClasses: 1000 }],
  "mobilenetv3-large": ["mobilenetv3_large_100", { numClasses: 1000 }],
  "mobilenetv3-small": ["mobilenetv3_small_100", { numClasses: 1000 }],
  "shufflenet-v2-x0.5": ["shufflenet_v2_x0_5", { numClasses: 1000 }],
  "danet-resnet50-width8": ["danet_resnet50", { numClasses: 3, width: 8 }],
  "danet-resnet50-width8-one-dilation": ["danet_resnet50", { numClasses: 3, width: 8 }],
  fcanet34: [
    "resnet34",
    {
      numClasses: 10,
      stem: "imagenet",
      shortcut: "projection",
      attention: ["fca", [{ size: [56, 56] }, { size: [28, 28] }, { size: [14, 14] }, {}]],
    },
  ],
  "gc-resnet50": ["gcresnet50", { numClasses: 10, stem: "imagenet", shortcut: "projection" }],
  "mobilenetv2-ca": ["mbv2_ca", { numClasses: 1000 }],
  "preact-resnet20": ["preact_resnet20", { numClasses: 10, block: "basic" }],
  "ran92-32-update": ["residual_attention92_32input_update", { numClasses: 10 }],
  scnet50: ["scnet50", { numClasses: 1000 }],
  "scnet50-v1d": ["scnet50_v1d", { numClasses: 10 }],
  "sge-resnet18": [
    "resnet18",
    { numClasses: 10, stem: "imagenet", shortcut: "projection", attention: ["sge", { groups: 64 }] },
  ],
  "spnet-resnet50-width8": ["spnet_resnet50", { numClasses: 3, width: 8 }],
  "srm-resnet50": ["resnet50", { numClasses: 10, stem: "imagenet", shortcut: "projection", attention: ["srm", {}] }],
  "triplet-mobilenetv2": ["mobilenetv2_100", { numClasses: 1000, attention: ["triplet", { variant: "models" }] }],
  "triplet-resnet18-cifar10": [
    "resnet18",
    { numClasses: 10, stem: "cifar", shortcut: "projection", attention: ["triplet", { variant: "models" }] },
  ],
  "unet-resnet18": ["unet_resnet18", { numClasses: 3, decoderAttention: "scse" }],
  "van-b0": ["van_b0", { numClasses: 1000 }],
};

/** Networks of a depth or width that the catalogue does not have: their vectors are small so. */
const ofOtherSizes = [
  "preact-resnet29-se",
  "preact-resnet29-simam",
  "rga-resnet50-width16",
  "wide-resnet10-2-simam",
  "wide-resnet16-2",
];

const folders = ["test/golden/networks", join(process.env.FOVEA_DATA ?? "../shared/data", "../golden/networks")];
const goldenFiles = new Map(
  folders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) =>
      readdirSync(folder).map((file) => [basename(file, ".safetensors"), join(folder, file)] as const),
    )
    .filter(([name]) => !name.startsWith("trajectory-") && name !== "danet-head-512") // no whole networks
    .filter(([name]) => !ofOtherSizes.includes(name)),
);
const shapesOfGolden = (path: string): Shapes =>
  new Map(new GoldenFile(readFileSync(path)).keys.map(([key, shape]) => [key, { shape }]));

for (const [name, path] of goldenFiles)
  test(`${name}: the authors' checkpoint is recognized, and fits strictly`, () => {
    const [expected, options] = golden[name]!;
    const known = assertFits(shapesOfGolden(path));
    assert.deepEqual([known.model, known.options], [expected, options]);
  });

test("inspect names the network of an authors' checkpoint", async () => {
  const folder = temporaryFolder();
  for (const name of ["cifar-resnet20-cbam", "van-b0"]) {
    const file = join(folder, `${name}.safetensors`);
    const keys = shapesOfGolden(goldenFiles.get(name)!);
    writeFileSync(file, writeSafetensors([...keys].map(([key, { shape }]) => [key, zeros("float32", shape)])));
    const { code, stdout, stderr } = await fovea(["inspect", file, "--json"]);
    assert.equal(code, 0, stderr);
    const { network } = JSON.parse(stdout);
    assert.deepEqual([network.model, network.options], golden[name]);
  }
});

/** Networks that others publish under other names: ours, the table of names, and what it is recognized as if not as it was made. */
const foreign: readonly (readonly [whose: string, name: string, options: object, table: KeyTable])[] = [
  ["akamaster", "resnet56", { shortcut: "identity" }, keyTables.akamaster],
  ...([null, ["se", { reduction: 8 }], ["cbam", {}], ["eca", { kernelSize: 5 }], ["simam", {}]] as const).flatMap(
    (attention) => {
      const field = attention?.[0] ?? null;
      const options = attention ? { attention } : {};
      return [
        [`SimAM, CIFAR, ${field ?? "plain"}`, "resnet32", options, keyTables.simamCifar(field)],
        [
          `SimAM, pre-activation, ${field ?? "plain"}`,
          "preact_resnet20",
          options,
          keyTables.simamPreact(field, "conv2"),
        ],
        [
          `SimAM, pre-activation bottlenecks, ${field ?? "plain"}`,
          "preact_resnet164",
          options,
          keyTables.simamPreact(field, "conv3"),
        ],
        [`SimAM, wide, ${field ?? "plain"}`, "wide_resnet16_8", options, keyTables.simamPreact(field, "conv2")],
        [`SimAM, ImageNet, ${field ?? "plain"}`, "resnet18", options, keyTables.simamImagenet(field, "bn2")],
        [
          `SimAM, ImageNet bottlenecks, ${field ?? "plain"}`,
          "resnet50",
          options,
          keyTables.simamImagenet(field, "bn3"),
        ],
        [`SimAM, MobileNetV2, ${field ?? "plain"}`, "mobilenetv2_100", options, keyTables.simamMobilenet],
      ] as const;
    },
  ),
  ...(
    [
      ["se", { variant: "timm" }, "se"],
      ["se", { variant: "timm-effective" }, "se"],
      ["eca", { kernelSize: 5 }, "eca"],
      ["cbam", { variant: "timm" }, "cbam"],
      ["gc", { variant: "timm" }, "context_block"],
      ["gc", { variant: "timm", fusion: ["add"] }, "context_block"],
      ["coord", { variant: "timm" }, "coord"],
    ] as const
  ).map(
    ([name, options, field]) =>
      [
        `timm, ${name} ${JSON.stringify(options)}`,
        "resnet50",
        { attention: [name, options] },
        keyTables.timmResnet(field),
      ] as const,
  ),
  ["timm", "mobilenetv2_100", {}, keyTables.timmMobilenet],
];

for (const [whose, name, options, table] of foreign)
  test(`names of ${whose} in ${name}: there and back, and strictly into the recognized network`, () => {
    const network = createModelByName(name, { numClasses: 5, ...options });
    const [ours, toOurs, toTheirs] = [shapesOf(network), renaming(table, "ours"), renaming(table, "theirs")];
    for (const key of ours.keys()) assert.equal(toOurs(toTheirs(key)), key);
    const theirs = renamed(ours, toTheirs);
    if (table.length > 0) assert.notDeepEqual([...theirs.keys()], [...ours.keys()], "the table renames something");
    assert.equal(assertFits(theirs).model, name);
  });

test("names in the code of others", () => {
  const theirs = (table: KeyTable, key: string) => renaming(table, "theirs")(key);
  assert.equal(theirs(keyTables.simamCifar("se"), "layer2.0.se.fc.0.weight"), "layer2.0.bn2.1.fc.0.weight");
  assert.equal(theirs(keyTables.simamCifar("se"), "layer2.0.bn2.weight"), "layer2.0.bn2.0.weight");
  assert.equal(theirs(keyTables.simamCifar("simam"), "layer2.0.conv2.weight"), "layer2.0.conv2.0.weight");
  assert.equal(theirs(keyTables.simamPreact("se", "conv3"), "layer1.0.conv3.weight"), "layer1.0.conv3.0.weight");
  assert.equal(
    theirs(keyTables.timmResnet("context_block"), "layer4.2.context_block.mlp_scale.fc1.bias"),
    "layer4.2.se.mlp_scale.fc1.bias",
  );
  for (const [ours, timm] of [
    ["features.0.1.running_var", "bn1.running_var"],
    ["features.1.conv.1.weight", "blocks.0.0.conv_pw.weight"],
    ["features.3.conv.1.0.weight", "blocks.1.1.conv_dw.weight"],
    ["features.17.conv.2.weight", "blocks.6.0.conv_pwl.weight"],
    ["classifier.1.bias", "classifier.bias"],
  ] as const)
    assert.equal(theirs(keyTables.timmMobilenet, ours), timm);
});

test("networks that are not here are not taken for others", () => {
  const changed = (
    name: string,
    options: Readonly<Record<string, unknown>>,
    change: (key: string, shape: readonly number[]) => [string, readonly number[]],
  ) =>
    recognizeCheckpoint(
      new Map(
        [...shapesOf(createModelByName(name, options))]
          .map(([key, { shape }]) => change(key, shape))
          .map(([key, shape]) => [key, { shape }]),
      ),
    );
  // ResNeXt: convolutions in groups.
  assert.equal(
    changed("resnet50", {}, (key, shape) => [key, key.endsWith("conv2.weight") ? [shape[0]!, 4, 3, 3] : shape]),
    undefined,
  );
  // ResNet-D: shortcuts average, so that their layers have other numbers.
  assert.equal(
    changed("resnet50", { stem: "deep" }, (key, shape) => [
      key.replace(/downsample\.(\d)/, (_, i) => `downsample.${Number(i) + 1}`),
      shape,
    ]),
    undefined,
  );
  assert.equal(recognizeCheckpoint(new Map()), undefined);
});

test("the documentation lists the families, each of which a test has met", () => {
  const page = readFileSync("docs/checkpoints.md", "utf8");
  const table = page.slice(page.indexOf("| family |"), page.indexOf("Options that leave no trace"));
  const listed = [...table.matchAll(/^\| (.+?) \|/gm)].map(([, name]) => name!).slice(1);
  assert.deepEqual(listed.sort(), [...seen].sort());
});

for (const prefix of ["model.", "module.", "net.", "backbone.", "model._orig_mod.", "trainer.model.module."])
  test(`a network behind the prefix ${prefix} is recognized, with what stands beside it`, () => {
    const network = createModel("resnet20", { attention: "se" });
    const shapes = shapesOf(network);
    const wrapped = new Map([...renamed(shapes, (key) => prefix + key), ["n_averaged", { shape: [] }] as const]);
    const known = recognizeCheckpoint(wrapped)!;
    assert.equal(known.model, "resnet20");
    assert.deepEqual([known.unexplained, known.missing], [["n_averaged"], []]);
    for (const key of shapes.keys()) {
      assert.equal(known.rename(prefix + key), key);
      assert.equal(known.original(key), prefix + key);
    }
  });

test("of two copies of a network in one dictionary, that which is no average is recognized", () => {
  const weights = [...stateOf(createModel("resnet20", { numClasses: 4 }))];
  const both = new Map(
    ["ema.", "model."].flatMap((prefix) => weights.map(([key, { shape }]) => [prefix + key, { shape }] as const)),
  );
  const known = recognizeCheckpoint(both)!;
  assert.deepEqual([known.model, known.original("conv1.weight")], ["resnet20", "model.conv1.weight"]);
  assert.equal(known.unexplained.length, weights.filter(([key]) => !key.endsWith("num_batches_tracked")).length);
});
