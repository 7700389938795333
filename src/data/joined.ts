import { DataError } from "../core/errors.js";
import { anything, check, list } from "../core/schema.js";
import { sameClasses } from "./align.js";
import { checkDataset } from "./checks.js";
import { checkIndex, type Dataset } from "./dataset.js";

/** Several data sets with the same classes as one, in order. @throws DataError if classes differ or there are no data sets. */
export function concatDatasets(parts: readonly Dataset[]): Dataset {
  check("concatDatasets", "parts", list(anything, "a list of data sets"), parts);
  for (const [i, part] of parts.entries()) checkDataset("concatDatasets", `parts[${i}]`, part);
  const [first] = parts;
  if (!first) throw new DataError("concatDatasets: needs at least one data set");
  const other = parts.find(({ classes }) => !sameClasses(classes, first.classes));
  if (other) throw new DataError(`concatDatasets: ${first.name} and ${other.name} have different classes`);
  const place = parts.flatMap((part) => Array.from({ length: part.length }, (_, index) => ({ part, index })));
  const sameSize = parts.every(({ size }) => size?.height === first.size?.height && size?.width === first.size?.width);
  const dataset: Dataset = {
    name: first.name,
    classes: first.classes,
    length: place.length,
    labels: parts.flatMap(({ labels }) => Array.from(labels)),
    size: sameSize ? first.size : null,
    ...(first.defaults && { defaults: first.defaults }),
    get skipped() {
      return parts.flatMap(({ skipped }) => skipped); // grows while images are read
    },
    image: async (i) => {
      const { part, index } = place[checkIndex(dataset, i)]!;
      return part.image(index);
    },
    ...(parts.every(({ mask }) => mask) && {
      mask: (i: number) => {
        const { part, index } = place[checkIndex(dataset, i)]!;
        return part.mask!(index);
      },
    }),
    ...(parts.every(({ sizeOf }) => sizeOf) && {
      sizeOf: (i: number) => {
        const { part, index } = place[checkIndex(dataset, i)]!;
        return part.sizeOf!(index);
      },
    }),
    ...(parts.every(({ labelMap }) => labelMap) && {
      labelMap: async (i: number) => {
        const { part, index } = place[checkIndex(dataset, i)]!;
        return part.labelMap!(index);
      },
    }),
    ...(parts.every(({ targets }) => targets) && {
      targets: (i: number) => {
        const { part, index } = place[checkIndex(dataset, i)]!;
        return part.targets!(index);
      },
    }),
    ...(parts.every(({ file }) => file) && {
      file: (i: number) => {
        const { part, index } = place[checkIndex(dataset, i)]!;
        return part.file!(index);
      },
    }),
  };
  return dataset;
}
