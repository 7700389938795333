import type { Dataset } from "../index.js";
import { logSumExp, probabilities, topIndices } from "../internal.js";

/** A field of a CSV file (RFC 4180). */
export const csvField = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** What a classifier says of each image of a data set, as a CSV file. */
export class AnswerTable {
  readonly #rows = ["image,class,predicted,probability,correct,loss"];

  constructor(private readonly dataset: Dataset) {}

  /** Adds an image: its file, or its position where images are not files. */
  add(logits: ArrayLike<number>, label: number, index: number): void {
    const { dataset } = this;
    const shares = probabilities(logits);
    const [best] = topIndices(logits, 1) as [number];
    this.#rows.push(
      [
        csvField(dataset.file?.(index) ?? String(index)),
        csvField(dataset.classes[label]!),
        csvField(dataset.classes[best]!),
        String(shares[best]),
        String(Number(best === label)),
        String(logSumExp(logits) - logits[label]!),
      ].join(","),
    );
  }

  text(): string {
    return `${this.#rows.join("\n")}\n`;
  }
}
