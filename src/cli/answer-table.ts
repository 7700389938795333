import type { Dataset } from "../index.js";
import { csv, logSumExp, probabilities, topIndices } from "../internal.js";

/** What a classifier says of each image of a data set, as a CSV file. */
export class AnswerTable {
  readonly #rows: (readonly unknown[])[] = [["image", "class", "predicted", "probability", "correct", "loss"]];

  constructor(private readonly dataset: Dataset) {}

  /** Adds an image: its file, or its position where images are not files. */
  add(logits: ArrayLike<number>, label: number, index: number): void {
    const { dataset } = this;
    const shares = probabilities(logits);
    const [best] = topIndices(logits, 1) as [number];
    this.#rows.push([
      dataset.file?.(index) ?? index,
      dataset.classes[label],
      dataset.classes[best],
      shares[best],
      Number(best === label),
      logSumExp(logits) - logits[label]!,
    ]);
  }

  text(): string {
    return csv(this.#rows);
  }
}
