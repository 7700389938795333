import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { env } from "node:process";
import { pipeline } from "node:stream/promises";
import { FoveaError } from "../core/errors.js";

/**
 * The folder for downloaded files: `FOVEA_CACHE`, or `fovea` in the user's cache folder (`XDG_CACHE_HOME`, `~/.cache`).
 *
 * @example
 * cacheFolder(); // "/home/ada/.cache/fovea"
 */
export function cacheFolder(): string {
  const own = env.FOVEA_CACHE;
  if (own) return resolve(own);
  const xdg = env.XDG_CACHE_HOME;
  // By the XDG specification, relative paths are ignored.
  return join(xdg && isAbsolute(xdg) ? xdg : join(homedir(), ".cache"), "fovea");
}

/** Whether `FOVEA_OFFLINE` forbids the network. */
export const isOffline = (): boolean => !["", "0", "false", "no"].includes((env.FOVEA_OFFLINE ?? "").toLowerCase());

/** Where the contents of an address are kept. The digest makes the name unique, the rest is for people. */
export function cachePath(folder: string, url: string): string {
  const { hostname, pathname } = new URL(url);
  const parts = pathname.split("/").filter((part) => part !== "" && part !== "resolve");
  const readable = [hostname, ...parts].join("--").replaceAll(/[^\w.-]+/g, "_");
  const digest = createHash("sha256").update(url).digest("hex");
  // The end of the name says more than its beginning, and file names are limited to 255 bytes.
  return join(resolve(folder), `${digest.slice(0, 24)}-${readable.slice(-120)}`);
}

/** The sha256 digest of a file, in lower case. */
export async function sha256Of(path: string, signal?: AbortSignal): Promise<string> {
  // A pipe might never answer.
  if (!(await isFile(path))) throw new FoveaError(`${path}: not a regular file`);
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash, { ...(signal ? { signal } : {}) });
  return hash.digest("hex");
}

export const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
