import { randomBytes } from "node:crypto";
import { closeSync, fstatSync, openSync, rmSync } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { FoveaError, messageOf } from "../core/errors.js";
import { check, text, that } from "../core/schema.js";
import { openFlags, tryLock } from "./lock.js";

/** Contents of a file: text, bytes, or pieces written one after the other. */
export type Contents = string | Uint8Array | Iterable<Uint8Array | string> | AsyncIterable<Uint8Array | string>;

const isPiece = (x: unknown) => typeof x === "string" || x instanceof Uint8Array;
const contentsSchema = that<Contents>("text, bytes or pieces of these", (given) =>
  Array.isArray(given)
    ? given.every(isPiece)
    : isPiece(given) ||
      (typeof given === "object" && given !== null && (Symbol.iterator in given || Symbol.asyncIterator in given)),
);

/**
 * Makes a folder and those above it; one that is there already is fine. Node's `recursive` never returns where the system
 * says of a new folder that it does not exist, as in /proc.
 */
export async function makeFolder(path: string): Promise<void> {
  const isFolder = async () => (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
  try {
    await mkdir(path);
  } catch (error) {
    if (await isFolder()) return;
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await mkdir(path).catch(async (again) => {
      if (!(await isFolder())) throw again;
    });
  }
}

/**
 * Writes a file atomically: under a temporary name, flushed to disk, then renamed. Unfinished files that killed
 * processes left in the same folder are removed first.
 * @throws FoveaError if it cannot be written; the old file is untouched.
 */
export async function writeFileAtomic(path: string, contents: Contents): Promise<void> {
  check("writeFileAtomic", "path", text, path);
  check("writeFileAtomic", "contents", contentsSchema, contents);
  const folder = dirname(path);
  await requireRegular(path);
  try {
    await makeFolder(folder);
    await removeAbandoned(folder);
    const [beside, file] = await openTemporary(folder);
    try {
      await writeFile(file, contents);
      await file.sync();
      // While it is open and locked, so that nobody takes it for abandoned.
      await renameOver(beside, path);
    } catch (error) {
      await rm(beside, { force: true }).catch(() => {});
      throw error;
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new FoveaError(`cannot write ${path}: ${messageOf(error)}`);
  }
}

/** How often, and after how many milliseconds, Windows is asked again to exchange a file that somebody is reading. */
const [tries, pause] = [20, 100];

async function renameOver(from: string, to: string): Promise<void> {
  for (let tried = 1; ; tried++)
    try {
      return await rename(from, to);
    } catch (error) {
      const busy = ["EPERM", "EACCES", "EBUSY"].includes(String((error as NodeJS.ErrnoException).code));
      if (process.platform !== "win32" || !busy || tried === tries) throw error;
      await sleep(pause);
    }
}

/**
 * Devices, pipes and sockets are neither written to nor replaced: as root that could be /dev/null.
 *
 * @throws FoveaError if the path is one.
 */
export async function requireRegular(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found && !found.isFile())
    throw new FoveaError(`${path} is ${found.isDirectory() ? "a folder" : "not a regular file"}`);
}

/** Whether this is the name of an unfinished file of {@link writeFileAtomic}. */
export const isTemporary = (name: string): boolean => /^\.[0-9a-f]{12}\.tmp$/.test(name);

/** A new file, locked by its process to tell it from an abandoned one. */
async function openTemporary(folder: string): Promise<[path: string, file: FileHandle]> {
  for (let i = 0; i < 100; i++) {
    const path = join(folder, `.${randomBytes(6).toString("hex")}.tmp`);
    const file = await open(path, "wx");
    // Another process may have found it before it was locked.
    if ((await tryLock(file.fd)) !== false && (await file.stat()).nlink > 0) return [path, file];
    await file.close();
    await rm(path, { force: true });
  }
  throw new FoveaError("other processes keep removing the file being written");
}

/** Removes unfinished files whose lock is free: their process is gone. */
async function removeAbandoned(folder: string): Promise<void> {
  for (const name of (await readdir(folder).catch(() => [])).filter(isTemporary)) {
    const path = join(folder, name);
    try {
      const fd = openSync(path, openFlags);
      try {
        if (fstatSync(fd).isFile() && (await tryLock(fd)) === true) rmSync(path, { force: true });
      } finally {
        closeSync(fd);
      }
    } catch {
      // Finished meanwhile, or another user's.
    }
  }
}
