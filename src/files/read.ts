import { type FileHandle, open, stat } from "node:fs/promises";
import { FoveaError, systemReason } from "../core/errors.js";
import { callback, check, text } from "../core/schema.js";
import { type ByteSource, checkRange } from "../formats/byte-source.js";

/** A file could not be read. `code` is the system's, such as `ENOENT`. */
export class FileError extends FoveaError {
  constructor(
    path: string,
    problem: string,
    /** Code of the system, such as `ENOENT`. */
    readonly code?: string,
  ) {
    super(`${path} cannot be read: ${problem}`);
  }

  /** A system error, in words. */
  static from(path: string, error: unknown): FileError {
    if (error instanceof FileError) return error;
    const { code } = error as NodeJS.ErrnoException;
    return new FileError(path, systemReason(error), code);
  }
}

/** Undefined if the file does not exist. Rethrows other errors. */
export function unlessMissing(error: unknown): undefined {
  if (!(error instanceof FileError) || error.code !== "ENOENT") throw error;
  return undefined;
}

/** Size limit of an array on Node 20. */
const MAX_BYTES = 2 ** 32;

/** Larger reads are split: a single system call reads at most 2 GiB. */
const MAX_READ = 2 ** 30;

/** An open file, read by ranges. */
export class OpenFile implements ByteSource {
  private constructor(
    readonly path: string,
    readonly size: number,
    private readonly file: FileHandle,
  ) {}

  /** Opens a file. @throws FileError if it cannot be opened or is not a regular file (a pipe might never answer). */
  static async open(path: string): Promise<OpenFile> {
    check("OpenFile.open", "path", text, path);
    try {
      const found = await stat(path);
      if (!found.isFile())
        throw new FileError(path, found.isDirectory() ? "it is a folder" : "it is not a regular file", "EISDIR");
      return new OpenFile(path, found.size, await open(path));
    } catch (error) {
      throw FileError.from(path, error);
    }
  }

  /** Reads a range. @throws FileError if the file has become shorter or the device fails. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    checkRange(this.path, this.size, offset, length);
    if (length > MAX_BYTES) throw new FileError(this.path, `${length} bytes at once, more than ${MAX_BYTES}`);
    const bytes = new Uint8Array(length);
    try {
      for (let done = 0; done < length; ) {
        const { bytesRead } = await this.file.read(bytes, done, Math.min(MAX_READ, length - done), offset + done);
        if (bytesRead === 0) throw new FileError(this.path, `it ends ${length - done} bytes early`);
        done += bytesRead;
      }
    } catch (error) {
      throw FileError.from(this.path, error);
    }
    return bytes;
  }

  /** Closes the file. */
  close(): Promise<void> {
    return this.file.close();
  }
}

/** Opens a file, and closes it after `use`. @throws FileError */
export async function withFile<T>(path: string, use: (file: OpenFile) => Promise<T>): Promise<T> {
  check("withFile", "path", text, path);
  check("withFile", "use", callback, use);
  const file = await OpenFile.open(path);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

/** A file read by ranges, open only during each read. @throws FileError as {@link OpenFile.open} does. */
export async function fileSource(path: string): Promise<ByteSource> {
  check("fileSource", "path", text, path);
  const size = await withFile(path, async (file) => file.size);
  return { size, read: (offset, length) => withFile(path, (file) => file.read(offset, length)) };
}

/** The contents of a file, up to 4 GiB or `most` bytes. @throws FileError with the reason if it cannot be read. */
export async function readWhole(path: string, most = MAX_BYTES): Promise<Uint8Array> {
  check("readWhole", "path", text, path);
  return withFile(path, (file) => {
    if (file.size > most) throw new FileError(path, `it has ${file.size} bytes, more than ${most}`);
    return file.read(0, file.size);
  });
}

/** The lines of a file, one at a time. Lines of more than `longest` bytes are skipped. @throws FileError */
export async function* readLines(path: string, longest: number): AsyncGenerator<string, void> {
  const file = await OpenFile.open(path);
  try {
    let parts: Uint8Array[] = [];
    let length = 0;
    const add = (part: Uint8Array) => {
      length += part.length;
      if (length <= longest) parts.push(part);
    };
    const take = () => {
      const line = length <= longest ? Buffer.concat(parts).toString() : undefined;
      [parts, length] = [[], 0];
      return line;
    };
    for (let at = 0; at < file.size; at += MAX_PART) {
      const chunk = await file.read(at, Math.min(MAX_PART, file.size - at));
      let start = 0;
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
        add(chunk.subarray(start, end));
        const line = take();
        if (line !== undefined) yield line;
        start = end + 1;
      }
      add(chunk.subarray(start));
    }
    const last = take();
    if (last) yield last;
  } finally {
    await file.close();
  }
}

/** Bytes read at a time when looking for lines. */
const MAX_PART = 2 ** 20;
