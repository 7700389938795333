/**
 * A field of a CSV file (RFC 4180): quoted if it contains a comma, a quote or a line break. Names that begin with =, +, - or @ stay as they are, because
 * programs read them back; in a spreadsheet, import such a column as text.
 */
export const csvField = (value: unknown): string => {
  const text = String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** Rows as CSV. Null and undefined are empty. */
export const csv = (rows: readonly (readonly unknown[])[]): string =>
  `${rows.map((row) => row.map(csvField).join(",")).join("\n")}\n`;
