import { realpath, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { OptionError, type RunConfig } from "../index.js";
import type { RunFolder } from "../internal.js";
import { foveaCommand } from "./terminal.js";

/**
 * The data of a run to resume, from whatever folder: where it was when the run began, or where it is now if it has moved.
 *
 * @param asked data named on the command line
 * @throws OptionError if it is gone, or other data was requested.
 */
export async function resumedData({ path, config }: RunFolder, asked: string | undefined): Promise<string> {
  const before = await placeOf(config.data);
  if (asked !== undefined) {
    if (before === undefined || (await isSame(before, asked))) return asked;
    throw new OptionError(
      `--resume: the run in ${path} trains on ${before}, not on ${asked}. Leave out the data, or start a new run`,
    );
  }
  if (before !== undefined) return before;
  const { source, folder = source } = config.data;
  throw new OptionError(
    `--resume: the data of the run in ${path} is not at ${folder}. Name where it is: ${foveaCommand("train", "DATA", "--resume", "--out", path)}`,
  );
}

/** Flags to keep, with full paths: a run may be resumed from another folder. */
export async function wherever(flags: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>> {
  const { tensorboard, classNames, labels } = flags;
  return {
    ...flags,
    ...(typeof tensorboard === "string" ? { tensorboard: resolve(tensorboard) } : {}),
    ...(typeof labels === "string" ? { labels: resolve(labels) } : {}),
    // A file, or the names themselves.
    ...(typeof classNames === "string" && (await exists(classNames)) ? { classNames: resolve(classNames) } : {}),
  };
}

/** Where a run's data was, or else what was typed then, seen from here; undefined if there is nothing. */
async function placeOf({ kind, source, folder }: RunConfig["data"]): Promise<string | undefined> {
  if (kind === "shapes") return source;
  for (const place of [folder, source]) if (place !== undefined && (await exists(place))) return place;
  return undefined;
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

async function isSame(a: string, b: string): Promise<boolean> {
  const [x, y] = await Promise.all([a, b].map((path) => realpath(path).catch(() => path)));
  return x === y;
}
