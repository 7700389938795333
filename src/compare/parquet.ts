import { parquetWriteBuffer } from "hyparquet-writer";
import { type Comparison, unitTable } from "./tables.js";

/** Columns of text; the others are numbers. */
const words = new Set(["backbone", "entrant", "setting", "status"]);

/** `results.parquet`: the contents of `results.csv`, typed. The same results give the same bytes. */
export function resultsParquet(comparison: Comparison): Uint8Array {
  const { names, lines } = unitTable(comparison);
  const columnData = names.map((name, c) => ({
    name,
    type: words.has(name) ? ("STRING" as const) : ("DOUBLE" as const),
    data: lines.map((line) => line[c]),
    nullable: true,
  }));
  return new Uint8Array(parquetWriteBuffer({ columnData }));
}
