import { OptionError } from "../core/errors.js";

export interface SlurmOptions {
  /** Indices of the units to do. */
  readonly units: readonly number[];
  readonly threads: number;
  /** Folder of the comparison, and the one to run in. */
  readonly folder: string;
  readonly directory: string;
  /** Node, and the command line's file. */
  readonly program: readonly string[];
  /** More lines for sbatch, such as `--partition=long`. */
  readonly options: readonly string[];
}

/** Seconds before its time limit at which a unit gets a signal, to save. */
const notice = 60;

/**
 * A script for `sbatch`: an array with a task for each unit. If a task reaches its time limit or its node fails, SLURM requeues it, and it
 * resumes.
 */
export function slurmScript({ units, threads, folder, directory, program, options }: SlurmOptions): string {
  const bad = options.find((option) => !/^--[a-z][\w-]*(=[\x20-\x7e]+)?$/.test(option));
  if (bad !== undefined)
    throw new OptionError(`a SLURM option must look like --partition=long, got ${JSON.stringify(bad)}`);
  const directives = [
    "--job-name=fovea-compare",
    `--array=${ranges(units)}`,
    `--cpus-per-task=${threads}`,
    "--requeue",
    "--open-mode=append",
    // To the script itself, which is the unit's process.
    `--signal=B:TERM@${notice}`,
    `--output=${doubleQuoted(`${folder}/slurm-%a.log`)}`,
    ...options,
  ];
  return [
    "#!/bin/sh",
    ...directives.map((directive) => `#SBATCH ${directive}`),
    `cd ${quoted(directory)} || exit 1`,
    `exec ${program.map(quoted).join(" ")} compare work ${quoted(folder)} --unit "$SLURM_ARRAY_TASK_ID"`,
    "",
  ].join("\n");
}

/** `0-3,7` */
function ranges(indices: readonly number[]): string {
  const parts: [number, number][] = [];
  for (const index of indices) {
    const last = parts.at(-1);
    if (last && last[1] === index - 1) last[1] = index;
    else parts.push([index, index]);
  }
  return parts.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join(",");
}

/** As one word of the shell. */
const quoted = (text: string): string => `'${oneLine(text).replaceAll("'", "'\\''")}'`;
const doubleQuoted = (text: string): string => `"${oneLine(text).replaceAll('"', '\\"')}"`;

function oneLine(text: string): string {
  if (/[\n\r\0]/.test(text)) throw new OptionError(`a path in a script must be one line, got ${JSON.stringify(text)}`);
  return text;
}
