import assert from "node:assert/strict";
import { test } from "node:test";
import { attentionModules, createAttentionByName } from "../../src/attention/index.js";
import { FoveaError } from "../../src/core/errors.js";
import { toFloat64 } from "../../src/core/tensor.js";
import { referenceEngine } from "../../src/engines/reference.js";
import { stateOf } from "../../src/nn/index.js";
import { ifLong } from "../support/long.js";
import { random } from "../support/random.js";
import { defaults, neededFor, traceExample } from "./catalogue.js";

/** What a user can get wrong, and the message. The maps are 9×6. */
const mistakes: readonly [
  name: string,
  channels: number,
  options: Record<string, unknown>,
  message: string | RegExp,
][] = [
  [
    "se",
    64,
    { reduction: 0 },
    "SqueezeExcite: reduction must be a positive integer or a fraction between 0 and 1, got 0",
  ],
  ["se", 8, { reduction: 0.1 }, "SqueezeExcite: reduction 0.1 leaves no hidden channel of 8; use at least 1/8"],
  ["bam", 32, { reduction: -0.5 }, "BAM: reduction must be a positive integer or a fraction between 0 and 1, got -0.5"],
  [
    "gam",
    16,
    { rate: 0.25, groups: true },
    "GlobalAttentionMechanism: with groups, rate 0.25 must divide 16 channels and 4 hidden ones, and 4 must divide the channels",
  ],
  [
    "cbam",
    64,
    { variant: "dense", order: "parallel" },
    "CBAM: order parallel has no effect with variant dense, whose gates are always parallel; leave it out",
  ],
  [
    "sc-bottleneck",
    16,
    { avd: true },
    "SCBottleneck: avd has no effect with stride 1, only with isFirst; leave it out",
  ],
  ["se", 8, {}, "SqueezeExcite: reduction 16 leaves no hidden channel of 8; use at most 8"],
  ["se", 64, { ratio: 4 }, /^Unknown option of se "ratio"\. Available: bias, reduction, variant$/],
  ["eca", 64, { kernelSize: 4 }, "EfficientChannelAttention: kernelSize must be odd, got 4"],
  ["cbam", 64, { kernelSize: 2 }, "CBAM: kernelSize must be odd, got 2"],
  ["cbam", 64, { pools: ["mean"] }, 'CBAM: pools must be some of avg, max, lp, lse, got ["mean"]'],
  ["cbam", 4, { variant: "dense", reductionRatio: 0.1 }, "CBAM: reductionRatio 0.1 leaves no hidden channel of 4"],
  ["bam", 8, {}, "BAM: reduction 16 leaves no hidden channel of 8; use at most 8"],
  ["bam", 32, { dilation: 0 }, "BAM: dilation must be a positive integer, got 0"],
  ["bam", 32, { fusion: "sum" }, 'bam: fusion must be one of mul, add, got "sum"'],
  ["scse", 8, {}, "ScSE: reduction 16 leaves no hidden channel of 8; use at most 8"],
  ["scse", 32, { reduction: "4" }, 'scse: reduction must be a number, got "4"'],
  ["residual-attention", 3, {}, "ResidualAttention: needs at least 4 channels, got 3"],
  ["residual-attention", 8, { size: [9] }, "ResidualAttention: size must be two positive integers, got [9]"],
  [
    "residual-attention",
    8,
    { size: [8, 8] },
    "ResidualAttention: built for maps of 8×8, got [2,8,9,6]; leave out size to accept any",
  ],
  ["residual-block", 8, { outChannels: 3 }, "ResidualBlock: needs at least 4 output channels, got 3"],
  ["residual-block", 8, { stride: 0 }, "ResidualBlock: stride must be a positive integer, got 0"],
  ["mpm", 3, {}, "MixedPooling: needs at least 4 channels, got 3"],
  ["mpm", 8, { poolSize: [20, 0] }, "MixedPooling: poolSize must be two positive integers, got [20,0]"],
  ["spm", 8, { outChannels: 0 }, "StripPooling: outChannels must be a positive integer, got 0"],
  ["spm", 8, { outChannels: 4, multiply: true }, "StripPooling: a gate of 4 channels cannot multiply 8"],
  ["scconv", 8, { padding: 2 }, "SCConv: padding must equal dilation to keep the size, got 2 and 1"],
  ["scconv", 8, { groups: 3 }, "SCConv: groups must divide 8 channels, got 3"],
  ["scconv", 8, { poolingRatio: 7 }, /kernel 7 is larger than the map \[2,8,9,6\]$/],
  ["sc-bottleneck", 4, {}, "SCBottleneck: planes must be an integer ≥ 2, got 1"],
  ["van-block", 8, { mlpRatio: 0 }, "VANBlock: mlpRatio must be positive, got 0"],
  ["psa-parallel", 1, {}, "PSAParallel: needs at least 2 channels, got 1"],
  ["psa-sequential", 7, {}, "PSASequential: needs at least 8 channels, got 7"],
  ["triplet", 8, { kernelSize: 6 }, "TripletAttention: kernelSize must be odd, got 6"],
  ["gc", 8, {}, "GlobalContext: ratio 0.0625 leaves no hidden channel of 8"],
  ["gc", 32, { ratio: 0 }, "GlobalContext: ratio must be positive, got 0"],
  ["gc", 32, { fusion: [] }, "GlobalContext: fusion must be some of add, mul, got []"],
  ["gct", 8, { epsilon: 0 }, "GatedChannelTransformation: epsilon must be positive, got 0"],
  [
    "coord",
    32,
    { reduction: 2.5 },
    "CoordinateAttention: reduction must be a positive integer or a fraction between 0 and 1, got 2.5",
  ],
  ["pam", 7, {}, "PositionAttention: needs at least 8 channels, got 7"],
  ["danet-head", 31, {}, "DANetHead: needs at least 32 channels, got 31"],
  ["danet-head", 32, { numClasses: 0 }, "DANetHead: numClasses must be a positive integer, got 0"],
  ["danet-head", 32, { dropout: 1 }, "ChannelDropout: p must be in [0, 1), got 1"],
  [
    "rga",
    32,
    {},
    "RelationAwareGlobalAttention: size, [height, width] of the maps, is required: the weights depend on it",
  ],
  ["rga", 32, { size: [8] }, "RelationAwareGlobalAttention: size must be two positive integers, got [8]"],
  [
    "rga",
    64,
    { size: [8, 8] },
    "RelationAwareGlobalAttention: built for maps of 8×8, got [2,64,9,6]; set size to [9,6]",
  ],
  [
    "rga",
    8,
    { size: [9, 6] },
    "RelationAwareGlobalAttention: downRatio 8 leaves no hidden channel of 7; use at most 7",
  ],
  [
    "rga",
    64,
    { size: [9, 6], spatial: false, channel: false },
    "RelationAwareGlobalAttention: spatial and channel are both off; nothing would be left",
  ],
  ["gam", 3, {}, "GlobalAttentionMechanism: rate 4 leaves no hidden channel of 3; use at most 3"],
  [
    "gam",
    8,
    { groups: true },
    "GlobalAttentionMechanism: with groups, rate 4 must divide 8 channels and 2 hidden ones, and 4 must divide the channels",
  ],
  [
    "gam",
    16,
    { groups: true, padding: "replicate" },
    "gam: groups has no effect with padding replicate, only with zeros; leave it out",
  ],
  ["a2", 3, {}, "DoubleAttention: needs at least 4 channels, got 3"],
  ["a2", 8, { cn: 0 }, "DoubleAttention: cn must be a positive integer, got 0"],
  ["bot", 8, {}, "BoTAttention: size, [height, width] of the maps, is required: the weights depend on it"],
  ["bot", 8, { size: [9] }, "BoTAttention: size must be two positive integers, got [9]"],
  ["bot", 8, { size: [6, 9] }, "BoTAttention: built for maps of 6×9, got [2,8,9,6]; set size to [9,6]"],
  ["bot", 6, { size: [9, 6] }, "BoTAttention: heads must divide 6 channels, got 4"],
  ["cot", 12, {}, "ContextualTransformer: needs a multiple of 8 channels, got 12"],
  ["cot", 8, { kernelSize: 2 }, "ContextualTransformer: kernelSize must be odd, got 2"],
  ["cpca", 3, {}, "ChannelPriorConvolutionalAttention: reduction 4 leaves no hidden channel of 3; use at most 3"],
  ["ela", 8, { groups: 3 }, "EfficientLocalAttention: groups must divide 8 channels, got 3"],
  ["ela", 8, { normGroups: 16 }, "EfficientLocalAttention: normGroups must divide 8 channels, got 16"],
  ["ela", 8, { kernelSize: 4 }, "EfficientLocalAttention: kernelSize must be odd, got 4"],
  ["ema", 8, { groups: 3 }, "EfficientMultiScaleAttention: groups must divide 8 channels, got 3"],
  ["ema", 8, { groups: 0.5 }, "EfficientMultiScaleAttention: groups must be a positive integer, got 0.5"],
  ["epsa", 6, {}, "PyramidSqueezeAttention: needs a multiple of 4 channels, got 6"],
  [
    "epsa",
    8,
    { kernelSizes: [3, 4, 5, 7] },
    "PyramidSqueezeAttention: kernelSizes must be four odd numbers, got [3,4,5,7]",
  ],
  [
    "epsa",
    8,
    { groups: [1, 4, 8, 16] },
    "PyramidSqueezeAttention: groups must be four divisors of 2, a quarter of the channels, got [1,4,8,16]",
  ],
  ["halo", 12, {}, "HaloAttention: heads must divide 12 channels, got 8"],
  ["halo", 8, { blockSize: 0 }, "HaloAttention: blockSize must be a positive integer, got 0"],
  ["halo", 8, { haloSize: -1 }, "HaloAttention: haloSize must be an integer ≥ 0, got -1"],
  ["mlca", 8, { localSize: 0 }, "MixedLocalChannelAttention: localSize must be a positive integer, got 0"],
  ["mlca", 8, { localWeight: 1.5 }, "MixedLocalChannelAttention: localWeight must be from 0 to 1, got 1.5"],
  ["mlca", 8, { kernelSize: 2 }, "MixedLocalChannelAttention: kernelSize must be odd, got 2"],
  ["shuffle", 5, {}, "ShuffleAttention: needs an even number of channels, got 5"],
  ["shuffle", 8, { groups: 3 }, "ShuffleAttention: groups must divide half of 8 channels, got 3"],
  ["non-local", 8, { reduction: 0 }, /^NonLocal: reduction must be a positive integer or a fraction/],
  [
    "non-local",
    8,
    { variant: "timm", subsample: true },
    "non-local: subsample has no effect with variant timm, only with authors, port; leave it out",
  ],
  ["sk", 12, { groups: 5 }, "SelectiveKernel: groups must divide 12 channels, got 5"],
  ["sk", 8, { variant: "insight" }, "SelectiveKernel: groups must divide 8 channels, got 32"],
  ["sk", 8, { kernelSizes: [3] }, "SelectiveKernel: kernelSizes must be at least two odd numbers from 3, got [3]"],
  ["sk", 8, { kernelSizes: [3, 4] }, "SelectiveKernel: kernelSizes must be at least two odd numbers from 3, got [3,4]"],
  ["sk", 8, { minWidth: 0 }, "SelectiveKernel: minWidth must be a positive integer, got 0"],
  ["sge", 12, {}, "SpatialGroupEnhance: groups must divide 12 channels, got 8"],
  ["lct", 8, {}, "LinearContextTransform: groups must divide 8 channels into groups of two or more, got 8"],
  ["fca", 8, {}, "MultiSpectralAttention: 16 frequencies do not divide 8 channels; set frequencies"],
  ["fca", 64, { frequencies: 3 }, "MultiSpectralAttention: frequencies must be one of 1, 2, 4, 8, 16, 32, got 3"],
  [
    "fca",
    64,
    { size: [6, 7] },
    "MultiSpectralAttention: size must be at least 7×7, whose frequencies are used, got 6×7",
  ],
  ["ge", 64, { extent: 3 }, "ge: extent must be one of 8, 4, 2, 0, got 3"],
  [
    "ge",
    64,
    { extent: 0, form: "theta" },
    "GatherExcite: size, [height, width] of the maps, is required for theta with extent 0: the weights depend on it",
  ],
  ["ge", 64, { size: [9, 9] }, "GatherExcite: built for maps of 9×9, got [2,64,9,6]; set size to [9,6]"],
  ["ge", 8, {}, "GatherExcite: reduction 16 leaves no hidden channel of 8; use at most 8"],
  [
    "ge",
    64,
    { form: "theta-minus", reduction: 4 },
    "ge: reduction has no effect with form theta-minus, only with theta-plus; leave it out",
  ],
  ["lka", 0, {}, "lka: channels must be a positive integer, got 0"],
];

for (const [name, channels, options, message] of mistakes)
  test(`${name} of ${channels} channels refuses ${JSON.stringify(options)}`, () => {
    assert.throws(
      () => traceExample({ name, channels, options }),
      (error) => {
        assert.ok(error instanceof FoveaError, String(error));
        if (typeof message === "string") assert.equal(error.message, message);
        else assert.match(error.message, message);
        return true;
      },
    );
  });

/** Options that are a divisor or a share of channels, and the layer whose outputs they are. `int(100 * 0.29)` is 28 in Python, too. */
const shares: readonly (readonly [name: string, option: string, key: string, more?: object])[] = [
  ["se", "reduction", "fc.0.weight"],
  ["cbam", "reduction", "ChannelGate.mlp.1.weight"],
  ["cbam", "reduction", "channel_attention.shared_MLP.0.weight", { variant: "plain" }],
  ["bam", "reduction", "channel_att.gate_c.gate_c_fc_0.weight"],
  ["bam", "reduction", "spatial_att.gate_s.gate_s_conv_reduce0.weight", { variant: "paper" }],
  ["scse", "reduction", "cSE.1.weight"],
  ["scse", "reduction", "cSE.fc1.weight", { variant: "authors" }],
  ["coord", "reduction", "conv1.weight"],
  ["gam", "rate", "channel_attention.0.weight"],
  ["non-local", "reduction", "theta.weight"],
  ["sk", "reduction", "attn.fc_reduce.weight", { minWidth: 1 }],
  ["sk", "reduction", "conv_fc1.weight", { variant: "insight", groups: 4 }],
  ["fca", "reduction", "fc.0.weight", { frequencies: 4 }],
  ["ge", "reduction", "mlp.fc1.weight"],
  ["rga", "channelRatio", "theta_spatial.0.weight", { size: [9, 6], downRatio: 1 }],
];
for (const [name, option, key, more = {}] of shares)
  test(`${option} of ${name} ${JSON.stringify(more)} is a divisor, or a share of the channels`, () => {
    for (const [channels, value, width] of [
      [64, 4, 16],
      [64, 0.5, 32],
      [64, 0.3, 19],
      [100, 0.29, 28],
      [100, 0.25, 25],
      [96, 0.125, 12],
      [96, 8, 12],
    ] as const)
      assert.equal(
        stateOf(createAttentionByName(name, channels, { ...more, [option]: value })).get(key)!.shape[0],
        width,
      );
    for (const value of [0, -0.5, 1.5, 2.5, Number.NaN, Number.POSITIVE_INFINITY])
      assert.throws(() => createAttentionByName(name, 64, { ...more, [option]: value }), {
        name: "OptionError",
        message: new RegExp(`: ${option} must be a positive integer or a fraction between 0 and 1, got ${value}$`),
      });
  });

const strange: Readonly<Record<string, readonly unknown[]>> = {
  number: [-1, 0, 0.3, 1, 1.5, 3, 7, 64, Number.NaN, Number.POSITIVE_INFINITY, "2", null],
  boolean: [true, false, 1],
  string: ["", "x", null],
  list: [[], [0], [1], [2, 3], [4, -1], [1.5, 2], ["avg"], ["add", "add"], [null], {}],
};

test("whatever the options and channels, a module works or says in one line why not", { skip: ifLong }, async () => {
  const shape = [2, 9, 6] as const;
  for (const { name, options } of defaults) {
    const specs = Object.entries(attentionModules.get(name)!.options);
    const cases: [number, Record<string, unknown>][] = [1, 2, 3, 5, 8, 12].map((channels) => [channels, {}]);
    for (const [option, spec] of specs) {
      const kind = spec.kind ?? (Array.isArray(spec.default) ? "list" : typeof spec.default);
      for (const value of [...strange[kind]!, ...(spec.choices ?? [])]) cases.push([64, { [option]: value }]);
    }
    for (const [channels, given] of cases) {
      const label = `${name} of ${channels} channels with ${JSON.stringify(given)}`;
      const all = { ...options, ...given };
      let traced: ReturnType<typeof traceExample>;
      try {
        createAttentionByName(name, channels, all);
        traced = traceExample({ name, channels, options: all }, [shape[0], channels, shape[1], shape[2]]);
      } catch (error) {
        assert.ok(error instanceof FoveaError, `${label}: ${error instanceof Error ? error.stack : error}`);
        assert.doesNotMatch(error.message, /\n|undefined/, label);
        continue;
      }
      const executable = await referenceEngine().compile(traced.graph);
      const input = random([shape[0], channels, shape[1], shape[2]]);
      for (const y of Object.values(await executable.run({ input })))
        assert.ok(toFloat64(y).data.every(Number.isFinite), `${label}: the output is not finite`);
    }
  }
});

test("maps of one position or one row work, or are refused in one line", async () => {
  for (const { name, channels } of defaults)
    for (const [height, width] of [
      [1, 1],
      [1, 4],
      [3, 2],
    ] as const)
      for (const training of [false, true]) {
        const least = name === "rga" ? { spatialRatio: 1, downRatio: 1 } : {};
        const options = { ...neededFor(name, [height, width]), ...least };
        const label = `${name} on ${height}×${width}`;
        let traced: ReturnType<typeof traceExample>;
        try {
          traced = traceExample({ name, channels, options }, [4, channels, height, width], training);
        } catch (error) {
          assert.ok(error instanceof FoveaError, `${label}: ${error instanceof Error ? error.stack : error}`);
          continue;
        }
        const executable = await referenceEngine().compile(traced.graph);
        for (const y of Object.values(await executable.run({ input: random([4, channels, height, width]) })))
          assert.ok(toFloat64(y).data.every(Number.isFinite), `${label}: the output is not finite`);
      }
});
