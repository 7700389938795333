import { type AttentionChoice, attentionInfo, DANetHead } from "../attention/index.js";
import type { Module } from "../nn/index.js";
import { createModelByName } from "./index.js";
import { keyTables, renaming } from "./keys.js";
import { preactResnet, wideResnet } from "./preact.js";
import { resnet } from "./resnet.js";
import type { ClassifierOptions } from "./spec.js";

/** A network as published: our model, and our names for its state-dict keys. */
export interface PublishedNetwork {
  readonly model: Module;
  readonly rename: (key: string) => string;
}

type Settings = Readonly<Record<string, unknown>>;

/** The depth in a name such as `resnet20`. */
const depthOf = (name: unknown): number => Number(String(name).replace(/^resnet/, ""));

/** CIFAR networks of the SimAM repository. */
function simamCifar({ arch, attention, numClasses, reduction, lambda }: Settings): PublishedNetwork {
  const given = { ...(reduction === undefined ? {} : { reduction }), ...(lambda === undefined ? {} : { lambda }) };
  const name = attention === "none" ? null : String(attention);
  const field = name ? attentionInfo(name).field : null;
  return {
    model: resnet(depthOf(arch), {
      numClasses: Number(numClasses),
      attention: name ? ([name, given] as AttentionChoice) : null,
    }),
    rename: renaming(keyTables.simamCifar(field), "ours"),
  };
}

/** Pre-activation networks of the SimAM repository, where a module is joined to the convolution it follows. */
function preact({ depth, block, attention, numClasses }: Settings): PublishedNetwork {
  const options = { numClasses: Number(numClasses), block: block === "bottleneck" ? "bottleneck" : "basic" } as const;
  return joined(attention, (chosen) => preactResnet(Number(depth), { ...options, attention: chosen }));
}

/** Wide networks of xternalz/WideResNet-pytorch and, with attention, of the SimAM repository. */
function wide({ depth, factor, attention, numClasses }: Settings): PublishedNetwork {
  const options = { numClasses: Number(numClasses), dropout: 0 };
  return joined(attention, (chosen) => wideResnet(Number(depth), Number(factor), { ...options, attention: chosen }));
}

/** A network of pre-activation blocks, in whose reference `conv2` or `conv3` holds the convolution as `0` and the module as `1`. */
function joined(attention: unknown, make: (chosen: AttentionChoice) => Module): PublishedNetwork {
  const name = String(attention);
  const field = name === "none" ? "" : attentionInfo(name).field;
  const rename = (key: string) => key.replace(/\.(conv[23])\.0\./, ".$1.").replace(/\.conv[23]\.1\./, `.${field}.`);
  return { model: make(name as AttentionChoice), rename };
}

/** CIFAR SE networks of moskomule/senet.pytorch, whose shortcuts have no parameters. */
function moskomuleCifar({ depth, reduction, numClasses }: Settings): PublishedNetwork {
  return {
    model: resnet(Number(depth), {
      numClasses: Number(numClasses),
      attention: ["se", { reduction: Number(reduction) }],
    }),
    rename: (key) => key,
  };
}

/** CIFAR networks of akamaster/pytorch_resnet_cifar10: option A shortcuts, classifier `linear`. */
function akamasterCifar(): PublishedNetwork {
  return { model: resnet(20, { numClasses: 10, shortcut: "identity" }), rename: renaming(keyTables.akamaster, "ours") };
}

/** CBAM and BAM networks of Jongchan/attention-module, for ImageNet or with a 3×3 stem for CIFAR. */
function jongchan({ type, depth, attention, numClasses }: Settings): PublishedNetwork {
  const options = { numClasses: Number(numClasses), stem: type === "ImageNet" ? "imagenet" : "cifar" } as const;
  return same(resnet(Number(depth), { ...options, init: "cbam", attention: String(attention) as AttentionChoice }));
}

/** ResNets of landskape-ai/triplet-attention. */
function tripletResnet({ type, depth, numClasses }: Settings): PublishedNetwork {
  const options = { numClasses: Number(numClasses), stem: type === "ImageNet" ? "imagenet" : "cifar" } as const;
  return same(resnet(Number(depth), { ...options, init: "cbam", attention: ["triplet", { variant: "models" }] }));
}

/** ResNets of BangguWu/ECANet. */
function ecaResnet({ depth, kernelSizes, numClasses }: Settings): PublishedNetwork {
  const options = (kernelSizes as readonly number[]).map((kernelSize) => ({ kernelSize }));
  return same(resnet(Number(depth), { numClasses: Number(numClasses), attention: ["eca", options] }));
}

/** Networks of torchvision's layout with a module in every block, under the authors' field. */
function attentionResnet({ depth, attention, numClasses }: Settings): PublishedNetwork {
  return same(resnet(Number(depth), { numClasses: Number(numClasses), attention: attention as AttentionChoice }));
}

/** Bottleneck networks with context blocks in stages c3 to c5, of xvjiarui/GCNet. */
function gcResnet({ depth, ratio, numClasses }: Settings): PublishedNetwork {
  const own = { ratio: Number(ratio) };
  return same(resnet(Number(depth), { numClasses: Number(numClasses), attention: ["gc", [null, own, own, own]] }));
}

/** A catalogue network that has the authors' keys, with fixed settings (regularization off, so that steps repeat). */
function catalogued(name: string | ((settings: Settings) => string), own: ClassifierOptions & Settings = {}) {
  return (settings: Settings): PublishedNetwork =>
    same(
      createModelByName(typeof name === "string" ? name : name(settings), {
        numClasses: Number(settings.numClasses),
        ...own,
      }),
    );
}

/** DANet or SPNet on a ResNet. */
const dilated =
  (name: string) =>
  ({ depth, width, multiGrid, ...rest }: Settings): PublishedNetwork =>
    catalogued(`${name}_resnet${depth}`, { width, multiGrid, dropout: 0 })(rest);

function danetHead({ inChannels, numClasses }: Settings): PublishedNetwork {
  const head = new DANetHead(Number(inChannels), { numClasses: Number(numClasses), dropout: 0, variant: "authors" });
  // The checker handles its three outputs.
  return same(head as unknown as Module);
}

/** A model that has the authors' keys. */
function same(published: Module): PublishedNetwork {
  return { model: published, rename: (key) => key };
}

/** Published networks by the name that golden files give them. */
export const publishedNetworks: ReadonlyMap<string, (settings: Settings) => PublishedNetwork> = new Map([
  ["simam-repo-cifar", simamCifar],
  ["preact-resnet", preact],
  ["wide-resnet", wide],
  ["moskomule-cifar", moskomuleCifar],
  ["resnet20 (CIFAR, option A shortcuts)", akamasterCifar],
  ["jongchan-resnet", jongchan],
  ["triplet-resnet", tripletResnet],
  ["triplet-mobilenetv2", catalogued("mobilenetv2_100", { attention: ["triplet", { variant: "models" }], dropout: 0 })],
  ["attention-resnet", attentionResnet],
  ["eca-resnet", ecaResnet],
  ["eca-mobilenetv2", catalogued("eca_mobilenetv2", { dropout: 0 })],
  ["mobilenetv2-ca", catalogued("mbv2_ca", { dropout: 0 })],
  ["mobilenetv3", catalogued(({ size }) => `mobilenetv3_${size}_100`, { dropout: 0 })],
  ["shufflenetv2", catalogued(({ width }) => `shufflenet_v2_${width}`)],
  ["efficientnet-b0", catalogued("efficientnet_b0", { dropout: 0, dropPath: 0 })],
  ["ghostnet", catalogued("ghostnet_100", { dropout: 0 })],
  ["convnext-atto", catalogued("convnext_atto", { dropPath: 0 })],
  ["van", catalogued(({ variant }) => `van_${variant}`, { dropPath: 0 })],
  ["scnet", catalogued(({ depth, variant }) => `scnet${depth}${variant ? `_${variant}` : ""}`)],
  ["residual-attention-56", catalogued("residual_attention56")],
  ["residual-attention-92", catalogued("residual_attention92")],
  ["residual-attention-92-448", catalogued("residual_attention92_448input")],
  ["residual-attention-92-32", catalogued("residual_attention92_32input")],
  ["residual-attention-92-32-update", catalogued("residual_attention92_32input_update")],
  ["gc-resnet", gcResnet],
  ["rga-resnet50", ({ size, width, ...rest }) => catalogued("resnet50_rga", { size, width })(rest)],
  ["danet-head", danetHead],
  ["danet", dilated("danet")],
  ["spnet", dilated("spnet")],
  ["unet", ({ depth, attention, ...rest }) => catalogued(`unet_resnet${depth}`, { decoderAttention: attention })(rest)],
]);
