import { type Child, element, type Markup, raw } from "./svg.js";
import { chartColors, fontFamily, palette } from "./theme.js";

const variables = (shade: 0 | 1) =>
  Object.entries(palette)
    .map(([name, colors]) => `--${name}:${colors[shade]}`)
    .join(";");

const styleSheet = `
:root{color-scheme:light dark;${variables(0)}}
@media(prefers-color-scheme:dark){:root{${variables(1)}}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.55 ${fontFamily};font-variant-numeric:tabular-nums}
main{max-width:66rem;margin:0 auto;padding:3.5rem 1.5rem 5rem}
h1{font-size:2.1rem;line-height:1.2;letter-spacing:-.02em;font-weight:650;margin:.2rem 0 0;overflow-wrap:anywhere}
h2{font-size:1.2rem;letter-spacing:-.01em;font-weight:620;margin:3.5rem 0 .25rem}
h3{font-size:.95rem;font-weight:600;margin:0 0 .6rem}
p{margin:.3rem 0;max-width:44rem}
.note,.eyebrow,th,dt,summary{color:var(--muted)}
.note{font-size:.9rem}
.eyebrow{font-size:.85rem;margin:0}
.figures{display:flex;flex-wrap:wrap;gap:1px;margin:2rem 0 0;background:var(--rule);border:1px solid var(--rule);border-radius:10px;overflow:hidden}
.figures div{flex:1 1 auto;min-width:9rem;background:var(--panel);padding:1rem 1.2rem}
.figures dt{font-size:.85rem}
.figures dd{margin:.1rem 0 0;font-size:1.35rem;font-weight:620;letter-spacing:-.02em;overflow-wrap:anywhere}
.figures small{display:block;font-size:.8rem;font-weight:400;letter-spacing:0;color:var(--muted)}
.grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,27rem),1fr));gap:1.25rem;margin-top:1.2rem}
.panel{background:var(--panel);border:1px solid var(--rule);border-radius:10px;padding:1.2rem 1.3rem;min-width:0}
.scroll{overflow-x:auto}.scroll:focus-visible,summary:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:3px}
.scroll>svg{display:block;max-width:100%;min-width:27rem;height:auto}
.panel>svg{display:block;max-width:100%;height:auto}
.panel svg.fovea{font-family:inherit}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th{font-weight:500;text-align:left;font-size:.82rem}
th,td{padding:.36rem .8rem .36rem 0;border-bottom:1px solid var(--rule);vertical-align:top;overflow-wrap:break-word;hyphens:auto}
td.code{overflow-wrap:anywhere;min-width:9rem}
tr:last-child>td{border-bottom:0}
th:last-child,td:last-child{padding-right:0}
td small{display:block;font-size:.78rem;color:var(--muted)}
.number{text-align:right;white-space:nowrap;overflow-wrap:normal}
section>.panel{margin-top:1rem}
td.code:first-child{width:36%}
td.code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.84rem}
.meter{display:inline-block;width:5rem;height:.5rem;margin-right:.6rem;border-radius:3px;background:var(--rule);overflow:hidden;vertical-align:middle;text-align:left}
.meter i{display:block;height:100%;background:var(--accent);print-color-adjust:exact;-webkit-print-color-adjust:exact}
@media(max-width:40rem){main{padding:2rem .75rem}.panel{padding:.9rem .8rem}.meter{display:none}th,td{padding-right:.6rem}}
details{margin-top:.6rem}
summary{cursor:pointer;font-size:.9rem;padding:.3rem 0}
pre{margin:.25rem 0 1rem;padding:.7rem .9rem;background:var(--panel);border:1px solid var(--rule);border-radius:8px;white-space:pre-wrap;overflow-wrap:anywhere}
@page{size:A4;margin:14mm}
@media print{
:root{color-scheme:light;${variables(0)}}
${chartColors(0, "main ")}
html{font-size:12px}body{background:none;line-height:1.4}main{max-width:none;padding:0}h2{margin-top:1.6rem}h2,h2+.note,h3,summary{break-after:avoid}
.grid{grid-template-columns:repeat(auto-fit,minmax(20rem,1fr))}.panel{padding:.8rem}.scroll{overflow:visible}.scroll>svg{min-width:0}
.images::details-content{content-visibility:visible;block-size:auto}
p,tr,.step,.figures,.panel>svg,.scroll>svg,.images{break-inside:avoid}th,td{padding:.2rem .6rem .2rem 0}
svg rect{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}`;

/** A whole HTML page. It loads and runs nothing, as its content security policy enforces. */
export function page(title: string, ...content: Child[]): string {
  const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
  const head = [
    element("meta", { charset: "utf-8" }),
    element("meta", { "http-equiv": "Content-Security-Policy", content: policy }),
    element("meta", { name: "viewport", content: "width=device-width,initial-scale=1" }),
    element("title", {}, title),
    element("style", {}, raw(styleSheet)),
  ];
  const body = element("main", {}, ...content);
  return `<!doctype html>\n${element("html", { lang: "en" }, element("head", {}, head), element("body", {}, body))}\n`;
}

/** A column of a table of `Row`s. Numbers are right-aligned. */
export interface Column<Row> {
  readonly name: string;
  readonly kind?: "number" | "code";
  cell(row: Row): Child;
}

/**
 * The rows as a table; those beyond `shown` are folded away. What is wider than the page scrolls on its own, by keyboard too.
 *
 * @param label what the table is of, for those who hear the page
 */
export function table<Row>(
  label: string,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  shown = rows.length,
): Markup[] {
  const head = columns.map(({ name, kind }) => element("th", { scope: "col", class: kind }, name));
  const part = (some: readonly Row[], label: string) =>
    scrollable(
      label,
      element(
        "table",
        {},
        element("thead", {}, element("tr", {}, head)),
        element(
          "tbody",
          {},
          some.map((row) =>
            element(
              "tr",
              {},
              columns.map((column) => element("td", { class: column.kind }, column.cell(row))),
            ),
          ),
        ),
      ),
    );
  if (rows.length <= shown) return [part(rows, label)];
  const more = `${rows.length - shown} more`;
  const rest = element("details", {}, element("summary", {}, more), part(rows.slice(shown), `${label}, ${more}`));
  return [part(rows.slice(0, shown), label), rest];
}

/** What may be wider than the page. */
export function scrollable(label: string, ...content: Child[]): Markup {
  return element("div", { class: "scroll", role: "region", tabindex: 0, "aria-label": label }, ...content);
}

export function section(title: string, note: string | null, ...content: Child[]): Markup {
  return element(
    "section",
    {},
    element("h2", {}, title),
    note !== null && element("p", { class: "note" }, note),
    ...content,
  );
}

export function panel(...content: Child[]): Markup {
  return element("div", { class: "panel" }, ...content);
}

/** A share as a short bar with its percentage. */
export function meter(share: number | null, text: string): Child {
  const width = `width:${(100 * Math.min(1, Math.max(0, share ?? 0))).toFixed(1)}%`;
  return [
    share !== null && element("span", { class: "meter", "aria-hidden": "true" }, element("i", { style: width })),
    text,
  ];
}
