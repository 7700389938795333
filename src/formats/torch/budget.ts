import { refusal } from "../refusal.js";

/** The bytes that reading a file may allocate beyond its own size, so that small inputs cannot claim much memory. */
export class Budget {
  #left: number;
  readonly #limit: number;

  /** Four times the file for unaligned and transposed tensors, and some room for small files. */
  static forFile(size: number): Budget {
    return new Budget(4 * size + 2 ** 26);
  }

  constructor(limit: number) {
    this.#left = this.#limit = limit;
  }

  /** @throws FormatError if `bytes` exceeds what is left. */
  spend(bytes: number, what: string): void {
    if (!(bytes <= this.#left))
      throw refusal(
        "torch checkpoint",
        `${what} takes ${bytes} bytes; the limit for this file is ${this.#limit} in all`,
      );
    this.#left -= bytes;
  }
}
