import { text as anyText, check } from "../core/schema.js";
import { sha256Of } from "./cache.js";
import { type DownloadOptions, downloadOptions, fetchToCache } from "./download.js";
import { DownloadError } from "./errors.js";
import { checkedSha256, parseSource } from "./source.js";

/**
 * The local path of weights, downloaded if needed. A path stays a path; `https://…` and
 * `hf:OWNER/NAME[@REV][/FILE]` become one in the cache. See `parseSource` and `fetchToCache`.
 *
 * @throws OptionError if the text is not a source. @throws DownloadError if the download fails or the digest differs.
 * @example
 * await loadWeights(model, await resolveWeights("hf:timm/resnet18.a1_in1k"));
 */
export async function resolveWeights(text: string, options: DownloadOptions = {}): Promise<string> {
  check("resolveWeights", "text", anyText, text);
  check("resolveWeights", "options", downloadOptions, options);
  const source = parseSource(text);
  if (source.kind !== "file") return fetchToCache(source, options);
  const expected = options.sha256 === undefined ? source.sha256 : checkedSha256(options.sha256);
  if (expected === undefined) return source.path;
  const actual = await sha256Of(source.path, options.signal).catch(() => undefined);
  if (actual === undefined) throw new DownloadError(source.path, "cannot be read", "Check the path");
  if (actual !== expected)
    throw new DownloadError(
      source.path,
      `checksum mismatch: the file's sha256 is ${actual}, expected ${expected}`,
      "Check the digest, or download the file again",
    );
  return source.path;
}
