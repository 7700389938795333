/** Base of every error that Fovea throws on purpose. Its message is one line: where, what must hold, what was given. */
export class FoveaError extends Error {
  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }
}

/** The shapes of an operator's inputs do not fit together. */
export class ShapeError extends FoveaError {}

/** A name, option or argument that the caller gave is wrong. */
export class OptionError extends FoveaError {}

/** Bytes do not follow their format. */
export class FormatError extends FoveaError {}

/** A data set or image cannot be used. */
export class DataError extends FoveaError {}

/** Training cannot continue, for example because the loss is not finite. */
export class TrainingError extends FoveaError {}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * What loading an optional package threw, for those who see it: that it is not installed, and how to install it, or why it does not work.
 *
 * @example
 * loading.catch(unusable("decodeImage", "sharp")); // decodeImage needs the package sharp: npm install --ignore-scripts sharp
 */
export const unusable =
  (who: string, name: string, version = "") =>
  (error: unknown): never => {
    const missing = (error as { readonly code?: string } | null)?.code === "ERR_MODULE_NOT_FOUND";
    const reason = missing ? "" : `, which cannot be used (${messageOf(error).split("\n")[0]})`;
    throw new FoveaError(
      `${who} needs the package ${name}${reason}: npm install --ignore-scripts ${name}${version && `@${version}`}`,
    );
  };

const problems: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  ENOTDIR: "part of its path is not a folder",
  EACCES: "no permission",
  EPERM: "no permission",
  EISDIR: "it is a folder",
  ELOOP: "its links lead in a circle",
  ENAMETOOLONG: "its name is too long",
  EIO: "the device failed to read it",
  EMFILE: "too many files are open",
};

/** Why a file operation failed, in words. */
export const systemReason = (error: unknown): string =>
  problems[(error as { readonly code?: string } | null)?.code ?? ""] ?? messageOf(error);

/** The candidate nearest to `name` by {@link typingDistance}, if it is close enough to be a typo. */
export function closest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 0.75;
  for (const candidate of candidates) {
    const distance = typingDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** `Unknown attention "cbma". Did you mean "cbam"? Available: bam, cbam, …` */
export function unknownName(what: string, name: string, available: Iterable<string>, advice = ""): OptionError {
  if (typeof what !== "string" || typeof name !== "string")
    throw new OptionError(`unknownName: what and name must be strings, got ${String(what)} and ${String(name)}`);
  if (typeof available?.[Symbol.iterator] !== "function")
    throw new OptionError(`unknownName: available must be a list of names, got ${String(available)}`);
  const names = [...available].map((known) => (typeof known === "string" ? known : "?")).sort();
  const near = closest(name, names);
  return new OptionError(
    `Unknown ${what} "${name}".${near ? ` Did you mean "${near}"?` : ""} Available: ${names.join(", ")}${advice && `. ${advice}`}`,
  );
}

/**
 * Edit distance from what was typed to what was meant. A missing letter or two swapped neighbors cost 1, an extra letter 1.25, a wrong
 * letter 1.5: people omit letters more often than they replace them. A different first letter costs 0.5 more.
 */
function typingDistance(a: string, b: string): number {
  const [missing, swapped, extra, wrong, otherStart] = [1, 1, 1.25, 1.5, 0.5];
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j * missing)];
  for (let i = 1; i <= a.length; i++) {
    rows[i] = [i * extra];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : wrong;
      let d = Math.min(rows[i - 1]![j]! + extra, rows[i]![j - 1]! + missing, rows[i - 1]![j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        d = Math.min(d, rows[i - 2]![j - 2]! + swapped);
      rows[i]![j] = d;
    }
  }
  return rows[a.length]![b.length]! + (a[0] === b[0] ? 0 : otherStart);
}
