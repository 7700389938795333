import { refusal } from "../refusal.js";

/** How many bytes a file may make us allocate beyond its own size. Small inputs that ask for much are refused. */
export class Budget {
  #left: number;
  readonly #limit: number;

  /** Four times the file for unaligned and transposed tensors, and some room for small files. */
  static forFile(bytes: Uint8Array): Budget {
    return new Budget(4 * bytes.length + 2 ** 26);
  }

  constructor(limit: number) {
    this.#left = this.#limit = limit;
  }

  /** @throws FormatError if `bytes` is more than what is left. */
  spend(bytes: number, what: string): void {
    if (!(bytes <= this.#left))
      throw refusal(
        "torch checkpoint",
        `${what} takes ${bytes} bytes; the limit for this file is ${this.#limit} in all`,
      );
    this.#left -= bytes;
  }
}
