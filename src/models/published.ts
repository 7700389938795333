import { attentionSpec } from "../attention/index.js";
import type { Module } from "../nn/index.js";
import { resnet } from "./resnet.js";

/** A network as someone published it: our model, and how their state-dict keys are called in it. */
export interface PublishedNetwork {
  readonly model: Module;
  readonly rename: (key: string) => string;
}

type Settings = Readonly<Record<string, unknown>>;

/** Depth of a name such as `resnet20`. */
const depthOf = (name: unknown): number => Number(String(name).replace(/^resnet/, ""));

/**
 * CIFAR networks of the SimAM repository: `linear` for the classifier, `shortcut` for the downsampling, and a module joined to
 * the layer it follows (`bn2.0`, `bn2.1`, `conv2.0`).
 */
function simamCifar({ arch, attention, numClasses, reduction, lambda }: Settings): PublishedNetwork {
  const given = { ...(reduction === undefined ? {} : { reduction }), ...(lambda === undefined ? {} : { lambda }) };
  const name = attention === "none" ? null : String(attention);
  const field = name ? attentionSpec(name).field : "";
  return {
    model: resnet(depthOf(arch), { classes: Number(numClasses), attention: name ? [name, given] : null }),
    rename: (key) =>
      key
        .replace(/^linear\./, "fc.")
        .replace(".shortcut.", ".downsample.")
        .replace(/\.(conv2|bn2)\.0\./, ".$1.")
        .replace(/\.bn2\.1\./, `.${field}.`),
  };
}

/** CIFAR SE networks of moskomule/senet.pytorch, which have shortcuts without parameters. */
function moskomuleCifar({ depth, reduction, numClasses }: Settings): PublishedNetwork {
  return {
    model: resnet(Number(depth), { classes: Number(numClasses), attention: ["se", { reduction }] }),
    rename: (key) => key,
  };
}

/** CIFAR networks of akamaster/pytorch_resnet_cifar10: shortcuts of option A, `linear` for the classifier. */
function akamasterCifar(): PublishedNetwork {
  return { model: resnet(20, { classes: 10, shortcut: "identity" }), rename: (key) => key.replace(/^linear\./, "fc.") };
}

/** Published networks by the name that golden files give them. */
export const publishedNetworks: ReadonlyMap<string, (settings: Settings) => PublishedNetwork> = new Map([
  ["simam-repo-cifar", simamCifar],
  ["moskomule-cifar", moskomuleCifar],
  ["resnet20 (CIFAR, option A shortcuts)", akamasterCifar],
]);
