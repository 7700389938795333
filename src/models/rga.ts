import { type AttentionPlan, createAttention as createModule } from "../attention/index.js";
import { OptionError } from "../core/errors.js";
import { check, options as fields, shown } from "../core/schema.js";
import type { Value } from "../graph/graph.js";
import { BatchNorm, globalAveragePool, initialize, Linear, Module, normal } from "../nn/index.js";
import { type Attachable, type AttachPoints, prefixed } from "./attach.js";
import { classCount, refuseAttention } from "./parts.js";
import { resnetTrunk } from "./resnet.js";
import { type ClassifierOptions, classifierFields, defineModel, own } from "./spec.js";
import { narrowed, stageWidth, Trunk } from "./trunk.js";

/** Options of {@link rgaResnet}. */
export interface RGAOptions extends ClassifierOptions {
  /** [height, width] of the images, multiples of 16: the modules' weights depend on it. */
  readonly size?: readonly number[];
  /** Width of the first stage, 64 as published; the other widths scale with it. */
  readonly width?: number;
  /** Use spatial attention. */
  readonly spatial?: boolean;
  /** Use channel attention. */
  readonly channel?: boolean;
}

/** ResNet-50 with last stride 1 and a relation-aware module after every stage; mean over positions, batch norm, linear classifier. */
export class RGAResNet extends Module implements Attachable {
  static override readonly kind: string = "RGAResNet";

  readonly backbone: Trunk;
  readonly feat_bn: BatchNorm;
  readonly cls: Linear;

  constructor(
    numClasses: number,
    size: readonly number[],
    width: number,
    gates: { spatial: boolean; channel: boolean },
  ) {
    super();
    const plan: AttentionPlan = {
      placement: "stage",
      field: "rga_att",
      create: (channels, { stage }) => {
        // The last stage keeps the size of the one before.
        const scale = [4, 8, 16, 16][stage]!;
        return createModule("rga", channels, { size: size.map((n) => n / scale), ...gates });
      },
    };
    const trunk = narrowed(resnetTrunk(50), width);
    this.backbone = new Trunk({ ...trunk, lastStride: 1, between: plan, everywhere: true });
    this.feat_bn = new BatchNorm(32 * width);
    this.cls = new Linear(32 * width, numClasses, { bias: false, weightInit: normal(0.001) });
  }

  override forward(x: Value): Value {
    return this.cls.call(this.feat_bn.call(this.embedding(x)));
  }

  /** The features for comparing persons, before the norm. [N,3,H,W] → [N,32·width] */
  embedding(x: Value): Value {
    return globalAveragePool(this.backbone.call(x));
  }

  attachPoints(): AttachPoints {
    return prefixed("backbone", this.backbone.attachPoints());
  }
}

export const rgaOptions = fields<RGAOptions>({
  ...classifierFields,
  size: own,
  width: own,
  spatial: own,
  channel: own,
});

/**
 * Zhang et al.: Relation-Aware Global Attention for Person Re-identification, CVPR 2020. Images are 256×128; the classes are persons.
 * The authors keep `feat_bn.bias` at zero; here it is learned. They start from ImageNet weights for `backbone`.
 * Keys: `backbone.{conv1,bn1,layer<i>,rga_att<i>}`, `feat_bn`, `cls`.
 *
 * @example
 * const model = rgaResnet({ numClasses: 751 });
 */
export function rgaResnet(options: RGAOptions = {}): RGAResNet {
  check("rgaResnet", "options", rgaOptions, options);
  const { numClasses, attention, seed = 0, size = [256, 128], width = 64, spatial = true, channel = true } = options;
  refuseAttention("rgaResnet", attention);
  if (!Array.isArray(size) || size.length !== 2 || size.some((n) => !Number.isInteger(n) || n < 16 || n % 16 !== 0))
    throw new OptionError(`rgaResnet: size must be two multiples of 16, got ${shown(size)}`);
  const model = new RGAResNet(classCount("rgaResnet", numClasses, 751), size, stageWidth("rgaResnet", width), {
    spatial,
    channel,
  });
  return initialize(model, { seed });
}

/** Catalogue entry. */
export const rgaResnets = [
  defineModel({
    name: "resnet50_rga",
    paper: {
      title: "Relation-Aware Global Attention for Person Re-identification",
      url: "https://arxiv.org/abs/1904.02998",
    },
    task: "classification",
    numClasses: 751,
    input: [3, 256, 128],
    options: {
      size: { default: [256, 128] as readonly number[], doc: "[height, width] of the images, multiples of 16" },
      width: { default: 64, doc: "width of the first stage; the others scale with it" },
      spatial: { default: true, doc: "use the spatial gates" },
      channel: { default: true, doc: "use the channel gates" },
    },
    create: (options) => rgaResnet(options),
  }),
];
