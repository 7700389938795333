import { constants } from "node:fs";
import { type FileHandle, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { FoveaError } from "../core/errors.js";

/** What the server said about the file of a partial download. */
export interface Origin {
  /** ETag or last modification date, for `If-Range`. Without one a part cannot be resumed. */
  readonly validator: string | null;
  readonly size: number | null;
  readonly sha256: string | null;
  /** The commit it is from. */
  readonly commit: string | null;
}

/** The beginning of a download, kept next to its destination with what is known about the whole file. */
export class Part {
  #length: number;
  #origin: Origin | undefined;

  private constructor(
    readonly path: string,
    private readonly file: FileHandle,
    length: number,
    origin: Origin | undefined,
  ) {
    this.#length = length;
    this.#origin = origin;
  }

  /** Opens the part that an earlier download left, or an empty one. */
  static async open(path: string): Promise<Part> {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o644);
    const found = await file.stat();
    if (!found.isFile()) {
      await file.close();
      throw new FoveaError(`${path}: not a regular file. Remove it`);
    }
    const { size } = found;
    return new Part(path, file, size, await readOrigin(path));
  }

  get length(): number {
    return this.#length;
  }

  get origin(): Origin | undefined {
    return this.#origin;
  }

  /** The validator to resume with, if there is something to resume. */
  get resumable(): string | undefined {
    return this.#length > 0 ? (this.#origin?.validator ?? undefined) : undefined;
  }

  get complete(): boolean {
    return this.resumable !== undefined && this.#length === this.#origin?.size;
  }

  /** Empties the part for bytes of this origin. */
  async restart(origin?: Origin): Promise<void> {
    // Emptied first: bytes of one file must never be paired with another's origin.
    await this.file.truncate(0);
    this.#length = 0;
    this.#origin = origin;
    if (origin) await writeFile(originPath(this.path), JSON.stringify(origin));
    else await rm(originPath(this.path), { force: true });
  }

  async append(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      // At a position, not appended: if two processes write by mistake, they write the same.
      const { bytesWritten } = await this.file.write(bytes, done, bytes.length - done, this.#length);
      done += bytesWritten;
      this.#length += bytesWritten;
    }
  }

  /** Flushes to disk. */
  sync(): Promise<void> {
    return this.file.sync();
  }

  async close(): Promise<void> {
    await this.file.close();
  }

  /** Moves the finished file to its destination, after its origin if that is kept. */
  async finish(place: string, { keepOrigin = false }: { keepOrigin?: boolean } = {}): Promise<void> {
    if (keepOrigin) await rename(originPath(this.path), originPath(place));
    await rename(this.path, place);
    await rm(originPath(this.path), { force: true });
  }

  async discard(): Promise<void> {
    await rm(this.path, { force: true });
    await rm(originPath(this.path), { force: true });
  }
}

/** Removes a finished file, and its origin. */
export async function removeCached(path: string): Promise<void> {
  await rm(path, { force: true });
  await rm(originPath(path), { force: true });
}

/** Most bytes of an origin; it has a few hundred. */
const MAX_ORIGIN_BYTES = 2 ** 16;

const originPath = (path: string): string => `${path}.json`;

/** The origin of a part, or of a file finished with `keepOrigin`. */
export async function readOrigin(path: string): Promise<Origin | undefined> {
  const found = await stat(originPath(path)).catch(() => undefined);
  const usable = found?.isFile() && found.size <= MAX_ORIGIN_BYTES;
  const text = usable ? await readFile(originPath(path), "utf8").catch(() => "") : "";
  try {
    const { validator, size, sha256, commit } = JSON.parse(text) as Record<string, unknown>;
    const string = (value: unknown) => (typeof value === "string" ? value : null);
    return {
      validator: string(validator),
      size: typeof size === "number" ? size : null,
      sha256: string(sha256),
      commit: string(commit),
    };
  } catch {
    // Missing or damaged: the part starts over.
    return undefined;
  }
}
