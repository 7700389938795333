import { checkIndex, type Dataset, type Splits } from "./dataset.js";
import { concatDatasets } from "./joined.js";
import { marketFolders, openMarket1501 } from "./market.js";
import { generatePeople, type SightedDataset } from "./people.js";
import type { ShapesSplitsOptions } from "./shapes.js";

/** Queries and the gallery as one data set, the queries first. */
export function joinSighted(query: SightedDataset, gallery: SightedDataset): Dataset {
  const parts = [query, gallery];
  const identities = parts.flatMap((part) => part.identities);
  const known = [...new Set(identities)].sort((a, b) => a - b);
  const labelOf = new Map(known.map((identity, label) => [identity, label]));
  const labeled = parts.map(({ dataset, identities }) => ({
    ...dataset,
    classes: known.map(String),
    labels: identities.map((identity) => labelOf.get(identity)!),
  }));
  const sightings = { identities, cameras: parts.flatMap(({ cameras }) => cameras), queries: query.dataset.length };
  return Object.assign(concatDatasets(labeled), { sightings });
}

/** Market-1501's folders as splits: query and gallery are the validation part. */
export async function marketSplits(folder: string, imageSize: number | undefined): Promise<Splits> {
  const { train, query, gallery } = await openMarket1501(folder, imageSize === undefined ? {} : { imageSize });
  return {
    train: train.dataset,
    validation: joinSighted(query, gallery),
    division: `by folders ${Object.values(marketFolders).join(", ")}`,
  };
}

const perIdentity = 8;
const cameras = 4;

/** The images of each camera's first or second view. Views alternate over the cameras. */
function partOf({ dataset, identities, cameras: by }: SightedDataset, view: number): SightedDataset {
  const at = identities.flatMap((_, i) => (Math.floor((i % perIdentity) / cameras) === view ? [i] : []));
  const part: Dataset = {
    ...dataset,
    length: at.length,
    labels: at.map((i) => dataset.labels[i]!),
    image: async (i) => dataset.image(at[checkIndex(part, i)]!),
  };
  return { dataset: part, identities: at.map((i) => identities[i]!), cameras: at.map((i) => by[i]!) };
}

/**
 * Generated people for re-identification: the first image by each camera is a query, the second is in the gallery, of people who are not in the
 * training part.
 */
export function peopleSplits({ train = 768, validation = 256, size, seed = 0 }: ShapesSplitsOptions): Splits {
  const how = { cameras, images: perIdentity / cameras, seed, ...(size === undefined ? {} : { size }) };
  const identities = (images: number) => Math.max(2, Math.round(images / perIdentity));
  const unseen = generatePeople({ ...how, identities: identities(validation), first: identities(train) + 1 });
  const [query, gallery] = [0, 1].map((view) => partOf(unseen, view)) as [SightedDataset, SightedDataset];
  return {
    train: generatePeople({ ...how, identities: identities(train) }).dataset,
    validation: joinSighted(query, gallery),
  };
}
