import assert from "node:assert/strict";
import { test } from "node:test";
import {
  attentionModules,
  attentionPlan,
  createAttention,
  createAttentionByName,
  type GateName,
} from "../../src/attention/index.js";
import { gradients } from "../../src/autodiff/gradients.js";
import { toFloat64 } from "../../src/core/tensor.js";
import { referenceEngine } from "../../src/engines/reference.js";
import type { Value } from "../../src/graph/graph.js";
import { resnet } from "../../src/models/index.js";
import { graphFor, initialize, type Module, parametersOf, stateOf, trace } from "../../src/nn/index.js";
import { add, mul, reduceSum } from "../../src/ops/index.js";
import { magnitude } from "../../src/testing/compare.js";
import { fillState } from "../../src/testing/golden/filler.js";
import { ort } from "../support/engines.js";
import { ifLong } from "../support/long.js";
import { random } from "../support/random.js";
import { defaults, examples, neededFor, traceExample } from "./catalogue.js";

const gates = defaults.filter(({ name }) => attentionModules.get(name)!.kind === "gate");

/**
 * Parameters that rightly get no gradient: the shortcut convolution of residual blocks that keep their shape, and biases that shift a
 * whole softmax.
 */
const withoutGradient: Readonly<Record<string, RegExp>> = {
  a2: /^convB\.bias$/,
  "residual-attention": /conv4\.weight$/,
  "residual-block": /^conv4\.weight$/,
  gc: /^conv_(mask|attn)\.bias$/,
  "non-local": /^(phi|phi\.0|p)\.bias$/,
  pam: /^key_conv\.bias$/,
  "danet-head": /^sa\.key_conv\.bias$/,
};

/** Forms in which these parameters are used. */
const isUsedIn = (label: string) => /stride|dot-product|concatenation/.test(label);

for (const example of examples)
  test(`every parameter of ${example.label} gets a gradient, the same on both engines`, {
    // Defaults, and the forms in which parameters are used that otherwise are not.
    skip: !(example.label === example.name || isUsedIn(example.label)) && ifLong,
  }, async () => {
    const module = createAttentionByName(example.name, example.channels, example.options);
    const state = stateOf(module);
    const filled = fillState(
      [...state].map(([key, param]) => [key, param.shape] as const),
      7,
    );
    for (const [key, param] of state) param.value = filled.get(key)!;
    const graph = graphFor(module);
    const input = graph.input("input", { dtype: "float", shape: [2, example.channels, 9, 6] });
    const outputs = [module.call(input)].flat() as ReturnType<typeof add>[];
    const loss = outputs
      .map((y, i) => {
        const dy = graph.constant(random(y.shape as number[], { seed: 3 + i }));
        return reduceSum(mul(y, dy), [0, 1, 2, 3], { keepdims: false });
      })
      .reduce((a, b) => add(a, b));
    const parameters = [...parametersOf(module)];
    const [dx, ...derived] = gradients(loss, [input, ...parameters.map(([, param]) => graph.state(param))]);
    graph.output("dx", dx!);
    derived.forEach((gradient, i) => {
      if (gradient) graph.output(`grad/${parameters[i]![0]}`, gradient);
    });
    const feeds = { input: random([2, example.channels, 9, 6], { seed: 2 }) };
    const [exact, single] = await Promise.all(
      [referenceEngine(), ort].map(async (engine) => {
        const executable = await engine.compile(graph);
        const results = await executable.run(feeds);
        await executable.release();
        return new Map(Object.entries(results).map(([name, t]) => [name, toFloat64(t)]));
      }),
    );
    const scale = Math.max(...[...exact!.values()].map(magnitude));
    for (const [name, { data }] of exact!) {
      assert.ok(data.every(Number.isFinite), `${name} is not finite`);
      const error = Math.max(...data.map((v, i) => Math.abs(v - single!.get(name)!.data[i]!)));
      assert.ok(error <= 1e-4 * scale, `${name} differs by ${error} on ONNX Runtime`);
    }
    for (const [key] of parameters) {
      const gradient = exact!.get(`grad/${key}`);
      const vanishes = !gradient || magnitude(gradient) < 1e-12;
      const unused = withoutGradient[example.name]?.test(key) && !isUsedIn(example.label);
      assert.equal(vanishes, Boolean(unused), `${key}: ${vanishes ? "no gradient" : "a gradient"}`);
    }
  });

test("gates keep the shape of any map, with any batch", () => {
  for (const { name, channels, options } of gates) {
    const { inserted } = attentionModules.get(name)!;
    for (const [height, width] of [
      [8, 8],
      [7, 12],
      [5, 3],
    ] as const)
      for (const batch of [1, "N"] as const) {
        const shape = [batch, channels, height, width] as const;
        const fitted = { ...options, ...inserted, ...neededFor(name, [height, width]) };
        const { outputs } = traceExample({ name, channels, options: fitted }, shape);
        assert.deepEqual(outputs[0]!.shape, shape, name);
      }
  }
});

test("every gate can be put into a residual network", () => {
  for (const { name } of gates) {
    if (attentionModules.get(name)!.sized) continue; // Its maps differ in size between stages.
    const graph = trace(resnet(20, { numClasses: 10, attention: name as GateName }), [2, 3, 32, 32], {
      training: true,
    });
    assert.deepEqual(graph.outputs.get("output")!.shape, [2, 10], name);
    assert.ok(graph.taps.length > 0, name);
  }
});

test("a network refuses what is no gate", () => {
  for (const { name, kind } of attentionModules.values())
    if (kind !== "gate")
      assert.throws(() => attentionPlan(name as GateName), {
        name: "OptionError",
        message: new RegExp(`^attention "${name}" is a ${kind}; a network's blocks take a gate: a2, .*bam, .*cbam, `),
      });
});

/** The outputs of a head, which its type says. */
const headsOf = (head: Module<[x: Value], readonly Value[]>): readonly Value[] => {
  const graph = graphFor(head);
  return head.call(graph.input("x", { dtype: "float", shape: [1, 32, 4, 4] }));
};

test("a head has several outputs", () => {
  const heads: readonly Value[] = headsOf(createAttention("danet-head", 32, { numClasses: 5 }));
  assert.equal(heads.length, 3);
  const { outputs } = traceExample({ name: "danet-head", channels: 32, options: { numClasses: 5 } });
  assert.deepEqual(
    outputs.map((y) => y.shape),
    [
      [2, 5, 9, 6],
      [2, 5, 9, 6],
      [2, 5, 9, 6],
    ],
  );
});

test("every module publishes its maps under documented names", () => {
  const maps = Object.fromEntries(
    defaults.map((example) => [
      example.name,
      traceExample(example).graph.taps.map(({ name, value }) => `${name} ${value.shape.join("×")}`),
    ]),
  );
  const [channel, spatial, full] = ["2×64×1×1", "2×1×9×6", "2×64×9×6"];
  assert.deepEqual(maps, {
    a2: ["gather 2×16×9×6", "distribute 2×16×9×6"],
    bam: [`channel ${channel}`, `spatial ${spatial}`, `attention ${full}`],
    bot: ["affinity 2×54×54"],
    cam: ["affinity 2×64×64"],
    cbam: [`channel ${channel}`, `spatial ${spatial}`],
    coord: ["row 2×64×9×1", "column 2×64×1×6"],
    cot: [`channel ${channel}`],
    cpca: [`channel ${channel}`, `attention ${full}`],
    "danet-head": ["affinity 2×54×54", "affinity 2×16×16"],
    eca: [`channel ${channel}`],
    ela: ["row 2×64×9×1", "column 2×64×1×6"],
    ema: ["attention 2×32×9×6"],
    epsa: [`channel ${channel}`],
    fca: [`channel ${channel}`],
    gam: [`channel ${full}`, `spatial ${full}`],
    gc: [`context ${spatial}`, "offset 2×64×1×1"],
    gct: [`channel ${channel}`],
    ge: [`attention ${full}`],
    halo: [`received ${spatial}`],
    lct: [`channel ${channel}`],
    lka: [`attention ${full}`],
    mlca: [`attention ${full}`],
    mpm: ["squares 2×16×9×6", "strips 2×16×9×6"],
    "non-local": ["affinity 2×54×54"],
    pam: ["affinity 2×54×54"],
    parnet: [`channel ${channel}`],
    "psa-parallel": [`spatial ${spatial}`, `context ${spatial}`, `channel ${channel}`],
    "psa-sequential": [`context ${spatial}`, `channel ${channel}`, `spatial ${spatial}`],
    "residual-attention": [`attention ${full}`],
    "residual-block": [],
    rga: ["spatial-relations 2×54×54", `spatial ${spatial}`, "channel-relations 2×64×64", `channel ${channel}`],
    "sc-bottleneck": ["attention 2×8×9×6"],
    scconv: [`attention ${full}`],
    scse: [`channel ${channel}`, `spatial ${spatial}`],
    se: [`channel ${channel}`],
    sge: ["attention 2×8×9×6"],
    shuffle: ["channel 2×32×1×1", "attention 2×32×9×6"],
    simam: [`attention ${full}`],
    sk: [`path-1 ${channel}`, `path-2 ${channel}`],
    spm: [`attention ${full}`],
    srm: [`channel ${channel}`],
    triplet: ["channel-column 2×64×1×6", "channel-row 2×64×9×1", `spatial ${spatial}`],
    "van-attention": [`attention ${full}`],
    "van-block": [`attention ${full}`],
  });
});

test("initial values are the authors'", () => {
  const initial = (name: string, key: string, options: Record<string, unknown> = {}) => {
    const param = stateOf(initialize(createAttentionByName(name, 64, options))).get(key)!;
    const values = [...toFloat64(param.value).data];
    const mean = values.reduce((a, b) => a + b) / values.length;
    return { mean, deviation: Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length) };
  };
  const exactly = (value: number) => ({ mean: value, deviation: 0 });
  const close = (actual: number, expected: number) =>
    assert.ok(Math.abs(actual / expected - 1) < 0.1, `${actual}, expected ${expected}`);
  const scale = initial("van-block", "layer_scale_1");
  assert.ok(Math.abs(scale.mean - 0.01) < 1e-6);
  // Of a depthwise convolution only the outputs of one group count: N(0, 2/k²).
  close(initial("lka", "conv0.weight").deviation, Math.sqrt(2 / 25));
  close(initial("lka", "conv_spatial.weight").deviation, Math.sqrt(2 / 49));
  close(initial("lka", "conv1.weight").deviation, Math.sqrt(2 / 64));
  assert.deepEqual(initial("lka", "conv1.bias"), exactly(0));
  close(initial("psa-parallel", "conv_v_left.weight").deviation, Math.sqrt(2 / 64));
  close(initial("spm", "conv1.weight").deviation, Math.sqrt(2 / (3 * 64)));
  close(initial("scconv", "k3.0.weight").deviation, Math.sqrt(2 / (9 * 64)));
  close(initial("coord", "conv2.weight", { variant: "mbv2" }).deviation, Math.sqrt(2 / 64));
  assert.deepEqual(initial("bam", "channel_att.gate_c.gate_c_fc_0.bias"), exactly(0));
  assert.deepEqual(initial("triplet", "SpatialGate.spatial.bn.weight", { variant: "models" }), exactly(0));
  assert.deepEqual(initial("triplet", "ChannelGateH.spatial.bn.weight", { variant: "models" }), exactly(1));
  assert.deepEqual(initial("triplet", "hw.conv.bn.weight"), exactly(1));
  assert.deepEqual(initial("gc", "channel_add_conv.3.bias"), exactly(0));
  for (const [key, value] of Object.entries({ cweight: 0, cbias: 1, sweight: 0, sbias: 1 }))
    assert.deepEqual(initial("shuffle", key), exactly(value), key);
  close(initial("epsa", "conv_2.weight").deviation, Math.sqrt(2 / (25 * 16)));
  close(initial("cot", "conv1x1.0.weight").deviation, Math.sqrt(2 / 64));
  close(initial("bot", "pos_emb.rel_height", { size: [56, 56] }).deviation, 1 / Math.sqrt(16));
  close(initial("halo", "kv.weight").deviation, 1 / Math.sqrt(64));
  close(initial("non-local", "theta.weight").deviation, 0.01);
  close(initial("sk", "paths.1.conv.weight", { groups: 4 }).deviation, Math.sqrt(2 / (16 * 9)));
  close(initial("ge", "gather.conv1.weight").deviation, Math.sqrt(2 / 9));
  assert.deepEqual(initial("sge", "bias"), exactly(1));
  assert.deepEqual(initial("srm", "cfc"), exactly(0));
  assert.deepEqual(initial("lct", "w"), exactly(1));
});

test("the head's dropout drops whole channels, and only in training", () => {
  const randoms = (training: boolean) =>
    traceExample({ name: "danet-head", channels: 32, options: { dropout: 0.1 } }, undefined, training).graph.randoms;
  assert.deepEqual(randoms(false), []);
  assert.deepEqual(
    randoms(true).map(({ shape }) => shape),
    [
      [2, 8, 1, 1],
      [2, 8, 1, 1],
      [2, 8, 1, 1],
    ],
  );
});

test("a module of the user's own that changes the shape is refused where it is put", () => {
  const twice = (channels: number) => createAttention("scse", channels, { fusion: "concat" });
  const model = resnet(20, { numClasses: 10, attention: twice });
  assert.throws(() => trace(model, [2, 3, 32, 32]), { name: "ShapeError", message: /layer1\.0/ });
});

test("modules that start as the identity do", async () => {
  const identities: readonly [name: string, options?: Record<string, unknown>][] = [
    ["gc"],
    ["gct"],
    ["gc", { fusion: ["add"], ratio: 0.25 }],
    ["pam"],
    ["cam"],
    ["cam", { variant: "paper" }],
    ["non-local"],
    ["non-local", { norm: false }],
    ["non-local", { variant: "timm" }],
  ];
  for (const [name, options = {}] of identities) {
    const executable = await referenceEngine().compile(
      trace(createAttentionByName(name, 16, options) as Module, [2, 16, 5, 4]),
    );
    const input = random([2, 16, 5, 4]);
    assert.deepEqual([...toFloat64((await executable.run({ input })).output!).data], [...input.data], name);
  }
});
