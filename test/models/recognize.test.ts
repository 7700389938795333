import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type AttentionChoice,
  type AttentionOptions,
  attentionInfo,
  attentionModules,
  type Placement,
} from "../../src/attention/index.js";
import { OptionError } from "../../src/core/errors.js";
import { type OptionSpec, resolveOptions } from "../../src/core/options.js";
import { createModel, createModelByName } from "../../src/models/index.js";
import { recognizeCheckpoint } from "../../src/models/recognize.js";
import { stateOf } from "../../src/nn/index.js";
import { fillState } from "../../src/testing/golden/filler.js";
import { loadState, weightsOf } from "../../src/train/weights.js";
import { ifLong, runsLong } from "../support/long.js";

type Shapes = Map<string, { readonly shape: readonly number[] }>;
type Choice = readonly [string, AttentionOptions | readonly (AttentionOptions | null)[], Placement?];

const shapesOf = (name: string, options: Readonly<Record<string, unknown>>): Shapes =>
  new Map([...stateOf(createModelByName(name, options))].map(([key, { shape }]) => [key, { shape }]));
const shapes = (options: Readonly<Record<string, unknown>>) => shapesOf("resnet20", options);

/** Numbers to try for every option that is one; what an option refuses is passed over. */
const numbers = ifLong ? [1, 5, 0.3] : [1, 2, 3, 5, 8, 0.25, 0.3, 0.5, 0.7];

/** Options of several values, or that others need. */
const extra: Readonly<Record<string, readonly AttentionOptions[]>> = {
  se: [
    { reduction: 4, bias: true },
    { reduction: 0.3, bias: true },
  ],
  cbam: [
    { variant: "dense", reductionRatio: 0.25, kernelSize: 3 },
    { variant: "dense", channel: false },
    { variant: "plain", reduction: 8, kernelSize: 3 },
    { variant: "timm", rdRatio: 0.3, kernelSize: 5 },
    { descriptor: "conv", channel: false },
  ],
  scse: [{ variant: "authors", reduction: 4 }],
  bam: [{ variant: "paper", reduction: 0.3 }],
  gam: [{ padding: "replicate", rate: 2 }],
  gc: [
    { fusion: ["mul"], ratio: 0.3 },
    { fusion: ["add", "mul"], ratio: 0.25, pooling: "avg" },
    { variant: "timm", fusion: ["add"], ratio: 0.3 },
  ],
  triplet: [{ variant: "models", spatial: false, kernelSize: 3 }],
  coord: [{ variant: "mbv2", reduction: 1 }],
  "non-local": [
    { norm: false, reduction: 4 },
    { variant: "port", subsample: false, reduction: 0.3 },
  ],
  sk: [
    { groups: 4, minWidth: 6 },
    { variant: "insight", groups: 4, reduction: 8 },
    { kernelSizes: [3, 5, 7], minWidth: 8 },
  ],
  ge: [{ form: "theta", extent: 2 }],
  fca: [{ size: [14, 14], reduction: 8 }],
};

/** Options that recognition does not try, or that shapes do not tell apart: they are read from metadata, and otherwise have their defaults. */
const fromMetadata: Readonly<Record<string, readonly string[]>> = {
  ema: ["groups"],
  epsa: ["groups"],
  halo: ["blockSize", "haloSize", "heads"],
  shuffle: ["groups"],
};

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

const texts = new Map<string, string>();
/** All keys and shapes of a network, as text. Kept: each is asked for many times. */
function textOf(name: string, options: Readonly<Record<string, unknown>>): string {
  const asked = JSON.stringify([name, options]);
  const text = texts.get(asked) ?? JSON.stringify([...shapesOf(name, options)]);
  texts.set(asked, text);
  return text;
}
const traced = (name: string, choice: readonly unknown[]) => textOf(name, { attention: choice }) !== textOf(name, {});

/** The options without those that leave no trace in the network. */
function leavingTraces(network: string, name: string, given: AttentionOptions, placement: readonly unknown[]) {
  const of = (options: AttentionOptions) => textOf(network, { attention: [name, options, ...placement] });
  return Object.keys(given).reduce<AttentionOptions>((options, option) => {
    const { [option]: _, ...rest } = options;
    try {
      return of(options) === of(rest) ? rest : options;
    } catch {
      return options; // does not work without
    }
  }, given);
}

/**
 * Whether options are the same. Of what gives the same shapes a number may be as short a one, such as 2 for a half, and a word another that
 * `alike` accepts.
 */
function assertMeansSame(
  name: string,
  actual: AttentionOptions,
  expected: AttentionOptions,
  alike: (options: AttentionOptions) => boolean = () => false,
): void {
  const { options } = attentionInfo(name);
  const [a, b] = [resolveOptions(name, options, actual), resolveOptions(name, options, expected)];
  for (const [option, value] of Object.entries(b as Record<string, unknown>)) {
    const own = (a as Record<string, unknown>)[option];
    const simpler = typeof own === "number" && String(own).length <= String(value).length;
    const untold = typeof own === "string" && own !== value && alike({ ...expected, [option]: own });
    if (!simpler && !untold) assert.deepEqual(own, value, option);
  }
}

/** With each of these, every ninth module; all networks with all modules are tried with the long tests. */
const shortNinths = ["resnet20 stage", "mobilenetv2_100", "resnet50 convolution"];
const networks = [
  ["resnet20", []],
  ["resnet20", ["residual"]],
  ["resnet20", ["stage"]],
  ["preact_resnet20", []],
  ["wide_resnet16_8", []],
  ["wide_resnet16_8", ["stage"]],
  ["mobilenetv2_100", []],
  ["resnet50", []],
  ["resnet50", ["residual"]],
  ["resnet50", ["convolution"]],
  ["resnet50", ["activation"]],
] as const;

for (const [i, { name, kind, options, sized }] of [...attentionModules.values()].entries()) {
  // simam has no keys; some weights depend on the size of each map (below).
  if (kind !== "gate" || sized || name === "simam") continue;
  const specs = Object.entries(options as Record<string, OptionSpec<unknown>>);
  const single = specs.flatMap(([option, { choices, default: usual, kind: type = typeof usual, traces }]) => {
    const words = choices ?? traces?.([]) ?? (typeof usual === "boolean" ? [!usual] : type === "number" ? numbers : []);
    return words.filter((value) => value !== usual).map((value): AttentionOptions => ({ [option]: value }));
  });
  for (const [network, placement] of networks)
    test(`${name} in ${network}${placement.map((p) => `, placed ${p}`)} is recognized without metadata, with each option`, {
      skip: !["resnet20", shortNinths[i % 9]].includes([network, ...placement].join(" ")) && ifLong,
    }, () => {
      const each = (network === "resnet20" && placement.length === 0) || !ifLong ? single : [];
      for (const given of [{}, ...each, ...(extra[name] ?? [])]) {
        if (name === "ge" && given.form === "theta-minus") continue; // has no keys either
        const label = JSON.stringify(given);
        let wanted: Shapes;
        try {
          wanted = shapesOf(network, { attention: [name, given, ...placement] });
        } catch (error) {
          assert.ok(error instanceof OptionError, label); // no network takes it
          continue;
        }
        assert.ok(traced(network, [name, given, ...placement]), label);
        const known = recognizeCheckpoint(wanted);
        assert.ok(known, label);
        if (Object.keys(given).some((option) => fromMetadata[name]?.includes(option))) {
          const attention = [name, given, ...placement];
          const own = recognizeCheckpoint(wanted, { model: network, options: JSON.stringify({ attention }) })!;
          assert.deepEqual([own.options.attention, own.unexplained, own.missing], [attention, [], []], label);
          // Without it: as one with the same keys and shapes, or the module's keys are said, and no others.
          assert.deepEqual([known.model, known.missing], [network, []], label);
          if (known.unexplained.length === 0) assert.deepEqual(shapesOf(network, known.options), wanted, label);
          const bare = shapesOf(network, {});
          for (const key of known.unexplained) assert.ok(!bare.has(key), `${label}: ${key}`);
          continue;
        }
        assert.deepEqual([known.model, known.unexplained, known.missing], [network, [], []], label);
        assert.deepEqual(shapesOf(network, known.options), wanted, label);
        const [found, own] = known.options.attention as Choice;
        assert.equal(found, name, label);
        const expected = leavingTraces(network, name, given, placement);
        assert.ok(!Array.isArray(own), `${label} is the same for all stages`);
        // ECA's rule gives maps of these widths one kernel size, which is what is read.
        if (name === "eca" && expected.variant && "kernelSize" in (own as object)) continue;
        assertMeansSame(
          name,
          own as AttentionOptions,
          expected,
          (options) => textOf(network, { attention: [name, options, ...placement] }) === JSON.stringify([...wanted]),
        );
      }
    });
}

test("a fraction is read back as it was given, and one set of options holds for all stages", () => {
  for (const [name, given] of [
    ["se", { reduction: 0.3 }],
    ["se", { reduction: 3 }],
    ["bam", { reduction: 0.3 }],
    ["cbam", { reduction: 0.7 }],
    ["scse", { reduction: 0.35 }],
    ["gam", { rate: 0.3 }],
    ["gc", { ratio: 0.125 }],
    ["eca", { kernelSize: 5 }],
    ["residual-attention", { stage: "cifar1" }],
  ] as const)
    assert.deepEqual(recognizeCheckpoint(shapes({ attention: [name, given] }))!.options.attention, [name, given]);
  // A half is the same as a divisor of 2.
  const half = recognizeCheckpoint(shapes({ attention: ["se", { reduction: 0.5 }] }))!;
  assert.deepEqual(half.options.attention, ["se", { reduction: 2 }]);
});

test("options that differ from stage to stage are recognized, and stages without a module", () => {
  const cases = [
    ["eca", [{ kernelSize: 3 }, { kernelSize: 5 }, { kernelSize: 7 }]],
    ["se", [null, { reduction: 4 }, { reduction: 8, bias: true }]],
    [
      "ge",
      [
        { extent: 0, size: [32, 32] },
        { extent: 0, size: [16, 16] },
        { form: "theta", extent: 2 },
      ],
    ],
    ["cbam", [{ variant: "plain" }, null, { variant: "timm" }]],
    [
      "rga",
      [
        { size: [32, 32], downRatio: 2 },
        { size: [16, 16], downRatio: 2 },
      ],
    ],
    ["fca", [{ size: [28, 28] }, { size: [14, 14], reduction: 4 }, {}]],
    [
      "rga",
      [
        { size: [32, 16], downRatio: 0.5, channel: false },
        { size: [16, 8], channelRatio: 4, spatial: false, downRatio: 2 },
      ],
    ],
  ] as const;
  for (const attention of runsLong ? cases : cases.slice(0, 3)) {
    const wanted = shapes({ attention });
    const known = recognizeCheckpoint(wanted)!;
    assert.deepEqual([known.unexplained, known.missing], [[], []]);
    assert.deepEqual(shapes(known.options), wanted);
    const [name, found] = known.options.attention as Choice;
    assert.equal(name, attention[0]);
    (found as readonly (AttentionOptions | null)[]).forEach((own, i) => {
      const expected = attention[1][i];
      if (own && expected) assertMeansSame(name, own, expected);
      else assert.equal(own, expected ?? null);
    });
  }
});

/** Names in other people's code: the choice in ours, and what a layer of ours in a block is called there. */
const copies: readonly (readonly [choice: Choice, names: Readonly<Record<string, string>>, axes?: 2 | 4])[] = [
  ...(
    [
      ["ca.fc1", "ca.fc2", "sa.conv1"],
      ["ca.fc.0", "ca.fc.2", "sa.conv1"],
      ["ca.sharedMLP.0", "ca.sharedMLP.2", "sa.conv"],
      ["cbam.ca.fc1", "cbam.ca.fc2", "cbam.sa.conv1"],
      ["cbam.channel_attention.fc1", "cbam.channel_attention.fc2", "cbam.spatial_attention.conv1"],
      [
        "attention.channel_attention.shared_MLP.0",
        "attention.channel_attention.shared_MLP.2",
        "attention.spatial_attention.conv2d",
      ],
      ["CBAM.ChannelAttention.mlp.0", "CBAM.ChannelAttention.mlp.2", "CBAM.SpatialAttention.conv"],
      ["channel_attention.f1", "channel_attention.f2", "spatial_attention.conv"],
    ] as const
  ).map(([first, second, spatial]) => {
    const at = "cbam.channel_attention.shared_MLP";
    const names = { [`${at}.0`]: first, [`${at}.2`]: second, "cbam.spatial_attention.conv2d": spatial };
    return [["cbam", { variant: "plain" }], names] as const;
  }),
  [
    ["cbam", { reduction: 8 }],
    {
      "cbam.ChannelGate.mlp.1": "cbam.channel_gate.mlp.1",
      "cbam.ChannelGate.mlp.3": "cbam.channel_gate.mlp.3",
      "cbam.SpatialGate.spatial.conv": "cbam.spatial_gate.conv",
      "cbam.SpatialGate.spatial.bn": "cbam.spatial_gate.bn",
    },
  ],
  ...(
    [
      ["se.fc1", "se.fc2"],
      ["se.1", "se.3"],
      ["SE.excitation.0", "SE.excitation.2"],
      ["se_module.fc1", "se_module.fc2"],
      ["se.conv_reduce", "se.conv_expand"],
      ["se_layer.fc.1", "se_layer.fc.3"],
      ["attn.linear1", "attn.linear2"],
      ["fc1", "fc2"],
    ] as const
  ).flatMap(([first, second]) =>
    ([2, 4] as const).flatMap((axes) =>
      [{ reduction: 4 }, { reduction: 0.3, bias: true }].map(
        (options) => [["se", options], { "se.fc.0": first, "se.fc.2": second }, axes] as const,
      ),
    ),
  ),
  [
    ["coord", {}],
    {
      "coord.conv1": "coord_att.aft_pool_conv1",
      "coord.bn1": "coord_att.bn1",
      "coord.conv_h": "coord_att.aft_split_conv_h",
      "coord.conv_w": "coord_att.aft_split_conv_w",
    },
  ],
  [
    ["coord", {}],
    { "coord.conv1": "ca.conv1", "coord.bn1": "ca.bn1", "coord.conv_h": "ca.conv_h", "coord.conv_w": "ca.conv_w" },
  ],
  [["eca", { kernelSize: 5 }], { "eca.conv": "eca_layer.conv1d" }],
  [["eca", {}], { "eca.conv": "attention.conv" }],
  [
    ["scse", { reduction: 8 }],
    { "scse.cSE.1": "scSE.channel_se.0", "scse.cSE.3": "scSE.channel_se.2", "scse.sSE.0": "scSE.spatial_se.conv" },
  ],
];

for (const head of ["fc", "linear"])
  for (const [choice, names, axes] of copies)
    test(`${choice[0]} ${JSON.stringify(choice[1])} under ${Object.values(names).join(", ")}${axes ? ` with ${axes} axes` : ""}, classifier ${head}`, {
      skip: head === "linear" && choice[0] !== "eca" && ifLong,
    }, () => {
      const [ours, other] = [0, 1].map((seed) =>
        createModel("resnet20", { attention: choice as AttentionChoice, shortcut: "identity", seed }),
      );
      const filled = fillState(
        [...stateOf(ours!)].map(([key, { shape }]) => [key, shape] as const),
        5,
      );
      for (const [key, param] of stateOf(ours!)) param.value = filled.get(key)!;
      const layers = Object.entries(names);
      const theirs = new Map(
        [...weightsOf(ours!)].map(([key, value]) => {
          const layer = layers.find(([own]) => key.includes(`.${own}.`));
          if (!layer) return [key.replace(/^fc\./, `${head}.`), value] as const;
          const flat = value.shape.length === 4 && value.shape[3] === 1 ? value.shape.slice(0, 2) : value.shape;
          const shape = !axes || !key.endsWith("weight") ? value.shape : axes === 2 ? flat : [...flat, 1, 1];
          return [key.replace(`.${layer[0]}.`, `.${layer[1]}.`), { ...value, shape }] as const;
        }),
      );
      const known = recognizeCheckpoint(theirs)!;
      assert.deepEqual([known.unexplained, known.missing], [[], []]);
      assert.equal(known.model, "resnet20");
      const [name, options] = known.options.attention as Choice;
      assert.equal(name, choice[0]);
      if (!("variant" in (options as object)) || "variant" in choice[1])
        assertMeansSame(name, options as AttentionOptions, choice[1] as AttentionOptions);
      const network = createModel("resnet20", known.options);
      loadState(network, theirs, { rename: known.rename });
      for (const key of theirs.keys()) assert.equal(known.original(known.rename(key)), key);
      if (name === choice[0] && same(known.options.attention, choice)) {
        loadState(other!, theirs, { rename: known.rename });
        for (const [key, param] of stateOf(ours!))
          assert.deepEqual(stateOf(other!).get(key)!.value.data, param.value.data);
      }
    });

test("half of a module with two gates, and layers that could be anything, are not taken for a module", () => {
  const renamed = (choice: Choice, from: RegExp, to: string) =>
    new Map([...shapes({ attention: choice })].map(([key, value]) => [key.replace(from, to), value]));
  for (const [wanted, field] of [
    [renamed(["se", {}], /\.se\.fc\./, ".ca.fc."), ".ca."],
    [renamed(["se", {}], /\.se\.fc\./, ".adapter.proj."), ".adapter."],
    [renamed(["bam", {}, "residual"], /\.bam\.channel_att\./, ".bam.other."), ".bam."],
  ] as const) {
    const { unexplained, options } = recognizeCheckpoint(wanted)!;
    assert.equal(options.attention, undefined);
    const own = [...wanted.keys()].filter((key) => key.includes(field) && !key.endsWith("num_batches_tracked"));
    assert.ok(own.length > 0);
    assert.deepEqual(unexplained, own);
  }
});

test("keys that nothing explains, and keys that are missing, are said", () => {
  const wanted = shapes({});
  wanted.set("layer1.0.unknown.weight", { shape: [3] });
  wanted.delete("layer2.0.bn1.bias");
  const { unexplained, missing } = recognizeCheckpoint(wanted)!;
  assert.deepEqual([unexplained, missing], [["layer1.0.unknown.weight"], ["layer2.0.bn1.bias"]]);
});

test("metadata that does not fit the tensors is said", () => {
  const { unexplained } = recognizeCheckpoint(shapes({ attention: "se" }), { model: "resnet20", options: "{}" })!;
  assert.ok(unexplained.some((key) => key.includes(".se.")));
});
