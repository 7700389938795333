import { type AttentionChoice, attentionInfo } from "../attention/index.js";
import { resolveOptions } from "../core/options.js";
import { type Choice, type Evidence, fieldOf } from "./evidence.js";
import { models } from "./index.js";
import { mobilenetModules, resnetModules, simamModules } from "./inside.js";
import { type KeyTable, keyTables } from "./keys.js";
import type { RecognizedCheckpoint } from "./recognize.js";

export type Recognized = Omit<RecognizedCheckpoint, "family" | "rename" | "original" | "unexplained" | "missing"> & {
  readonly keys?: KeyTable;
};

/** One naming of parameters. */
interface Family {
  readonly name: string;
  recognize(weights: Evidence): Recognized | undefined;
}

const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;
const simamCifar = { mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.201] } as const;

/** `attention` as an option, if there is a module. */
const chosen = (attention: Choice | undefined): { attention?: Choice } => (attention ? { attention } : {});

/** The field that a choice of modules has in our networks; null without one. */
const fieldOfChoice = (choice: Choice | undefined): string | null => (choice ? fieldOf(choice[0]) : null);

const imagenetDepths: Readonly<Record<string, number>> = {
  "2,2,2,2,basic": 18,
  "3,4,6,3,basic": 34,
  "3,4,6,3,bottleneck": 50,
  "3,4,23,3,bottleneck": 101,
  "3,8,36,3,bottleneck": 152,
};

/** The depth of a residual network below `prefix`: an ImageNet network, or with three stages and 16 channels one for CIFAR. */
function depthOf(weights: Evidence, prefix = ""): number | undefined {
  const depths = weights.depths(prefix);
  const form = weights.has(`${prefix}layer1.0.conv3.weight`) ? "bottleneck" : "basic";
  const small = depths.length === 3 && depths.every((n) => n === depths[0]) && form === "basic";
  if (small) return weights.rows("conv1.weight") === 16 ? 6 * depths[0]! + 2 : undefined;
  return imagenetDepths[`${depths},${form}`];
}

/** A choice of modules with defaults filled in: equivalent choices give the same. */
function meaning(choice: AttentionChoice | null | undefined): string | undefined {
  if (!Array.isArray(choice)) return undefined;
  const [name, options, placement = null] = choice as unknown as Choice;
  const stages = Array.isArray(options) ? options : [options];
  const specs = attentionInfo(name).options;
  return JSON.stringify([name, placement, stages.map((own) => own && resolveOptions(name, specs, own))]);
}

/** The catalogue entry that has these modules built in, or the plain one with them as an option. */
function withModules(plain: string, special: readonly string[], attention: Choice | undefined) {
  const own = attention && meaning(attention as AttentionChoice);
  const model = own && special.find((name) => meaning(models.get(name)?.attention) === own);
  return model ? { model, options: {} } : { model: plain, options: chosen(attention) };
}

/** Residual networks with torchvision's names: its own, those of most authors, and ours. */
function recognizeResnet(weights: Evidence): Recognized | undefined {
  const depth = depthOf(weights);
  const deep = weights.has("conv1.0.weight");
  const stemKey = deep ? "conv1.0.weight" : "conv1.weight";
  const [, width = 0] = [weights.rows("layer1.0.conv3.weight"), weights.rows("layer1.0.conv1.weight")];
  const [outChannels, channels] = weights.shape("layer1.0.conv2.weight");
  if (!depth || !weights.has("fc.weight", "bn1.weight", "layer1.0.conv2.weight", stemKey)) return undefined;
  // Grouped convolutions and shortcuts with pooling belong to networks that we do not have.
  if (outChannels !== channels || (deep && weights.rows(stemKey) !== 32) || weights.mentions(".downsample.2."))
    return undefined;
  const small = weights.depths().length === 3;
  const wide = !small && width === 128 && (depth === 50 || depth === 101);
  if (!small && !wide && width !== 64) return undefined;

  const { choice, keys } = resnetModules(weights, small ? 3 : 4);
  const plain = wide ? `wide_resnet${depth}_2` : `resnet${depth}`;
  const { model, options } = withModules(plain, small || wide ? [] : [`ecaresnet${depth}`, `gcresnet${depth}`], choice);
  const stem = deep ? "deep" : weights.shape(stemKey)[2] === 3 ? "cifar" : "imagenet";
  const shortcut = small && !weights.mentions(".downsample.") ? "identity" : "projection";
  return {
    model,
    options: { numClasses: weights.rows("fc.weight"), stem, shortcut, ...options },
    keys,
    ...(stem === "cifar" ? {} : { normalization: imagenet }),
  };
}

/** MobileNetV2 with torchvision's names: modules are the last layer of their block. */
function mobilenetWith(weights: Evidence, classifier: string, keys: KeyTable): Recognized | undefined {
  if (!weights.has("features.18.0.weight", classifier) || weights.rows("features.0.0.weight") !== 32) return undefined;
  const choice = mobilenetModules(weights);
  const { model, options } = withModules("mobilenetv2_100", ["eca_mobilenetv2"], choice);
  return { model, options: { numClasses: weights.rows(classifier), ...options }, keys, normalization: imagenet };
}

/** A dilated network of the authors of DANet and SPNet, identified by a key of its head. */
function dilated(weights: Evidence, kind: string, head: string, classifier: string): Recognized | undefined {
  const depth = depthOf(weights, "pretrained.");
  if ((depth !== 50 && depth !== 101) || !weights.has(head, "pretrained.conv1.0.weight")) return undefined;
  const width = weights.rows("pretrained.layer1.0.conv1.weight");
  const options = { numClasses: weights.rows(classifier), ...(width === 64 ? {} : { width }) };
  return { model: `${kind}_resnet${depth}`, options, normalization: imagenet };
}

/** The families, in the order they are tried. */
export const families: readonly Family[] = [
  {
    // akamaster/pytorch_resnet_cifar10: shortcuts without parameters, ImageNet's normalization.
    name: "CIFAR ResNet, option A shortcuts",
    recognize(weights) {
      const depth = depthOf(weights);
      const others = [".shortcut.", ".bn2.0.", ".conv2.0."].some((part) => weights.mentions(part));
      if (!depth || !weights.has("linear.weight", "bn1.weight") || others) return undefined;
      const { choice, keys } = resnetModules(weights, weights.depths().length);
      const options = { numClasses: weights.rows("linear.weight"), shortcut: "identity", ...chosen(choice) };
      return { model: `resnet${depth}`, options, keys: [...keyTables.akamaster, ...keys], normalization: imagenet };
    },
  },
  {
    name: "CIFAR ResNet of the SimAM repository",
    recognize(weights) {
      const depth = depthOf(weights);
      if (!depth || !weights.has("linear.weight", "bn1.weight") || !weights.mentions(".shortcut.")) return undefined;
      const theirs = simamModules(weights, (stage) => `layer${stage}.0.`, "bn2");
      const other = theirs ? null : resnetModules(weights, weights.depths().length);
      return {
        model: `resnet${depth}`,
        options: { numClasses: weights.rows("linear.weight"), ...chosen(theirs ?? other?.choice) },
        keys: [...(other?.keys ?? []), ...keyTables.simamCifar(fieldOfChoice(theirs))],
        normalization: simamCifar,
      };
    },
  },
  {
    name: "pre-activation ResNet (SimAM repository, Fovea)",
    recognize(weights) {
      const [blocks = 0, ...others] = weights.depths("", "bn1");
      if (!weights.has("bn.weight", "linear.weight", "layer1.0.bn1.weight") || others.length !== 2) return undefined;
      const bottleneck = weights.has("layer1.0.bn3.weight");
      const depth = (bottleneck ? 9 : 6) * blocks + 2;
      const model = `preact_resnet${depth}`;
      if (!models.has(model)) return undefined;
      const block = bottleneck ? "bottleneck" : "basic";
      const last = bottleneck ? "conv3" : "conv2";
      const theirs = simamModules(weights, (stage) => `layer${stage}.0.`, last);
      const other = theirs ? null : resnetModules(weights, 3);
      return {
        model,
        options: { numClasses: weights.rows("linear.weight"), block, ...chosen(theirs ?? other?.choice) },
        keys: other ? other.keys : keyTables.simamPreact(fieldOfChoice(theirs), last),
        normalization: simamCifar,
      };
    },
  },
  {
    // xternalz/WideResNet-pytorch, and, with modules, the SimAM repository.
    name: "Wide ResNet",
    recognize(weights) {
      const width = weights.rows("block1.layer.0.conv1.weight") ?? weights.rows("block1.layer.0.conv1.0.weight");
      if (!width || !weights.has("bn1.weight", "fc.weight", "block3.layer.0.bn2.weight")) return undefined;
      const model = `wide_resnet${6 * weights.count(/^block1\.layer\.(\d+)\.bn1\.weight$/) + 4}_${width / 16}`;
      if (!models.has(model)) return undefined;
      const block = (stage: number) => `block${stage}.layer.0.`;
      const theirs = simamModules(weights, block, "conv2");
      const other = theirs ? null : resnetModules(weights, 3, block);
      return {
        model,
        options: { numClasses: weights.rows("fc.weight"), ...chosen(theirs ?? other?.choice) },
        keys: other ? other.keys : keyTables.simamPreact(fieldOfChoice(theirs), "conv2"),
      };
    },
  },
  {
    name: "ResNet for ImageNet of the SimAM repository",
    recognize(weights) {
      const depth = depthOf(weights);
      const end = weights.has("layer1.0.conv3.weight") ? "bn3" : "bn2";
      const attention = simamModules(weights, (stage) => `layer${stage}.0.`, end);
      if (!depth || !attention || !weights.has("fc.weight", "conv1.weight")) return undefined;
      return {
        model: `resnet${depth}`,
        options: { numClasses: weights.rows("fc.weight"), ...chosen(attention) },
        keys: keyTables.simamImagenet(fieldOfChoice(attention), end),
        normalization: imagenet,
      };
    },
  },
  { name: "ResNet (torchvision, timm, Fovea)", recognize: recognizeResnet },
  {
    name: "MobileNetV1 ×0.25 with leaky ReLU",
    recognize(weights) {
      if (weights.rows("stage1.0.0.weight") !== 8 || !weights.has("stage3.1.3.weight", "fc.weight")) return undefined;
      return { model: "mobilenetv1_025", options: { numClasses: weights.rows("fc.weight") }, normalization: imagenet };
    },
  },
  {
    name: "MobileNetV2 (torchvision)",
    recognize: (weights) => mobilenetWith(weights, "classifier.1.weight", []),
  },
  {
    name: "MobileNetV2 of the SimAM repository",
    recognize: (weights) => mobilenetWith(weights, "classifier.0.weight", keyTables.simamMobilenet),
  },
  {
    name: "MobileNetV2 (timm)",
    recognize(weights) {
      if (!weights.has("blocks.6.0.conv_pwl.weight", "conv_head.weight") || weights.rows("conv_stem.weight") !== 32)
        return undefined;
      if (weights.rows("conv_head.weight") !== 1280 || weights.mentions(".se.")) return undefined;
      const options = { numClasses: weights.rows("classifier.weight") };
      return { model: "mobilenetv2_100", options, keys: keyTables.timmMobilenet, normalization: imagenet };
    },
  },
  {
    name: "MobileNetV2 with Coordinate Attention",
    recognize(weights) {
      if (!weights.has("features.2.conv.6.conv2.weight", "features.17.conv.6.conv3.weight", "conv.0.weight"))
        return undefined;
      if (weights.rows("features.0.0.weight") !== 32) return undefined;
      return {
        model: "mbv2_ca",
        options: { numClasses: weights.rows("classifier.1.weight") },
        normalization: imagenet,
      };
    },
  },
  {
    name: "MobileNetV3 (torchvision)",
    recognize(weights) {
      const ends = [weights.rows("features.16.0.weight"), weights.rows("features.12.0.weight")];
      const size = ends[0] === 960 ? "large" : ends[1] === 576 ? "small" : undefined;
      if (!size || !weights.has("features.1.block.0.0.weight", "classifier.3.weight")) return undefined;
      const options = { numClasses: weights.rows("classifier.3.weight") };
      return { model: `mobilenetv3_${size}_100`, options, normalization: imagenet };
    },
  },
  {
    name: "EfficientNet-B0 (torchvision)",
    recognize(weights) {
      if (weights.rows("features.8.0.weight") !== 1280 || !weights.has("features.6.3.block.3.0.weight"))
        return undefined;
      const options = { numClasses: weights.rows("classifier.1.weight") };
      return { model: "efficientnet_b0", options, normalization: imagenet };
    },
  },
  {
    name: "ShuffleNet V2 (torchvision)",
    recognize(weights) {
      const [outChannels, channels] = weights.shape("conv5.0.weight");
      const width = outChannels === 1024 ? { 192: "x0_5", 464: "x1_0" }[channels!] : undefined;
      if (!width || !weights.has("stage2.0.branch1.0.weight", "fc.weight")) return undefined;
      const options = { numClasses: weights.rows("fc.weight") };
      return { model: `shufflenet_v2_${width}`, options, normalization: imagenet };
    },
  },
  {
    name: "GhostNet (timm)",
    recognize(weights) {
      if (!weights.has("blocks.0.0.ghost1.primary_conv.0.weight") || weights.rows("blocks.9.0.conv.weight") !== 960)
        return undefined;
      const options = { numClasses: weights.rows("classifier.weight") };
      return { model: "ghostnet_100", options, normalization: imagenet };
    },
  },
  {
    name: "ConvNeXt-Atto (timm)",
    recognize(weights) {
      if (weights.rows("stem.0.weight") !== 40 || !weights.has("stages.2.blocks.5.gamma", "head.fc.weight"))
        return undefined;
      const options = { numClasses: weights.rows("head.fc.weight") };
      return { model: "convnext_atto", options, normalization: imagenet };
    },
  },
  {
    name: "VAN",
    recognize(weights) {
      const width = weights.rows("patch_embed1.proj.weight");
      const third = weights.count(/^block3\.(\d+)\.layer_scale_1$/);
      const size = width === 32 ? "b0" : width === 64 ? { 4: "b1", 12: "b2", 27: "b3" }[third] : undefined;
      if (!size) return undefined;
      return { model: `van_${size}`, options: { numClasses: weights.rows("head.weight") }, normalization: imagenet };
    },
  },
  {
    name: "SCNet",
    recognize(weights) {
      const depth = imagenetDepths[`${weights.depths("", "conv1_a")},bottleneck`];
      if ((depth !== 50 && depth !== 101) || !weights.has("layer1.0.scconv.k2.1.weight", "fc.weight")) return undefined;
      const model = `scnet${depth}${weights.has("conv1.0.weight") ? "_v1d" : ""}`;
      return { model, options: { numClasses: weights.rows("fc.weight") }, normalization: imagenet };
    },
  },
  {
    name: "Residual Attention Network",
    recognize(weights) {
      if (!weights.has("attention_module1.first_residual_blocks.conv1.weight", "mpool2.0.weight")) return undefined;
      const form = {
        3: "92_32input_update",
        5: "92_32input",
        7: !weights.mentions("attention_module2_2.")
          ? "56"
          : weights.mentions("attention_module0.")
            ? "92_448input"
            : "92",
      }[weights.shape("conv1.0.weight")[2] ?? 0];
      if (!form) return undefined;
      return { model: `residual_attention${form}`, options: { numClasses: weights.rows("fc.weight") } };
    },
  },
  {
    name: "ResNet-50 with Relation-Aware Global Attention",
    recognize(weights) {
      const gate = (name: string) => weights.has(`backbone.rga_att1.${name}.0.weight`);
      const [spatial, channel] = [gate("theta_spatial"), gate("theta_channel")];
      if ((!spatial && !channel) || !weights.has("cls.weight", "feat_bn.weight")) return undefined;
      // Images are twice as high as wide; the first map has a sixteenth of their pixels.
      const pixels = channel
        ? weights.shape("backbone.rga_att1.theta_channel.0.weight")[1]!
        : weights.shape("backbone.rga_att1.gg_spatial.0.weight")[1]! / 2;
      const width = 4 * Math.sqrt(pixels / 2);
      if (!Number.isInteger(width)) return undefined;
      const options = { numClasses: weights.rows("cls.weight"), size: [2 * width, width], spatial, channel };
      return { model: "resnet50_rga", options, normalization: imagenet };
    },
  },
  {
    name: "DANet",
    recognize: (weights) => dilated(weights, "danet", "head.conv5a.0.weight", "head.conv8.1.weight"),
  },
  {
    name: "SPNet",
    recognize: (weights) => dilated(weights, "spnet", "head.trans_layer.0.weight", "head.score_layer.4.weight"),
  },
  {
    name: "U-Net (segmentation_models.pytorch)",
    recognize(weights) {
      const depth = depthOf(weights, "encoder.");
      if ((depth !== 18 && depth !== 34) || !weights.has("decoder.blocks.4.conv2.0.weight")) return undefined;
      const decoderAttention = weights.has("decoder.blocks.0.attention1.attention.cSE.1.weight") ? "scse" : "none";
      const options = { numClasses: weights.rows("segmentation_head.0.weight"), decoderAttention };
      return { model: `unet_resnet${depth}`, options, normalization: imagenet };
    },
  },
];
