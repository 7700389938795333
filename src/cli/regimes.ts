import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { readFile, rm, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { arch, cpus } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { checkRegimes, defaultRegimes, type Regimes } from "../engine.js";
import { FoveaError, version, writeFileAtomic } from "../index.js";
import { cacheFolder } from "../internal.js";
import { say } from "./terminal.js";

/** What measured regimes depend on. A table that was measured with anything else is not used. */
export interface Machine {
  readonly processor: string;
  readonly architecture: string;
  readonly threads: number;
  readonly onnxruntime: string;
  readonly fovea: string;
}

/** The machine that this is. */
export function thisMachine(threads: number): Machine {
  return {
    processor: `${cpus()[0]?.model.trim() ?? "unknown"}${hasAvx512() ? ", AVX-512" : ""}`,
    architecture: arch(),
    threads,
    onnxruntime: (createRequire(import.meta.url)("onnxruntime-node/package.json") as { version: string }).version,
    fovea: version,
  };
}

/** Virtual machines have one name for processors with and without AVX-512, whose blocks differ in size. Only Linux tells. */
function hasAvx512(): boolean {
  try {
    return / avx512f /.test(readFileSync("/proc/cpuinfo", "latin1"));
  } catch {
    return false;
  }
}

const format = "fovea.regimes.2";
/** Such a file has two or three kilobytes. */
const maxBytes = 65_536;

/** Where the table of a machine is kept. */
export function regimesPath(machine: Machine): string {
  const digest = createHash("sha256").update(JSON.stringify(machine)).digest("hex");
  return join(cacheFolder(), "regimes", `${digest.slice(0, 16)}.json`);
}

/** The table that was measured on this machine; the default if there is none, or, with a line on standard error, if it cannot be used. */
export async function cachedRegimes(machine: Machine): Promise<Regimes> {
  const path = regimesPath(machine);
  try {
    return await readRegimes(path, machine);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return defaultRegimes;
    const problem =
      error instanceof FoveaError ? error.message : `it cannot be read (${(error as NodeJS.ErrnoException).code})`;
    say(
      `fovea: ${path} is ignored: ${problem}. \`fovea bench calibrate\` measures anew, with --reset it only removes the file`,
    );
    return defaultRegimes;
  }
}

async function readRegimes(path: string, machine: Machine): Promise<Regimes> {
  const info = await stat(path);
  if (!info.isFile()) throw new FoveaError("it is no file");
  if (info.size > maxBytes) throw new FoveaError(`it has ${info.size} bytes, and may have ${maxBytes}`);
  const content = parsed(await readFile(path, "utf8"));
  if (content.format !== format) throw new FoveaError(`its format is not ${format}`);
  if (!isDeepStrictEqual(content.machine, machine)) throw new FoveaError("it is that of another machine or version");
  return checkRegimes(content.regimes, "regimes");
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

/** Keeps a table, with what it was made from. */
export function writeRegimes(machine: Machine, measured: { readonly regimes: Regimes }): Promise<void> {
  return writeFileAtomic(regimesPath(machine), `${JSON.stringify({ format, machine, ...measured }, null, 2)}\n`);
}

/** Removes the table of a machine. Returns whether there was one. */
export async function removeRegimes(machine: Machine): Promise<boolean> {
  try {
    await rm(regimesPath(machine));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
