import { OptionError } from "../../core/errors.js";
import { fraction, oneOf, orNull, positive } from "../../core/schema.js";
import { commaSeparated, defineSettings, type SettingsOf, settingName } from "../../core/settings.js";
import type { Augmentation } from "../transforms.js";
import { eraseModes } from "./erase.js";
import { autoAugmentSchema, colorJitterSchema } from "./policies.js";
import { positiveRange, shareRange } from "./ranges.js";

/** Random changes of training images, one by one: flags of `fovea train` and settings of plans, from which an {@link Augmentation} is made. */
export const augmentationSettings = defineSettings({
  /** Random resized crops: the least and greatest share of the area. torchvision's usual is [0.08, 1]. */
  scale: {
    schema: orNull(shareRange),
    default: null,
    flag: "--scale <least,most>",
    help: "random resized crops of this share of the area, such as 0.08,1",
    parse: commaSeparated,
  },
  /** Their least and greatest width over height. Default: [3/4, 4/3]. */
  ratio: {
    schema: orNull(positiveRange),
    default: null,
    flag: "--ratio <least,most>",
    help: "aspect of random resized crops (default: 0.75,1.333)",
    parse: commaSeparated,
  },
  /** A policy: `trivialaugment`, `randaugment`, or `randaugment-nN-mM` with N changes of magnitude M of 30. */
  autoAugment: {
    schema: orNull(autoAugmentSchema),
    default: null,
    flag: "--auto-augment <policy>",
    help: "trivialaugment, or randaugment-nN-mM: N changes of magnitude M of 30",
  },
  /** [brightness, contrast, saturation, hue]: how far they move. */
  colorJitter: {
    schema: orNull(colorJitterSchema),
    default: null,
    flag: "--color-jitter <amounts>",
    help: "how far brightness, contrast and saturation move, such as 0.4; or with hue 0.4,0.4,0.4,0.1",
    parse: (text: string) => {
      const given = commaSeparated(text);
      return given.length === 1 ? [given[0], given[0], given[0], 0] : given;
    },
  },
  /** Probability that an image loses a box. */
  randomErasing: {
    schema: orNull(fraction),
    default: null,
    flag: "--random-erasing <p>",
    help: "erase a box of an image with this probability",
  },
  /** What the box is filled with: `const`, zeros; `rand`, a random color; `pixel`, noise. Default: const. */
  eraseMode: {
    schema: orNull(oneOf(...eraseModes)),
    default: null,
    flag: "--erase-mode <mode>",
    help: "fill of erased boxes: const (mean color), rand (a color) or pixel (noise)",
  },
  /** Mixup's α: images and labels are mixed by a share from Beta(α, α). */
  mixup: {
    schema: orNull(positive),
    default: null,
    flag: "--mixup <alpha>",
    help: "mix images and labels by a share from Beta(alpha, alpha)",
  },
  /** CutMix's α: a box of another image, of an area from Beta(α, α), and its share of the label. With Mixup too, each batch is of either. */
  cutmix: {
    schema: orNull(positive),
    default: null,
    flag: "--cutmix <alpha>",
    help: "paste a box of another image, its area from Beta(alpha, alpha)",
  },
  /** Share of the batches that are mixed. Default: 1. */
  mixProbability: {
    schema: orNull(fraction),
    default: null,
    flag: "--mix-probability <p>",
    help: "share of the batches that --mixup and --cutmix mix (default: 1)",
  },
});

export type AugmentationSettings = Partial<SettingsOf<typeof augmentationSettings>>;

/**
 * An augmentation with what the settings add to it; null if there is none.
 *
 * @throws OptionError for a setting without effect. `called` gives the names that messages use; `off`: of a switch that is false.
 */
export function augmentedBy(
  usual: Augmentation | null,
  settings: AugmentationSettings,
  called: (name: keyof AugmentationSettings | "augment", off?: boolean) => string = settingName,
): Augmentation | null {
  const { scale, ratio, autoAugment, colorJitter, randomErasing, eraseMode, mixup, cutmix, mixProbability } = settings;
  const given = (value: unknown) => value !== undefined && value !== null;
  if (!usual) {
    const names = Object.keys(augmentationSettings) as (keyof AugmentationSettings)[];
    const idle = names.find((name) => given(settings[name]));
    if (idle) throw new OptionError(`${called(idle)} has no effect with ${called("augment", true)}`);
    return null;
  }
  if (given(eraseMode) && !randomErasing)
    throw new OptionError(`${called("eraseMode")} needs ${called("randomErasing")}`);
  if (given(mixProbability) && !mixup && !cutmix)
    throw new OptionError(`${called("mixProbability")} needs ${called("mixup")} or ${called("cutmix")}`);
  const resized = usual.crop && "scale" in usual.crop ? usual.crop : { scale: [0.08, 1] as const };
  return {
    ...usual,
    ...(scale || ratio ? { crop: { ...resized, ...(scale && { scale }), ...(ratio && { ratio }) } } : {}),
    ...(autoAugment && { autoAugment }),
    ...(colorJitter && { colorJitter }),
    ...(randomErasing && { erasing: { probability: randomErasing, ...(eraseMode && { mode: eraseMode }) } }),
    ...(mixup && { mixup }),
    ...(cutmix && { cutmix }),
    ...(given(mixProbability) && { mixProbability: mixProbability! }),
  };
}
