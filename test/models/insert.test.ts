import assert from "node:assert/strict";
import { test } from "node:test";
import { type AttentionChoice, attentionModules, createAttention } from "../../src/attention/index.js";
import { placements } from "../../src/attention/spec.js";
import { gradients } from "../../src/autodiff/gradients.js";
import { toFloat64 } from "../../src/core/tensor.js";
import type { Engine } from "../../src/engines/engine.js";
import { referenceEngine } from "../../src/engines/reference.js";
import {
  createModel,
  insertAttention,
  preactResnet,
  residualAttentionNetwork,
  resnet,
  van,
} from "../../src/models/index.js";
import { BatchNorm, graphFor, initialize, type Module, Sequential, stateOf, trace } from "../../src/nn/index.js";
import { reduceSum } from "../../src/ops/index.js";
import { ort } from "../support/engines.js";
import { ifLong } from "../support/long.js";
import { random } from "../support/random.js";

const gates = [...attentionModules.values()].filter(({ kind, sized }) => kind === "gate" && !sized);
const small = () => resnet(20, { numClasses: 10 });
const shape = [2, 3, 16, 16] as const;

async function logits(network: Module, engine: Engine): Promise<number[]> {
  const executable = await engine.compile(trace(network, shape));
  const { output } = await executable.run({ input: random(shape) });
  await executable.release();
  return [...toFloat64(output!).data];
}

test("at identity start every gate leaves the logits exactly as they are", { skip: ifLong }, async () => {
  const [exact, single] = [await logits(small(), referenceEngine()), await logits(small(), ort)];
  for (const { name } of gates) {
    const network = small();
    insertAttention(network, name, { identityAtStart: true });
    assert.deepEqual(await logits(network, referenceEngine()), exact, name);
    // ONNX Runtime fuses other neighbors than in the plain network, which rounds differently.
    for (const [i, value] of (await logits(network, ort)).entries())
      assert.ok(Math.abs(value - single[i]!) < 1e-5, `${name}: ${value}, not ${single[i]}`);
  }
});

test("insertion adds keys and changes none, and acts where it should", () => {
  for (const { name, placement } of gates) {
    const network = small();
    const before = [...stateOf(network)];
    const places = insertAttention(network, name);
    const after = stateOf(network);
    for (const [key, param] of before) assert.equal(after.get(key), param, key);
    for (const key of after.keys()) assert.ok(before.some(([k]) => k === key) || key.startsWith("attention."), key);
    assert.equal(places.length, placement === "stage" ? 2 : 9, name);
    const { taps } = trace(network, shape);
    for (const place of places)
      assert.ok(
        taps.some((tap) => tap.scope.path.startsWith(`attention.${place}`)),
        `${name} ${place}`,
      );
  }
});

test("an inserted module computes what one built in at the same place does", async () => {
  for (const where of placements.filter((place) => place !== "stage"))
    for (const make of [
      (attention: AttentionChoice) => resnet(20, { numClasses: 10, attention }),
      (attention: AttentionChoice) => preactResnet(20, { attention }),
    ]) {
      const [built, changed] = [make(["se", {}, where]), make("none")];
      insertAttention(changed, "se", { where });
      const state = stateOf(built);
      for (const [key, param] of stateOf(changed))
        param.value = state.get(key.replace(/^attention\.(layer\d\.\d)\./, "$1.se."))!.value;
      assert.deepEqual(await logits(changed, referenceEngine()), await logits(built, referenceEngine()), where);
    }
});

test("a predicate chooses the places, of any module", () => {
  const network = small();
  const norms = insertAttention(network, "eca", {
    where: (path, part) => part instanceof BatchNorm && path.startsWith("layer3.1"),
  });
  assert.deepEqual(norms, ["layer3.1.bn1", "layer3.1.bn2"]);
  assert.deepEqual(
    insertAttention(network, "cbam", { where: (path) => path === "layer1", options: { reduction: 4 } }),
    ["layer1"],
  );
  assert.deepEqual(stateOf(network).get("attention.layer1.ChannelGate.mlp.1.weight")!.shape, [4, 16]);
  assert.deepEqual(trace(network, shape).outputs.get("output")!.shape, [2, 10]);
});

test("options may depend on the place, as relations between positions need", () => {
  const network = small();
  insertAttention(network, "rga", {
    where: "stage",
    input: [3, 32, 32],
    options: ({ height, width }) => ({ size: [height, width], downRatio: 2 }),
  });
  assert.deepEqual(trace(network, [1, 3, 32, 32]).outputs.get("output")!.shape, [1, 10]);
  assert.throws(() => trace(network, [1, 3, 64, 64]), { name: "ShapeError" });
});

test("every family has places", () => {
  const families: readonly (readonly [network: Module, places: number, input?: readonly [number, number, number]])[] = [
    [resnet(18), 8],
    [createModel("preact_resnet20"), 9],
    [createModel("wide_resnet16_8"), 6],
    [createModel("mobilenetv2_100"), 17],
    [van("b0"), 13],
    [createModel("scnet50"), 16],
    [residualAttentionNetwork("residual_attention92_32input"), 45, [3, 32, 32]],
    [createModel("unet_resnet18"), 8],
  ];
  for (const [network, places, input = [3, 224, 224] as const] of families)
    assert.equal(insertAttention(network, "se", { input }).length, places, network.constructor.name);
});

test("the gain and, once it has moved, the module learn", async () => {
  const network = small();
  insertAttention(network, "se", { identityAtStart: true });
  const gain = stateOf(network).get("attention.layer3.2.gain")!;
  const weight = stateOf(network).get("attention.layer3.2.module.fc.2.weight")!;
  const norms = async () => {
    const graph = graphFor(network);
    const y = network.call(graph.input("input", { dtype: "float", shape }));
    const loss = reduceSum(y, [0, 1], { keepdims: false });
    gradients(loss, [graph.state(gain), graph.state(weight)]).forEach((g, i) => graph.output(`g${i}`, g!));
    const executable = await referenceEngine().compile(graph);
    const { g0, g1 } = await executable.run({ input: random(shape) });
    return [g0!, g1!].map((g) => Math.max(...toFloat64(g).data.map(Math.abs)));
  };
  const [start, still] = await norms();
  assert.ok(start! > 0 && still === 0);
  gain.value = { dtype: "float32", shape: [], data: Float32Array.of(0.5) };
  assert.ok((await norms()).every((g) => g > 0));
});

test("what cannot be inserted is refused in one line, and nothing is changed", () => {
  const refused = (message: RegExp, insert: (network: Module) => unknown, network: Module = small()) => {
    const before = [...stateOf(network).keys()];
    assert.throws(() => insert(network), { message });
    assert.deepEqual([...stateOf(network).keys()], before);
  };
  refused(/^Unknown attention "cbma"\. Did you mean "cbam"\?/, (m) => insertAttention(m, "cbma"));
  refused(/^insertAttention: "danet-head" is a head, not a gate$/, (m) => insertAttention(m, "danet-head"));
  refused(/^Unknown option of se/, (m) => insertAttention(m, "se", { options: { reducton: 2 } }));
  const wider =
    /^attention "scse": \{"fusion":"concat"\} turns 16 channels into 32; a module in a network must keep them$/;
  refused(wider, (m) => insertAttention(m, "scse", { options: { fusion: "concat" } }));
  assert.throws(() => resnet(20, { attention: ["scse", { fusion: "concat" }] }), { message: wider });
  refused(/^insertAttention: `where` matches no module$/, (m) => insertAttention(m, "se", { where: () => false }));
  refused(
    /^insertAttention: MobileNetV2 has no place "stage"; use activation, residual, convolution, a predicate$/,
    (m) => insertAttention(m, "se", { where: "stage" }),
    createModel("mobilenetv2_100"),
  );
  refused(/^insertAttention: fc outputs no feature map; a place needs \[N,C,H,W\]$/, (m) =>
    insertAttention(m, "se", { where: (path) => path === "fc" }),
  );
  const twice = small();
  insertAttention(twice, "se");
  refused(/^insertAttention: there is already a module at layer1\.0$/, (m) => insertAttention(m, "eca"), twice);
  const sequential = initialize(new Sequential([createAttention("se", 16)]));
  refused(/^insertAttention: a Sequential/, (m) => insertAttention(m, "se"), sequential);
});
