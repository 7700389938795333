/** The files of a run folder that the studio reads. */
const readable = /^((config|report)\.json|metrics\.jsonl|(best|last)\.safetensors|maps\/epoch-\d+\.json)$/;

/**
 * Which of these paths are files of a run folder, by their names in it; empty if there is no run.
 *
 * @throws Error if there are several runs.
 */
export function runFilesAmong(paths: readonly string[]): Map<string, string> {
  const homes = paths
    .filter((path) => /(^|\/)config\.json$/.test(path))
    .map((path) => path.slice(0, -"config.json".length));
  const depth = (home: string) => home.split("/").length;
  const highest = Math.min(...homes.map(depth));
  const [home, other] = homes.filter((one) => depth(one) === highest);
  if (home === undefined) return new Map();
  if (other !== undefined) throw new Error(`there are several runs, such as ${home} and ${other}; open one of them`);
  const own = paths.filter((path) => path.startsWith(home)).map((path) => [path.slice(home.length), path] as const);
  return new Map(own.filter(([name]) => readable.test(name)));
}

const isObject = (x: unknown): x is Record<string, unknown> => typeof x === "object" && x !== null && !Array.isArray(x);
const isText = (x: unknown): boolean => typeof x === "string";
const isWhole = (x: unknown, low: number): boolean => Number.isSafeInteger(x) && (x as number) >= low;
const isNumber = (x: unknown): boolean => Number.isFinite(x);
const isNumberOrNull = (x: unknown): boolean => x === null || isNumber(x);

/** Whether this is a line of `metrics.jsonl`. */
export function isLine(x: unknown): boolean {
  if (!isObject(x) || !isWhole(x.epoch, 1)) return false;
  const numbers = [x.trainLoss, x.trainTop1, x.seconds, x.imagesPerSecond].every(isNumber);
  if (!numbers || ![x.loss, x.top1].every(isNumberOrNull)) return false;
  const { validation } = x;
  if (validation === null) return true;
  const isClass = (one: unknown) => isObject(one) && isText(one.name) && isNumber(one.count) && isNumber(one.correct);
  return (
    isObject(validation) &&
    isNumber(validation.count) &&
    Array.isArray(validation.classes) &&
    validation.classes.every(isClass)
  );
}

/** The lines of `metrics.jsonl`; those that are none, as after a crash, are passed over. */
export const linesOf = (text: string): unknown[] =>
  text.split("\n").flatMap((line) => {
    try {
      const value: unknown = JSON.parse(line);
      return isLine(value) ? [value] : [];
    } catch {
      return [];
    }
  });
