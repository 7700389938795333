import { stderr, stdout } from "node:process";

/** Rows as aligned columns; numbers to the right. */
export function table(rows: readonly (readonly (string | number)[])[], header?: readonly string[]): string {
  const all = header ? [header, ...rows] : rows;
  const text = all.map((row) => row.map((cell) => (typeof cell === "number" ? cell.toLocaleString("en-US") : cell)));
  const widths = text[0]?.map((_, i) => text.reduce((width, row) => Math.max(width, (row[i] ?? "").length), 0)) ?? [];
  const right = widths.map((_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === "number"));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (right[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join("  ")
      .trimEnd();
  const lines = text.map(line);
  if (header) lines.splice(1, 0, widths.map((w) => "─".repeat(w)).join("  "));
  return lines.join("\n");
}

/** Text from a file with its control characters spelled out: on a terminal they could do anything. */
export const visible = (text: string): string =>
  text.replace(/\p{Cc}/gu, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`);

/** Prints a command's result: one JSON object, or text. */
export function print(json: boolean, value: unknown, text: () => string): void {
  stdout.write(json ? `${JSON.stringify(value)}\n` : `${text()}\n`);
}

export const say = (message: string): void => {
  stderr.write(`${message}\n`);
};

/** 12 345 678 as 12.3 M. */
export function short(n: number): string {
  const units = ["", " k", " M", " G", " T"];
  let unit = 0;
  for (; Math.abs(n) >= 1000 && unit < units.length - 1; unit++) n /= 1000;
  return `${unit === 0 ? n : n.toPrecision(n >= 100 ? 4 : 3)}${units[unit]}`;
}

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** 75 seconds as 1:15. */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  const pad = (v: number) => String(v).padStart(2, "0");
  return s >= 3600
    ? `${Math.floor(s / 3600)}:${pad(Math.floor(s / 60) % 60)}:${pad(s % 60)}`
    : `${Math.floor(s / 60)}:${pad(s % 60)}`;
}

/** A bar and a text in one line of so many columns. The bar gives way to the text. */
export function progressText(share: number, text: string, columns: number): string {
  const width = Math.max(0, Math.min(24, columns - text.length - 2));
  const full = Math.round(Math.min(1, share) * width);
  const bar = width < 4 ? "" : `${"━".repeat(full)}${"─".repeat(width - full)} `;
  return `${bar}${text}`.slice(0, columns - 1);
}

/** Milliseconds between two lines where standard error is a file or a pipe. */
const lineEvery = 20_000;

/**
 * A line at the bottom of the terminal that is drawn over, at most ten times a second. Where standard error is no terminal, a line now
 * and then, so that a log shows that work goes on.
 */
export class ProgressLine {
  readonly #shown = stderr.isTTY === true;
  #last = this.#shown ? 0 : performance.now();

  draw(share: number, text: string): void {
    const now = performance.now();
    if (now - this.#last < (this.#shown ? 100 : lineEvery)) return;
    this.#last = now;
    if (this.#shown) stderr.write(`\r\x1b[2K${progressText(share, text, stderr.columns ?? 80)}`);
    else stderr.write(`${Math.floor(100 * share)} %  ${text}\n`);
  }

  clear(): void {
    if (this.#shown) stderr.write("\r\x1b[2K");
  }
}
