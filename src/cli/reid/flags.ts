import * as schemas from "../../core/schema.js";
import { type Dataset, OptionError, type RunConfig } from "../../index.js";
import { batchOf, reidDefaults } from "../../internal.js";
import { type FlagsOf, flag, flagList, givenOf } from "../flags.js";

/** Flags of training that only re-identification has. */
export const reidFlags = flagList(
  flag(
    "--num-instances <n>",
    `reid: images of each identity in a batch (default: ${reidDefaults.instances})`,
    schemas.whole(2, schemas.most.batch),
  ),
  flag(
    "--margin <distance>",
    `reid: margin of the triplet loss (default: ${reidDefaults.margin})`,
    schemas.nonNegative,
  ),
);
export type ReidFlags = FlagsOf<typeof reidFlags>;

/** A flag of evaluation that only re-identification has. */
export const rerankFlag = flag("--rerank", "reid: also measure after k-reciprocal re-ranking");

/** Flags of predictions that only re-identification has. */
export const galleryFlags = flagList(
  flag("--gallery <folder>", "reid: images to look in; of a Market-1501 folder, those in bounding_box_test"),
  flag("--ranked-list <file>", "reid: also draw each image and what was found, as PNG"),
);
export type GalleryFlags = FlagsOf<typeof galleryFlags>;

/** @throws OptionError for a flag of re-identification where there is another task. */
export function refuseReidFlags(flags: object, why: string): void {
  const [given] = givenOf([...reidFlags, rerankFlag, ...galleryFlags], flags);
  if (given !== undefined) throw new OptionError(`${given} is for --task reid; ${why}`);
}

/** How identities are learned, for `config.json`. @throws OptionError for a batch that does not hold whole groups of images. */
export async function reidConfig(flags: ReidFlags & { readonly batch?: number }, data: Dataset) {
  const { numInstances: instances = reidDefaults.instances, margin = reidDefaults.margin } = flags;
  const batch = batchOf(data, instances, flags.batch);
  if (batch % instances !== 0 || batch < 2 * instances)
    throw new OptionError(
      `--batch ${batch} must be a multiple of --num-instances ${instances}, for two identities or more`,
    );
  return { name: "reid", instances, margin } satisfies RunConfig["task"];
}
