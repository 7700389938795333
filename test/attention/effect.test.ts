import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type AttentionChoice,
  type AttentionOptions,
  attentionModules,
  createAttentionByName,
} from "../../src/attention/index.js";
import { OptionError } from "../../src/core/errors.js";
import { effectiveOptions, type OptionSpec } from "../../src/core/options.js";
import { toFloat64 } from "../../src/core/tensor.js";
import { printGraph } from "../../src/graph/print.js";
import { createModelByName, models } from "../../src/models/index.js";
import { type AnyModule, initialize, type Module, stateOf, trace } from "../../src/nn/index.js";
import { ifLong } from "../support/long.js";
import { neededFor, traceExample } from "./catalogue.js";

type Specs = Readonly<Record<string, OptionSpec<unknown>>>;

/** Values of options that are no words; what a module refuses is passed over. */
const values: Readonly<Record<string, readonly unknown[] | undefined>> = {
  boolean: [true, false],
  number: [1, 2, 3, 4, 8, 0.25, 0.5],
  list: [["avg"], ["avg", "max"], ["max", "avg"], ["lp"], ["add"], ["mul"], ["add", "mul"], [9, 6], [4, 2], [3, 5]],
};

const valuesOf = ({ choices, default: usual, kind }: OptionSpec<unknown>): readonly unknown[] =>
  // What depends on the rest is one of the words.
  choices?.filter((word) => word !== null && word !== "auto") ??
  values[kind ?? (Array.isArray(usual) ? "list" : typeof usual)] ??
  [];

/** Options that check what they are given and change nothing. */
const checks: Readonly<Record<string, readonly string[]>> = {
  "residual-attention": ["size"],
  rga: ["size"], // its area is in the shapes
  ge: ["size"], // with extent 0 it is in the shapes
};

/** Channels at which the rule for ECA's kernel size gives another than the default. */
const widthFor = (name: string): number => (name === "eca" ? 256 : 64);

/** Graph in training, keys, first and last values: what a module is. */
function identityOf(name: string, options: AttentionOptions): string {
  const channels = widthFor(name);
  const module = initialize(createAttentionByName(name, channels, options) as AnyModule as Module, { seed: 1 });
  const { graph } = traceExample({ name, channels, options }, undefined, true);
  const keys = [...stateOf(module)].map(([key, { value }]) => [
    key,
    value.shape,
    [...toFloat64(value).data.slice(0, 8), ...toFloat64(value).data.slice(-8)],
  ]);
  return JSON.stringify([printGraph(graph), keys]);
}

const refused = (make: () => unknown): boolean => {
  try {
    make();
    return false;
  } catch (error) {
    assert.ok(error instanceof OptionError || (error as Error).name === "ShapeError", String(error));
    return true;
  }
};

for (const { name, options } of attentionModules.values()) {
  const specs = Object.entries(options as Specs);
  const needed = neededFor(name) as AttentionOptions;
  // Every word and switch of the others, one at a time, beside the option that is looked at.
  const settings = [
    {},
    ...specs.flatMap(([option, spec]) =>
      spec.choices || typeof spec.default === "boolean"
        ? valuesOf(spec).map((value): AttentionOptions => ({ [option]: value }))
        : [],
    ),
  ];
  for (const [option, spec] of specs) {
    if (checks[name]?.includes(option)) continue;
    test(`${name}: any two values of ${option} make different modules, or are refused`, () => {
      for (const setting of settings) {
        if (option in setting) continue;
        const seen = new Map<string, unknown>();
        for (const value of valuesOf(spec)) {
          const given = { ...needed, ...setting, [option]: value };
          const label = JSON.stringify(given);
          if (refused(() => traceExample({ name, channels: widthFor(name), options: given }))) continue;
          const identity = identityOf(name, given);
          // Widths are rounded down, and some have a least one, so that two numbers may give one width; a divisor is a fraction's inverse.
          const other = seen.get(identity);
          const sameWidth =
            typeof value === "number" &&
            typeof other === "number" &&
            (other * value === 1 || name === "coord" || name === "sk");
          assert.ok(other === undefined || sameWidth, `${label} is the same as with ${JSON.stringify(other)}`);
          seen.set(identity, value);
        }
      }
    });
  }
}

test("an option without effect is dropped from what was written before it was refused, and only that", () => {
  for (const [name, written, kept] of [
    ["cbam", { variant: "dense", reduction: 8, reductionRatio: 0.25 }, { variant: "dense", reductionRatio: 0.25 }],
    ["cbam", { channel: false, pools: ["avg"], order: "parallel", kernelSize: 3 }, { channel: false, kernelSize: 3 }],
    ["se", { reduction: 8, bias: true }, { reduction: 8, bias: true }],
    ["eca", { variant: "timm", kernelSize: 5 }, { variant: "timm" }],
    ["sc-bottleneck", { isFirst: false }, {}],
    ["gam", { padding: "replicate", groups: false, unknown: 1 }, { padding: "replicate", unknown: 1 }],
  ] as const)
    assert.deepEqual(effectiveOptions(attentionModules.get(name)!.options, written), kept);
});

/** Of the networks that have the same options the first with the smallest input: the others differ in depth and width. */
const bySize = [...models.values()].toSorted((a, b) => a.input[1] - b.input[1]);
const families = [...new Map(bySize.toReversed().map((spec) => [String(Object.keys(spec.options)), spec])).values()];

for (const { name, options, input } of families) {
  const [channels, ...size] = input;
  // A size at which every dilation and stride has an effect, and small where the network takes it.
  const side = Math.min(64, ...size);
  const at = (own: Readonly<Record<string, unknown>>) => {
    const network = createModelByName(name, { numClasses: 3, ...own });
    const shape =
      "size" in options ? ((own.size as readonly number[]) ?? size) : [Math.max(side, 32), Math.max(side, 32)];
    const graph = trace(network, [2, channels, ...shape], { training: true });
    const keys = [...stateOf(network)].map(([key, param]) => [key, param.shape]);
    const weights = [...stateOf(network)].filter(([, { shape }]) => shape.length > 1);
    const start = [...weights.slice(0, 3), ...weights.slice(-3)].map(([, param]) => [
      ...toFloat64(param.value).data.slice(0, 4),
    ]);
    return JSON.stringify([printGraph(graph), keys, start]);
  };
  const small = "size" in options ? { size: [128, 128] } : "width" in options ? { width: 8 } : {};
  const specs = Object.entries(options as Specs).filter(([option]) => !(option in small));
  if (specs.length > 0)
    test(`${name}: any two values of each option make different networks`, {
      skip: !/^(?:resnet20|unet_resnet18)$/.test(name) && ifLong,
    }, () => {
      for (const [option, spec] of specs) {
        const usual =
          option === "width" ? [32, 64] : typeof spec.default === "number" ? [0.25, 0.5, 1] : valuesOf(spec);
        const seen = new Set<string>();
        for (const value of usual) {
          const given = { ...small, [option]: value };
          if (refused(() => createModelByName(name, given))) {
            seen.add(`refused ${value}`);
            continue;
          }
          const identity = at(given);
          assert.ok(!seen.has(identity), `${option} ${JSON.stringify(value)} has no effect`);
          seen.add(identity);
        }
        assert.ok(seen.size > 1 && [...seen].some((identity) => !identity.startsWith("refused")), option);
      }
    });
}

for (const name of models.keys())
  test(`${name}: a chosen attention module is built in, or refused`, () => {
    const keys = (attention: AttentionChoice) => [...stateOf(createModelByName(name, { attention })).keys()];
    if (!refused(() => keys("se"))) assert.notDeepEqual(keys("se"), keys("none"));
  });
