import assert from "node:assert/strict";
import { test } from "node:test";
import { type AttentionChoice, createAttention } from "../../src/attention/index.js";
import { toFloat64 } from "../../src/core/tensor.js";
import type { Value } from "../../src/graph/graph.js";
import {
  classifierInfo,
  createModel,
  createModelByName,
  insertAttention,
  mobilenetV2,
  modelInfo,
  models,
  preactResnet,
  resnet,
  rgaResnet,
  scnet,
  unet,
  van,
  wideResnet,
} from "../../src/models/index.js";
import { Module, stateOf, trace } from "../../src/nn/index.js";
import { ifLong } from "../support/long.js";

const keys = (network: Module, pattern: RegExp) => [...stateOf(network).keys()].filter((key) => pattern.test(key));

test("options may differ from stage to stage, and a stage may have none", () => {
  const eca = resnet(18, { attention: ["eca", [3, 5, 7, 7].map((kernelSize) => ({ kernelSize }))] });
  const sizes = [1, 2, 3, 4].map((i) => stateOf(eca).get(`layer${i}.0.eca.conv.weight`)!.shape[2]);
  assert.deepEqual(sizes, [3, 5, 7, 7]);
  const gc = resnet(50, { attention: ["gc", [null, {}, {}, { ratio: 0.25 }]] });
  assert.equal(keys(gc, /context_block\.conv_mask\.weight/).length, 13);
  assert.equal(keys(gc, /layer1.*context_block/).length, 0);
  assert.throws(() => resnet(18, { attention: ["se", [{}, {}]] }), {
    message: 'attention "se": no options for stage 3, only for 2',
  });
});

test("a placement can be asked for", () => {
  const shapeOf = (choice: AttentionChoice) =>
    stateOf(resnet(50, { attention: choice })).get("layer4.0.spm.conv3.weight")!.shape;
  assert.deepEqual(shapeOf("spm"), [512, 512, 1, 1]);
  assert.deepEqual(shapeOf(["spm", {}, "residual"]), [2048, 2048, 1, 1]);
  assert.throws(() => resnet(50, { attention: ["se", {}, "residul" as "residual"] }), {
    message: /^Unknown placement of se "residul"\. Did you mean "residual"\?/,
  });
});

test("a function makes modules of the user's own, by place", () => {
  const network = resnet(20, {
    attention: (channels, { block, blocks }) => (block === blocks - 1 ? createAttention("se", channels) : null),
  });
  assert.deepEqual(keys(network, /attention\.fc\.0/), [
    "layer1.2.attention.fc.0.weight",
    "layer2.2.attention.fc.0.weight",
    "layer3.2.attention.fc.0.weight",
  ]);
});

test("the published module can be replaced, and left out", () => {
  assert.equal(keys(createModel("ecaresnet18"), /\.eca\./).length, 8);
  assert.equal(keys(createModel("ecaresnet18", { attention: "none" }), /\.eca\./).length, 0);
  assert.equal(keys(createModel("ecaresnet18", { attention: "se" }), /\.se\.fc\.0/).length, 8);
  assert.deepEqual(keys(resnet(18, { attention: ["none", {}] as never }), /attention/), []);
});

test("segmentation networks are told from classifiers", () => {
  assert.throws(() => classifierInfo("unet_resnet34"), {
    name: "OptionError",
    message: "unet_resnet34 is a segmentation network; this needs a classifier, such as resnet50",
  });
  assert.equal(classifierInfo("van_b0"), modelInfo("van_b0"));
  for (const { name, task, input, numClasses: classes } of models.values()) {
    const graph = trace(createModelByName(name), [1, ...input]);
    const expected = task === "classification" ? [1, classes] : [1, classes, ...input.slice(1)];
    assert.deepEqual(graph.outputs.get("output")!.shape, expected, name);
  }
});

test("networks publish their maps", () => {
  const maps = (network: Module, size: number) => trace(network, [1, 3, size, size]).taps.length;
  assert.equal(maps(createModel("resnet50_rga", { size: [128, 128] }), 128), 16);
  assert.equal(maps(createModel("residual_attention56"), 64), 3);
  assert.equal(maps(createModel("van_b0"), 64), 13);
  assert.equal(maps(createModel("danet_resnet50"), 64), 2);
  assert.equal(maps(unet(18), 64), 18);
});

test("the rule by names of the CBAM code", { skip: ifLong }, () => {
  const state = stateOf(resnet(18, { init: "cbam", attention: "cbam" }));
  const values = (key: string) => [...toFloat64(state.get(key)!.value).data];
  const deviation = (key: string) => Math.sqrt(values(key).reduce((sum, v) => sum + v * v, 0) / values(key).length);
  const close = (actual: number, expected: number) => assert.ok(Math.abs(actual / expected - 1) < 0.1, `${actual}`);
  close(deviation("layer2.0.conv1.weight"), Math.sqrt(2 / (9 * 128)));
  close(deviation("fc.weight"), Math.sqrt(2 / 512));
  close(deviation("layer2.0.downsample.0.weight"), 1 / Math.sqrt(3 * 64));
  for (const key of ["fc.bias", "layer1.0.cbam.ChannelGate.mlp.1.bias", "layer1.0.cbam.SpatialGate.spatial.bn.weight"])
    assert.ok(
      values(key).every((v) => v === 0),
      key,
    );
  assert.ok(values("layer1.0.bn2.weight").every((v) => v === 1));
});

test("options that make no sense are refused in one line", () => {
  const refused = (message: RegExp, make: () => unknown) => assert.throws(make, { name: "OptionError", message });
  refused(/^resnet: depth must be one of 18, 20, /, () => resnet(19));
  refused(/^resnet: wide needs bottlenecks/, () => resnet(18, { wide: 2 }));
  refused(/^outputStride must be one of 8, 16, 32, got 4$/, () => resnet(18, { outputStride: 4 as 8 }));
  refused(/^preactResnet: depth must be 6n \+ 2 with basic blocks, got 21$/, () => preactResnet(21));
  refused(/^wideResnet: depth must be 6n \+ 4, got 20$/, () => wideResnet(20, 4));
  refused(/^mobilenetV2: widthMultiplier must be positive, got 0$/, () => mobilenetV2({ widthMultiplier: 0 }));
  refused(/^mobilenetV2: has no place between stages for bam/, () => mobilenetV2({ attention: "bam" }));
  refused(/^van_b0: takes no attention module/, () => van("b0", { attention: "se" }));
  refused(/^van_b0: dropPath must be in \[0, 1\), got 1$/, () => van("b0", { dropPath: 1 }));
  refused(/^scnet: takes no attention module/, () => scnet(50, { attention: ["se", {}] }));
  refused(/^rgaResnet: size must be two multiples of 16, got \[250,128\]$/, () => rgaResnet({ size: [250, 128] }));
  refused(/^unet: numClasses must be a positive integer, got 0$/, () => unet(18, { numClasses: 0 }));
  refused(/^UNet: height and width must be multiples of 32, got 48×64$/, () => trace(unet(18), [1, 3, 48, 64]));
  refused(/^Unknown model "resnet5"\. Did you mean "resnet50"\?/, () => createModelByName("resnet5"));
});

test("a function that makes modules must make modules, or none where there may be none", () => {
  class Own extends Module {
    constructor(readonly channels: number) {
      super();
    }
    override forward(x: Value): Value {
      return x;
    }
  }
  const right = (channels: number) => new Own(channels);
  const networks = ["resnet20", "resnet50", "mobilenetv2_100", "preact_resnet20", "wide_resnet16_8"] as const;
  for (const name of networks) {
    const build = (attention: unknown) => createModelByName(name, { attention });
    build(right);
    build(() => null);
    for (const wrong of [5, "se", {}, [], undefined, Symbol("own"), Own])
      assert.throws(() => build(() => wrong), /attention: the function must return a Module, or null for none, got /);
    assert.throws(() => build(Own), /attention must be a function, got the class Own; write \(channels\) => new Own/);
    const fault = new Error("of its own");
    const thrower = () => {
      throw fault;
    };
    assert.throws(
      () => build(thrower),
      (error) => error === fault,
    );
  }
  const insert = (make: unknown) => insertAttention(createModel("resnet20"), make as never, { input: [3, 32, 32] });
  assert.equal(insert(right).length, 9);
  for (const wrong of [5, null, {}, Own])
    assert.throws(() => insert(() => wrong), /insertAttention.* must return a Module/);
  assert.throws(() => insert(Own), /got the class Own/);
});
