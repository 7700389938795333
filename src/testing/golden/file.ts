import { FormatError } from "../../core/errors.js";
import type { Tensor } from "../../core/tensor.js";
import { readSafetensors } from "../../formats/safetensors.js";

/** A golden file: arrays of a reference run, and metadata that describe it. */
export class GoldenFile {
  readonly #tensors: ReadonlyMap<string, Tensor>;
  readonly #metadata: Readonly<Record<string, string>>;

  constructor(bytes: Uint8Array) {
    const { tensors, metadata } = readSafetensors(bytes);
    this.#tensors = tensors;
    this.#metadata = metadata;
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  /** @throws FormatError if the file has no such array. */
  tensor(name: string): Tensor {
    const found = this.#tensors.get(name);
    if (!found) throw new FormatError(`golden file: tensor "${name}" is missing`);
    return found;
  }

  /** The arrays whose name begins with `prefix`, by the rest of their name. */
  group(prefix: string): Map<string, Tensor> {
    return new Map(
      [...this.#tensors].filter(([name]) => name.startsWith(prefix)).map(([name, t]) => [name.slice(prefix.length), t]),
    );
  }

  hasText(name: string): boolean {
    return Object.hasOwn(this.#metadata, name);
  }

  /** One entry of the metadata. @throws FormatError if it is missing. */
  text(name: string): string {
    if (!this.hasText(name)) throw new FormatError(`golden file: metadata "${name}" is missing`);
    return this.#metadata[name]!;
  }

  /** One entry of the metadata as JSON. @throws FormatError if it is missing or not JSON. */
  json<T>(name: string): T {
    try {
      return JSON.parse(this.text(name)) as T;
    } catch (error) {
      if (error instanceof FormatError) throw error;
      throw new FormatError(`golden file: metadata "${name}" is not JSON`);
    }
  }

  /** The keys and shapes of the reference's state dict. */
  get keys(): readonly (readonly [key: string, shape: readonly number[]])[] {
    return this.json("keys");
  }
}
