/** Finished markup. Only `element`, `fragment` and `raw` make it, so a plain string can never reach a page unescaped. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

/** Contents of an element: markup as it is, strings and numbers escaped, anything else dropped. */
export type Child = Markup | string | number | null | undefined | false | readonly Child[];
export type Attributes = Readonly<Record<string, string | number | null | undefined | false>>;

/** Elements without content, self-closing in SVG as in HTML. */
const empty = new Set(["circle", "image", "line", "meta", "path", "rect"]);

/**
 * An element of SVG or HTML. Names of elements and attributes must be literals; values may come from anywhere.
 *
 * @example
 * element("text", { x: 1.23456 }, "a < b").text; // <text x="1.23">a &lt; b</text>
 */
export function element(name: string, attributes: Attributes = {}, ...children: Child[]): Markup {
  let text = `<${name}`;
  for (const [key, value] of Object.entries(attributes))
    if (value !== null && value !== undefined && value !== false)
      text += ` ${key}="${typeof value === "number" ? round(value) : escapeText(value)}"`;
  return new Markup(empty.has(name) ? `${text}/>` : `${text}>${join(children)}</${name}>`);
}

/** Markup, concatenated. */
export function fragment(...children: Child[]): Markup {
  return new Markup(join(children));
}

/** Text that is already markup: our own style sheets and charts. Never pass user input. */
export function raw(text: string): Markup {
  return new Markup(text);
}

/**
 * Escapes the five special characters. Characters that XML forbids (control characters, lone surrogates) become U+FFFD, and so do
 * bidirectional controls, which would reorder the text around them.
 */
export function escapeText(text: string): string {
  return text.replace(forbidden, "\ufffd").replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

const forbidden = /(?![\t\n\r])\p{Cc}|[\u202a-\u202e\u2066-\u2069\ufffe\uffff]|\p{Surrogate}/gu;

/** Two decimals are a hundredth of a pixel. */
export function round(value: number): number {
  return Number.isFinite(value) ? Math.round(value * 100) / 100 : 0;
}

function join(children: readonly Child[]): string {
  return children
    .map((child) => {
      if (child instanceof Markup) return child.text;
      if (Array.isArray(child)) return join(child);
      return typeof child === "string" || typeof child === "number" ? escapeText(String(child)) : "";
    })
    .join("");
}
