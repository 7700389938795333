import { FormatError } from "../core/errors.js";

const MAX_LENGTH = 300;

/** A FormatError whose message is one line of bounded length, whatever names the bytes contribute. */
export function refusal(where: string, problem: string): FormatError {
  const line = `${where}: ${problem}`.replace(/\p{Cc}+/gu, " ");
  return new FormatError(line.length > MAX_LENGTH ? `${line.slice(0, MAX_LENGTH)}…` : line);
}
