import { DataError } from "../../core/errors.js";

/** A row of a CSV file, and the line on which it begins. */
export interface CsvRow {
  readonly line: number;
  readonly cells: readonly string[];
}

/** Cells of a row. */
export const mostCells = 10_000;

/**
 * The rows of a CSV file (RFC 4180), the header first; blank lines are left out. Cells are separated by commas, or by tabs or semicolons if the header has
 * no comma. Quoted cells may hold separators and line breaks, and `""` for a quote.
 *
 * @throws DataError for a quote that is not closed, text after a closed one, or a row of more than {@link mostCells}.
 */
export function* csvRows(text: string, file: string): Generator<CsvRow, void> {
  const header = text.slice(0, text.search(/\r|\n|$/));
  const separator = [",", "\t", ";"].find((mark) => header.includes(mark)) ?? ",";
  let [at, line] = [text.startsWith("\uFEFF") ? 1 : 0, 1];

  /** The cell at `at`, which is then its end. */
  const cell = (): string => {
    if (text[at] !== '"') {
      const from = at;
      while (at < text.length && text[at] !== separator && text[at] !== "\n" && text[at] !== "\r") at++;
      return text.slice(from, at);
    }
    const [parts, opened]: [string[], number] = [[], line];
    for (;;) {
      const end = text.indexOf('"', at + 1);
      if (end < 0) throw new DataError(`${file}: line ${opened}: a quote is not closed`);
      const part = text.slice(at + 1, end);
      line += part.split("\n").length - 1;
      parts.push(part);
      at = end + 1;
      if (text[at] !== '"') break;
    }
    if (at < text.length && text[at] !== separator && text[at] !== "\n" && text[at] !== "\r")
      throw new DataError(`${file}: line ${line}: text after a closed quote`);
    return parts.join('"');
  };

  while (at < text.length) {
    const [first, cells]: [number, string[]] = [line, [cell()]];
    while (text[at] === separator) {
      if (cells.length === mostCells)
        throw new DataError(`${file}: line ${first}: has more than ${mostCells.toLocaleString("en-US")} cells`);
      at++;
      cells.push(cell());
    }
    if (text[at] === "\r" && text[at + 1] === "\n") at++;
    at++;
    line++;
    if (cells.length > 1 || cells[0]!.trim() !== "") yield { line: first, cells };
  }
}
