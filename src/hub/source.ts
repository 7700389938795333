import { OptionError } from "../core/errors.js";
import { text as anyText, check } from "../core/schema.js";
import { usualFiles } from "../formats/shards.js";

/** A file on this computer. */
export interface FileSource {
  /** Kind of source. */
  readonly kind: "file";
  /** Path of the file. */
  readonly path: string;
  /** Digest that the file must have. */
  readonly sha256?: string;
}

/** A file at an address. */
export interface UrlSource {
  /** Kind of source. */
  readonly kind: "url";
  /** Address of the file. */
  readonly url: string;
  /** Digest that the file must have. */
  readonly sha256?: string;
}

/**
 * A file of a model on Hugging Face. Without `file`, the first that exists of `model.safetensors`,
 * `model.safetensors.index.json`, `pytorch_model.bin` and `pytorch_model.bin.index.json`.
 */
export interface HubSource {
  /** Kind of source. */
  readonly kind: "hf";
  /** Owner of the repository. */
  readonly owner: string;
  /** Name of the repository. */
  readonly name: string;
  /** Branch, tag or commit. */
  readonly revision: string;
  /** Path in the repository. */
  readonly file?: string;
  /** Digest that the file must have. */
  readonly sha256?: string;
}

/** A source that is downloaded. */
export type RemoteSource = UrlSource | HubSource;
/** Where weights are. */
export type WeightSource = FileSource | RemoteSource;

export const defaultEndpoint = "https://huggingface.co";

/**
 * Parses where weights are, as a user writes it: a path, `https://…`, or `hf:OWNER/NAME[@REV][/FILE]`; each may end in
 * `#sha256=` and 64 hexadecimal digits. `http://` is for this computer only. Write a revision with a slash as
 * `refs%2Fpr%2F1`.
 *
 * @throws OptionError for anything else.
 * @example
 * parseSource("hf:timm/resnet18.a1_in1k@main"); // { kind: "hf", owner: "timm", name: "resnet18.a1_in1k", revision: "main" }
 */
export function parseSource(text: string): WeightSource {
  check("parseSource", "text", anyText, text);
  const [, address = text, digest] = /^(.*)#sha256=(.*)$/s.exec(text) ?? [];
  const sha256 = digest === undefined ? {} : { sha256: checkedSha256(digest) };
  if (address.trim() === "") throw new OptionError("weights: expected a file, https://… or hf:OWNER/NAME, got nothing");
  if (/^hf:/i.test(address)) return { ...hubSource(address), ...sha256 };
  if (/^https?:/i.test(address)) return { kind: "url", url: checkedUrl(address).href, ...sha256 };
  // Two letters or more: C:\weights.pt is a path.
  if (/^[a-z][a-z\d+.-]+:\/\//i.test(address))
    throw new OptionError(`weights: ${address}: expected a file, https://… or hf:OWNER/NAME[@REV][/FILE]`);
  return { kind: "file", path: address, ...sha256 };
}

/** Addresses to try for a source, in order. */
export function urlsOf(source: RemoteSource, endpoint: string = defaultEndpoint): string[] {
  if (source.kind === "url") return [source.url];
  const { owner, name, revision, file } = source;
  const base = checkedUrl(endpoint).href.replace(/\/+$/, "");
  return (file === undefined ? usualFiles : [file]).map((path) => {
    const encoded = path.split("/").map(encodeURIComponent).join("/");
    return `${base}/${owner}/${name}/resolve/${encodeURIComponent(revision)}/${encoded}`;
  });
}

/** The digest in lower case. @throws OptionError if it is not a sha256. */
export function checkedSha256(text: string): string {
  if (!/^[\da-f]{64}$/i.test(text)) throw new OptionError(`sha256 must be 64 hexadecimal digits, got "${text}"`);
  return text.toLowerCase();
}

/** Why an address must not be used, or undefined. Plain http can be read and changed by others. */
export function refusalOf({ protocol, hostname, username, password }: URL): string | undefined {
  if (username || password) return "an address must not contain a user name or password";
  if (protocol === "https:" || (protocol === "http:" && isLoopback(hostname))) return undefined;
  return `${protocol}// is not safe, only https:// is (and http:// on this computer)`;
}

function checkedUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url) throw new OptionError(`weights: ${text}: not a valid address`);
  const refused = refusalOf(url);
  if (refused) throw new OptionError(`weights: ${url.host}${url.pathname}: ${refused}`);
  url.hash = "";
  return url;
}

const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "[::1]" || /^127(?:\.\d+){3}$/.test(host);

function hubSource(text: string): HubSource {
  const word = String.raw`[\w](?:[\w.-]*[\w])?`;
  const match = new RegExp(`^hf:(${word})/(${word})(?:@([^/@]+))?(?:/(.+))?$`, "i").exec(text);
  const [, owner, name, revision = "main", file] = match ?? [];
  const parts = file?.split("/") ?? [];
  // "..", even percent-encoded, would leave the repository.
  const bad = [decoded(revision), ...parts].some((part) => /^\.{0,2}$|[\\\p{Cc}]/u.test(part));
  if (!owner || !name || bad)
    throw new OptionError(
      `weights: expected hf:OWNER/NAME[@REVISION][/FILE], such as hf:timm/resnet18.a1_in1k, got ${text}`,
    );
  return { kind: "hf", owner, name, revision: decoded(revision), ...(file === undefined ? {} : { file }) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
