import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemReason } from "../../core/errors.js";
import { junk, junkFiles } from "../../data/class-folders.js";
import { list } from "../../data/files.js";
import { isGenerated } from "../../data/shapes.js";
import type { Plan } from "../plan.js";
import { canonical, type PlanData } from "../plan.js";
import type { ResolvedUnit } from "../resolve.js";

export const sha256 = (...parts: readonly (string | Uint8Array)[]): string => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
};

/** Of all that decides what a unit computes, the data and the program apart. Where the data lies does not matter. */
export const configHash = (
  { data: { source: _, masks: __, labelsFile: ___, ...data }, threads }: Plan,
  { model, training, preprocessing, steps, backbone, entrant }: ResolvedUnit,
): string =>
  sha256(canonical({ data, threads, model, training, preprocessing, steps, labels: [backbone.label, entrant.label] }));

/**
 * Of the data's bytes: the names and contents of all files of a folder, what systems leave behind apart, and the file of labels, wherever it is. What is generated follows from the
 * program.
 */
export async function dataHash({ source, labelsFile }: PlanData): Promise<string> {
  if (isGenerated(source)) return sha256(source);
  const hash = createHash("sha256");
  if (labelsFile !== undefined) hash.update(await readFile(labelsFile));
  for await (const name of filesIn(source)) {
    const path = join(source, name);
    const found = await stat(path).catch(() => undefined);
    hash.update(canonical([name, found?.isFile() ? found.size : null]));
    if (!found?.isFile()) continue; // a dead link, or a pipe, which would be waited for
    try {
      for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
    } catch (error) {
      hash.update(`unreadable: ${systemReason(error)}`);
    }
  }
  return hash.digest("hex");
}

/**
 * Files below a folder, in order, by their paths from it with slashes. Links count as what they lead to. A folder that several lead to is
 * searched once; then its path stands for it.
 */
async function* filesIn(root: string, folder = "", seen = new Set<string>()): AsyncGenerator<string> {
  const { folders, files } = await list(join(root, folder));
  const at = (name: string) => (folder ? `${folder}/${name}` : name);
  for (const name of files) if (!junkFiles.test(name)) yield at(name);
  for (const name of folders) {
    if (junk.test(name)) continue;
    const { dev, ino } = await stat(join(root, at(name)), { bigint: true });
    const id = `${dev}:${ino}`;
    if (seen.has(id)) yield at(name);
    else yield* filesIn(root, at(name), seen.add(id));
  }
}

/** What of the program has no part in what a unit computes: the rest shows and measures. */
const noPart =
  /^(cli|report|testing|hub|explain)\/|^compare\/(analysis|costs|looks|page|parquet|report|slurm|strips|charts|flags|tables|task-tables|tune|tune-tables|verdict)\.js$|^compare\/statistics\/(?!calibration)|^compare\/node\/(index|measure-costs|measure-looks|pairing|forecast|plan-file|pool|queue|send|steps|trial|trial-process|trials|tune|write-tables)\.js$/;

/** What has no part in where a network looks. */
const noPartInLooks = /^(cli|report|testing|hub)\/|^compare\/(?!node\/measure-looks\.js$)/;

/** Of the program: the contents of its files, those that only show results apart. */
export const codeHash = (): Promise<string> => hashWithout(noPart);

/** Of what of the program decides where a network is found to look. */
export const looksCodeHash = (): Promise<string> => hashWithout(noPartInLooks);

async function hashWithout(left: RegExp): Promise<string> {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const hash = createHash("sha256");
  for await (const name of filesIn(root)) {
    if (!name.endsWith(".js") || left.test(name)) continue;
    const contents = await readFile(join(root, name));
    hash.update(canonical([name, contents.length])).update(contents);
  }
  return hash.digest("hex");
}
