import type { Document, LineCounter, Node } from "yaml";
import { messageOf, OptionError } from "../../core/errors.js";
import { readBounded } from "../../data/files.js";

/** Of text: what a person writes has less. */
const mostCharacters = 200_000;

/** What a file holds, and where what a message is about stands in it. */
export interface YamlFile {
  readonly value: unknown;
  /** The line of what a message begins with, such as `settings[0].lr must be`. */
  lineOf(message: string): number | undefined;
}

/**
 * Reads a file of YAML or JSON that a person writes: `what` it is, `a plan`.
 *
 * @throws OptionError that names the file, the line and what is wrong with it.
 */
export async function readYamlFile(file: string, what: string): Promise<YamlFile> {
  const bytes = await readBounded(file, 4 * mostCharacters).catch((error: Error) => {
    throw new OptionError(`${file}: cannot be read (${error.message.replace(`${file}: `, "")})`);
  });
  const text = new TextDecoder().decode(bytes);
  if (text.length > mostCharacters)
    throw new OptionError(`${file}: ${what} has at most ${mostCharacters.toLocaleString("en-US")} characters`);
  const { parseDocument, LineCounter } = await import("yaml");
  const lines = new LineCounter();
  // JSON is YAML, too, but for what `strict` is not about: JSON's own reader refuses what is no JSON.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const at = (offset: number) => `${file}:${lines.linePos(offset).line}`;
  let value: unknown;
  // A tag that nobody knows is a warning to the library.
  const [wrong] = [...document.errors, ...document.warnings];
  if (/\.json$/i.test(file))
    try {
      value = JSON.parse(text);
    } catch (error) {
      throw new OptionError(`${wrong ? at(wrong.pos[0]) : file} is not JSON (${oneLine(messageOf(error))})`);
    }
  if (wrong) throw new OptionError(`${at(wrong.pos[0])}: ${oneLine(wrong.message)}`);
  try {
    value ??= document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new OptionError(`${file}: ${oneLine(messageOf(error))}`);
  }
  return { value, lineOf: (message) => lineOf(document, lines, message) };
}

function lineOf(document: Document, lines: LineCounter, message: string): number | undefined {
  const [place = ""] = /^[\w[\].-]+/.exec(message) ?? [];
  const [, unknown] = /^(?:[\w[\].-]+: )?unknown option "(.*?)"/.exec(message) ?? [];
  const keys: (string | number)[] = message.startsWith("unknown") ? [] : keysOf(place);
  if (unknown !== undefined) {
    const parent = document.getIn(keys, true) as {
      readonly items?: readonly { readonly key: Node & { value?: unknown } }[];
    };
    const range = parent?.items?.find(({ key }) => key?.value === unknown)?.key.range;
    if (range) return lines.linePos(range[0]).line;
  }
  // What is missing stands nowhere: the line is that of what should have it.
  for (let length = keys.length; length > 0; length--) {
    const node = document.getIn(keys.slice(0, length), true) as Node | undefined;
    if (node?.range) return lines.linePos(node.range[0]).line;
  }
  return undefined;
}

/** `settings`, 0 and `lr` of `settings[0].lr`. */
const keysOf = (place: string) =>
  [...place.matchAll(/[\w-]+/g)].map(([key]) => (/^\d+$/.test(key) ? Number(key) : key));

const oneLine = (text: string) => text.replaceAll(/\s+/g, " ").trim();
