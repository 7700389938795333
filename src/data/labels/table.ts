import { DataError } from "../../core/errors.js";
import { shown } from "../../core/schema.js";
import { className, withSuggestion } from "../align.js";
import type { SkippedFile } from "../dataset.js";
import { readBounded } from "../files.js";
import { type SplitName, splitOfName } from "../splits.js";
import { summary } from "../summary.js";
import { type CsvRow, csvRows } from "./csv.js";

/** What a row says of an image. */
export interface LabelRow {
  readonly line: number;
  /** As written: a path, or a name. */
  readonly image: string;
  /** Null without a column that splits. */
  readonly split: SplitName | null;
  /** One number per name. */
  readonly targets: ArrayLike<number>;
}

/** A file of labels. */
export interface LabelTable {
  /** Names of the labels, or of the columns. */
  readonly names: readonly string[];
  /** Labels that the network knows and no row has. */
  readonly missing: readonly string[];
  readonly rows: readonly LabelRow[];
  readonly skipped: readonly SkippedFile[];
  /** Images of skipped rows, as written. */
  readonly unusable: readonly string[];
  /** The column that splits the data. */
  readonly splitBy: string | null;
}

/** What is read from a file of labels. */
export interface TableOptions {
  readonly task: "multi-label" | "regression";
  /** Columns to learn. */
  readonly columns?: readonly string[] | undefined;
  /** Names that a network knows, in its order; data to evaluate must have them. */
  readonly known?: readonly string[] | undefined;
}

/** Bytes of a file, its rows, the names in its lists, and rows times names. */
const most = { bytes: 2 ** 28, rows: 4_000_000, names: 10_000, targets: 2 ** 30 };

const usual = {
  /** The first that is there. */
  image: ["image", "images", "file", "filename", "file_name", "fname", "image_name", "image_id", "path", "id"],
  split: ["split", "is_valid"],
  labels: ["labels", "tags"],
} as const;
const isLabelList = (name: string) => usual.labels.some((one) => one === name.toLowerCase());
const missing = /^(|nan|na|n\/a|null|none)$/i;
const decimal = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

/** A column by name and position. */
interface Column {
  readonly name: string;
  readonly at: number;
}

/**
 * Reads a CSV file of images with labels or numbers: see docs/labels.md for its columns. Rows without an image or a value are in `skipped`.
 *
 * @throws DataError for a malformed file, a column that is missing or named twice, an image that is named twice, or a value of the wrong kind.
 */
export async function readLabels(file: string, options: TableOptions): Promise<LabelTable> {
  const rows = csvRows(decoded(await readBounded(file, most.bytes), file), file);
  const header = rows.next().value as CsvRow | undefined;
  if (!header) throw new DataError(`${file}: is empty; the first line must name the columns, such as image,labels`);
  const all = columnsOf(header, file);
  const wanted = wantedColumns(all, options);
  const find = (names: readonly string[], among: readonly Column[] = all) =>
    names.flatMap((one) => among.filter(({ name }) => name.toLowerCase() === one))[0];
  const image = find(usual.image);
  if (!image)
    throw new DataError(`${file}: has no column named image, file or path; it has ${summary(all.map((c) => c.name))}`);
  const toLearn = new Set(wanted?.map(className));
  const others = all.filter(({ name }) => !toLearn.has(name));
  const split = find(usual.split, others) ?? null;
  const rest = all.filter((column) => column !== image && column !== split);
  const listed = options.task === "multi-label" && !wanted ? (find(usual.labels) ?? null) : null;
  const columns = listed ? [listed] : chosenColumns(file, rest, wanted);
  const { found, skipped, unusable } = collect(file, rows, {
    width: all.length,
    image,
    split,
    columns,
    mayBeEmpty: listed !== null,
  });
  const { names, missing, targetsOf } = listed
    ? namesIn(file, found, options.known)
    : valuesIn(file, columns, options.task);
  return {
    names,
    missing,
    skipped,
    unusable,
    splitBy: split?.name ?? null,
    rows: found.map(({ cells, ...row }) => ({ ...row, targets: targetsOf(cells, row.line) })),
  };
}

function decoded(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new DataError(`${file}: is not text in UTF-8`);
  }
}

function columnsOf({ cells }: CsvRow, file: string): Column[] {
  const seen = new Set<string>();
  return cells.map((cell, at) => {
    const name = className(cell.trim());
    if (seen.has(name)) throw new DataError(`${file}: two columns are named ${shown(name)}`);
    seen.add(name);
    return { name, at };
  });
}

/** The names of the columns to learn: those that are asked for, or that the network knows. Labels that it knows may be in a list instead. */
function wantedColumns(all: readonly Column[], { task, columns, known }: TableOptions): readonly string[] | undefined {
  if (columns || !known?.length) return columns;
  const names = new Set(all.map(({ name }) => name));
  const listed = task === "multi-label" && !known.every((name) => names.has(className(name)));
  return listed && all.some(({ name }) => isLabelList(name)) ? undefined : known;
}

/** The columns to learn: those that are wanted, or all that have a name. */
function chosenColumns(file: string, rest: readonly Column[], wanted: readonly string[] | undefined): Column[] {
  const named = rest.filter(({ name }) => name !== "");
  const have = summary(named.map(({ name }) => name));
  if (named.length === 0) throw new DataError(`${file}: has no column besides that of the images`);
  if (!wanted) return named;
  if (new Set(wanted.map(className)).size < wanted.length)
    throw new DataError(`${file}: a column is asked for twice: ${summary(wanted)}`);
  return wanted.map((name) => {
    const column = named.find((one) => one.name === className(name));
    if (!column) throw new DataError(`${file}: has no column ${shown(name)}; it has ${have}`);
    return column;
  });
}

interface Found {
  readonly line: number;
  readonly image: string;
  readonly split: SplitName | null;
  /** Of the columns to learn. */
  readonly cells: readonly string[];
}

interface Places {
  readonly width: number;
  readonly image: Column;
  readonly split: Column | null;
  readonly columns: readonly Column[];
  /** An image may have no label. */
  readonly mayBeEmpty: boolean;
}

/** The cells that count, of every complete row. */
function collect(file: string, rows: Iterable<CsvRow>, { width, image, split, columns, mayBeEmpty }: Places) {
  const found: Found[] = [];
  const skipped: SkippedFile[] = [];
  const unusable: string[] = [];
  const lines = new Map<string, number>();
  for (const { line, cells } of rows) {
    if (found.length + skipped.length >= most.rows)
      throw new DataError(`${file}: has more than ${most.rows.toLocaleString("en-US")} rows`);
    const name = (cells[image.at] ?? "").trim();
    const skip = (reason: string) => {
      skipped.push({ file: `${file}, line ${line}`, reason });
      unusable.push(name);
    };
    const own = columns.map(({ at }) => (cells[at] ?? "").trim());
    const empty = mayBeEmpty ? undefined : columns.find((_, i) => missing.test(own[i]!));
    const part = split && partOf((cells[split.at] ?? "").trim());
    if (cells.length !== width) skip(`has ${cells.length} cells, and the header has ${width}`);
    else if (name === "") skip("names no image");
    else if (empty) skip(`has no value for ${empty.name}`);
    else if (split && !part) skip(`${split.name} is ${shown(cells[split.at])}, not train, validation or test`);
    else {
      const before = lines.get(name);
      if (before !== undefined)
        throw new DataError(`${file}: ${name} is on lines ${before} and ${line}; an image has one row`);
      lines.set(name, line);
      found.push({ line, image: name, split: part, cells: own });
    }
  }
  if (found.length === 0)
    throw new DataError(
      `${file}: has no usable rows${skipped[0] ? ` (${skipped[0].file.slice(file.length + 2)}: ${skipped[0].reason})` : ""}`,
    );
  return { found, skipped, unusable };
}

/** `train`, `valid`, …, or fastai's True and False of `is_valid`. */
function partOf(word: string): SplitName | null {
  if (/^(true|1)$/i.test(word)) return "validation";
  if (/^(false|0)$/i.test(word)) return "train";
  return splitOfName(word) ?? null;
}

interface Reading extends Pick<LabelTable, "names" | "missing"> {
  targetsOf(cells: readonly string[], line: number): ArrayLike<number>;
}

/**
 * Names in one cell per image, separated by the first of semicolons, bars, commas and spaces that any cell has. What is in a known name separates
 * nothing, and a cell that is a known name is one label.
 *
 * @throws DataError if there are no labels, too many, or none that is known.
 */
function namesIn(file: string, found: readonly Found[], known: readonly string[] = []): Reading {
  const first = known.map(className);
  const whole = new Set(first);
  const separator = [/;/, /\|/, /,/, /\s+/]
    .filter((mark) => !first.some((name) => mark.test(name)))
    .find((mark) => found.some(({ cells }) => !whole.has(className(cells[0]!)) && mark.test(cells[0]!)));
  const split = (cell: string) =>
    (separator && !whole.has(className(cell)) ? cell.split(separator) : [cell])
      .map((name) => className(name.trim()))
      .filter((name) => name !== "");
  const seen = new Set<string>();
  for (const { line, cells } of found) {
    for (const name of split(cells[0]!)) seen.add(name);
    if (seen.size > most.names)
      throw new DataError(
        `${file}: line ${line}: there are more than ${most.names.toLocaleString("en-US")} labels up to here`,
      );
  }
  if (seen.size === 0) throw new DataError(`${file}: no image has a label`);
  const missing = first.filter((name) => !seen.has(name));
  const unknown = [...seen].filter((name) => !whole.has(name)).sort();
  if (first.length > 0 && missing.length === first.length)
    throw new DataError(
      `${file}: the model knows none of the labels: the data has ${summary(unknown.map((name) => withSuggestion(name, known)))}; the model has ${summary(known)}`,
    );
  const names = [...first, ...unknown];
  if (names.length * found.length > most.targets)
    throw new DataError(
      `${file}: has ${names.length.toLocaleString("en-US")} labels for ${found.length.toLocaleString("en-US")} images, more than ${most.targets.toLocaleString("en-US")} answers`,
    );
  const positions = new Map(names.map((name, i) => [name, i]));
  return {
    names,
    missing,
    targetsOf: ([cell]) => {
      const targets = new Uint8Array(names.length);
      for (const name of split(cell!)) targets[positions.get(name)!] = 1;
      return targets;
    },
  };
}

/** A number in each column. */
function valuesIn(file: string, columns: readonly Column[], task: TableOptions["task"]): Reading {
  const answers: Readonly<Record<string, number>> = { true: 1, false: 0 };
  const [wanted, read] =
    task === "regression"
      ? ["a number", (cell: string) => (decimal.test(cell) ? Number(cell) : Number.NaN)]
      : [
          "0 or 1",
          (cell: string) => {
            const value = answers[cell.toLowerCase()] ?? (decimal.test(cell) ? Number(cell) : Number.NaN);
            return value === 0 || value === 1 ? value : Number.NaN;
          },
        ];
  return {
    names: columns.map(({ name }) => name),
    missing: [],
    targetsOf: (cells, line) =>
      cells.map((cell, i) => {
        const value = read(cell);
        if (!Number.isFinite(value))
          throw new DataError(
            `${file}: line ${line}: ${columns[i]!.name} must be ${wanted}, got ${shown(cell)}. If it is not to be learned, name those columns that are, as targets`,
          );
        return value;
      }),
  };
}
