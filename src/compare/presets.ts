import { unknownName } from "../core/errors.js";

/** Comparisons of papers, ready to be repeated: networks and modules, the baseline first. */
export interface Preset {
  readonly about: string;
  readonly backbones?: readonly string[];
  readonly modules: readonly (string | { readonly name: string; readonly options?: object; readonly label: string })[];
}

const cbam = (label: string, options: object) => ({ name: "cbam", label, options });
const published = ["none", "se", "bam", "cbam", "triplet", "gam"] as const;

export const presets: Readonly<Record<string, Preset>> = {
  "cbam-arrangement": {
    about: "CBAM: which gates, in which order (Woo et al., 2018, section 4.1)",
    modules: [
      "none",
      cbam("channel", { spatial: false }),
      cbam("spatial", { channel: false }),
      cbam("channel, spatial", {}),
      cbam("spatial, channel", { order: "spatial-channel" }),
      cbam("parallel", { order: "parallel" }),
    ],
  },
  "cbam-channel": {
    about: "CBAM's channel gate: what it pools by",
    modules: [
      "none",
      cbam("avg", { spatial: false, pools: ["avg"] }),
      cbam("max", { spatial: false, pools: ["max"] }),
      cbam("avg and max", { spatial: false }),
    ],
  },
  "cbam-spatial": {
    about: "CBAM's spatial gate: what it sees, and its kernel",
    modules: [
      "none",
      cbam("channel", { spatial: false }),
      cbam("conv, 3×3", { descriptor: "conv", kernelSize: 3 }),
      cbam("conv, 7×7", { descriptor: "conv" }),
      cbam("pool, 3×3", { kernelSize: 3 }),
      cbam("pool, 7×7", {}),
    ],
  },
  "se-reduction": {
    about: "SE's reduction (Hu et al., 2018, table 10)",
    modules: [
      "none",
      ...[2, 4, 8, 16, 32].map((reduction) => ({ name: "se", label: `r = ${reduction}`, options: { reduction } })),
    ],
  },
  "gam-cifar": { about: "GAM's comparison on CIFAR-100", backbones: ["resnet50"], modules: published },
  "gam-imagenet": {
    about: "GAM's comparison on ImageNet",
    backbones: ["resnet18", "resnet50", "mobilenetv2_100"],
    modules: published,
  },
};

/** A preset by name. @throws OptionError for an unknown name. */
export function presetNamed(name: string): Preset {
  const preset = Object.hasOwn(presets, name) ? presets[name] : undefined;
  if (!preset) throw unknownName("preset", name, Object.keys(presets));
  return preset;
}
