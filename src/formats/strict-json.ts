import { refusal } from "./refusal.js";

/** The subset of JSON used by file headers. Objects are maps, so that no key is special and order is preserved. */
export type JsonValue = string | number | JsonValue[] | Map<string, JsonValue>;

/** How long a header may be. 90,000 tensors take 10 MB; what is parsed takes some 20 times its length in memory. */
export const MAX_JSON_BYTES = 2 ** 25;
/** In one object. The largest published models, mixtures of experts, have some 90,000 tensors. */
const MAX_KEYS = 100_000;
const MAX_DEPTH = 8;
const numberToken = /-?(?:0|[1-9][0-9]{0,19})(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,3})?/y;

/**
 * Parses JSON of strings, numbers, lists and objects. Unlike `JSON.parse` it refuses an object with the same key twice
 * (there the last one silently wins, so that two readers could see two different files), nesting deeper than 8, and
 * objects of more than 100,000 keys.
 *
 * @throws FormatError naming `what` and the position.
 */
export function parseStrictJson(bytes: Uint8Array, what: string): JsonValue {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw refusal(what, "not UTF-8");
  }
  let at = 0;
  const refuse = (problem: string) => refusal(what, `${problem} at character ${at}`);

  const value = parseValue(0);
  skipSpace();
  if (at < text.length) throw refuse("unexpected text after the value");
  return value;

  function parseValue(depth: number): JsonValue {
    if (depth > MAX_DEPTH) throw refuse(`nested deeper than ${MAX_DEPTH}`);
    skipSpace();
    switch (text[at]) {
      case "{":
        return parseObject(depth);
      case "[":
        return parseList(depth);
      case '"':
        return parseString();
      default:
        return parseNumber();
    }
  }

  function parseObject(depth: number): Map<string, JsonValue> {
    const object = new Map<string, JsonValue>();
    at++;
    if (take("}")) return object;
    do {
      skipSpace();
      const key = parseString();
      if (object.has(key)) throw refuse(`the key ${JSON.stringify(key)} appears twice`);
      if (object.size >= MAX_KEYS) throw refuse(`an object of more than ${MAX_KEYS} keys`);
      if (!take(":")) throw refuse("':' expected");
      object.set(key, parseValue(depth + 1));
    } while (take(","));
    if (!take("}")) throw refuse("',' or '}' expected");
    return object;
  }

  function parseList(depth: number): JsonValue[] {
    const list: JsonValue[] = [];
    at++;
    if (take("]")) return list;
    do list.push(parseValue(depth + 1));
    while (take(","));
    if (!take("]")) throw refuse("',' or ']' expected");
    return list;
  }

  function parseString(): string {
    if (text[at] !== '"') throw refuse("expected a string");
    let end = at + 1;
    let plain = true;
    for (let code = text.charCodeAt(end); end < text.length && code !== 0x22; code = text.charCodeAt(end)) {
      if (code === 0x5c || code < 0x20) plain = false;
      end += code === 0x5c ? 2 : 1;
    }
    if (plain && end < text.length) {
      const token = text.slice(at + 1, end);
      at = end + 1;
      return token;
    }
    try {
      const token: unknown = JSON.parse(text.slice(at, end + 1));
      at = end + 1;
      return String(token);
    } catch {
      throw refuse("malformed string");
    }
  }

  function parseNumber(): number {
    numberToken.lastIndex = at;
    const token = numberToken.exec(text)?.[0];
    if (token === undefined) throw refuse("expected a string, number, list or object");
    at += token.length;
    return Number(token);
  }

  function take(character: string): boolean {
    skipSpace();
    if (text[at] !== character) return false;
    at++;
    return true;
  }

  function skipSpace(): void {
    while (text[at] === " " || text[at] === "\n" || text[at] === "\t" || text[at] === "\r") at++;
  }
}
