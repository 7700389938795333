import { createAttention as createModule, ResidualBlock } from "../attention/index.js";
import { check, options as fields, oneOf } from "../core/schema.js";
import type { Value } from "../graph/graph.js";
import { BatchNorm, Conv2d, globalAveragePool, initialize, Lambda, Linear, Module, Sequential } from "../nn/index.js";
import { maxPool, relu } from "../ops/index.js";
import { type Attachable, type AttachPoints, modulePlaces } from "./attach.js";
import { classCount, mapValues, partsOf, refuseAttention } from "./parts.js";
import { type ClassifierOptions, classifierFields, defineModel } from "./spec.js";

/** A stage: the block that changes the shape, and the attention modules after it. */
interface Stage {
  readonly width: number;
  readonly stride: number;
  /** Number in the names of the block and modules. */
  readonly index: number;
  readonly modules: number;
  /** Catalogue option of the modules. */
  readonly kind: `stage${0 | 1 | 2 | 3}` | `cifar${1 | 2 | 3}`;
}

interface Architecture {
  readonly stem: { readonly width: number; readonly kernelSize: number; readonly stride: number };
  /** Max pooling after the stem: window and stride. */
  readonly pool: { readonly kernelSize: number; readonly stride: number; readonly padding: number } | null;
  readonly stages: readonly Stage[];
  /** Width and first stride of the three blocks after the stages. */
  readonly last: { readonly width: number; readonly stride: number };
  readonly size: number;
}

/** Stages 1 to 3, with the given number of modules each. */
const threeStages = (
  widths: readonly number[],
  modules: readonly number[],
  suffix: "stage" | "cifar",
  first: number,
): Stage[] =>
  widths.map((width, i) => ({
    width,
    stride: i === 0 ? first : 2,
    index: i + 1,
    modules: modules[i]!,
    kind: `${suffix}${(i + 1) as 1 | 2 | 3}`,
  }));

const large = {
  stem: { width: 64, kernelSize: 7, stride: 2 },
  pool: { kernelSize: 3, stride: 2, padding: 1 },
  last: { width: 2048, stride: 2 },
  size: 224,
} as const;
const small = { last: { width: 1024, stride: 1 }, size: 32 } as const;
const wide = [256, 512, 1024];
const narrow = [128, 256, 512];

const architectures = {
  residual_attention56: { ...large, stages: threeStages(wide, [1, 1, 1], "stage", 1) },
  residual_attention92: { ...large, stages: threeStages(wide, [1, 2, 3], "stage", 1) },
  residual_attention92_448input: {
    ...large,
    size: 448,
    stages: [
      { width: 128, stride: 1, index: 0, modules: 1, kind: "stage0" },
      ...threeStages(wide, [1, 2, 3], "stage", 2),
    ],
  },
  residual_attention92_32input: {
    ...small,
    stem: { width: 32, kernelSize: 5, stride: 1 },
    pool: { kernelSize: 2, stride: 2, padding: 0 },
    stages: threeStages(narrow, [1, 2, 3], "cifar", 1),
  },
  residual_attention92_32input_update: {
    ...small,
    stem: { width: 32, kernelSize: 3, stride: 1 },
    pool: null,
    stages: threeStages(narrow, [1, 2, 3], "cifar", 1),
  },
} satisfies Record<string, Architecture>;
/** Names of the published Residual Attention Networks. */
export type ResidualAttentionName = keyof typeof architectures;

/**
 * Wang et al.: Residual Attention Network, CVPR 2017, in the PyTorch form that published CIFAR results: pre-activation blocks, and
 * attention modules with a mask branch of bottom-up and top-down paths after the first block of each stage. [N,3,H,W] → [N,classes].
 * Where a block keeps its shape its `conv4` is in the state but unused, as in the reference, and gets no gradient.
 * Keys: `conv1.{0,1}`, `residual_block<i>`, `attention_module<i>`, `attention_module<i>_<j>` from the second, `mpool2.0`, `fc`.
 */
export class ResidualAttentionNetwork extends Module implements Attachable {
  static override readonly kind: string = "ResidualAttentionNetwork";

  readonly #layers: readonly Module[];
  declare readonly fc: Linear;

  constructor({ stem, pool, stages, last }: Architecture, numClasses: number) {
    super();
    const { width, kernelSize, stride } = stem;
    const layers: Module[] = [];
    const layer = (name: string, part: Module) => layers.push(this.addPart(name, part));
    layer(
      "conv1",
      new Sequential([
        new Conv2d(3, width, { kernelSize, stride, padding: (kernelSize - 1) / 2, bias: false }),
        new BatchNorm(width),
        new Lambda(relu),
      ]),
    );
    if (pool) layer("mpool1", new Lambda((x) => maxPool(x, pool)));
    let channels = width;
    const block = (index: number, outChannels: number, by: number) => {
      layer(`residual_block${index}`, new ResidualBlock(channels, { outChannels, stride: by }));
      channels = outChannels;
    };
    for (const stage of stages) {
      block(stage.index, stage.width, stage.stride);
      for (let i = 1; i <= stage.modules; i++)
        layer(
          `attention_module${stage.index}${i > 1 ? `_${i}` : ""}`,
          createModule("residual-attention", channels, { stage: stage.kind }),
        );
    }
    for (const index of [4, 5, 6]) block(index, last.width, index === 4 ? last.stride : 1);
    layer("mpool2", new Sequential([new BatchNorm(channels), new Lambda(relu)]));
    this.#layers = layers;
    this.fc = this.addPart("fc", new Linear(channels, numClasses));
  }

  override forward(x: Value): Value {
    return this.fc.call(globalAveragePool(this.#layers.reduce((y, layer) => layer.call(y), x)));
  }

  attachPoints(): AttachPoints {
    const modules = Object.entries(this).filter(([name]) => name.startsWith("attention_module"));
    return {
      residual: mapValues(partsOf(this, ResidualBlock), (block): Module => block.conv3),
      convolution: mapValues(partsOf(this, ResidualBlock), (block): Module => block.conv2),
      stage: modulePlaces(
        this,
        modules.map(([, module]) => module as Module),
      ),
    };
  }
}

export const residualAttentionOptions = fields<ClassifierOptions>({ ...classifierFields });

/**
 * A Residual Attention Network of the given catalogue name.
 *
 * @example
 * const model = residualAttentionNetwork("residual_attention92_32input_update", { numClasses: 10 });
 */
export function residualAttentionNetwork(
  name: ResidualAttentionName,
  options: ClassifierOptions = {},
): ResidualAttentionNetwork {
  const owner = "residualAttentionNetwork";
  check(owner, "name", oneOf(...(Object.keys(architectures) as ResidualAttentionName[])), name);
  check(owner, "options", residualAttentionOptions, options);
  const { numClasses, attention, seed = 0 } = options;
  refuseAttention(name, attention);
  return initialize(new ResidualAttentionNetwork(architectures[name], classCount(name, numClasses, 10)), { seed });
}

/** Catalogue entries of all variants. */
export const residualAttentionNetworks = (Object.keys(architectures) as ResidualAttentionName[]).map((name) => {
  const { size } = architectures[name];
  return defineModel({
    name,
    paper: {
      title: "Residual Attention Network for Image Classification",
      url: "https://arxiv.org/abs/1704.06904",
    },
    task: "classification",
    numClasses: 10,
    input: [3, size, size],
    options: {},
    create: (options) => residualAttentionNetwork(name, options),
  });
});
