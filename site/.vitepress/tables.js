/** Columns up to which a table of text becomes a list on phones. */
const fewColumns = 4;
/** Characters from which a cell is text, not a name or a number. */
const textLength = 32;

/**
 * Tables of text are wider than a phone. Their cells get the header of their column as a label, by which the style sheet shows them as lists
 * there. Tables of numbers stay tables.
 */
export function tablesForPhones(markdown) {
  markdown.core.ruler.push("tables-for-phones", ({ tokens }) => {
    for (const [at, table] of tokens.entries()) {
      if (table.type !== "table_open") continue;
      const end = tokens.findIndex(({ type }, i) => i > at && type === "table_close");
      const cells = (kind) => [...tokens.keys()].slice(at, end).filter((i) => tokens[i].type === kind);
      const headers = cells("th_open").map((i) => textOf(tokens[i + 1]));
      const body = cells("td_open");
      if (headers.length > fewColumns || body.every((i) => textOf(tokens[i + 1]).length < textLength)) continue;
      for (const [n, i] of body.entries()) tokens[i].attrSet("data-label", headers[n % headers.length]);
    }
  });
}

const textOf = ({ children }) =>
  children
    .filter(({ type }) => type === "text" || type === "code_inline")
    .map(({ content }) => content)
    .join("");
