import type { Tensor } from "../core/tensor.js";

/** What a checkpoint is, told from its keys and shapes. */
export interface RecognisedCheckpoint {
  /** Whose naming of parameters it has. */
  readonly family: string;
  /** The network in our catalogue, and the options that build it. */
  readonly model: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** What a key of the checkpoint is called in our network. */
  readonly rename: (key: string) => string;
  /** What its authors normalise pictures by, where that is known. */
  readonly normalization?: {
    readonly mean: readonly [number, number, number];
    readonly std: readonly [number, number, number];
  };
}

type Weights = ReadonlyMap<string, Tensor>;

/** One way of naming parameters. */
interface Family {
  readonly name: string;
  recognise(weights: Weights): Omit<RecognisedCheckpoint, "family"> | undefined;
}

const same = (key: string): string => key;
const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;

const rows = (weights: Weights, key: string): number | undefined => weights.get(key)?.shape[0];
const has = (weights: Weights, part: string): boolean => [...weights.keys()].some((key) => key.includes(part));

/** Blocks of each stage: how many `layerS.B.conv1.weight` there are for S = 1, 2, … */
function depths(weights: Weights): number[] {
  const counts: number[] = [];
  for (const key of weights.keys()) {
    const stage = /^layer(\d)\.(\d+)\.conv1\.weight$/.exec(key)?.[1];
    if (stage) counts[Number(stage) - 1] = (counts[Number(stage) - 1] ?? 0) + 1;
  }
  return counts;
}

/** `resnet20` of [3, 3, 3], as in the CIFAR networks of He et al. */
function cifarDepth(weights: Weights): string | undefined {
  const [first, ...others] = depths(weights);
  const plain = first !== undefined && others.length === 2 && others.every((n) => n === first);
  return plain && [20, 32, 44, 56, 110].includes(6 * first + 2) ? `resnet${6 * first + 2}` : undefined;
}

const imagenetDepths: Readonly<Record<string, string>> = {
  "2,2,2,2,basic": "resnet18",
  "3,4,6,3,basic": "resnet34",
  "3,4,6,3,bottleneck": "resnet50",
  "3,4,23,3,bottleneck": "resnet101",
  "3,8,36,3,bottleneck": "resnet152",
};

/** The attention module inside a block, by its keys below `prefix`; the reduction follows from the widths. */
function attentionAt(weights: Weights, prefix: string): readonly [string, object] | null {
  const widths = (key: string) => weights.get(`${prefix}${key}`)?.shape;
  const se = widths("fc.0.weight");
  if (se) return ["se", { reduction: se[1]! / se[0]!, bias: weights.has(`${prefix}fc.0.bias`) }];
  const cbam = widths("ChannelGate.mlp.1.weight");
  if (cbam) return ["cbam", { reduction: cbam[1]! / cbam[0]! }];
  return null;
}

/** Keys of akamaster's CIFAR networks as ours. */
export const akamasterKeys = (key: string): string => key.replace(/^linear\./, "fc.");

/**
 * Keys of the SimAM repository's CIFAR networks as ours: `linear` is the classifier, `shortcut` the downsampling, and an attention module
 * (under `field` in ours) is joined to the layer that it follows, as `bn2.0`, `bn2.1` or `conv2.0`.
 */
export const simamRepositoryKeys =
  (field: string) =>
  (key: string): string =>
    akamasterKeys(key)
      .replace(".shortcut.", ".downsample.")
      .replace(/\.(conv2|bn2)\.0\./, ".$1.")
      .replace(/\.bn2\.1\./, `.${field}.`);

const families: readonly Family[] = [
  {
    // akamaster/pytorch_resnet_cifar10: shortcuts without parameters, ImageNet's statistics.
    name: "CIFAR ResNet, option A shortcuts",
    recognise(weights) {
      const model = cifarDepth(weights);
      if (
        !model ||
        !weights.has("linear.weight") ||
        has(weights, ".shortcut.") ||
        has(weights, ".bn2.0.") ||
        has(weights, ".conv2.0.")
      )
        return undefined;
      const options = { classes: rows(weights, "linear.weight"), shortcut: "identity" };
      return { model, options, rename: akamasterKeys, normalization: imagenet };
    },
  },
  {
    // The SimAM repository joins a module to the layer it follows.
    name: "CIFAR ResNet of the SimAM repository",
    recognise(weights) {
      const model = cifarDepth(weights);
      if (!model || !weights.has("linear.weight") || !has(weights, ".shortcut.")) return undefined;
      const attention = has(weights, ".conv2.0.") ? (["simam", {}] as const) : attentionAt(weights, "layer3.0.bn2.1.");
      const field = attention?.[0] ?? "";
      return {
        model,
        options: { classes: rows(weights, "linear.weight"), ...(attention ? { attention } : {}) },
        rename: simamRepositoryKeys(field),
        normalization: { mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.201] },
      };
    },
  },
  {
    name: "ResNet (torchvision, Fovea)",
    recognise(weights) {
      const bottleneck = weights.has("layer1.0.conv3.weight");
      const small = cifarDepth(weights);
      const model = small ?? imagenetDepths[`${depths(weights).join(",")},${bottleneck ? "bottleneck" : "basic"}`];
      if (!model || !weights.has("fc.weight") || !weights.has("conv1.weight")) return undefined;
      const stem = weights.get("conv1.weight")!.shape[2] === 3 ? "cifar" : "imagenet";
      const last = small ? "layer3.0." : "layer4.0.";
      const attention = attentionAt(weights, `${last}se.`) ?? attentionAt(weights, `${last}cbam.`);
      const shortcut = small && !has(weights, ".downsample.") ? "identity" : "projection";
      const options = { classes: rows(weights, "fc.weight"), stem, shortcut, ...(attention ? { attention } : {}) };
      return { model, options, rename: same, ...(stem === "imagenet" ? { normalization: imagenet } : {}) };
    },
  },
  {
    name: "MobileNetV1 ×0.25 with leaky ReLU",
    recognise(weights) {
      if (rows(weights, "stage1.0.0.weight") !== 8 || !weights.has("stage3.1.3.weight") || !weights.has("fc.weight"))
        return undefined;
      return {
        model: "mobilenetv1_025",
        options: { classes: rows(weights, "fc.weight") },
        rename: same,
        normalization: imagenet,
      };
    },
  },
  {
    name: "MobileNetV2 (torchvision)",
    recognise(weights) {
      if (
        !weights.has("features.18.0.weight") ||
        !weights.has("classifier.1.weight") ||
        weights.get("features.0.0.weight")?.shape[0] !== 32
      )
        return undefined;
      if (has(weights, ".conv.3.conv.") || has(weights, "ChannelGate")) return undefined;
      return {
        model: "mobilenetv2_100",
        options: { classes: rows(weights, "classifier.1.weight") },
        rename: same,
        normalization: imagenet,
      };
    },
  },
  {
    name: "VAN",
    recognise(weights) {
      const width = rows(weights, "patch_embed1.proj.weight");
      const third = [...weights.keys()].filter((key) => /^block3\.\d+\.layer_scale_1$/.test(key)).length;
      const size = width === 32 ? "b0" : width === 64 ? { 4: "b1", 12: "b2", 27: "b3" }[third] : undefined;
      if (!size) return undefined;
      return {
        model: `van_${size}`,
        options: { classes: rows(weights, "head.weight") },
        rename: same,
        normalization: imagenet,
      };
    },
  },
];

/** What a file that Fovea wrote says of itself. */
function ownDescription({ model, options }: Readonly<Record<string, string>>): RecognisedCheckpoint | undefined {
  if (!model || !options) return undefined;
  try {
    return { family: "Fovea", model, options: JSON.parse(options) as Record<string, unknown>, rename: same };
  } catch {
    return undefined; // somebody else's metadata
  }
}

/**
 * Tells what network a checkpoint belongs to: by its metadata if Fovea wrote it, otherwise by its keys and shapes. Returns undefined if its keys are of no family that we know.
 *
 * @example
 * recogniseCheckpoint(readCheckpoint(bytes).tensors)?.model; // "resnet20"
 */
export function recogniseCheckpoint(
  weights: Weights,
  metadata: Readonly<Record<string, string>> = {},
): RecognisedCheckpoint | undefined {
  const own = ownDescription(metadata);
  if (own) return own;
  for (const { name, recognise } of families) {
    const found = recognise(weights);
    if (found) return { family: name, ...found };
  }
  return undefined;
}
