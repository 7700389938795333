import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { readFile, rm, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { arch, cpus } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { checkTuning, defaultTuning, type Tuning } from "../engine.js";
import { FoveaError, version, writeFileAtomic } from "../index.js";
import { cacheFolder } from "../internal.js";
import { say } from "./terminal.js";

/** What a tuning table was measured with. It is not used on any other machine or version. */
export interface Machine {
  readonly processor: string;
  readonly architecture: string;
  readonly threads: number;
  readonly onnxruntime: string;
  readonly fovea: string;
}

/** This machine. */
export function thisMachine(threads: number): Machine {
  return {
    processor: `${cpus()[0]?.model.trim() ?? "unknown"}${hasAvx512() ? ", AVX-512" : ""}`,
    architecture: arch(),
    threads,
    onnxruntime: (createRequire(import.meta.url)("onnxruntime-node/package.json") as { version: string }).version,
    fovea: version,
  };
}

/** Virtual machines use one name for processors with and without AVX-512, whose block sizes differ. Only Linux tells. */
function hasAvx512(): boolean {
  try {
    return / avx512f /.test(readFileSync("/proc/cpuinfo", "latin1"));
  } catch {
    return false;
  }
}

const format = "fovea.tuning.1";
/** Tables written before the rename, legacy. */
const legacy = { format: "fovea.regimes.2", folder: "regimes", field: "regimes" } as const; // legacy
/** Real files take two or three kilobytes. */
const maxBytes = 65_536;

/** The path of a machine's table. */
export function tuningPath(machine: Machine, folder = "tuning"): string {
  const digest = createHash("sha256").update(JSON.stringify(machine)).digest("hex");
  return join(cacheFolder(), folder, `${digest.slice(0, 16)}.json`);
}

/** The table measured on this machine; the default if there is none or, with a line on standard error, if it cannot be used. */
export async function cachedTuning(machine: Machine): Promise<Tuning> {
  for (const path of [tuningPath(machine), tuningPath(machine, legacy.folder)]) {
    const tuning = await readCached(path, machine);
    if (tuning) return tuning;
  }
  return defaultTuning;
}

/** A table from the cache; undefined if there is none, and the default if it cannot be used. */
async function readCached(path: string, machine: Machine): Promise<Tuning | undefined> {
  try {
    return await readTuning(path, machine);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    const problem =
      error instanceof FoveaError ? error.message : `it cannot be read (${(error as NodeJS.ErrnoException).code})`;
    say(
      `fovea: ignoring ${path}: ${problem}. \`fovea bench calibrate\` measures it again; with --reset it only removes the file`,
    );
    return defaultTuning;
  }
}

async function readTuning(path: string, machine: Machine): Promise<Tuning> {
  const info = await stat(path);
  if (!info.isFile()) throw new FoveaError("it is not a file");
  if (info.size > maxBytes) throw new FoveaError(`it has ${info.size} bytes, more than ${maxBytes}`);
  const content = parsed(await readFile(path, "utf8"));
  const isLegacy = content.format === legacy.format;
  if (content.format !== format && !isLegacy) throw new FoveaError(`its format is not ${format}`);
  if (!isDeepStrictEqual(content.machine, machine)) throw new FoveaError("it belongs to another machine or version");
  const field = isLegacy ? legacy.field : "tuning";
  return checkTuning(content[field], field);
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the file.
    throw new FoveaError("it is not JSON");
  }
  return Object(value) as Record<string, unknown>;
}

/** Stores a table, with the measurements it was made from. */
export function writeTuning(machine: Machine, measured: { readonly tuning: Tuning }): Promise<void> {
  return writeFileAtomic(tuningPath(machine), `${JSON.stringify({ format, machine, ...measured }, null, 2)}\n`);
}

/** Removes the table of a machine. Returns whether there was one. */
export async function removeTuning(machine: Machine): Promise<boolean> {
  const removed = await Promise.all([removeFile(tuningPath(machine)), removeFile(tuningPath(machine, legacy.folder))]);
  return removed.includes(true);
}

async function removeFile(path: string): Promise<boolean> {
  try {
    await rm(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
