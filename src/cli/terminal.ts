import process, { stderr, stdout } from "node:process";

/** Longer cells end in an ellipsis: one name of a megabyte would widen every row. */
const longestCell = 200;
/** The same for longer lines. */
const longestLine = 2 ** 16;

/** The lines of a table with aligned columns, numbers on the right. */
export function table(rows: readonly (readonly (string | number)[])[], header?: readonly string[]): string[] {
  const all = header ? [header, ...rows] : rows;
  const text = all.map((row) =>
    row.map((cell) => (typeof cell === "number" ? cell.toLocaleString("en-US") : visible(cell, longestCell))),
  );
  const widths = text[0]?.map((_, i) => text.reduce((width, row) => Math.max(width, (row[i] ?? "").length), 0)) ?? [];
  const right = widths.map((_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === "number"));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (right[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join("  ")
      .trimEnd();
  const lines = text.map(line);
  if (header) lines.splice(1, 0, widths.map((w) => "─".repeat(w)).join("  "));
  return lines;
}

/** Width of the output: the terminal's, or 80 without one. */
export const columns = (): number => (stdout.isTTY ? stdout.columns || 80 : 80);

/** A text in lines of at most so many columns, indented. Longer words stay whole. */
export function wrapped(text: string, { indent = 0, width = columns() } = {}): string[] {
  const room = Math.max(20, width - indent);
  const lines: string[] = [];
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= room) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.map((line) => " ".repeat(indent) + line);
}

/** Help after the flags: paragraphs are wrapped, indented lines stay as they are. */
export const helpText = (text: string): string =>
  `\n${text
    .trim()
    .split("\n\n")
    .map((part) => (/^ /m.test(part) ? part : wrapped(part).join("\n")))
    .join("\n\n")}`;

/** Groups of lines, separated by empty lines. */
export const paragraphs = (...groups: readonly (string | readonly string[])[]): string[] =>
  groups.flatMap((group, i) => [...(i > 0 ? [""] : []), ...(typeof group === "string" ? [group] : group)]);

/**
 * What a terminal obeys or hides: control characters, line separators, bidirectional controls, zero-width characters, lone
 * surrogates. Variation selectors are kept for emoji.
 */
const unseen = /(?![\u{fe00}-\u{fe0f}])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * One line of any text, with those characters spelled out: names in files and folders, and messages that quote them,
 * must not move the cursor, change earlier output, or look like another name. Already escaped text stays as it is.
 *
 * @example
 * visible("red\x1b[2J\u202e"); // "red\\x1b[2J\\u202e"
 */
export function visible(text: string, longest = longestLine): string {
  const cut = text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
  return cut.replace(unseen, (c) => {
    const digits = c.codePointAt(0)!.toString(16);
    return digits.length <= 2
      ? `\\x${digits.padStart(2, "0")}`
      : `\\u${digits.length > 4 ? `{${digits}}` : digits.padStart(4, "0")}`;
  });
}

/** A word of a command for copying, quoted for the shell: names are data there, too. */
export function shellQuote(word: string, platform: string = process.platform): string {
  if (platform === "win32") return /^[\w.:\\/@+=-]+$/.test(word) ? word : `"${word}"`;
  if (/^[\w.:/@%+=,-]+$/.test(word)) return word;
  if (word.search(unseen) < 0) return `'${word.replaceAll("'", "'\\''")}'`;
  // Escapes what a terminal would not show, in bash and zsh quotes.
  const escaped = word.replace(/[\\']/g, "\\$&").replace(unseen, (c) => {
    const digits = c.codePointAt(0)!.toString(16);
    return digits.length <= 2
      ? `\\x${digits.padStart(2, "0")}`
      : digits.length <= 4
        ? `\\u${digits.padStart(4, "0")}`
        : `\\U${digits.padStart(8, "0")}`;
  });
  return `$'${escaped}'`;
}

/** A Fovea command line for copying. */
export const foveaCommand = (...words: readonly string[]): string =>
  ["npx fovea", ...words.map((word) => shellQuote(word))].join(" ");

/** A path as an argument: one that begins with a dash would be taken for a flag. */
export const asArgument = (path: string): string => (path.startsWith("-") ? `./${path}` : path);

/** JSON on one line, with the same characters escaped, which does not change its meaning. */
export const jsonLine = (value: unknown): string =>
  `${JSON.stringify(value).replace(unseen, (c) =>
    Array.from({ length: c.length }, (_, i) => `\\u${c.charCodeAt(i).toString(16).padStart(4, "0")}`).join(""),
  )}\n`;

const linesOf = (lines: readonly string[]): string => lines.map((line) => `${visible(line)}\n`).join("");

/** Prints a command's result: one JSON object, or lines. All output goes through here or through {@link say}. */
export function print(json: boolean, value: unknown, lines: () => readonly string[]): void {
  stdout.write(json ? jsonLine(value) : linesOf(lines()));
}

/** Prints lines for people, separate from the result. */
export const say = (...lines: readonly string[]): void => {
  stderr.write(linesOf(lines));
};

/** 12 345 678 as 12.3 M. */
export function short(n: number): string {
  const units = ["", " k", " M", " G", " T"];
  let unit = 0;
  for (; Math.abs(n) >= 1000 && unit < units.length - 1; unit++) n /= 1000;
  return `${unit === 0 ? n : n.toPrecision(n >= 100 ? 4 : 3)}${units[unit]}`;
}

/** A number in so many significant digits. */
export const significant = (value: number, digits = 3): string => String(Number(value.toPrecision(digits)));

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** 75 seconds as 1:15. */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  const pad = (v: number) => String(v).padStart(2, "0");
  return s >= 3600
    ? `${Math.floor(s / 3600)}:${pad(Math.floor(s / 60) % 60)}:${pad(s % 60)}`
    : `${Math.floor(s / 60)}:${pad(s % 60)}`;
}

/** A bar and a text in one line of so many columns. The bar shrinks to make room for the text. */
export function progressText(share: number, text: string, columns: number): string {
  const width = Math.max(0, Math.min(24, columns - text.length - 2));
  const full = Math.round(Math.min(1, share) * width);
  const bar = width < 4 ? "" : `${"━".repeat(full)}${"─".repeat(width - full)} `;
  return `${bar}${text}`.slice(0, columns - 1);
}

/** Milliseconds between lines if standard error is a file or a pipe. */
const lineEvery = 20_000;

/**
 * A line at the bottom of the terminal that is redrawn at most ten times a second. If standard error is not a terminal, an occasional
 * line, so that a log shows progress.
 */
export class ProgressLine {
  readonly #shown = stderr.isTTY === true;
  #last = this.#shown ? 0 : performance.now();

  draw(share: number, text: string): void {
    const now = performance.now();
    if (now - this.#last < (this.#shown ? 100 : lineEvery)) return;
    this.#last = now;
    if (this.#shown) stderr.write(`\r\x1b[2K${progressText(share, visible(text), stderr.columns ?? 80)}`);
    else say(`${Math.floor(100 * share)} %  ${text}`);
  }

  clear(): void {
    if (this.#shown) stderr.write("\r\x1b[2K");
  }
}
