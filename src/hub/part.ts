import { constants } from "node:fs";
import { type FileHandle, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { FoveaError } from "../core/errors.js";

/** What the server said about the file that a part is the beginning of. */
export interface Origin {
  /** Its ETag, or the date of its last change: what `If-Range` needs. Without one a part cannot be resumed. */
  readonly validator: string | null;
  readonly size: number | null;
  readonly sha256: string | null;
  /** The commit of the repository that it is from. */
  readonly commit: string | null;
}

/** The beginning of a file that is being downloaded, kept beside its place with what is known of the whole. */
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

  /** Opens what an earlier download left, or an empty part. */
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

  /** The validator to resume with, where there is something to resume. */
  get resumable(): string | undefined {
    return this.#length > 0 ? (this.#origin?.validator ?? undefined) : undefined;
  }

  get complete(): boolean {
    return this.resumable !== undefined && this.#length === this.#origin?.size;
  }

  /** Empties the part; what follows belongs to this origin. */
  async restart(origin?: Origin): Promise<void> {
    // Emptied first: bytes of one file must never stand beside the origin of another.
    await this.file.truncate(0);
    this.#length = 0;
    this.#origin = origin;
    if (origin) await writeFile(originPath(this.path), JSON.stringify(origin));
    else await rm(originPath(this.path), { force: true });
  }

  async append(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      // At a position, not at the end: should two processes write by mistake, they write the same.
      const { bytesWritten } = await this.file.write(bytes, done, bytes.length - done, this.#length);
      done += bytesWritten;
      this.#length += bytesWritten;
    }
  }

  /** Waits until the bytes are on the disk. */
  sync(): Promise<void> {
    return this.file.sync();
  }

  async close(): Promise<void> {
    await this.file.close();
  }

  /** The whole file goes to its place; its origin too, where that is wanted later on, and before it. */
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

/** An origin has a few hundred. */
const MAX_ORIGIN_BYTES = 2 ** 16;

const originPath = (path: string): string => `${path}.json`;

/** What is known of a part, or of a file that was finished with `keepOrigin`. */
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
    // Missing or torn: the part starts over.
    return undefined;
  }
}
