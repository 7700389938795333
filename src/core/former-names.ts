/** What options were called in files that version 0.1 wrote. */
const formerNames: Readonly<Record<string, string>> = { classes: "numClasses" };

/**
 * A network's options as they stand in a file, by their present names: in `config.json` of a run, or in the metadata of weights. Whoever
 * reads such a file calls this first; nothing else knows the former names.
 */
export const withPresentNames = (options: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(options).map(([name, value]) => [formerNames[name] ?? name, value]));

/** Flags as a run's `config.json` holds them, by their present names. `--winograd` became `--precision fast`. */
export function withPresentFlags(flags: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { winograd, ...rest } = flags;
  return winograd === true ? { precision: "fast", ...rest } : rest;
}
