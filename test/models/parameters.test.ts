import assert from "node:assert/strict";
import { test } from "node:test";
import type { AttentionChoice } from "../../src/attention/index.js";
import { costOf } from "../../src/graph/cost.js";
import { createModel, createModelByName, modelInfo, resnet } from "../../src/models/index.js";
import { type Module, parametersOf, trace } from "../../src/nn/index.js";

const count = (network: Module): number =>
  [...parametersOf(network).values()].reduce((sum, { shape }) => sum + shape.reduce((n, d) => n * d, 1), 0);

const se: AttentionChoice = ["se", { reduction: 16 }];
const cifar = { stem: "cifar", numClasses: 100 } as const;

/** Learned numbers of the authors' networks, computed from their code. */
const parameters: readonly (readonly [name: string, expected: number, network: () => Module])[] = [
  ["ResNet-50", 25_557_032, () => createModel("resnet50")],
  ["ResNet-50 + CBAM", 28_089_624, () => resnet(50, { attention: "cbam" })],
  ["ResNet-50 + BAM", 25_915_099, () => resnet(50, { attention: "bam" })],
  ["ResNet-50 + SE", 28_071_976, () => resnet(50, { attention: se })],
  ["ResNet-50 + SimAM", 25_557_032, () => resnet(50, { attention: "simam" })],
  ["ResNet-50 for CIFAR-100", 23_705_252, () => resnet(50, cifar)],
  ["ResNet-50 + CBAM for CIFAR-100", 26_237_844, () => resnet(50, { ...cifar, attention: "cbam" })],
  ["ResNet-50 + BAM for CIFAR-100", 24_063_319, () => resnet(50, { ...cifar, attention: "bam" })],
  ["ResNet-18 + Triplet", 11_691_912, () => resnet(18, { attention: "triplet" })],
  ["ResNet-50 + Triplet", 25_561_832, () => resnet(50, { attention: "triplet" })],
  ["MobileNetV2 + Triplet", 3_509_972, () => createModel("mobilenetv2_100", { attention: "triplet" })],
  ["MobileNetV3 large", 5_483_032, () => createModel("mobilenetv3_large_100")],
  ["MobileNetV3 small", 2_542_856, () => createModel("mobilenetv3_small_100")],
  ["ShuffleNet V2 x0.5", 1_366_792, () => createModel("shufflenet_v2_x0_5")],
  ["ShuffleNet V2 x1.0", 2_278_604, () => createModel("shufflenet_v2_x1_0")],
  ["GhostNet", 5_182_508, () => createModel("ghostnet_100")],
  ["EfficientNet-B0", 5_288_548, () => createModel("efficientnet_b0")],
  ["ConvNeXt-Atto", 3_695_520, () => createModel("convnext_atto")],
  ["MobileNetV2", 3_504_872, () => createModel("mobilenetv2_100")],
  ["ECA-Net18", 11_689_556, () => createModel("ecaresnet18")],
  ["ECA-Net50, kernels 3, 5, 5, 7", 25_557_112, () => createModel("ecaresnet50")],
  ["ECA-MobileNetV2", 3_504_903, () => createModel("eca_mobilenetv2")],
  ["MobileNetV2 + CA", 3_950_648, () => createModel("mbv2_ca")],
  ["SCNet-50", 25_564_584, () => createModel("scnet50")],
  ["SCNet-50-v1d", 25_583_816, () => createModel("scnet50_v1d")],
  ["SCNet-101-v1d", 44_689_192, () => createModel("scnet101_v1d")],
  ["VAN-B0", 4_105_800, () => createModel("van_b0")],
  ["VAN-B1", 13_861_800, () => createModel("van_b1")],
  ["VAN-B2", 26_578_472, () => createModel("van_b2")],
  ["ResNet-20 for CIFAR-100 (none, SimAM)", 278_324, () => resnet(20, { numClasses: 100, attention: "simam" })],
  ["ResNet-20 + SE for CIFAR-100", 280_340, () => resnet(20, { numClasses: 100, attention: se })],
  ["ResNet-20 + CBAM for CIFAR-100", 281_597, () => resnet(20, { numClasses: 100, attention: "cbam" })],
  ["SE-ResNet-20 of moskomule", 274_490, () => resnet(20, { attention: se })],
  ["Attention-56", 47_608_010, () => createModel("residual_attention56")],
  ["Attention-92", 83_205_834, () => createModel("residual_attention92")],
  ["Attention-92 for 448", 83_796_170, () => createModel("residual_attention92_448input")],
  ["Attention-92 for 32", 19_921_898, () => createModel("residual_attention92_32input")],
  ["Attention-92 for 32, updated", 19_920_362, () => createModel("residual_attention92_32input_update")],
  ["Wide ResNet-50-2", 68_883_240, () => createModel("wide_resnet50_2")],
  ["WRN-28-10", 36_479_194, () => createModel("wide_resnet28_10")],
  ["U-Net with ResNet-34, one class, no attention", 24_436_369, () => createModel("unet_resnet34", plainUnet)],
  ["U-Net with ResNet-18, one class, no attention", 14_328_209, () => createModel("unet_resnet18", plainUnet)],
];
const plainUnet = { numClasses: 1, decoderAttention: "none" } as const;

for (const [name, expected, network] of parameters)
  test(`${name} has ${expected.toLocaleString("en-US")} parameters`, () => assert.equal(count(network()), expected));

test("published parameters in millions", () => {
  const millions: Record<string, number> = { van_b3: 44.8, scnet101: 44.57, resnet101: 44.55, ecaresnet34: 21.8 };
  for (const [name, expected] of Object.entries(millions))
    assert.ok(Math.abs(count(createModelByName(name)) / 1e6 - expected) < 0.05, name);
});

/**
 * Multiply-accumulates as published, in 1e9. Fovea counts those of convolutions and products only. With 2 for every normed and 1 for every
 * rectified element SCNet-50 comes to 3.96 and ResNet-50 + Triplet to 4.168, as published. VAN-B0 (0.864) and MobileNetV2 + CA (0.3067)
 * differ because the published figures are rounded.
 */
const macs: readonly (readonly [name: string, published: number, network: () => Module, tolerance?: number])[] = [
  ["resnet50", 4.1, () => createModel("resnet50")],
  ["van_b1", 2.5, () => createModel("van_b1")],
  ["van_b2", 5.0, () => createModel("van_b2")],
  ["van_b3", 9.0, () => createModel("van_b3")],
  ["scnet101", 7.2, () => createModel("scnet101")],
  ["scnet50_v1d", 4.7, () => createModel("scnet50_v1d")],
  ["van_b0", 0.9, () => createModel("van_b0"), 0.05],
  ["scnet50", 4.0, () => createModel("scnet50"), 0.02],
  ["resnet50 + triplet", 4.169, () => resnet(50, { attention: "triplet" })],
  ["mbv2_ca", 0.31, () => createModel("mbv2_ca"), 0.015],
];

for (const [name, published, network, tolerance = 0.01] of macs)
  test(`${name} takes ${published} G multiply-accumulates`, () => {
    const spec = modelInfo(name.split(" ")[0]!);
    const counted = costOf(trace(network(), [1, ...spec.input])).macs / 1e9;
    assert.ok(Math.abs(counted / published - 1) <= tolerance, `counted ${counted}`);
  });
