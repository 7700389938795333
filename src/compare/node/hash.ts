import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { DataError } from "../../core/errors.js";
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
  { data: { source: _, ...data }, threads }: Plan,
  { model, training, preprocessing, steps, backbone, entrant }: ResolvedUnit,
): string =>
  sha256(canonical({ data, threads, model, training, preprocessing, steps, labels: [backbone.label, entrant.label] }));

/** Of the data's bytes: the names and contents of all files of a folder. What is generated follows from the program. */
export async function dataHash({ source }: PlanData): Promise<string> {
  if (source === "shapes") return sha256("shapes");
  const hash = createHash("sha256");
  for (const name of await filesIn(source)) {
    const path = join(source, name);
    const { size } = await stat(path).catch((error) => {
      throw new DataError(`${path}: cannot be read (${(error as Error).message})`);
    });
    hash.update(canonical([name.split(sep).join("/"), size]));
    for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  }
  return hash.digest("hex");
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error) => {
    throw new DataError(`${folder}: cannot be read as a folder (${(error as Error).message})`);
  });
  return entries
    .filter((entry) => entry.isFile() || entry.isSymbolicLink())
    .map((entry) => join(entry.parentPath, entry.name).slice(join(folder, "x").length - 1))
    .sort();
}

/** What of the program has no part in what a unit computes: the rest shows and measures. */
const noPart =
  /^(cli|report|testing|hub|explain)\/|^compare\/(analysis|costs|report|tables|verdict)\.js$|^compare\/node\/(index|measure-costs|pairing|pool|probe|queue|steps|write-tables)\.js$/;

/** Of the program: the contents of its files, those that only show results apart. */
export async function codeHash(): Promise<string> {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const names = (await filesIn(root)).map((name) => name.split(sep).join("/"));
  const used = names.filter((name) => name.endsWith(".js") && !noPart.test(name));
  const contents = await Promise.all(used.map((name) => readFile(join(root, name))));
  return sha256(...used.flatMap((name, i) => [canonical([name, contents[i]!.length]), contents[i]!]));
}
