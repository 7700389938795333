import type { FormatError } from "../../core/errors.js";
import { refusal } from "../refusal.js";
import type { Budget } from "./budget.js";
import { elementsOf } from "./globals.js";
import { isCount, StorageRef } from "./storage.js";
import { Opaque, type Pickled } from "./values.js";

/** Enough for every dtype. */
const ALIGNMENT = 8;

/** The storages that a pickle refers to, and their bytes once known. */
export class StoragePool {
  readonly #storages = new Map<string, StorageRef>();
  readonly #budget: Budget;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  /**
   * The storage with the persistent id `("storage", type, key, location, length)`. A sixth part, written before torch
   * 0.4, makes it a view: `(key, offset, length)`.
   *
   * Before torch 1.6 module classes were such objects too, `("module", class, file, source)`; their source is ignored.
   *
   * @throws FormatError if the id is anything else, or contradicts an earlier one.
   */
  reference(id: Pickled): Opaque {
    if (Array.isArray(id) && id[0] === "module" && id[1] instanceof Opaque) return id[1];
    if (!Array.isArray(id) || id[0] !== "storage") throw refuse("an external object that is not a storage");
    const [, type, key, , length, view = null] = id;
    if (typeof key !== "string" && typeof key !== "number") throw refuse("a storage without a key");
    if (!isCount(length)) throw refuse(`storage "${key}" has no length`);
    const { dtype, unread } = elementsOf(type);
    const whole = this.#declare(new StorageRef(String(key), dtype, length, 0, unread));
    if (view === null) return whole;
    const [, start, viewLength] = Array.isArray(view) ? view : [];
    if (!isCount(start) || !isCount(viewLength) || start + viewLength > length)
      throw refuse(`a view reaches beyond storage "${key}"`);
    return new StorageRef(whole.key, dtype, viewLength, start, unread);
  }

  /** The storage with this key, as declared. */
  get(key: string): StorageRef | undefined {
    return this.#storages.get(key);
  }

  /**
   * A function that returns a storage's bytes, aligned for every dtype, each fetched once. It throws FormatError if they are missing or of
   * the wrong length.
   */
  reader(fetch: (key: string) => Uint8Array | undefined): (storage: StorageRef) => Uint8Array {
    const known = new Map<string, Uint8Array>();
    return ({ key }) => {
      const found = known.get(key);
      if (found) return found;
      const fetched = fetch(key);
      this.requireSize(key, fetched?.length);
      const bytes = this.#align(fetched!);
      known.set(key, bytes);
      return bytes;
    };
  }

  /** @throws FormatError if a storage, of so many bytes or undefined if there is none, is not as it was declared. */
  requireSize(key: string, bytes: number | undefined): void {
    const { width, length } = this.#storages.get(key)!;
    if (bytes !== length * width)
      throw refuse(
        `storage "${key}" should have ${length * width} bytes, ${bytes === undefined ? "is missing" : `has ${bytes}`}`,
      );
  }

  #declare(storage: StorageRef): StorageRef {
    const known = this.#storages.get(storage.key);
    if (!known) this.#storages.set(storage.key, storage);
    else if (known.dtype !== storage.dtype || known.unread !== storage.unread || known.length !== storage.length)
      throw refuse(`storage "${storage.key}" is declared in two ways`);
    return known ?? storage;
  }

  #align(bytes: Uint8Array): Uint8Array {
    if (bytes.byteOffset % ALIGNMENT === 0) return bytes;
    this.#budget.spend(bytes.length, "aligning a storage");
    return new Uint8Array(bytes);
  }
}

function refuse(problem: string): FormatError {
  return refusal("torch checkpoint", problem);
}
