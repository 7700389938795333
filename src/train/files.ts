import { randomBytes } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FoveaError, messageOf } from "../core/errors.js";

/**
 * Writes a file whole or not at all: beside its place, flushed to the disk, then renamed over what was there.
 * @throws FoveaError if it cannot be written; what was there before is untouched.
 */
export async function writeFileAtomic(path: string, contents: string | Uint8Array): Promise<void> {
  const beside = join(dirname(path), `.${randomBytes(6).toString("hex")}.tmp`);
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(beside, "wx");
    try {
      await file.writeFile(contents);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true }).catch(() => {});
    throw new FoveaError(`cannot write ${path}: ${messageOf(error)}`);
  }
}
