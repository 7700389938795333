import { readFile, stat } from "node:fs/promises";
import { basename } from "node:path";
import { writeFileAtomic } from "../files/write.js";
import { refusal } from "../formats/refusal.js";
import { parseShardIndex } from "../formats/shards.js";
import { MAX_JSON_BYTES } from "../formats/strict-json.js";
import { DownloadError, shown } from "./errors.js";

/**
 * Fetches the files that a checkpoint's index names, one after the other. Returns the path of a copy of the index that
 * names them as they are called in the cache.
 *
 * @param path of the index in the cache.
 * @param url of the index; its files are in the same folder.
 * @param fetchFile fetches an address to the same cache folder and returns the path.
 * @throws FormatError if the index is invalid; then nothing is fetched. @throws DownloadError if a file cannot be downloaded.
 */
export async function fetchShards(
  path: string,
  url: string,
  fetchFile: (url: string) => Promise<string>,
): Promise<string> {
  const { size } = await stat(path);
  if (size > MAX_JSON_BYTES) throw refusal(shown(url), `is of ${size} bytes, more than ${MAX_JSON_BYTES}`);
  const { files, metadata } = parseShardIndex(await readFile(path), shown(url));
  const places: [key: string, file: string][] = [];
  for (const [file, keys] of files) {
    const found = await fetchFile(new URL(encodeURIComponent(file), url).href).catch((error: unknown) => {
      throw error instanceof DownloadError && error.status === 404 ? missing(error, path) : error;
    });
    for (const key of keys) places.push([key, basename(found)]);
  }
  const copy = path.replace(/\.index\.json$/, ".cached.index.json");
  await writeChanged(copy, JSON.stringify({ metadata, weight_map: Object.fromEntries(places) }));
  return copy;
}

const missing = ({ where, what, status }: DownloadError, index: string): DownloadError =>
  new DownloadError(
    where,
    `${what}, though the checkpoint's index names it`,
    `Remove ${index} if the index may be out of date, or use another revision`,
    { status: status ?? 404 },
  );

/** Writes a file unless it exists: a complete cache may be read-only. */
async function writeChanged(path: string, text: string): Promise<void> {
  if ((await readFile(path, "utf8").catch(() => undefined)) !== text) await writeFileAtomic(path, text);
}
