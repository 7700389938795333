import assert from "node:assert/strict";
import { test } from "node:test";
import { Rng } from "../../src/core/rng.js";
import { createDataset } from "../../src/data/index.js";
import { buildNetwork } from "../../src/inference/load-run.js";
import { createModelByName, resnet } from "../../src/models/index.js";
import { parametersOf, stateOf } from "../../src/nn/index.js";
import { sgd, train } from "../../src/train/index.js";
import { ort } from "../support/engines.js";
import { ifLong, runsLong } from "../support/long.js";

const dots = (count: number) => {
  const rng = new Rng(1, "dots");
  return createDataset({
    name: "dots",
    classes: ["a", "b"],
    height: 8,
    width: 8,
    pixels: Uint8Array.from({ length: count * 192 }, (_, i) => (Math.floor(i / 192) % 2) * 100 + rng.int(100)),
    labels: Array.from({ length: count }, (_, i) => i % 2),
  });
};
const options = { engine: ort, batch: 8, optimizer: sgd({ lr: 0.05 }), seed: 3 };
const net = (attention: unknown = null) => createModelByName("resnet20", { numClasses: 2, attention });
const weights = (model: ReturnType<typeof net>) => [...stateOf(model)].map(([key, { value }]) => [key, value.data]);

test("steps in place of epochs: whole epochs are the same, and the last may end early", { skip: ifLong }, async () => {
  const [byEpochs, bySteps] = [net(), net()];
  const a = await train(byEpochs, dots(24), { ...options, epochs: 2, validate: dots(8) });
  const b = await train(bySteps, dots(24), { ...options, steps: 6, validate: dots(8) });
  assert.deepEqual(b.history, a.history);
  assert.deepEqual(weights(bySteps), weights(byEpochs));
  const seen: number[] = [];
  const { history } = await train(net(), dots(24), {
    ...options,
    steps: 4,
    onStep: ({ batch, batches }) => seen.push(batch, batches),
  });
  assert.deepEqual(
    history.map(({ step }) => step),
    [3, 4],
  );
  assert.deepEqual(seen, [1, 3, 2, 3, 3, 3, 1, 1]);
  await assert.rejects(
    train(net(), dots(24), { ...options, steps: 4, epochs: 1 }),
    /train: set epochs or steps, not both/,
  );
});

test("a training by steps that was stopped goes on to the same weights", { skip: ifLong }, async () => {
  const whole = net();
  await train(whole, dots(24), { ...options, steps: 5 });
  for (const stopAfter of runsLong ? [1, 3, 4] : [4]) {
    const stop = new AbortController();
    let [steps, bytes] = [0, new Uint8Array()];
    const onStep = () => void (++steps === stopAfter && stop.abort());
    const keep = async ({ bytes: read }: { bytes(): Uint8Array }) => void (bytes = new Uint8Array(read()));
    await train(net(), dots(24), {
      ...options,
      steps: 5,
      signal: stop.signal,
      onStep,
      onStop: keep,
      onEpoch: (_, { checkpoint }) => keep(checkpoint),
    });
    const resumed = net();
    await train(resumed, dots(24), { ...options, steps: 5, resume: bytes });
    assert.deepEqual(weights(resumed), weights(whole), `stopped after ${stopAfter}`);
  }
});

test("a placebo has nothing to learn, and leaves the backbone's weights as they are", async () => {
  const plain = net();
  for (const gate of ["constant", "random"]) {
    const controlled = net(["placebo", { gate }]);
    assert.deepEqual([...parametersOf(controlled).keys()], [...parametersOf(plain).keys()]);
    const state = stateOf(controlled);
    for (const [key, { value }] of stateOf(plain)) assert.deepEqual(state.get(key)!.value, value, key);
    const noise = [...state].filter(([key]) => key.endsWith("placebo.noise"));
    assert.equal(noise.length, gate === "random" ? 9 : 0);
    const before = noise.map(([, { value }]) => value.data.slice());
    await train(controlled, dots(16), { ...options, steps: 2 });
    assert.deepEqual(
      noise.map(([, { value }]) => value.data),
      before,
    );
  }
  assert.throws(() => net(["placebo", { gate: "none" }]), /placebo: gate must be one of constant, random/);
});

test("another seed gives a network other weights, also one with an inserted module", () => {
  for (const insert of [undefined, { attention: "se", options: {} }]) {
    const made = { name: "resnet20", options: { numClasses: 2, attention: "none" }, ...(insert && { insert }) };
    const [zero, one, again] = [0, 1, 1].map((seed) => stateOf(buildNetwork(made, { imageSize: 32 }, seed)));
    for (const [key, param] of one!) {
      assert.deepEqual(again!.get(key)!.value, param.value, key);
      if (/conv\d\.weight|fc\.weight/.test(key)) assert.notDeepEqual(zero!.get(key)!.value, param.value, key);
    }
  }
});

test("extra channels widen the blocks in proportion to their widths", () => {
  const state = (extraChannels: number, depth = 20) => stateOf(resnet(depth, { numClasses: 10, extraChannels }));
  const inner = (extraChannels: number) =>
    [...state(extraChannels)].flatMap(([key, { shape }]) =>
      /layer\d\.\d\.conv1\.weight/.test(key) ? [shape[0]!] : [],
    );
  const plain = inner(0);
  assert.deepEqual(plain, [16, 16, 16, 32, 32, 32, 64, 64, 64]);
  assert.deepEqual(
    inner(336),
    plain.map((width) => 2 * width),
  );
  for (const count of [1, 5, 21, 100]) {
    const added = inner(count).map((width, i) => width - plain[i]!);
    assert.equal(
      added.reduce((a, b) => a + b),
      count,
    );
    added.forEach((own, i) => {
      assert.ok(Math.abs(own - (count * plain[i]!) / 336) <= 1, `${count}: ${added}`);
    });
  }
  const bottlenecks = state(50, 50);
  assert.ok(bottlenecks.get("layer4.2.conv2.weight")!.shape[0]! > 512);
  assert.deepEqual(bottlenecks.get("layer4.2.conv3.weight")!.shape[0], 2048);
  assert.throws(() => resnet(20, { extraChannels: 1, attention: "se" }), /extraChannels is for a plain network/);
  assert.throws(() => resnet(20, { extraChannels: -1 }), /extraChannels must be an integer ≥ 0/);
});
