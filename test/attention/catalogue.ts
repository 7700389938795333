import { attentionModules, createAttentionByName } from "../../src/attention/index.js";
import type { Dim } from "../../src/core/shape.js";
import type { Graph, Value } from "../../src/graph/graph.js";
import { graphFor } from "../../src/nn/index.js";

/** A module of the catalogue in one form, at a size at which it is small. */
export interface Example {
  /** Name of its printed graph. */
  readonly label: string;
  readonly name: string;
  readonly channels: number;
  readonly options: Readonly<Record<string, unknown>>;
}

const size = [9, 6] as const;

/** Channels that every module can take. */
const channels = 64;

/** Options without which a module does not work at all on maps of this size. */
export const neededFor = (
  name: string,
  [height, width]: readonly [height: number, width: number] = size,
): Readonly<Record<string, unknown>> => {
  const { sized } = attentionModules.get(name)!;
  return { ...(sized || name === "ge" ? { size: [height, width] } : {}), ...(name === "rga" ? { downRatio: 2 } : {}) };
};

/** Every word that a module's options can be set to changes its form; so do these. */
const forms: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>> = {
  a2: [{ residual: true }],
  cbam: [{ spatial: false }, { channel: false }],
  ela: [{ kernelSize: 5, groups: 8 }],
  gam: [{ groups: true }],
  gc: [{ fusion: ["add", "mul"] }, { fusion: ["add"], variant: "timm" }],
  ge: [
    { extent: 0, form: "theta-minus" },
    { extent: 0, variant: "timm" },
  ],
  mpm: [{ alignCorners: false, poolSize: [3, 2] }],
  epsa: [{ groups: [8, 8, 8, 8], reduction: 4 }],
  halo: [{ blockSize: 3, haloSize: 1 }],
  "non-local": [
    { subsample: false },
    { norm: false },
    { pairwise: "concatenation", subsample: false },
    { pairwise: "gaussian", variant: "port" },
  ],
  "residual-block": [{ outChannels: 24, stride: 2 }],
  rga: [{ spatial: false }, { channel: false }],
  "sc-bottleneck": [
    { planes: 16, stride: 2 },
    { planes: 8, avd: true, isFirst: true },
  ],
  scconv: [{ stride: 2, groups: 4 }],
  se: [{ bias: true }],
  sk: [{ kernelSizes: [3, 5, 7], keep3x3: false, groups: 4 }],
  spm: [{ multiply: true }],
  triplet: [{ spatial: false }],
};

/** Every module with its defaults. */
export const defaults: readonly Example[] = [...attentionModules.keys()].map((name) => ({
  label: name,
  name,
  channels,
  options: neededFor(name),
}));

/** An option as part of a file name. */
function named([option, value]: [string, unknown]): string {
  if (typeof value === "boolean") return value ? option : `no-${option}`;
  return typeof value === "string" ? value : `${option}-${String(value).replaceAll(",", "-")}`;
}

/** Every module in every form. */
export const examples: readonly Example[] = defaults.flatMap((example) => {
  const specs = attentionModules.get(example.name)!.options as Readonly<Record<string, { choices?: unknown[] }>>;
  const words = Object.entries(specs).flatMap(([option, spec]) =>
    (spec.choices ?? [])
      .filter((word) => word !== (spec as { default?: unknown }).default)
      .map((word) => ({ [option]: word })),
  );
  const others = [...words, ...(forms[example.name] ?? [])].map((options) => ({
    ...example,
    options: { ...example.options, ...options },
    label: [example.name, ...Object.entries(options).map(named)].join("-"),
  }));
  return [example, ...others];
});

/** An example's graph for `shape`, with all outputs named. */
export function traceExample(
  { name, channels, options }: Omit<Example, "label">,
  shape: readonly Dim[] = [2, channels, ...size],
  training = false,
): { readonly graph: Graph; readonly outputs: readonly Value[] } {
  const module = createAttentionByName(name, channels, options);
  const graph = graphFor(module, { training });
  const outputs = [module.call(graph.input("input", { dtype: "float", shape }))].flat() as Value[];
  outputs.forEach((value, i) => graph.output(i ? `output${i}` : "output", value));
  return { graph, outputs };
}
